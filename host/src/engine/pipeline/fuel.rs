//! Fixed calls of the embedded component → the instructions that they take, held
//! to committed figures: a slower commit is seen on any machine.
//!
//! The engine counts WebAssembly instructions as fuel, which depends on neither
//! the machine nor its load. How often a call looks for answers that aren't there
//! yet does depend on it, hence the tolerance.

use super::*;
use crate::Secret;
use crate::dynamodb::credentials::StaticCredentials;
use crate::dynamodb::{DynamoDb, Settings};
use crate::engine::compiled::Compiled;
use crate::engine::runtime::config;
use crate::engine::{COMPONENT, Capabilities};
use crate::http_out::authorizer::Authorizer;
use crate::http_out::client::tests::loopback_client;
use crate::http_out::egress::Egress;
use crate::limits::Limits;
use rowcast_stand_ins::catalog::Catalog;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::json;
use wasmtime::Engine;

const ROWS: usize = 20;
const TRACKS: usize = 10;

/// Thousands of instructions a track, for `extract`, `load` and `transfer`. Write
/// down what the test says when a change is meant; a figure that rises says what
/// the change costs.
const FIGURES: [f64; 3] = [61.95, 104.32, 130.40];

/// Of each figure, in either direction.
const TOLERANCE: f64 = 0.02;

struct World {
    pipeline: Pipeline,
    origin: String,
    rows: Vec<String>,
    _servers: [ScriptedSource; 2],
}

async fn world() -> World {
    let catalog = Catalog::synthetic(ROWS, TRACKS);
    let rows = catalog
        .artist_ids()
        .map(|id| json!({ "id": id }).to_string())
        .collect();
    let source = ScriptedSource::start(move |seen, _| {
        let id = seen.target.rsplit('/').next().unwrap_or_default();
        Reply::status(200, catalog.top_tracks(id, None).unwrap_or_default())
    })
    .await;
    let written = Reply::status(200, r#"{"UnprocessedItems":{}}"#);
    let table = ScriptedSource::replies(vec![written]).await;
    let limits = Limits::default();
    let client = loopback_client();
    let settings = Settings {
        region: Some("us-east-1".into()),
        endpoint: Some(table.origin()),
        profile: None,
        credentials: Some(StaticCredentials {
            access_key_id: "key".into(),
            secret_access_key: Secret::new("secret"),
            session_token: None,
        }),
        plain_http: Vec::new(),
    };
    let connected = DynamoDb::connect(client.clone(), &settings, &limits).await;
    let capabilities = Capabilities {
        authorizer: Authorizer::default(),
        dynamodb: Some(connected.unwrap()),
        client,
        egress: Arc::new(Egress {
            origins: [source.origin().parse().unwrap()].into(),
            ..Egress::default()
        }),
        tables: ["tracks".to_owned()].into(),
    };
    let mut config = config(None);
    config.consume_fuel(true);
    let engine = Engine::new(&config).unwrap();
    let runtime = Runtime::over(engine, Compiled::new(None), limits).unwrap();
    World {
        pipeline: runtime.pipeline(&component(), capabilities).unwrap(),
        origin: source.origin(),
        rows,
        _servers: [source, table],
    }
}

/// The embedded component, or a file's, to compare builds.
fn component() -> Vec<u8> {
    match std::env::var_os("ROWCAST_TEST_COMPONENT") {
        Some(path) => std::fs::read(path).unwrap(),
        None => COMPONENT.to_vec(),
    }
}

impl World {
    /// What a call takes beside the instantiation, and its result.
    async fn fuel<T>(
        &self,
        work: impl AsyncFnOnce(&Instance, &mut Store<State>) -> wasmtime::Result<Result<T, Failure>>,
    ) -> (u64, T) {
        let violations = self.pipeline.violations.of_call();
        let begun = self
            .pipeline
            .begin(&violations, &Default::default(), Some(&self.origin))
            .await;
        let mut call = begun.unwrap();
        call.store.set_fuel(u64::MAX).unwrap();
        let instance = call.instantiate(&self.pipeline.pre).await.unwrap();
        let before = call.store.get_fuel().unwrap();
        let result = work(&instance, &mut call.store).await.unwrap().unwrap();
        (before - call.store.get_fuel().unwrap(), result)
    }

    fn source(&self) -> String {
        json!({
            "url": format!("{}/artists/{{id}}", self.origin), "records": "/tracks",
            "require": ["/id", "/popularity"],
            "attributes": { "artist_id": "{id}", "track": "US#{record:/id}" },
        })
        .to_string()
    }
}

fn table() -> String {
    let key = |name: &str| json!({ "name": name, "type": "S" });
    let keys = json!({ "partition": key("artist_id"), "sort": key("track") });
    json!({ "name": "tracks", "keys": keys }).to_string()
}

/// Thousands of instructions for each document.
fn each(what: &str, (fuel, documents): (u64, usize)) -> f64 {
    assert_eq!(documents, ROWS * TRACKS, "{what}");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let each = fuel as f64 / documents as f64 / 1e3;
    each
}

#[tokio::test]
async fn calls_take_as_many_instructions_as_they_did() {
    let world = world().await;
    let (source, table) = (world.source(), table());
    let budget = Some(60_000);
    let (fuel, extraction) = world
        .fuel(async |instance, store| {
            let extract = instance.rowcast_pipeline_extract();
            extract
                .call_extract(store, &source, &world.rows, None, budget)
                .await
        })
        .await;
    let documents = extraction.documents;
    let extracted = (fuel, documents.len());
    let (fuel, report) = world
        .fuel(async |instance, store| {
            let load = instance.rowcast_pipeline_load();
            load.call_load(store, &table, &documents, budget).await
        })
        .await;
    let loaded = (fuel, report.written as usize);
    let (fuel, report) = world
        .fuel(async |instance, store| {
            let transfer = instance.rowcast_pipeline_transfer();
            transfer
                .call_transfer(store, &source, &table, &world.rows, None, budget)
                .await
        })
        .await;
    let transferred = (fuel, report.written as usize);
    let seen = [
        each("extract", extracted),
        each("load", loaded),
        each("transfer", transferred),
    ];
    println!("{seen:.2?} thousand instructions a track: extract, load, transfer");
    for (seen, figure) in seen.iter().zip(FIGURES) {
        assert!(
            (seen / figure - 1.0).abs() <= TOLERANCE,
            "{seen:.2} thousand instructions a track; the figure is {figure}"
        );
    }
}
