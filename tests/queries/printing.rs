//! Every form in which documents are printed, and what is said where there are
//! none.

use crate::support::dynamodb::on_each;
use crate::support::stage::Stage;
use crate::support::table::table_keyed;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

/// Three documents on one shelf, so that they come in the order of their ids.
const DOCUMENTS: &str = r#"{"shelf":"a","id":"1","name":"Größe, \"quoted\"","n":0.1,"list":[{"height":640},{"height":300}]}
{"shelf":"a","id":"2","name":"日本語","n":12345678901234567890123456789012345678,"flag":true}
{"shelf":"a","id":"3","name":null,"n":-7,"map":{"inner":"it's\nhere"}}
"#;

#[expect(clippy::too_many_lines, reason = "one table of snapshots")]
#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_output_on_each_dynamodb() {
    let forms: [(&[&str], Expect); 8] = [
        (
            &["--select", "name"],
            expect![[r#"
                {"name":"Größe, \"quoted\""}
                {"name":"日本語"}
                {"name":null}
            "#]],
        ),
        (
            &["--select", "n", "--output", "json"],
            expect![[r#"
                [
                {"n":0.1},
                {"n":12345678901234567890123456789012345678},
                {"n":-7}
                ]
            "#]],
        ),
        (
            &["--select", "name", "--output", "table"],
            expect![[r#"
            ┌─────────────────┐
            │ name            │
            ╞═════════════════╡
            │ Größe, "quoted" │
            │ 日本語          │
            │                 │
            └─────────────────┘
        "#]],
        ),
        (
            &["--select", "name", "-o", "csv"],
            expect![[r#"
            name
            "Größe, ""quoted"""
            日本語
            ""
        "#]],
        ),
        (
            &["--select", "list[1].height,list[0]"],
            expect![[r#"
            {"list":[{"height":640},{"height":300}]}
            {}
            {}
        "#]],
        ),
        (
            &["--select", "map.inner", "-o", "json"],
            expect![[r#"
            [
            {},
            {},
            {"map":{"inner":"it's\nhere"}}
            ]
        "#]],
        ),
        (
            &["--select", "missing", "-o", "csv"],
            expect![[r#"
            missing
            ""
            ""
            ""
        "#]],
        ),
        (&["--count"], expect![["3\n"]]),
    ];
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_keyed(&dynamodb, &table, "shelf S, id S"));
        stage.rowcast(&["table", "create"]).await.ok();
        stage.rowcast_with_input(&["load"], DOCUMENTS).await.ok();
        for (arguments, expected) in &forms {
            let query = [&["query", "shelf = 'a'"], *arguments].concat();
            let query = stage.rowcast(&query).await.ok();
            expected.assert_eq(&query.stdout);
            assert!(
                query.stderr.starts_with("matches: 3, in 3 items read; "),
                "{}",
                query.stderr
            );
        }
        let limited = [
            "query",
            "shelf = 'a'",
            "--limit",
            "2",
            "--select",
            "id",
            "-q",
        ];
        let limited = stage.rowcast(&limited).await.ok();
        assert_eq!(limited.stdout, "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
        assert_eq!(limited.stderr, "");

        let whole = stage.rowcast(&["query", "shelf = 'a'"]).await.ok();
        let written: Vec<Value> = DOCUMENTS
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(whole.documents(), written, "{}", dynamodb.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_found_is_explained_on_each_dynamodb() {
    let conditions = [
        (
            "nosuch > 1",
            expect![[r#"
            note: 30 of 30 items have no `nosuch`
        "#]],
        ),
        (
            "n > 'x'",
            expect![[r#"
            note: 30 of 30 items hold `n` with another type than S
        "#]],
        ),
        (
            "mixed > 'zzz'",
            expect![[r#"
            note: 20 of 30 items hold `mixed` with another type than S
        "#]],
        ),
        ("n > 1000", expect![[""]]),
        (
            "album.nosuch = 1 AND n < 'x'",
            expect![[r#"
            note: 30 of 30 items have no `album.nosuch`
            note: 30 of 30 items hold `n` with another type than S
        "#]],
        ),
        (
            "shelf = 'a' AND nosuch = 1",
            expect![[r#"
            note: 15 of 15 items have no `nosuch`
        "#]],
        ),
        ("shelf = 'none'", expect![[""]]),
    ];
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_keyed(&dynamodb, &table, "shelf S, id S"));
        stage.rowcast(&["table", "create"]).await.ok();
        let documents: String = (0..30)
            .map(|n| {
                let mixed = [json!(n), json!("text"), json!(null)][n % 3].clone();
                let shelf = ["a", "b"][n % 2];
                json!({
                    "shelf": shelf, "id": format!("{n:02}"), "n": n, "mixed": mixed, "album": {},
                })
                .to_string()
                    + "\n"
            })
            .collect();
        stage.rowcast_with_input(&["load"], &documents).await.ok();
        for (condition, expected) in &conditions {
            let query = stage.rowcast(&["query", condition]).await.ok();
            assert_eq!(query.stdout, "", "{condition}");
            // Capacity is counted differently by each of them.
            let said = query.stderr.split_once('\n').unwrap().1;
            expected.assert_eq(said);
            let quiet = stage.rowcast(&["query", condition, "--quiet"]).await.ok();
            assert_eq!(quiet.stderr, "");
        }
    })
    .await;
}
