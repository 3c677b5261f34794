//! What goes wrong → the servers it goes wrong at, a run between them, and
//! what is in the table then.

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use futures_util::stream;
use rowcast::config::Config;
use rowcast::dynamodb::DynamoDb;
use rowcast::dynamodb::Endpoint;
use rowcast::dynamodb::admin::Polling;
use rowcast::dynamodb::credentials::Keyring;
use rowcast::engine::{COMPONENT, Capabilities, Runtime};
use rowcast::http_out::authorizer::Authorizer;
use rowcast::http_out::client::Client;
use rowcast::plan::Plan;
use rowcast::run::{Event, Rejection, Run, RunReport};
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::source::{FaultySource, SourcePlan};
use rowcast_stand_ins::table::{DynamoPlan, FaultyDynamo};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};

const MAX_WAIT: Duration = Duration::from_secs(10);

/// A run: what it's about, and what goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    pub artists: usize,
    pub source: SourcePlan,
    pub dynamodb: DynamoPlan,
    pub auth: AuthBy,
    /// Each call asks DynamoDB for the table's keys.
    pub ask_keys: bool,
    pub attempts: u32,
    pub request_timeout_ms: u32,
    pub chunk_rows: usize,
    pub workers: usize,
    /// Requests, and batches, at once in a call.
    pub concurrency: u32,
}

/// Who authenticates requests to the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthBy {
    Host,
    Component,
}

/// What came of it.
pub struct RunResult {
    pub report: RunReport,
    pub rejections: Vec<Rejection>,
    pub source: FaultySource,
    pub dynamodb: FaultyDynamo,
    pub took: Duration,
}

/// A table's items by artist and track.
pub type Items = BTreeMap<(String, String), Value>;

/// The DynamoDB behind all scenes.
pub struct Storage {
    server: TemporaryDynamoDb,
    direct: DynamoDb,
}

impl Storage {
    pub async fn start() -> Self {
        let server = TemporaryDynamoDb::start().await.unwrap();
        let config = config("http://127.0.0.1:1", "unused", None);
        let egress = Arc::new(Plan::default().egress(&config, None));
        let client = Client::new(&config.limits, egress).unwrap();
        let direct = dynamodb(&client, &server.endpoint(), &config);
        Self { server, direct }
    }

    pub async fn create(&self, table: &str) {
        let config = config("http://127.0.0.1:1", table, None);
        let keys = config.table.unwrap().keys.unwrap();
        self.direct
            .create_table(table, &keys, Polling::default())
            .await
            .unwrap();
    }

    /// What is really stored.
    pub async fn items(&self, table: &str) -> Items {
        let mut items = Items::new();
        let mut start = Value::Null;
        loop {
            let mut request = serde_json::json!({"TableName": table});
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let answer = self.direct.send("Scan", request.to_string()).await.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            let mut page: Value = serde_json::from_str(&answer.body).unwrap();
            for item in page["Items"].as_array_mut().unwrap() {
                let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
                let key = (text("artist_id"), text("country_track"));
                assert!(items.insert(key, item.take()).is_none());
            }
            start = page["LastEvaluatedKey"].take();
            if start.is_null() {
                return items;
            }
        }
    }

