//! The whole grammar, condition by condition.

use crate::support::dynamodb::on_each;
use crate::support::stage::{Stage, host};
use crate::support::table::{ask, load, table_keyed};
use serde_json::{Value, json};

const ITEMS: u32 = 60;

/// Documents of every type that JSON has.
fn document(n: u32) -> String {
    let shelf = ["a", "b", "c"][(n % 3) as usize];
    let mixed =
        [json!(n), json!(n.to_string()), json!(true), json!(null)][(n % 4) as usize].clone();
    let mut document = json!({
        "shelf": shelf,
        "id": format!("{n:02}"),
        "n": n,
        "other": if n.is_multiple_of(6) { n } else { n + 1 },
        "low": 10,
        "high": 12,
        "name": format!("name-{n}"),
        "prefix": if n.is_multiple_of(2) { "name-" } else { "nome" },
        "status": if n.is_multiple_of(2) { "open" } else { "closed" },
        "size": n * 10,
        "album": {
            "name": format!("Album {}", n % 7),
            "images": [{ "height": 640 }, { "height": 300 }, { "height": 64 + n }],
        },
        "flag": n.is_multiple_of(5),
        "mixed": mixed,
        "odd name": n,
        "a.b": n,
        "a`b": n,
        "größe": n,
        "and": n,
        "note": if n == 4 { "it's" } else { "' OR n >= 0 OR name = '" },
        "text": if n == 8 { "日本語 \u{1F3B5} \"quoted\" \\ \n" } else { "plain" },
    });
    let members = document.as_object_mut().unwrap();
    if n.is_multiple_of(2) {
        members.insert("tags".to_owned(), json!([format!("t{}", n % 4), "x", n]));
    }
    match n % 10 {
        0 => {
            members.insert("nothing".to_owned(), Value::Null);
        }
        1 => {}
        _ => {
            members.insert("nothing".to_owned(), json!("something"));
        }
    }
    document.to_string()
}

type Expected = fn(u32) -> bool;

