//! JSON lines and CSV, by file and by standard input, through the command.

use crate::support::command::Output;
use crate::support::dynamodb::table_name;
use crate::support::stage::{Stage, source_section, table_section};
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::Value;

/// What a run over an input is to come to.
struct Expected<'a> {
    code: i32,
    /// The requests' paths: the columns `id`.
    asked: &'a [&'a str],
    /// What standard error says.
    says: &'a [&'a str],
}

/// Extracts from that input, once by a file and once by standard input.
async fn check(format: &str, input: &str, expected: Expected<'_>) {
    for by_file in [true, false] {
        let source = ScriptedSource::start(|_, _| Reply::json("{}")).await;
        let name = if by_file {
            format!("rows.{format}")
        } else {
            "-".into()
        };
        let stage = Stage::new(
            &[
                format!("[rows]\nfile = \"{name}\"\nformat = \"{format}\"\n"),
                source_section(&source.origin(), 2),
                "[limits]\nrow_kib = 1\n".into(),
            ]
            .concat(),
        );
        let output = if by_file {
            std::fs::write(stage.path().join(&name), input).unwrap();
            stage.rowcast(&["extract"]).await
        } else {
            stage.rowcast_with_input(&["extract"], input).await
        };
        let shown: String = input.chars().take(200).collect();
        let context = format!("{shown:?} by {name}: {}", output.stderr);
        assert_eq!(output.code, Some(expected.code), "{context}");
        let mut asked: Vec<_> = source.seen().into_iter().map(|seen| seen.target).collect();
        asked.sort();
        assert_eq!(asked, expected.asked, "{context}");
        assert_eq!(output.documents().len(), asked.len(), "{context}");
        for part in expected.says {
            assert!(output.stderr.contains(part), "{part:?} in {context}");
        }
        if expected.says.iter().any(|says| says.starts_with("line ")) {
            let place = if by_file {
                name.as_str()
            } else {
                "standard input"
            };
            assert!(
                output.stderr.contains(&format!("{place}, line ")),
                "{context}"
            );
        }
    }
}

