//! Calls of the real component → all of its linear memory as it was when the
//! calls ended, searched for what it must not know.
//!
//! The memory comes from here instead of from wasmtime, which makes it ours to
//! read. Nobody clears it, so that what was freed is found too, unless it was
//! written over.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::compiled::Compiled;
use super::runtime::config;
use super::{COMPONENT, Capabilities, Pipeline, Runtime};
use crate::Secret;
use crate::config::Auth;
use crate::dynamodb::credentials::StaticCredentials;
use crate::dynamodb::{DynamoDb, Settings};
use crate::http_out::authorizer::{Authorizer, Rule};
use crate::http_out::client::tests::loopback_client;
use crate::http_out::egress::Egress;
use crate::limits::Limits;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use wasmtime::{Engine, LinearMemory, MemoryCreator, MemoryType};

/// Room of one memory, so that it never moves.
const CAPACITY: usize = 64 * 1024 * 1024;

/// The memories of instances that have ended.
#[derive(Clone, Default)]
struct Dumps(Arc<Mutex<Vec<Vec<u8>>>>);

impl Dumps {
    fn contain(&self, wanted: &str) -> bool {
        let dumps = self.0.lock().unwrap();
        let found = |dump: &Vec<u8>| {
            dump.windows(wanted.len())
                .any(|window| window == wanted.as_bytes())
        };
        dumps.iter().any(found)
    }
}

struct Dumped {
    start: *mut u8,
    size: usize,
    dumps: Dumps,
}

// SAFETY: the allocation is this value's own, and only wasmtime writes to it.
unsafe impl Send for Dumped {}
// SAFETY: as above; nothing here writes by a shared reference.
unsafe impl Sync for Dumped {}

impl Drop for Dumped {
    fn drop(&mut self) {
        let whole = std::ptr::slice_from_raw_parts_mut(self.start, CAPACITY);
        // SAFETY: made by `Box::into_raw` of just that length, and the
        // instance that wrote to it is gone.
        let whole = unsafe { Box::from_raw(whole) };
        let used = whole.get(..self.size).unwrap().to_vec();
        self.dumps.0.lock().unwrap().push(used);
    }
}

// SAFETY: the memory never moves, and holds at least `byte_size` bytes.
unsafe impl LinearMemory for Dumped {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        CAPACITY
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        assert!(size <= CAPACITY, "a test's component needs {size} bytes");
        self.size = size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.start
    }
}

// SAFETY: no memory is handed out twice, and `engine` asks for no guards.
unsafe impl MemoryCreator for Dumps {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        assert!(reserved.unwrap_or_default() <= CAPACITY && guard == 0);
        let whole = vec![0_u8; CAPACITY].into_boxed_slice();
        Ok(Box::new(Dumped {
            start: Box::into_raw(whole).cast(),
            size: minimum,
            dumps: self.clone(),
        }))
    }
}

fn engine(dumps: &Dumps) -> Engine {
    let mut config = config(None);
    config
        .with_host_memory(Arc::new(dumps.clone()))
        .memory_reservation(0)
        .memory_guard_size(0)
        .memory_reservation_for_growth(0)
        .memory_init_cow(false);
    Engine::new(&config).unwrap()
}

const SECRET: &str = "s3cr3t-of-the-client";
/// How the token ends that is granted. It is as long as real ones are: memory
/// that was freed and used again in part still holds the rest of it.
const TOKEN: &str = "t0k3n-that-was-granted";
const TOKEN_BYTES: usize = 1_024;
const AWS_SECRET: &str = "s3cr3t-of-the-account";
const AWS_TOKEN: &str = "t0k3n-of-the-session";

struct World {
    dumps: Dumps,
    pipeline: Pipeline,
    source: ScriptedSource,
    tokens: ScriptedSource,
    _dynamodb: ScriptedSource,
}

