//! Of documents with one key the last one stays, over chunks and workers,
//! through `load` and `run`, whatever DynamoDB returns or refuses.

use crate::support::dynamodb::{Dynamo, table_name};
use crate::support::stage::{Stage, host};
use crate::support::table::{ask, table_keyed};
use rowcast::config::Draft;
use rowcast::host::Host;
use rowcast::ledger::Begin;
use rowcast::run::Tally;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use rowcast_stand_ins::table::{DynamoFault, DynamoPlan, FaultyDynamo};
use serde_json::{Value, json};

const KEYS: u64 = 200;
const VERSIONS: u64 = 4;
const SEEDS: u64 = 1;

/// Batches fail, or nobody is told that they were written, and are sent again.
/// Throttling would only make it slow: the pace is tried elsewhere.
const FAULTS: &[(DynamoFault, u64)] = &[
    (DynamoFault::Internal, 60),
    (DynamoFault::ResetBefore, 40),
    (DynamoFault::ResetAfter, 60),
];

/// The last version of every tenth key is one that DynamoDB refuses.
fn document(version: u64, key: u64) -> Value {
    let mut document = json!({ "k": format!("k{key}"), "v": version });
    if version == VERSIONS && key.is_multiple_of(10) {
        document["refused"] = json!(true);
    }
    document
}

/// Version after version of all keys.
fn documents() -> impl Iterator<Item = Value> {
    (1..=VERSIONS).flat_map(|version| (0..KEYS).map(move |key| document(version, key)))
}

struct Case {
    seed: u64,
    chunk_rows: usize,
    workers: usize,
    ledger: bool,
}

/// Every combination of sizes, each with seeds of its own.
fn cases() -> impl Iterator<Item = Case> {
    let sizes = [(7, 8), (25, 4), (125, 3), (500, 2), (40, 1), (60, 6)];
    (0..SEEDS).flat_map(move |round| {
        sizes
            .into_iter()
            .zip(0..)
            .map(move |((chunk_rows, workers), number)| Case {
                seed: round * 100 + number,
                chunk_rows,
                workers,
                ledger: (round + number) % 2 == 0,
            })
    })
}

impl Case {
    fn ledger(&self) -> &'static str {
        if self.ledger {
            "\n[ledger]\nfile = \"ledger.redb\"\n"
        } else {
            "\n[ledger]\noff = true\n"
        }
    }

    fn plan(&self) -> DynamoPlan {
        DynamoPlan {
            seed: self.seed,
            rates: FAULTS,
            refused: Some("refused"),
            ..DynamoPlan::QUIET
        }
    }

    async fn expect(&self, host: &Host, tally: &Tally) {
        let all = KEYS * VERSIONS;
        let (documents, refused) = (tally.documents, KEYS / 10);
        let counted = documents.written + documents.superseded + documents.rejected;
        assert_eq!(counted, all, "seed {}: {documents:?}", self.seed);
        assert_eq!(documents.rejected, refused, "seed {}", self.seed);
        assert!(
            documents.written >= KEYS,
            "seed {}: {documents:?}",
            self.seed
        );
        let found = ask(host, &host.query("attribute_exists(k)").unwrap()).await;
        assert_eq!(found.documents.len() as u64, KEYS, "seed {}", self.seed);
        for document in found.documents {
            let key: u64 = document["k"].as_str().unwrap()[1..].parse().unwrap();
            let last = if key.is_multiple_of(10) {
                VERSIONS - 1
            } else {
                VERSIONS
            };
            assert_eq!(document["v"], json!(last), "seed {}, key {key}", self.seed);
        }
    }
}

fn table(front: &FaultyDynamo) -> String {
    let dynamodb = Dynamo {
        name: "dynoxide",
        endpoint: front.endpoint(),
    };
    let section = table_keyed(&dynamodb, &table_name(), "k S");
    format!("{section}\n[table.retry]\nmax_attempts = 20\nbase_delay_ms = 1\nmax_delay_ms = 5\n")
}

