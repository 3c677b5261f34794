//! Documents, each way of printing them.

use super::*;

fn check(format: Format, documents: &[&str], expected: &str) {
    check_columns(format, Columns::AsTheyCome, documents, expected);
}

fn check_columns(format: Format, columns: Columns, documents: &[&str], expected: &str) {
    let mut out = Vec::new();
    let mut printer = Printer::new(format, columns, &mut out, None);
    for document in documents {
        printer.print(document).unwrap();
    }
    printer.finish().unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn json_lines_are_the_documents() {
    check(
        Format::Jsonl,
        &[r#"{"a":1.50}"#, r#"{"b":"é"}"#],
        "{\"a\":1.50}\n{\"b\":\"é\"}\n",
    );
    check(Format::Jsonl, &[], "");
    check(Format::Jsonl, &["{\n  \"a\": 1.50\n}"], "{\"a\":1.50}\n");
}

#[test]
fn json_is_one_array() {
    check(Format::Json, &["{}", "{}"], "[\n{},\n{}\n]\n");
    check(Format::Json, &[], "[]\n");
}

#[test]
fn csv_has_every_column_and_quotes_what_needs_it() {
    check(
        Format::Csv,
        &[r#"{"a":1.50,"b":"x,y"}"#, r#"{"c":[1,null],"a":null}"#],
        "a,b,c\n1.50,\"x,y\",\n,,\"[1,null]\"\n",
    );
    check(Format::Csv, &[], "");
}

#[test]
fn a_table_has_every_column() {
    check(
        Format::Table,
        &[r#"{"a":1.50}"#, r#"{"b":{"c":true}}"#],
        "┌──────┬────────────┐\n│    a ┆ b          │\n╞══════╪════════════╡\n│ 1.50 ┆            │\n│      ┆ {\"c\":true} │\n└──────┴────────────┘\n",
    );
}

#[test]
fn a_table_has_a_bound() {
    let mut printer = Printer::new(Format::Table, Columns::AsTheyCome, Vec::new(), None);
    for _ in 0..MOST_IN_TABLE {
        printer.print("{}").unwrap();
    }
    let error = printer.print("{}").unwrap_err();
    assert!(error.is::<TooMany>(), "{error}");
}

#[test]
fn long_cells_are_shortened_by_characters() {
    assert_eq!(printable(&"é".repeat(60)), "é".repeat(60));
    assert_eq!(printable(&"é".repeat(61)), "é".repeat(59) + "…");
    assert_eq!(printable("a\n\u{1b}[31mb"), "a  [31mb");
}

#[test]
fn numbers_are_on_the_right() {
    check(
        Format::Table,
        &[
            r#"{"n":1.50,"m":1}"#,
            r#"{"n":100,"m":"x"}"#,
            r#"{"n":null}"#,
        ],
        "┌──────┬───┐\n│    n ┆ m │\n╞══════╪═══╡\n│ 1.50 ┆ 1 │\n│  100 ┆ x │\n│      ┆   │\n└──────┴───┘\n",
    );
}

#[test]
fn what_is_selected_decides_on_the_order() {
    let paths = ["c", "a.x[0]", "`d.e`.f", "a.y", "none"].map(str::to_owned);
    let document = r#"{"a":{"x":[1.0]},"d.e":{"f":2},"c":3,"b":4}"#;
    let selected = || Columns::selected(&paths);
    check_columns(
        Format::Jsonl,
        selected(),
        &[document],
        "{\"c\":3,\"a\":{\"x\":[1.0]},\"d.e\":{\"f\":2},\"b\":4}\n",
    );
    check_columns(
        Format::Csv,
        selected(),
        &[document],
        "c,a,d.e,none\n3,\"{\"\"x\"\":[1.0]}\",\"{\"\"f\"\":2}\",\n",
    );
}

#[test]
fn keys_stand_before_what_is_sorted() {
    let first = ["z".to_owned(), "y".to_owned()].to_vec();
    check_columns(
        Format::Csv,
        Columns::Sorted { first },
        &[r#"{"b":1,"y":2,"z":3}"#, r#"{"a":4,"z":5}"#],
        "z,y,a,b\n3,2,,1\n5,,4,\n",
    );
}
