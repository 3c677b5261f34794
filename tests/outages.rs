//! An outage while several chunks are on their way, of which only the first was
//! answered: all of them wait. A table that never takes one of the documents: it takes
//! the others.

use crate::support::dynamodb::{Dynamo, table_name};
use crate::support::stage::{Stage, source_section};
use crate::support::table::table_keyed;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

const ROWS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_were_not_answered_wait_with_those_that_were() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    // The first chunk has more rows: its call ends last.
    let answered = Mutex::new(HashSet::new());
    let source = ScriptedSource::start(move |seen, number| {
        let row: usize = seen.target[1..].parse().unwrap();
        // Ten rows are answered before the outage, which is over after 400 requests.
        let first = row < 10 && answered.lock().unwrap().insert(row);
        if number > 400 || first {
            Reply::json(format!(r#"[{{"id":"{row}"}}]"#))
        } else {
            Reply::status(500, "{}")
        }
    })
    .await;
    let at = Dynamo {
        name: "dynoxide",
        endpoint: dynamodb.endpoint(),
    };
    let retry = "[source.retry]\nbase_delay_ms = 1\nmax_delay_ms = 20\n";
    let stage = Stage::new(
        &[
            "[rows]\nfile = \"rows.jsonl\"\n",
            &source_section(&source.origin(), 40),
            retry,
            &table_keyed(&at, &table_name(), "id S"),
        ]
        .concat(),
    );
    let rows: Vec<_> = (0..ROWS).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    std::fs::write(stage.path().join("rows.jsonl"), rows.concat()).unwrap();
    stage.rowcast(&["table", "create"]).await.ok();
    stage.rowcast(&["run"]).await.ok();
    let count = stage.rowcast(&["query", "--count"]).await.ok().stdout;
    assert_eq!(count.trim(), ROWS.to_string());
}

/// A refusal says how long to wait in its head, whatever becomes of its body.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_count_without_their_bodies() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = ScriptedSource::start(move |seen, number| {
        let row = &seen.target[1..];
        if number % 5 == 2 {
            return Reply::status(429, "x".repeat(50_000)).with_header("retry-after", "1");
        }
        Reply::json(format!(r#"[{{"id":"{row}"}}]"#))
    })
    .await;
    let at = Dynamo {
        name: "dynoxide",
        endpoint: dynamodb.endpoint(),
    };
    let stage = Stage::new(
        &[
            "[rows]\nfile = \"rows.jsonl\"\n",
            &source_section(&source.origin(), 1).replace("url =", "max_body_bytes = 1000\nurl ="),
            &table_keyed(&at, &table_name(), "id S"),
        ]
        .concat(),
    );
    let rows: Vec<_> = (0..8).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    std::fs::write(stage.path().join("rows.jsonl"), rows.concat()).unwrap();
    stage.rowcast(&["table", "create"]).await.ok();
    let said = stage.rowcast(&["run"]).await.ok().stderr;
    assert!(said.contains("8 read: 8 done"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_never_processed_is_rejected() {
    let described = r#"{"Table":{"TableName":"records","TableStatus":"ACTIVE","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"ItemCount":0,"TableSizeBytes":0,"BillingModeSummary":{"BillingMode":"PAY_PER_REQUEST"}}}"#;
    let written = Arc::new(Mutex::new(HashSet::new()));
    let items = Arc::clone(&written);
    let dynamodb = ScriptedSource::start(move |seen, _| {
        let target = seen.header("x-amz-target").unwrap();
        if target.ends_with(".DescribeTable") {
            return Reply::json(described);
        }
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        let puts = body["RequestItems"]["records"].as_array().unwrap();
        let id = |put: &Value| {
            put["PutRequest"]["Item"]["id"]["S"]
                .as_str()
                .map(str::to_owned)
        };
        let (left, done): (Vec<_>, Vec<_>) = puts
            .iter()
            .cloned()
            .partition(|put| id(put).unwrap() == "7");
        items.lock().unwrap().extend(done.iter().filter_map(id));
        let left = if left.is_empty() {
            json!({})
        } else {
            json!({ "records": left })
        };
        Reply::json(json!({ "UnprocessedItems": left }).to_string())
    })
    .await;
    let source = ScriptedSource::start(|seen, _| {
        Reply::json(format!(r#"[{{"id":"{}"}}]"#, &seen.target[1..]))
    })
    .await;
    let at = Dynamo {
        name: "scripted",
        endpoint: dynamodb.origin(),
    };
    let stage = Stage::new(
        &[
            "[rows]\nfile = \"rows.jsonl\"\n",
            &source_section(&source.origin(), 60),
            "[limits]\ncall_seconds = 2\n",
            &table_keyed(&at, "records", "id S"),
        ]
        .concat(),
    );
    let rows: Vec<_> = (0..ROWS).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    std::fs::write(stage.path().join("rows.jsonl"), rows.concat()).unwrap();
    let output = stage.rowcast(&["run"]).await;
    assert_eq!(output.code, Some(5), "{}", output.stderr);
    let counts = format!(
        "documents  {ROWS} in all: {} written, 0 superseded, 1 rejected",
        ROWS - 1
    );
    assert!(output.stderr.contains(&counts), "{}", output.stderr);
    assert_eq!(written.lock().unwrap().len(), ROWS - 1);
}
