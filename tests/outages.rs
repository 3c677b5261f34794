//! An outage while several chunks are on their way, of which only the first was
//! answered: all of them wait.

use crate::support::dynamodb::{Dynamo, table_name};
use crate::support::stage::{Stage, source_section};
use crate::support::table::table_keyed;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use std::collections::HashSet;
use std::sync::Mutex;

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