    /// Runs a scene into that table, to its end.
    pub async fn run(&self, scene: Scene, table: &str) -> RunResult {
        let source = FaultySource::start(scene.source).await;
        let front = FaultyDynamo::start(scene.dynamodb, &self.server.endpoint()).await;
        let run = pipeline(scene, &source, &front, table).await;
        let rows = (0..scene.artists).map(|row| Ok(format!(r#"{{"id":"{}"}}"#, artist(row))));
        let rejections: Arc<Mutex<Vec<Rejection>>> = Arc::default();
        let collecting = Arc::clone(&rejections);
        let started = Instant::now();
        // Counts that don't balance are an error here.
        let report = run
            .start(Box::pin(stream::iter(rows)), move |event| {
                if let Event::Rejected(rejection) = event {
                    collecting.lock().unwrap().push(*rejection);
                }
            })
            .await
            .unwrap();
        let rejections = std::mem::take(&mut *rejections.lock().unwrap());
        RunResult {
            report,
            rejections,
            source,
            dynamodb: front,
            took: started.elapsed(),
        }
    }
}

pub fn artist(row: usize) -> String {
    format!("artist-{row:02}")
}

async fn pipeline(scene: Scene, source: &FaultySource, front: &FaultyDynamo, table: &str) -> Run {
    /// Compiles the component once, and links it for each scene.
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let config = config(&source.origin(), table, Some(scene));
    let runtime = RUNTIME.get_or_init(|| Runtime::new(config.limits.clone()).unwrap());
    let component = runtime.load(COMPONENT).unwrap();
    let (config, plan) = Plan::new(config.into(), &component, true).await.unwrap();
    let limits = &config.limits;
    let egress = Arc::new(plan.egress(&config, None));
    let client = Client::new(limits, Arc::clone(&egress)).unwrap();
    let rules = plan.rules(&[]);
    let capabilities = Capabilities {
        authorizer: Authorizer::new(rules, &client, limits).unwrap(),
        dynamodb: Some(dynamodb(&client, &front.endpoint(), &config)),
        tables: [table.to_owned()].into(),
        client,
        egress,
    };
    let pipeline = component.pipeline(capabilities).unwrap();
    let mut written = plan.table().unwrap().clone();
    if scene.ask_keys {
        written = written.with_keys(None);
    }
    Run::new(pipeline, plan.source().unwrap().clone(), written)
        .chunk_rows(scene.chunk_rows)
        .workers(scene.workers)
        // What fails for good isn't waited for an hour.
        .max_wait(MAX_WAIT)
}

fn dynamodb(client: &Client, endpoint: &str, config: &Config) -> DynamoDb {
    let endpoint = Endpoint::resolve(Some("us-east-1"), Some(endpoint)).unwrap();
    let keyring = Keyring::new(Sessions::default(), "the test", Duration::from_secs(5));
    DynamoDb::new(client.clone(), endpoint, keyring, &config.limits)
}

/// Temporary credentials: `first`, and `second` whenever others are needed.
#[derive(Debug, Default)]
struct Sessions(AtomicUsize);

impl ProvideCredentials for Sessions {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let name = match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => "first",
            _ => "second",
        };
        let token = Some(format!("session of {name}"));
        let expiry = Some(SystemTime::now() + Duration::from_hours(2));
        future::ProvideCredentials::ready(Ok(Credentials::new(
            name, "secret", token, expiry, "test",
        )))
    }
}

fn config(origin: &str, table: &str, scene: Option<Scene>) -> Config {
    let by = match scene.map(|scene| scene.auth) {
        Some(AuthBy::Component) => "component",
        Some(AuthBy::Host) | None => "host",
    };
    let (concurrency, attempts, timeout) = scene.map_or((8, 5, 20_000), |scene| {
        (scene.concurrency, scene.attempts, scene.request_timeout_ms)
    });
    let text = format!(
        r#"
[source]
preset = "spotify-top-tracks"
url = "{origin}/v1/artists/{{id}}/top-tracks?market={{country}}"
concurrency = {concurrency}
request_timeout_ms = {timeout}

[source.retry]
max_attempts = {attempts}
base_delay_ms = 1
max_delay_ms = 20
max_retry_after_ms = 5000

[source.auth]
type = "client-credentials"
by = "{by}"
token_url = "{origin}/api/token"
client_id = "client"
client_secret = "secret"

[table]
name = "{table}"
region = "us-east-1"
concurrency = {concurrency}
keys.partition = {{ name = "artist_id", type = "S" }}
keys.sort = {{ name = "country_track", type = "S" }}

[table.retry]
max_attempts = {attempts}
base_delay_ms = 1
max_delay_ms = 20

[egress]
addresses = ["127.0.0.1"]
"#
    );
    Config::parse(&text, |_| None).unwrap()
}
