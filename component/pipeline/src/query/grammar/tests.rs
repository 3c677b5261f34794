//! Filters → the expression they become, or the error.

use super::*;
use crate::query::expression::Placeholders;

/// What DynamoDB is sent for a filter, with the placeholders put back as
/// `{name}` and typed values.
fn rendered(filter: &str) -> String {
    match parse_filter(filter) {
        Ok(None) => "every item".to_owned(),
        Ok(Some(condition)) => {
            let mut placeholders = Placeholders::default();
            let mut text = placeholders.condition(&condition);
            for (placeholder, name) in placeholders.names().into_iter().flatten().rev() {
                text = text.replace(&placeholder, &format!("{{{}}}", name.as_str().unwrap()));
            }
            for (placeholder, value) in placeholders.values().into_iter().flatten().rev() {
                text = text.replace(&placeholder, &value.to_string());
            }
            text
        }
        Err(error) => error.to_string(),
    }
}

fn check(filter: &str, expected: &str) {
    assert_eq!(rendered(filter), expected, "{filter}");
}

#[test]
fn operands_and_functions() {
    check("", "every item");
    check("  \n", "every item");
    check("a = 1", r#"{a} = {"N":"1"}"#);
    check("a != 'x'", r#"{a} <> {"S":"x"}"#);
    check("90 <= popularity", r#"{"N":"90"} <= {popularity}"#);
    check("a < b", "{a} < {b}");
    check("a = TRUE", r#"{a} = {"BOOL":true}"#);
    check("a <> null", r#"{a} <> {"NULL":true}"#);
    check(
        "a between 1 and 2.50",
        r#"{a} BETWEEN {"N":"1"} AND {"N":"2.50"}"#,
    );
    check("c IN ('US')", r#"{c} IN ({"S":"US"})"#);
    check(
        "c in ('US', 5, d)",
        r#"{c} IN ({"S":"US"}, {"N":"5"}, {d})"#,
    );
    check("attribute_exists(a)", "attribute_exists({a})");
    check("Attribute_Not_Exists ( a )", "attribute_not_exists({a})");
    check(
        "attribute_type(a, 'NULL')",
        r#"attribute_type({a}, {"S":"NULL"})"#,
    );
    check(
        "begins_with(name, 'My')",
        r#"begins_with({name}, {"S":"My"})"#,
    );
    check("contains(tags, 5)", r#"contains({tags}, {"N":"5"})"#);
    check(
        "contains(tags, other.tag)",
        "contains({tags}, {other}.{tag})",
    );
    check("size(a) >= 3", r#"size({a}) >= {"N":"3"}"#);
    check("size(a) > size(b)", "size({a}) > size({b})");
    check("3 > size(a)", r#"{"N":"3"} > size({a})"#);
    check(
        "album.images[0].height >= 300",
        r#"{album}.{images}[0].{height} >= {"N":"300"}"#,
    );
    check("m[0][12] = 1", r#"{m}[0][12] = {"N":"1"}"#);
}

#[test]
fn precedence_is_dynamodbs() {
    check(
        "attribute_exists(a) OR attribute_exists(b) AND attribute_exists(c)",
        "attribute_exists({a}) OR attribute_exists({b}) AND attribute_exists({c})",
    );
    check(
        "(attribute_exists(a) or attribute_exists(b)) and attribute_exists(c)",
        "(attribute_exists({a}) OR attribute_exists({b})) AND attribute_exists({c})",
    );
    check("NOT a = b AND c = d", "NOT ({a} = {b}) AND {c} = {d}");
    check("NOT (a = b AND c = d)", "NOT ({a} = {b} AND {c} = {d})");
    check(
        "NOT NOT attribute_exists(a)",
        "NOT (NOT (attribute_exists({a})))",
    );
    check(
        "a BETWEEN b AND c AND d = e",
        "{a} BETWEEN {b} AND {c} AND {d} = {e}",
    );
    // DynamoDB refuses redundant parentheses.
    check("((a = b))", "{a} = {b}");
    check(
        "(a = b AND (c = d AND e = f)) AND g = h",
        "{a} = {b} AND {c} = {d} AND {e} = {f} AND {g} = {h}",
    );
    check(
        "(a = b) OR (c = d OR e = f)",
        "{a} = {b} OR {c} = {d} OR {e} = {f}",
    );
}

#[test]
fn any_name_works_and_nothing_is_injected() {
    // Reserved words of DynamoDB, and functions that aren't called.
    check("name = status", "{name} = {status}");
    check(
        "size = 3 AND contains = 4",
        r#"{size} = {"N":"3"} AND {contains} = {"N":"4"}"#,
    );
    check("a.and.in = 1", r#"{a}.{and}.{in} = {"N":"1"}"#);
    check("`and` = `a.b`", "{and} = {a.b}");
    check(
        "`x = 1 OR y`[0].`ü``` = 1",
        r#"{x = 1 OR y}[0].{ü`} = {"N":"1"}"#,
    );
    check("a = '#n0'", r##"{a} = {"S":"#n0"}"##);
    check(
        "a = 'x'' OR attribute_exists(a) OR ''x'",
        r#"{a} = {"S":"x' OR attribute_exists(a) OR 'x"}"#,
    );
    check(r#"a = '"},"b":{"'"#, r#"{a} = {"S":"\"},\"b\":{\""}"#);
    let condition = parse_filter("`:v0` = ':v0' AND `#n0` = ':v0' AND `:v0` = '#n0'").unwrap();
    let mut placeholders = Placeholders::default();
    let text = placeholders.condition(&condition.unwrap());
    assert_eq!(text, "#n0 = :v0 AND #n1 = :v0 AND #n0 = :v1");
}

#[test]
fn paths_keep_how_they_were_written() {
    for (text, root, steps) in [
        ("a", "a", 0),
        ("a . b[ 0 ]", "a", 2),
        ("`x y`.`z`", "x y", 1),
    ] {
        let path = parse_path(&format!(" {text} ")).unwrap();
        assert_eq!((path.text.as_str(), path.root.as_str()), (text, root));
        assert_eq!((path.rest.len(), path.column), (steps, 2));
    }
    for (text, expected) in [
        ("", "column 1: expected a name or a value, found the end"),
        ("a..b", "column 3: expected a name, found `.`"),
        ("a b", "column 3: expected `.`, `[` or the end, found `b`"),
        (
            "a[-1]",
            "column 3: expected a list index: a whole number from 0",
        ),
        (
            "a[b]",
            "column 3: expected a list index: a whole number from 0",
        ),
        (
            "a[99999999999]",
            "column 3: expected a list index: a whole number from 0",
        ),
        ("a[1", "column 4: expected `]`, found the end"),
        ("``", "column 1: a name has one character at least"),
    ] {
        assert_eq!(
            parse_path(text).unwrap_err().to_string(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_column() {
    check(
        "popularity",
        "column 11: expected a comparison (=, <>, <, <=, >, >=, BETWEEN or IN), found the end",
    );
    check("a =", "column 4: expected a name or a value, found the end");
    check("= 1", "column 1: expected a name or a value, found `=`");
    check(
        "a = 1 b = 2",
        "column 7: expected AND, OR or the end, found `b`",
    );
    check("a = 1)", "column 6: this parenthesis closes nothing");
    check("(a = 1", "column 7: expected AND, OR or `)`, found the end");
    check(
        "a = 1 AND",
        "column 10: expected a name or a value, found the end",
    );
    check(
        "and = 1",
        "column 1: expected a name or a value; a name `and` goes between backticks, found `and`",
    );
    check(
        "1 = 1",
        "column 1: a comparison needs a name; text goes in single quotes, names do not",
    );
    check(
        "1 IN (1, 2)",
        "column 1: a comparison needs a name; text goes in single quotes, names do not",
    );
    check(
        "1 BETWEEN 1 AND 2",
        "column 1: a comparison needs a name; text goes in single quotes, names do not",
    );
    check(
        "ä = 1 OR a > true",
        "column 1: `ä` can't be here; names that aren't plain identifiers go between backticks, text in single quotes",
    );
    check(
        "`ä` = 1 OR a > true",
        "column 16: `>` compares numbers or text; use = or <>",
    );
    check(
        "a BETWEEN 1 AND null",
        "column 17: BETWEEN compares numbers or text",
    );
    check(
        "a BETWEEN 1 AND '2'",
        "column 17: both bounds of BETWEEN must have the same type",
    );
    check(
        "a BETWEEN 10 AND 9.5",
        "column 18: the upper bound of BETWEEN is below the lower one",
    );
    check(
        "a BETWEEN 1 OR 2",
        "column 13: expected AND and the upper bound, found `OR`",
    );
    check("a IN ()", "column 7: expected a name or a value, found `)`");
    check(
        "a IN 1",
        "column 6: expected `(` and the choices, found `1`",
    );
    check("a IN (1 2)", "column 9: expected `,` or `)`, found `2`");
    check(
        "a IS NULL",
        "column 3: there is no IS; write `name = null`, or attribute_not_exists(name) for what isn't there",
    );
    check(
        "a LIKE 'x%'",
        "column 3: there is no LIKE; use begins_with or contains",
    );
    check(
        "a NOT IN (1)",
        "column 3: NOT goes before the whole comparison: `NOT name IN (…)`",
    );
}

#[test]
fn functions_are_refused_with_their_column() {
    check(
        "lower(a) = 'x'",
        "column 1: there is no function `lower`; there are attribute_exists, attribute_not_exists, attribute_type, begins_with, contains and size",
    );
    check(
        "a = contains(b, 1)",
        "column 5: `contains` is not a value that can be compared; of the functions only size is",
    );
    check(
        "attribute_exists('a')",
        "column 18: expected a name or a value, found `'a'`",
    );
    check(
        "attribute_type(a, 'X')",
        "column 19: expected one of the types S, N, B, BOOL, NULL, L, M, SS, NS, BS in single quotes",
    );
    check(
        "attribute_type(a, S)",
        "column 19: expected one of the types S, N, B, BOOL, NULL, L, M, SS, NS, BS in single quotes",
    );
    check(
        "begins_with(a, 5)",
        "column 16: begins_with takes text or a name",
    );
    check(
        "begins_with(a)",
        "column 14: expected `,` and the text it begins with, found `)`",
    );
    check(
        "size(a) = 'x'",
        "column 11: a size is compared with a number",
    );
    check(
        "size(a)",
        "column 8: expected a comparison (=, <>, <, <=, >, >=, BETWEEN or IN), found the end",
    );
    check(
        &format!("a = '' {}", "x".repeat(40)),
        &format!(
            "column 8: expected AND, OR or the end, found `{}…`",
            "x".repeat(32)
        ),
    );
}

#[test]
fn size_and_depth_are_bounded() {
    let nested = |levels: usize| format!("{}a = 1{}", "(".repeat(levels), ")".repeat(levels));
    check(&nested(64), r#"{a} = {"N":"1"}"#);
    check(&nested(65), "column 66: nested more than 64 levels deep");
    check(
        &nested(30_000),
        "column 66: nested more than 64 levels deep",
    );
    check(
        &"NOT ".repeat(10_000),
        "column 261: nested more than 64 levels deep",
    );
    check(&" ".repeat(65_537), "column 1: longer than 65536 bytes");
    let choices = |count: usize| format!("a IN ({})", vec!["1"; count].join(","));
    assert!(parse_filter(&choices(100)).is_ok());
    check(&choices(101), "column 207: IN takes 100 choices at most");
    assert!(parse_filter(&vec!["a = 1"; 6_000].join(" AND ")).is_ok());
}