async fn world(auth: impl Fn(&str) -> Auth) -> World {
    let dumps = Dumps::default();
    let granted = format!(r#"{{"access_token":"{TOKEN:->TOKEN_BYTES$}","token_type":"bearer"}}"#);
    let source = ScriptedSource::replies(vec![Reply::status(
        200,
        r#"[{"name":"marker-of-a-record"}]"#,
    )])
    .await;
    let tokens = ScriptedSource::replies(vec![Reply::status(200, &granted)]).await;
    let dynamodb =
        ScriptedSource::replies(vec![Reply::status(200, r#"{"UnprocessedItems":{}}"#)]).await;
    let limits = Limits::default();
    let client = loopback_client();
    let rule = Rule {
        origin: source.origin().parse().unwrap(),
        auth: auth(&tokens.origin()),
        plain_http: Vec::new(),
        settings: Vec::new(),
        posts: false,
    };
    let settings = Settings {
        region: Some("us-east-1".into()),
        endpoint: Some(dynamodb.origin()),
        profile: None,
        credentials: Some(StaticCredentials {
            access_key_id: "key".into(),
            secret_access_key: Secret::new(AWS_SECRET),
            session_token: Some(Secret::new(AWS_TOKEN)),
        }),
        plain_http: Vec::new(),
    };
    let origins = [source.origin(), tokens.origin()].map(|origin| origin.parse().unwrap());
    let capabilities = Capabilities {
        authorizer: Authorizer::new(vec![rule], &client, &limits).unwrap(),
        dynamodb: Some(
            DynamoDb::connect(client.clone(), &settings, &limits)
                .await
                .unwrap(),
        ),
        client,
        egress: Arc::new(Egress {
            origins: origins.into(),
            ..Egress::default()
        }),
        tables: ["tracks".to_owned()].into(),
    };
    let runtime = Runtime::over(engine(&dumps), Compiled::new(None), limits).unwrap();
    World {
        pipeline: runtime.pipeline(COMPONENT, capabilities).unwrap(),
        dumps,
        source,
        tokens,
        _dynamodb: dynamodb,
    }
}

fn read(auth: &Value) -> Auth {
    let node = super::settings::node(&auth.to_string());
    rowcast_pipeline::settings::read(node, &mut rowcast_pipeline::settings::Mistakes::default())
        .unwrap()
}

/// Client credentials, with that server as token endpoint.
fn client(tokens: &str) -> Value {
    json!({
        "type": "client-credentials", "token_url": format!("{tokens}/token"),
        "client_id": "id", "client_secret": SECRET,
    })
}

fn retry() -> Value {
    json!({"max_attempts": 1, "base_delay_ms": 1, "max_delay_ms": 1, "max_retry_after_ms": 0})
}

impl World {
    async fn extract(&self, auth: Value) -> Vec<String> {
        let source = json!({
            "url": format!("{}/artists/{{id}}", self.source.origin()), "auth": auth,
            "max_pages": 1, "concurrency": 4, "retry": retry(), "request_timeout_ms": 10_000,
            "max_body_bytes": 1024,
        });
        let rows = [r#"{"id":"marker-of-a-row"}"#.to_owned()];
        let extraction = self
            .pipeline
            .extract(&source.to_string(), &rows, None, None)
            .await;
        extraction.result.unwrap().documents
    }

    async fn load(&self, documents: &[String]) {
        let table = json!({
            "name": "tracks", "keys": {"partition": {"name": "name", "type": "S"}},
            "retry": retry(), "concurrency": 1,
        });
        let report = self
            .pipeline
            .load(&table.to_string(), documents, None)
            .await;
        let report = report.result.unwrap();
        assert_eq!(report.written, 1, "{report:?}");
    }
}

#[tokio::test]
async fn the_components_memory_holds_no_secret_of_the_hosts() {
    let world = world(|tokens| read(&client(tokens))).await;
    let documents = world.extract(json!({"type": "none"})).await;
    world.load(&documents).await;
    let sent = world.source.received();
    let header = sent.first().unwrap().headers().get("authorization");
    let header = header.unwrap().to_str().unwrap();
    assert!(header.starts_with("Bearer -") && header.ends_with(TOKEN));

    // What the component was given is found, so that the search works.
    for marker in ["marker-of-a-row", "marker-of-a-record", "BatchWriteItem"] {
        assert!(world.dumps.contain(marker), "{marker}");
    }
    let pair = STANDARD.encode(format!("id:{SECRET}"));
    for secret in [SECRET, TOKEN, AWS_SECRET, AWS_TOKEN, &pair, "AWS4-HMAC"] {
        assert!(!world.dumps.contain(secret), "{secret}");
    }
    assert_eq!(world.dumps.0.lock().unwrap().len(), 2);

    // A component that authenticates itself has them, and it shows.
    world.extract(client(&world.tokens.origin())).await;
    for secret in [SECRET, TOKEN] {
        assert!(world.dumps.contain(secret), "{secret}");
    }
}

/// In whichever place a key is.
#[tokio::test]
async fn nor_does_it_hold_a_key_of_the_hosts() {
    for place in ["header", "parameter"] {
        let key = json!({"type": "api-key", "key": SECRET, place: "x-key"});
        let world = world(|_| read(&key)).await;
        world.extract(json!({"type": "none"})).await;
        let sent = world.source.received();
        let sent = sent.first().unwrap();
        let header = sent.headers().get("x-key");
        let in_header = header.is_some_and(|it| it == SECRET);
        let query = sent.uri().query().unwrap_or_default();
        let mut query = url::form_urlencoded::parse(query.as_bytes());
        let in_query = query.any(|(name, value)| name == "x-key" && value == SECRET);
        assert_eq!(
            (in_header, in_query),
            (place == "header", place != "header")
        );
        assert!(world.dumps.contain("marker-of-a-record"));
        assert!(!world.dumps.contain(SECRET), "{place}");
        // By itself it has the key, and it shows.
        world.extract(key).await;
        assert!(world.dumps.contain(SECRET), "{place}");
    }
}