/// Conditions, and which documents meet them.
const CONDITIONS: &[(&str, Expected)] = &[
    ("", |_| true),
    (" \n", |_| true),
    // Comparators.
    ("n = 7", |n| n == 7),
    ("n <> 7", |n| n != 7),
    ("n != 7", |n| n != 7),
    ("n < 3", |n| n < 3),
    ("n <= 3", |n| n <= 3),
    ("n > 57", |n| n > 57),
    ("n >= 57", |n| n >= 57),
    ("57 <= n", |n| n >= 57),
    ("3 > n", |n| n < 3),
    ("n = other", |n| n.is_multiple_of(6)),
    ("n <> other", |n| !n.is_multiple_of(6)),
    ("n < other", |n| !n.is_multiple_of(6)),
    ("n = 1e1", |n| n == 10),
    ("n = 10.000", |n| n == 10),
    ("n > -1", |_| true),
    ("n > 58.9999999999999999999999999999999999", |n| n == 59),
    ("name = 'name-7'", |n| n == 7),
    ("name > 'name-58'", |n| (6..10).contains(&n) || n == 59),
    ("flag = true", |n| n.is_multiple_of(5)),
    ("flag <> TRUE", |n| !n.is_multiple_of(5)),
    ("flag = false", |n| !n.is_multiple_of(5)),
    ("nothing = null", |n| n.is_multiple_of(10)),
    // BETWEEN and IN.
    ("n BETWEEN 10 AND 12", |n| (10..=12).contains(&n)),
    ("n between 10 and 10", |n| n == 10),
    ("n BETWEEN low AND high", |n| (10..=12).contains(&n)),
    ("11 BETWEEN low AND n", |n| n >= 11),
    ("name BETWEEN 'name-58' AND 'name-6'", |n| {
        matches!(n, 58 | 59 | 6)
    }),
    ("n IN (1, 2, 99)", |n| n == 1 || n == 2),
    ("n in (1.0, 2e0)", |n| n == 1 || n == 2),
    ("status IN ('open')", |n| n.is_multiple_of(2)),
    ("n IN (other, 1)", |n| n.is_multiple_of(6) || n == 1),
    ("nothing IN (null, 'nothing')", |n| n.is_multiple_of(10)),
    ("mixed IN (4, '5', true)", |n| {
        n == 4 || n == 5 || n % 4 == 2
    }),
    // NOT, AND, OR and their precedence.
    ("NOT n < 58", |n| n >= 58),
    ("NOT (n < 58 OR n = 59)", |n| n == 58),
    ("NOT (NOT (n = 3))", |n| n == 3),
    ("not not n = 3", |n| n == 3),
    ("NOT n = 1 AND n < 3", |n| n == 0 || n == 2),
    ("NOT (n = 1 AND n < 3)", |n| n != 1),
    ("n = 1 OR n = 2 AND status = 'closed'", |n| n == 1),
    ("(n = 1 OR n = 2) AND status = 'closed'", |n| n == 1),
    ("n = 2 OR n = 3 AND status = 'open'", |n| n == 2),
    ("(n = 3 OR n = 5) AND status = 'open' OR n = 9", |n| n == 9),
    ("n = 1 OR n BETWEEN 2 AND 4 AND n > 3", |n| n == 1 || n == 4),
    ("NOT n BETWEEN 1 AND 58", |n| n == 0 || n == 59),
    ("NOT n IN (1, 2) AND n < 4", |n| n == 0 || n == 3),
    ("NOT attribute_exists(tags) AND n < 4", |n| n == 1 || n == 3),
    ("((((n = 3))))", |n| n == 3),
    // Functions.
    ("attribute_exists(tags)", |n| n.is_multiple_of(2)),
    ("attribute_exists(album.images[2])", |_| true),
    ("attribute_exists(album.images[3])", |_| false),
    ("attribute_not_exists(tags)", |n| !n.is_multiple_of(2)),
    ("attribute_not_exists(nothing)", |n| n % 10 == 1),
    ("attribute_type(mixed, 'N')", |n| n % 4 == 0),
    ("attribute_type(mixed, 'S')", |n| n % 4 == 1),
    ("attribute_type(mixed, 'BOOL')", |n| n % 4 == 2),
    ("attribute_type(mixed, 'NULL')", |n| n % 4 == 3),
    ("attribute_type(tags, 'L')", |n| n.is_multiple_of(2)),
    ("attribute_type(album, 'M')", |_| true),
    ("attribute_type(album, 'SS')", |_| false),
    ("begins_with(name, 'name-1')", |n| {
        n == 1 || (10..20).contains(&n)
    }),
    ("begins_with(name, prefix)", |n| n.is_multiple_of(2)),
    ("begins_with(name, 'NAME')", |_| false),
    ("contains(name, 'e-5')", |n| n == 5 || (50..60).contains(&n)),
    ("contains(tags, 't2')", |n| n % 4 == 2),
    ("contains(tags, 't')", |_| false),
    ("contains(tags, 6)", |n| n == 6),
    ("contains(name, prefix)", |n| n.is_multiple_of(2)),
    ("size(name) = 6", |n| n < 10),
    ("size(name) > 6", |n| n >= 10),
    ("size(tags) = 3", |n| n.is_multiple_of(2)),
    ("size(album) = 2", |_| true),
    ("size(album.images) >= 3", |_| true),
    ("size(album.name) = 7", |_| true),
    ("3 <= size(tags)", |n| n.is_multiple_of(2)),
    ("size(tags) = size(album.images)", |n| n.is_multiple_of(2)),
    ("size(name) BETWEEN 7 AND 8", |n| n >= 10),
    // Paths and names.
    ("album.name = 'Album 3'", |n| n % 7 == 3),
    ("album.images[2].height >= 120", |n| n >= 56),
    ("album.images[0].height = 640", |_| true),
    ("album.images[7].height > 0", |_| false),
    ("album[0] = 1", |_| false),
    ("tags[0] = 't0' AND n < 9", |n| n < 9 && n % 4 == 0),
    ("name.name = 'name-1'", |_| false),
    ("size > 580", |n| n == 59),
    ("size(size) = 3 OR size = 30", |n| n == 3),
    ("status = 'open' AND size < 30", |n| n == 0 || n == 2),
    ("`odd name` = 5", |n| n == 5),
    ("`a.b` = 5", |n| n == 5),
    ("a.b = 5", |_| false),
    ("`a``b` = 5", |n| n == 5),
    ("`größe` = 5", |n| n == 5),
    ("`and` = 5", |n| n == 5),
    ("`n`=5", |n| n == 5),
    // Text that means something to somebody.
    ("note = 'it''s'", |n| n == 4),
    ("text = '日本語 \u{1F3B5} \"quoted\" \\ \n'", |n| n == 8),
    ("contains(text, '\u{1F3B5}')", |n| n == 8),
    ("note = ''' OR n >= 0 OR name = ''' AND n < 2", |n| n < 2),
    ("name = ':v0' OR name = '#n0'", |_| false),
    ("name = 'x'') OR (n >= 0'", |_| false),
    ("`n) OR (n` = 1", |_| false),
    ("`n = :v0 OR n` = 1", |_| false),
    ("`#n0` = 1 OR `:v0` = 1", |_| false),
    ("name = '\"}},\"FilterExpression\":\"n >= :v0\"'", |_| false),
    // Other types are not equal, and not ordered.
    ("mixed > 5", |n| n % 4 == 0 && n > 5),
    ("mixed > '5'", |n| {
        n % 4 == 1 && n.to_string().as_str() > "5"
    }),
    ("n = '7'", |_| false),
    ("n < 'z'", |_| false),
    ("missing = 1", |_| false),
    ("missing > 1 OR n = 1", |n| n == 1),
    ("NOT missing = 1", |_| true),
    // Keys in a filter, and by Query.
    ("id = '07'", |n| n == 7),
    ("shelf = 'a'", |n| n % 3 == 0),
    ("shelf = 'a' AND id = '07'", |_| false),
    ("shelf = 'b' AND id = '07'", |n| n == 7),
    ("shelf = 'b' AND id = '07' AND n = 7", |n| n == 7),
    ("shelf = 'b' AND NOT id = '07' AND n < 8", |n| {
        n % 3 == 1 && n < 7
    }),
    ("shelf = 'a' OR shelf = 'b'", |n| n % 3 != 2),
    ("shelf = 'a' AND shelf = 'b'", |_| false),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_condition_finds_what_it_says_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let host = host(&table_keyed(&dynamodb, &table, "shelf S, id S")).await;
        host.create_table().await.unwrap();
        let report = load(&host, (0..ITEMS).map(document).collect()).await;
        assert_eq!(report.tally.documents.written, u64::from(ITEMS));
        let mut wrong = Vec::new();
        for (condition, meets) in CONDITIONS {
            let found = ask(&host, &host.query(condition).unwrap()).await;
            let expected: Vec<_> = (0..ITEMS)
                .filter(|n| meets(*n))
                .map(|n| format!("{n:02}"))
                .collect();
            let found = found.texts("id");
            if found != expected {
                wrong.push(format!(
                    "{condition}\n  found {found:?}\n  not   {expected:?}"
                ));
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", dynamodb.name, wrong.join("\n"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_and_bytes_that_others_wrote_can_be_asked_for_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let host = host(&table_keyed(&dynamodb, &table, "id S")).await;
        host.create_table().await.unwrap();
        let item = json!({
            "TableName": table,
            "Item": {
                "id": { "S": "sets" },
                "texts": { "SS": ["a", "b"] },
                "numbers": { "NS": ["1", "2.5"] },
                "bytes": { "B": "AP8=" },
                "blobs": { "BS": ["AA==", "AQ=="] },
            },
        });
        let put = host.dynamodb().unwrap().send("PutItem", item.to_string());
        assert_eq!(put.await.unwrap().status, 200);
        for condition in [
            "attribute_type(texts, 'SS') AND attribute_type(numbers, 'NS')",
            "attribute_type(bytes, 'B') AND attribute_type(blobs, 'BS')",
            "contains(texts, 'a') AND contains(numbers, 2.50)",
            "NOT contains(texts, 'c') AND NOT contains(numbers, 1.5)",
            "size(texts) = 2 AND size(numbers) = 2 AND size(blobs) = 2 AND size(bytes) = 2",
        ] {
            let found = ask(&host, &host.query(condition).unwrap()).await;
            assert_eq!(found.documents.len(), 1, "{}: {condition}", dynamodb.name);
            let document = &found.documents[0];
            let sorted = |name: &str| {
                let mut texts: Vec<_> = document[name]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(Value::to_string)
                    .collect();
                texts.sort();
                texts.join(" ")
            };
            assert_eq!(sorted("texts"), r#""a" "b""#);
            assert_eq!(sorted("numbers"), "1 2.5");
            assert_eq!(sorted("blobs"), r#""AA==" "AQ==""#);
            assert_eq!(document["bytes"], "AP8=");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_a_condition_is_said_with_its_column_on_each_dynamodb() {
    let mistakes = [
        ("n >", "column 4: "),
        ("n == 1", "column 3: "),
        ("(n = 1", "column 7: "),
        ("n = 1)", "column 6: "),
        ("n = \"x\"", "column 5: "),
        ("`größe` = 1 AND 1 = 1", "column 17: "),
        ("n = 'x", "column 5: "),
        ("n LIKE 'x'", "column 3: "),
        ("n IS null", "column 3: "),
        ("lower(n) = 'x'", "column 1: "),
        ("n = :v0", "column 5: "),
        ("#n0 = 1", "column 1: "),
        ("n = 1; DROP TABLE x", "column 6: "),
        ("attribute_type(n, 'T')", "column 19: "),
        ("n BETWEEN 2 AND 1", "column 17: "),
        ("id = 7", "column 6: "),
    ];
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_keyed(&dynamodb, &table, "shelf S, id S"));
        stage.rowcast(&["table", "create"]).await.ok();
        for (condition, column) in mistakes {
            let query = stage.rowcast(&["query", condition]).await;
            assert_eq!(query.code, Some(2), "{condition}: {}", query.stderr);
            assert!(
                query.stderr.contains(column),
                "{condition}: {}",
                query.stderr
            );
            assert_eq!(query.stdout, "", "{condition}");
        }
        for select in ["n) OR (n", "n,#n0", "n,,m", "n[x]", "n[", ":v0"] {
            let query = stage.rowcast(&["query", "--select", select]).await;
            assert_eq!(query.code, Some(2), "{select}: {}", query.stderr);
            assert!(
                query.stderr.contains("column "),
                "{select}: {}",
                query.stderr
            );
        }
    })
    .await;
}
