//! Runs that are killed, stopped and repeated: nothing is lost, and nothing is
//! asked for or written twice without need. What these tests share.

mod damaged;
mod killed;
mod rejected;
mod rows;
mod shared;
mod stopped;
mod unchanged;

use crate::support::command::Output;
use crate::support::stage::{Stage, table_section};
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::{Reply, Seen};
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const COUNTRIES: u64 = 2;
const TRACKS: u64 = 3;
const ROWS: u64 = 24;
const CHUNK: u64 = 3;
const WORKERS: u64 = 2;
/// All the documents there are.
const ALL: u64 = ROWS * COUNTRIES * TRACKS;

/// What a source answers to one request: three tracks.
fn answer(seen: &Seen) -> Value {
    let track = |number: u64| json!({ "id": format!("t{number}"), "target": seen.target, "n": 1 });
    json!({ "tracks": (0..TRACKS).map(track).collect::<Vec<_>>() })
}

fn reply(seen: &Seen) -> Reply {
    Reply::json(answer(seen).to_string())
}

fn configuration(source: &ScriptedSource, dynamodb: &str, table: &str) -> String {
    let source = source.origin();
    format!(
        r#"
[rows]
file = "rows.jsonl"
[source]
url = "{source}/artists/{{id}}?country={{country}}"
records = "/tracks"
require = ["/id", "/n"]
[source.matrix]
country = ["US", "CA"]
[source.attributes]
artist_id = "{{id}}"
country_track = "{{country}}#{{record:/id}}"
[run]
chunk_rows = {CHUNK}
workers = {WORKERS}
[egress]
addresses = ["127.0.0.1"]
{}"#,
        table_section(dynamodb, table)
    )
}

/// A folder with rows, a configuration and a table.
async fn stage(configuration: &str) -> Stage {
    let stage = Stage::new(configuration);
    let rows: Vec<String> = (0..ROWS)
        .map(|id| format!("{{\"id\":\"a{id}\"}}\n"))
        .collect();
    std::fs::write(stage.path().join("rows.jsonl"), rows.concat()).unwrap();
    stage.rowcast(&["table", "create"]).await.ok();
    stage
}

/// A DynamoDB with a table, a source that answers by whatever the test wants, and a
/// folder with rows for both.
async fn work() -> (TemporaryDynamoDb, Moody, Stage) {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let moody = Moody::start().await;
    let text = configuration(&moody.source, &dynamodb.endpoint(), "tracks");
    let stage = stage(&text).await;
    (dynamodb, moody, stage)
}

/// All documents of the table in order, whatever the order of their members.
async fn documents(stage: &Stage) -> Vec<String> {
    let all = stage
        .rowcast(&["query", "attribute_exists(artist_id)"])
        .await
        .ok();
    let sorted = |document: Value| {
        let members = document.as_object().unwrap().clone();
        format!("{:?}", members.into_iter().collect::<BTreeMap<_, _>>())
    };
    let mut all: Vec<String> = all.documents().into_iter().map(sorted).collect();
    all.sort();
    all
}

fn counts(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr))
}

/// Runs, and compares counts named like `documents.written`.
async fn check(stage: &Stage, arguments: &[&str], code: i32, expected: &[(&str, u64)]) -> Output {
    let arguments = [&["run", "--report", "json"], arguments].concat();
    let output = stage.rowcast(&arguments).await;
    assert_eq!(output.code, Some(code), "{arguments:?} {}", output.stderr);
    for (name, number) in expected {
        let pointer = format!("/{}", name.replace('.', "/"));
        let found = counts(&output).pointer(&pointer).and_then(Value::as_u64);
        assert_eq!(
            found,
            Some(*number),
            "{name} {arguments:?} {}",
            output.stderr
        );
    }
    output
}

/// What a source answers that is not to be asked before tomorrow.
fn tomorrow() -> Reply {
    Reply::status(429, "{}").with_header("retry-after", "86400")
}

/// A source that answers by whatever the test wants at the moment.
struct Moody {
    source: ScriptedSource,
    mood: Arc<Mutex<Mood>>,
}

type Mood = Box<dyn Fn(&Seen, usize) -> Reply + Send>;

impl Moody {
    async fn start() -> Self {
        let mood: Arc<Mutex<Mood>> = Arc::new(Mutex::new(Box::new(|seen, _| reply(seen))));
        let current = Arc::clone(&mood);
        let source =
            ScriptedSource::start(move |seen, number| current.lock().unwrap()(seen, number)).await;
        Self { source, mood }
    }

    fn answer(&self, mood: impl Fn(&Seen, usize) -> Reply + Send + 'static) {
        *self.mood.lock().unwrap() = Box::new(mood);
    }

    /// Answers so many more requests, and refuses those that follow.
    fn refuse_after(&self, more: u64, refusal: Reply) {
        let last = self.requests() + more;
        self.answer(move |seen, number| {
            if number as u64 >= last {
                refusal.clone()
            } else {
                reply(seen)
            }
        });
    }

    fn requests(&self) -> u64 {
        self.source.seen().len() as u64
    }
}