/// The library's host, its ledger in the stage's folder.
async fn host_in(stage: &Stage, configuration: &str) -> Host {
    let path = stage.path().join("ledger.redb");
    let path = path.to_str().unwrap();
    host(&configuration.replace("ledger.redb", path)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn through_load() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    for case in cases() {
        let front = FaultyDynamo::start(DynamoPlan::QUIET, &dynamodb.endpoint()).await;
        let stage = Stage::new("");
        let configuration = format!("{}{}", table(&front), case.ledger());
        let host = host_in(&stage, &configuration).await;
        host.create_table().await.unwrap();
        let rows = documents().map(|document| Ok(document.to_string()));
        let rows = Box::pin(futures_util::stream::iter(rows.collect::<Vec<_>>()));
        let mut run = host.load().await.unwrap();
        if let Some(ledger) = host.ledger().await.unwrap() {
            let recording = ledger.contents_only(host.scope().await.unwrap()).await;
            run = run.ledger(recording.unwrap());
        }
        let run = run.chunk_rows(case.chunk_rows).workers(case.workers);
        front.restart(case.plan());
        let report = run.start(rows, |_| ()).await.unwrap();
        front.restart(DynamoPlan::QUIET);
        assert!(report.stopped.is_none(), "{:?}", report.stopped);
        case.expect(&host, &report.tally).await;
        if case.ledger {
            // Which content stayed is known: the last versions are there.
            let last = documents().filter(|document| document["v"] == VERSIONS);
            let last = last.filter(|document| document["refused"].is_null());
            let rows = last.map(|document| Ok(document.to_string()));
            let rows = Box::pin(futures_util::stream::iter(rows.collect::<Vec<_>>()));
            let tally = run.start(rows, |_| ()).await.unwrap().tally;
            assert_eq!(
                tally.documents.unchanged,
                KEYS - KEYS / 10,
                "seed {}",
                case.seed
            );
        }
    }
}

/// Each row's answer is its document. Answers come in any order, and some only
/// when their request is repeated.
#[tokio::test(flavor = "multi_thread")]
async fn through_run() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    for case in cases() {
        let front = FaultyDynamo::start(DynamoPlan::QUIET, &dynamodb.endpoint()).await;
        let seed = usize::try_from(case.seed).unwrap();
        let source = ScriptedSource::start(move |seen, number| {
            if (number * 7 + seed) % 9 == 0 {
                return Reply::status(500, "{}");
            }
            let numbers: Vec<u64> = seen.target[1..]
                .split('-')
                .map(|number| number.parse().unwrap())
                .collect();
            let [version, key] = numbers[..] else {
                panic!("{}", seen.target)
            };
            Reply::json(json!({ "items": [document(version, key)] }).to_string())
        })
        .await;
        let stage = Stage::new("");
        let configuration = format!(
            "{}\n[source]\nurl = \"{}/{{version}}-{{key}}\"\nrecords = \"/items\"\n\
             [source.retry]\nmax_attempts = 20\nbase_delay_ms = 1\nmax_delay_ms = 5\n\
             [egress]\naddresses = [\"127.0.0.1\"]\n{}",
            table(&front),
            source.origin(),
            case.ledger()
        );
        let host = host_in(&stage, &configuration).await;
        host.create_table().await.unwrap();
        let rows = (1..=VERSIONS).flat_map(|version| {
            (0..KEYS).map(move |key| Ok(json!({ "version": version, "key": key }).to_string()))
        });
        let rows = Box::pin(futures_util::stream::iter(rows.collect::<Vec<_>>()));
        let mut run = host.run().await.unwrap();
        if let Some(ledger) = host.ledger().await.unwrap() {
            // What the ledger knows the rows by.
            let file = stage.path().join("rows.jsonl");
            std::fs::write(&file, "").unwrap();
            let text = format!("[rows]\nfile = \"{}\"\n", file.display());
            let sections = [rowcast::config::Section::Rows];
            let config = Draft::parse(&text, &sections, |_| None)
                .unwrap()
                .finish()
                .unwrap();
            let begun = host
                .begin(&ledger, &Begin::Fresh, config.rows().unwrap())
                .await;
            run = run.ledger(begun.unwrap());
        }
        let run = run.chunk_rows(case.chunk_rows).workers(case.workers);
        front.restart(case.plan());
        let report = run.start(rows, |_| ()).await.unwrap();
        front.restart(DynamoPlan::QUIET);
        assert!(report.stopped.is_none(), "{:?}", report.stopped);
        case.expect(&host, &report.tally).await;
    }
}
