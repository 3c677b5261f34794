//! Rows → extract → load → query, through the command and the component, on
//! two implementations of `DynamoDB`.

use crate::support::dynamodb::on_each;
use crate::support::stage::{Stage, rows_section, spotify_section, table_section};
use crate::support::table::table_keyed;
use rowcast_stand_ins::catalog::POPULARITY_OVER_90;
use rowcast_stand_ins::demo::Demo;
use serde_json::{Value, json};

/// The three documents that the original pipeline ended with.
fn expected() -> Vec<Value> {
    serde_json::from_str(POPULARITY_OVER_90).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_documents_come_back_member_by_member_and_digit_by_digit_on_each_dynamodb() {
    let demo = Demo::start().await.unwrap();
    on_each(async |dynamodb, table| {
        let stage = Stage::new(
            &[
                rows_section(&demo.postgres().url(), "SELECT id FROM artists"),
                spotify_section(&demo.spotify().origin()),
                table_section(&dynamodb.endpoint, &table),
            ]
            .concat(),
        );
        stage.rowcast(&["table", "create"]).await.ok();
        let run = stage.rowcast(&["run", "--report", "json"]).await.ok();
        let counts: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(counts["rows"]["done"], 36, "{}", dynamodb.name);
        assert_eq!(counts["documents"]["written"], 720, "{}", dynamodb.name);

        let mut found = stage
            .rowcast(&["query", "popularity > 90"])
            .await
            .ok()
            .documents();
        for document in &mut found {
            let added = document
                .as_object_mut()
                .unwrap()
                .remove("country_track")
                .unwrap();
            let track = format!("US#{}", document["id"].as_str().unwrap());
            assert_eq!(added, Value::String(track));
        }
        let id = |document: &Value| document["id"].as_str().unwrap().to_owned();
        let mut expected = expected();
        found.sort_by_key(id);
        expected.sort_by_key(id);
        assert_eq!(found, expected, "{}", dynamodb.name);
    })
    .await;
}

/// Documents in an order of their own, to be compared.
fn sorted(mut documents: Vec<Value>) -> Vec<Value> {
    let key = |document: &Value| {
        ["artist_id", "country_track"].map(|name| document[name].as_str().unwrap().to_owned())
    };
    documents.sort_by_key(key);
    documents
}

#[tokio::test(flavor = "multi_thread")]
async fn running_twice_is_running_once_and_extract_prints_what_a_run_writes_on_each_dynamodb() {
    let demo = Demo::start().await.unwrap();
    on_each(async |dynamodb, table| {
        let stage = Stage::new(
            &[
                rows_section(&demo.postgres().url(), "SELECT id FROM artists"),
                spotify_section(&demo.spotify().origin()),
                table_section(&dynamodb.endpoint, &table),
                "\n[run]\nchunk_rows = 7\nworkers = 3\n".to_owned(),
            ]
            .concat(),
        );
        stage.rowcast(&["table", "create"]).await.ok();
        let scan = async || sorted(stage.rowcast(&["query"]).await.ok().documents());
        let first_run = stage.rowcast(&["run", "--report", "json"]).await.ok();
        let first = scan().await;
        // The second writes everything as well, whatever the ledger knows.
        let again = ["run", "--write-unchanged", "--report", "json"];
        let second_run = stage.rowcast(&again).await.ok();
        let second = scan().await;
        assert_eq!(first.len(), 720, "{}", dynamodb.name);
        assert!(
            first == second,
            "{}: the second run changed it",
            dynamodb.name
        );
        let counts = [first_run, second_run].map(|run| {
            let counts: Value = serde_json::from_str(&run.stdout).unwrap();
            counts["documents"].clone()
        });
        assert_eq!(counts[0], counts[1]);

        let extracted = stage.rowcast(&["extract"]).await.ok().documents();
        assert!(
            sorted(extracted) == first,
            "{}: extract prints other documents",
            dynamodb.name
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_component_authenticates_as_well_as_the_host() {
    let demo = Demo::start().await.unwrap();
    let rows = rows_section(&demo.postgres().url(), "SELECT id FROM artists");
    let source = spotify_section(&demo.spotify().origin());
    let by_component = source.replace(
        "type = \"client-credentials\"",
        "type = \"client-credentials\"\nby = \"component\"",
    );
    let wrong = by_component.replace("demo-secret", "another");
    assert!(source != by_component && by_component != wrong);
    let mut extracted = Vec::new();
    for source in [&source, &by_component] {
        let before = demo.spotify().requests();
        let stage = Stage::new(&[rows.as_str(), source].concat());
        extracted.push(sorted(stage.rowcast(&["extract"]).await.ok().documents()));
        let after = demo.spotify().requests();
        // 36 rows are one call, and a call needs one token.
        assert_eq!(after.token - before.token, 1);
        assert_eq!(after.tracks - before.tracks, 72);
    }
    assert_eq!(extracted[0].len(), 720);
    assert!(extracted[0] == extracted[1], "they differ");

    let stage = Stage::new(&[rows, wrong].concat());
    let refused = stage.rowcast(&["extract"]).await;
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(!refused.stderr.contains("another"), "{}", refused.stderr);
}

/// What a rejections file says of documents, as `path: reason`.
fn rejected(stage: &Stage) -> Vec<String> {
    let text = std::fs::read_to_string(stage.path().join("rejected.jsonl")).unwrap();
    let mut rejected: Vec<_> = text
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["what"], "document");
            assert!(line["document"].is_object());
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            format!("{}: {}", text("path"), text("reason"))
        })
        .collect();
    rejected.sort();
    rejected
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dynamodb_cannot_hold_is_rejected_with_its_place_and_the_rest_is_written_on_each_dynamodb()
 {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let documents = [
        r#"{"pk":"good 1","n":99999999999999999999999999999999999999}"#.to_owned(),
        r#"{"pk":"digits","a":[{"n":123456789012345678901234567890123456789}]}"#.to_owned(),
        r#"{"pk":"magnitude","a/b":1E126}"#.to_owned(),
        r#"{"n":1}"#.to_owned(),
        r#"{"pk":null}"#.to_owned(),
        r#"{"pk":""}"#.to_owned(),
        r#"{"pk":7}"#.to_owned(),
        format!(r#"{{"pk":"large","text":"{}"}}"#, "x".repeat(410_000)),
        format!(r#"{{"pk":"good 2","text":"{}"}}"#, "x".repeat(400_000)),
        format!(r#"{{"pk":"good 3","deep":{}}}"#, nested(31)),
        format!(r#"{{"pk":"deep","deep":{}}}"#, nested(32)),
        format!(r#"{{"pk":"{}"}}"#, "k".repeat(2049)),
        r#"{"pk":"good 4"}"#.to_owned(),
    ];
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_keyed(&dynamodb, &table, "pk S"));
        stage.rowcast(&["table", "create"]).await.ok();
        std::fs::write(stage.path().join("documents.jsonl"), documents.join("\n")).unwrap();
        let arguments = ["load", "documents.jsonl", "--rejected", "rejected.jsonl"];
        let load = stage.rowcast(&arguments).await;
        assert_eq!(load.code, Some(5), "{}", load.stderr);
        let counts = "13 in all: 4 written, 0 superseded, 9 rejected, 0 pending";
        assert!(load.stderr.contains(counts), "{}", load.stderr);
        expect_test::expect![[r#"
            /a/0/n: the number has 39 significant digits; DynamoDB keeps 38
            /a~1b: the number is beyond 9.99E+125, the largest that DynamoDB holds
            /deep/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0: the value is nested deeper than the 32 levels that DynamoDB holds
            /pk: the table's partition key `pk` is missing
            /pk: the table's partition key has 2049 bytes; DynamoDB holds 2048
            /pk: the table's partition key must be a string (S), not a number
            /pk: the table's partition key must be a string (S), not null
            /pk: the table's partition key must not be empty
            : the item has 410011 bytes as DynamoDB counts them; it holds 409600"#]].assert_eq(&rejected(&stage).join("\n"));
        let found = stage.rowcast(&["query", "--select", "pk"]).await.ok();
        let mut found: Vec<_> = found.stdout.lines().collect();
        found.sort_unstable();
        let expected = [1, 2, 3, 4].map(|number| format!("{{\"pk\":\"good {number}\"}}"));
        assert_eq!(found, expected, "{}", dynamodb.name);
    })
    .await;
}

/// A number's sign, digits and exponent, however it is written.
fn value(number: &str) -> (bool, String, i64) {
    let number = number.to_ascii_lowercase();
    let (mantissa, exponent) = number.split_once('e').unwrap_or((&number, "0"));
    let unsigned = mantissa.trim_start_matches('-');
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    if digits.is_empty() {
        return (false, String::new(), 0);
    }
    let kept = digits.trim_end_matches('0');
    let exponent: i64 = exponent.trim_start_matches('+').parse().unwrap();
    let dropped = i64::try_from(digits.len() - kept.len()).unwrap();
    let exponent = exponent - i64::try_from(fraction.len()).unwrap() + dropped;
    (mantissa.starts_with('-'), kept.to_owned(), exponent)
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_come_back_with_their_value_and_plain_ones_with_their_digits_on_each_dynamodb() {
    /// Written as DynamoDB itself writes them.
    const PLAIN: &[&str] = &[
        "0",
        "0.1",
        "-7",
        "90",
        "3.14159265358979323846",
        "9007199254740993",
        "12345678901234567890123456789012345678",
        "-0.12345678901234567890123456789012345678",
        "1234567890123456789.0123456789012345678",
    ];
    /// DynamoDB writes these in another way.
    const OTHERS: &[&str] = &[
        "-0.0",
        "0.10",
        "1.0",
        "1e2",
        "1E+2",
        "12e-1",
        "1E-130",
        "-1E-130",
        "9.9999999999999999999999999999999999999E+125",
        "-9.9999999999999999999999999999999999999e125",
        "100000000000000000000000000000000000000000000",
        "0e5",
        "0.000000000000000000000000000000000000000000001",
    ];
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_keyed(&dynamodb, &table, "pk N"));
        stage.rowcast(&["table", "create"]).await.ok();
        let numbers: Vec<_> = PLAIN.iter().chain(OTHERS).collect();
        let documents: Vec<_> = numbers
            .iter()
            .enumerate()
            .map(|(at, number)| format!("{{\"pk\":{at},\"n\":{number},\"l\":[{number}]}}\n"))
            .collect();
        stage
            .rowcast_with_input(&["load"], &documents.concat())
            .await
            .ok();
        for (at, number) in numbers.iter().enumerate() {
            let query = format!("pk = {at} AND n = {number}");
            let found = stage.rowcast(&["query", &query]).await.ok().documents();
            let place = format!("{}: {number}", dynamodb.name);
            assert_eq!(found.len(), 1, "{place}");
            for read in [&found[0]["n"], &found[0]["l"][0]] {
                assert!(read.is_number(), "{place}");
                let read = read.to_string();
                assert_eq!(value(&read), value(number), "{place} is {read}");
                if PLAIN.contains(number) {
                    assert_eq!(read, **number, "{}", dynamodb.name);
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_of_every_script_nulls_and_empty_containers_come_back_on_each_dynamodb() {
    let documents = [
        json!({ "pk": "日本語", "größe": "Größe", "\u{1F3B5} key": "\u{1F3B5}" }),
        json!({ "pk": "controls", "text": "\u{0}\u{1}\u{1f}\u{7f}\u{2028}\t\r\n\"\\/" }),
        json!({ "pk": "nulls", "null": null, "list": [null, [null], { "null": null }] }),
        json!({ "pk": "empty", "list": [], "map": {}, "nested": [[], {}, [[]]] }),
        json!({ "pk": "truth", "true": true, "false": false, "list": [true, false] }),
        json!({ "pk": "names", "a.b": 1, "a[0]": 2, "#n": 3, ":v": 4, "S": { "S": "x" } }),
        json!({ "pk": "combining e\u{301} is not \u{e9}" }),
    ];
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_keyed(&dynamodb, &table, "pk S"));
        stage.rowcast(&["table", "create"]).await.ok();
        let lines = documents.clone().map(|document| document.to_string());
        stage
            .rowcast_with_input(&["load"], &lines.join("\n"))
            .await
            .ok();
        let mut found = stage.rowcast(&["query"]).await.ok().documents();
        let mut expected = documents.to_vec();
        for list in [&mut found, &mut expected] {
            list.sort_by_key(|document| document["pk"].to_string());
        }
        assert_eq!(found, expected, "{}", dynamodb.name);
        let one = stage.rowcast(&["query", "pk = '日本語'"]).await.ok();
        assert_eq!(one.documents(), documents[..1], "{}", dynamodb.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_dynamodb_refuses_fails_alone_on_each_dynamodb() {
    // DynamoDB has accepted empty strings outside keys since May 2020. DynamoDB
    // Local of January 2020 refuses them, and with them the whole batch.
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_keyed(&dynamodb, &table, "pk S"));
        stage.rowcast(&["table", "create"]).await.ok();
        let documents: Vec<_> = (0..25)
            .map(|n| {
                let text = if n == 13 { "" } else { "text" };
                format!("{{\"pk\":\"{n:02}\",\"a\":{{\"text\":\"{text}\"}}}}\n")
            })
            .collect();
        let arguments = ["load", "--rejected", "rejected.jsonl"];
        let load = stage
            .rowcast_with_input(&arguments, &documents.concat())
            .await;
        let refuses = dynamodb.name == "DynamoDB Local";
        let (code, written) = if refuses { (5, 24) } else { (0, 25) };
        assert_eq!(load.code, Some(code), "{}", load.stderr);
        let counts = format!("25 in all: {written} written, 0 superseded");
        assert!(load.stderr.contains(&counts), "{}", load.stderr);
        let rejected = rejected(&stage);
        if refuses {
            assert_eq!(rejected.len(), 1);
            let reason = ": DynamoDB answered ValidationException: ";
            assert!(rejected[0].starts_with(reason), "{}", rejected[0]);
            assert!(rejected[0].contains("empty string"), "{}", rejected[0]);
        } else {
            assert!(rejected.is_empty(), "{rejected:?}");
        }
        let ids = stage.rowcast(&["query", "--select", "pk"]).await.ok();
        assert_eq!(ids.stdout.lines().count(), written, "{}", dynamodb.name);
        assert_eq!(ids.stdout.contains("\"13\""), !refuses);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_document_is_rejected_and_the_others_are_written_on_each_dynamodb() {
    let document = |n| format!("{{\"pk\":{n}}}\n");
    let good: String = (0..1_200).map(document).collect::<Vec<_>>().concat();
    let lines = format!("{good}{{\"pk\":\n{}", document(1_200));
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_keyed(&dynamodb, &table, "pk N"));
        stage.rowcast(&["table", "create"]).await.ok();
        let load = stage.rowcast_with_input(&["load", "-"], &lines).await;
        assert_eq!(load.code, Some(5), "{}", load.stderr);
        for says in [
            "rejected: standard input, line 1201: ",
            "lines      1202 read: 1201 done, 1 rejected, 0 pending",
            "1201 in all: 1201 written, 0 superseded, 0 rejected, 0 pending",
        ] {
            assert!(load.stderr.contains(says), "{says}: {}", load.stderr);
        }
        let count = stage.rowcast(&["query", "--count"]).await.ok();
        assert_eq!(count.stdout, "1201\n", "{}", dynamodb.name);
    })
    .await;
}