/// A row that is wrong alone in its chunk is wrong for itself, as others aren't; where all
/// are wrong, it's the settings.
#[tokio::test(flavor = "multi_thread")]
async fn one_odd_row_is_one_rejection() {
    let long = "v".repeat(40_000);
    for (odd, says) in [
        (r#"{"ID":"x","v":1}"#.to_owned(), "`id`"),
        (
            r#"{"id":"x","v":1,"market":"US"}"#.to_owned(),
            "is named like a column",
        ),
        (
            format!(r#"{{"id":"x","v":"{long}"}}"#),
            "headers longer than 32 KiB",
        ),
    ] {
        let source = ScriptedSource::start(|_, _| Reply::json("{}")).await;
        let stage = Stage::new(
            &[
                "[rows]\nfile = \"rows.jsonl\"\n",
                &source_section(&source.origin(), 2).replace(
                    "[egress]",
                    "[source.headers]\nx-v = \"{v}\"\n[source.matrix]\nmarket = [\"US\"]\n[egress]",
                ),
            ]
            .concat(),
        );
        let good: Vec<_> = (0..9)
            .map(|id| format!("{{\"id\":{id},\"v\":1}}\n"))
            .collect();
        let rows = stage.path().join("rows.jsonl");
        for (input, code, done) in [
            (format!("{}{odd}\n", good[..8].concat()), 5, 8),
            (format!("{}{odd}\n", good.concat()), 5, 9),
            (format!("{odd}\n{odd}\n{odd}\n"), 2, 0),
        ] {
            std::fs::write(&rows, input).unwrap();
            let output = stage.rowcast(&["extract"]).await;
            let context = format!("{says}: {}", output.stderr);
            assert_eq!(output.code, Some(code), "{context}");
            assert!(output.stderr.contains(says), "{context}");
            assert_eq!(output.documents().len(), done, "{context}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines() {
    let all = |asked| Expected {
        code: 0,
        asked,
        says: &[],
    };
    check("jsonl", "", all(&[])).await;
    check("jsonl", "\n \r\n\n", all(&[])).await;
    check("jsonl", "{\"id\":1}\n{\"id\":2}", all(&["/1", "/2"])).await;
    let mixed = "\u{feff}{\"id\":\"a/b\"}\r\n\r\n  {\"id\":1.50} \r\n\n{\"x\":[],\"id\":true}\r\n";
    check("jsonl", mixed, all(&["/1.50", "/a%2Fb", "/true"])).await;
    let long = format!(
        "{{\"id\":1}}\n{{\"id\":2}}\n{{\"id\":3,\"x\":\"{}\"}}\n",
        "x".repeat(1024)
    );
    for (input, asked, says) in [
        (
            "{\"id\":1}\n{\"id\":2}\n\n{\"id\":3}\n{\"id\":4,}\n{\"id\":5}\n",
            &["/1", "/2", "/3", "/5"][..],
            &[
                "line 5: ",
                "at column 9",
                "rows       5 read: 4 done, 1 rejected, 0 pending",
            ][..],
        ),
        (
            "{\"id\":1}\n[2]\n",
            &["/1"],
            &["line 2: it is not a JSON object"],
        ),
        (
            "{\"id\":1}{\"id\":2}\n",
            &[],
            &["line 1: trailing characters", "rows       1 read"],
        ),
        (
            &long,
            &["/1", "/2"],
            &[
                "line 3: it is longer than 1 KiB (`limits.row_kib`)",
                "3 read: 2 done, 1 rejected",
            ],
        ),
    ] {
        check(
            "jsonl",
            input,
            Expected {
                code: 5,
                asked,
                says,
            },
        )
        .await;
    }
    for (row, says) in [
        ("{}", "id"),
        ("{\"id\":null}", "`id`"),
        ("{\"id\":[1]}", "`id`"),
        ("{\"id\":{}}", "`id`"),
    ] {
        let input = format!("{{\"id\":1}}\n{row}\n{{\"id\":3}}\n");
        let says = &[
            "rejected: row 2: ",
            says,
            "3 read: 2 done, 1 rejected, 0 pending",
        ];
        check(
            "jsonl",
            &input,
            Expected {
                code: 5,
                asked: &["/1", "/3"],
                says,
            },
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn csv() {
    let all = |asked| Expected {
        code: 0,
        asked,
        says: &[],
    };
    check("csv", "id,name\n", all(&[])).await;
    check("csv", "id,name\n1,x\n2,", all(&["/1", "/2"])).await;
    check(
        "csv",
        "\u{feff}name,id\r\nx,1\r\n\r\n,2\r\n",
        all(&["/1", "/2"]),
    )
    .await;
    let quoted = "\"na\"\"me\", id \n\"x,\ny\",\"a,\"\"b\"\"\"\nz,\"c\nd\"\n";
    check("csv", quoted, all(&["/a%2C%22b%22", "/c%0Ad"])).await;
    let long = format!("id,x\n1,\n2,\n3,{}\n4,\n", "x".repeat(1025));
    let unclosed = format!("id,x\n1,\n2,\n3,\"{}\n", "x\n".repeat(100_000));
    for (code, input, asked, says) in [
        (2, "", &[][..], &["line 1: there is no header"][..]),
        (
            2,
            "id,id\n1,2\n",
            &[],
            &["line 1: the header has the column \"id\" twice"],
        ),
        (
            5,
            "id,name\n1,x\n2,\"y\ny\"\n\n\n3\n4,z\n5,6,7\n",
            &["/1", "/2", "/4"],
            &[
                "line 7: it has 1 fields, the header has 2",
                "line 9: it has 3 fields, the header has 2",
                "5 read: 3 done, 2 rejected",
            ],
        ),
        (
            5,
            &long,
            &["/1", "/2", "/4"],
            &[
                "line 4: it is longer than 1 KiB",
                "4 read: 3 done, 1 rejected",
            ],
        ),
        (
            5,
            &unclosed,
            &["/1", "/2"],
            &[
                "line 4: a quote that it opens is never closed, up to line 100004",
                "3 read: 2 done, 1 rejected",
            ],
        ),
    ] {
        check("csv", input, Expected { code, asked, says }).await;
    }
    for (input, says) in [
        ("id,name\n1,x\n,y\n3,z\n", "`id`"),
        ("id,name\n1,x\n\"\",y\n3,z\n", "`id`"),
    ] {
        let says = &[
            "rejected: row 2: ",
            says,
            "3 read: 2 done, 1 rejected, 0 pending",
        ];
        check(
            "csv",
            input,
            Expected {
                code: 5,
                asked: &["/1", "/3"],
                says,
            },
        )
        .await;
    }
}

/// Extracts with those `[rows]` in a folder that has `rows.txt`.
async fn extract(rows: &str) -> Output {
    let source = ScriptedSource::start(|_, _| Reply::json("{}")).await;
    let stage = Stage::new(&format!(
        "[rows]\n{rows}\n{}",
        source_section(&source.origin(), 2)
    ));
    std::fs::write(stage.path().join("rows.txt"), "{\"id\":1}\n").unwrap();
    stage.rowcast(&["extract", "--quiet"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_read() {
    assert_eq!(
        extract("file = \"rows.txt\"\nformat = \"jsonl\"")
            .await
            .ok()
            .stdout,
        "{}\n"
    );
    for (rows, expected) in [
        (
            "file = \"rows.txt\"",
            expect_test::expect![[r#"
                error: `rows` (line 1) needs a `format`, "jsonl" or "csv": it can't be told from the file's name
            "#]],
        ),
        (
            "file = \"-\"",
            expect_test::expect![[r#"
                error: `rows` (line 1) needs a `format`, "jsonl" or "csv": it can't be told from the file's name
            "#]],
        ),
        (
            "file = \"rows.txt\"\nformat = \"parquet\"",
            expect_test::expect![[r#"
                error: the configuration has 2 problems:
                  `rows` (line 1) needs a `format`, "jsonl" or "csv": it can't be told from the file's name
                  `rows.format` (line 3) is none of `jsonl`, `csv`
            "#]],
        ),
        (
            "file = \"missing.csv\"",
            expect_test::expect![[r#"
                error: open missing.csv
                  because: No such file or directory (os error 2)
                  hint: check the file's name; a relative one is looked for where the command is run
            "#]],
        ),
        (
            "file = \"missing.jsonl\"",
            expect_test::expect![[r#"
                error: open missing.jsonl
                  because: No such file or directory (os error 2)
                  hint: check the file's name; a relative one is looked for where the command is run
            "#]],
        ),
        (
            "file = \".\"\nformat = \"jsonl\"",
            expect_test::expect![[r#"
                error: the run stopped before its end
                  because: read the rows to their end
                  because: read ., line 1
                  because: Is a directory (os error 21)
            "#]],
        ),
        (
            "file = \".\"\nformat = \"csv\"",
            expect_test::expect![[r#"
                error: the run stopped before its end
                  because: read the rows to their end
                  because: read ., line 1
                  because: Is a directory (os error 21)
            "#]],
        ),
    ] {
        let output = extract(rows).await;
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(2), ""),
            "{rows}"
        );
        expected.assert_eq(&output.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_around_a_malformed_line_is_in_the_table() {
    let source = ScriptedSource::start(|_, _| Reply::json("{\n \"popularity\": 1\n}")).await;
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let stage = Stage::new(
        &[
            "[rows]\nfile = \"-\"\nformat = \"jsonl\"\n".into(),
            source_section(&source.origin(), 50),
            table_section(&dynamodb.endpoint(), &table_name()),
            "[source.attributes]\nartist_id = \"{id}\"\ncountry_track = \"US\"\n".into(),
        ]
        .concat(),
    );
    stage.rowcast(&["table", "create"]).await.ok();
    let input = "{\"id\":\"1\"}\n{\"id\":\"2\"}\nid 3\n{\"id\":\"4\"}\n";
    let arguments = ["run", "--report", "json", "--rejected", "rejected.jsonl"];
    let run = stage.rowcast_with_input(&arguments, input).await;
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    let said = "rejected: standard input, line 3: it is not a JSON object";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    let counts: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(counts["rows"]["read"], 4, "{counts}");
    assert_eq!(counts["rows"]["done"], 3, "{counts}");
    assert_eq!(counts["rows"]["rejected"], 1, "{counts}");
    assert_eq!(counts["documents"]["written"], 3, "{counts}");
    let found = stage.rowcast(&["query", "popularity = 1"]).await.ok();
    assert_eq!(found.documents().len(), 3);
    let rejected = std::fs::read_to_string(stage.path().join("rejected.jsonl")).unwrap();
    let line: Value = serde_json::from_str(&rejected).unwrap();
    assert_eq!(line["what"], "row");
    assert_eq!(line["place"], "standard input, line 3");
    assert_eq!(line["text"], "id 3");
    // Given in again as it is, it is rejected again.
    let again = [
        "run",
        "--rows",
        "rejected.jsonl",
        "--rejected",
        "again.jsonl",
    ];
    let again = stage.rowcast(&again).await;
    assert_eq!(again.code, Some(5), "{}", again.stderr);
    assert!(again.stderr.contains(said), "{}", again.stderr);
    // Documents are lines too.
    let documents = "{\"artist_id\":\"5\",\"country_track\":\"US\"}\n{\n";
    let load = stage.rowcast_with_input(&["load", "-"], documents).await;
    assert_eq!(load.code, Some(5), "{}", load.stderr);
    assert!(
        load.stderr.contains("standard input, line 2: EOF"),
        "{}",
        load.stderr
    );
    dynamodb.shutdown().await;
}
