//! A component that does what it shouldn't → stopped within its limit, and the
//! same runtime goes on to run the real one.

mod beyond;

use crate::support::world::World;
use rowcast::config::Config;
use rowcast::engine::{COMPONENT, CallError, CallResult, Extraction, Failure, Pipeline, Runtime};
use rowcast::host::Host;
use rowcast::limits::Limits;
use rowcast::run::{Stopped, Upstream, call_stopped};
use serde_json::json;
use std::sync::LazyLock;
use std::time::Instant;
use tempfile::TempDir;

/// Compiling takes seconds without optimisation: once is enough.
static CACHE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// Small, so that they are soon reached.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.call_seconds = 60;
    limits.memory_mib = 64;
    limits.transfer_mib = 32;
    limits.request_seconds = 1;
    limits.connect_seconds = 1;
    limits.requests_per_call = 200;
    limits.resources = 1000;
    limits.request_body_kib = 64;
    limits.response_body_kib = 256;
    limits.dynamodb_in_flight = 4;
    limits
}

fn source(url: &str) -> String {
    let retry =
        json!({"max_attempts": 1, "base_delay_ms": 1, "max_delay_ms": 1, "max_retry_after_ms": 0});
    json!({
        "url": url, "max_pages": 1, "concurrency": 4, "retry": retry,
        "request_timeout_ms": 30_000, "max_body_bytes": 1024,
    })
    .to_string()
}

/// A runtime with a hostile component and the real one.
struct Arena {
    world: World,
    hostile: Pipeline,
    healthy: Pipeline,
}

impl Arena {
    async fn open(limits: Limits) -> Self {
        let world = World::start().await;
        let runtime =
            Runtime::with_cache(limits.clone(), Some(CACHE.path().join("compiled"))).unwrap();
        let capabilities = world.capabilities(&limits).await;
        let hostile = runtime.pipeline(rowcast_hostile::COMPONENT, capabilities.clone());
        Self {
            hostile: hostile.unwrap(),
            healthy: runtime.pipeline(COMPONENT, capabilities).unwrap(),
            world,
        }
    }

    /// Lets the guest misbehave, says what came of it, and makes sure that
    /// the host is none the worse for it.
    async fn check(&self, behaviour: &str, stopped_by: &str, expected: &str) {
        let started = Instant::now();
        let said = said(self.misbehave(behaviour).await.result);
        let took = started.elapsed();
        println!(
            "| {behaviour:.24} | {stopped_by} | {} ms | {said:.70} |",
            took.as_millis()
        );
        assert!(said.contains(expected), "{behaviour}: {said}");
        self.healthy(behaviour).await;
    }

    async fn misbehave(&self, behaviour: &str) -> CallResult<Extraction> {
        let rows = [r#"{"id":1}"#.to_owned()];
        let hostile = source(&format!("hostile:{behaviour}"));
        self.hostile.extract(&hostile, &rows, None, None).await
    }

    /// Lets the guest misbehave, and says why a run would stop for it and what
    /// it would hint at.
    async fn stopped(&self, behaviour: &str, expected: &str) {
        let called = self.misbehave(behaviour).await;
        let error = called.result.unwrap_err();
        let stopped = call_stopped(error, called.violation, Upstream::Source);
        let kind = match stopped {
            Stopped::Policy(_) => "policy",
            Stopped::Invalid(_) => "invalid",
            _ => "another",
        };
        let hint = stopped.hint().map(|hint| hint.to_string());
        let said = format!("{kind}: {stopped}; {}", hint.unwrap_or_default());
        assert!(said.contains(expected), "{behaviour}: {said}");
        assert!(
            said.len() < 1000 && !said.contains('\u{1b}'),
            "{behaviour}: {said}"
        );
    }

    async fn healthy(&self, after: &str) {
        let rows: Vec<_> = (0..3).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        let real = source(&format!("{}/artists/{{id}}", self.world.source.origin()));
        let extraction = self.healthy.extract(&real, &rows, None, None).await;
        let documents = extraction.result.map(|extraction| extraction.documents);
        assert_eq!(
            documents.ok(),
            Some(vec![r#"{"name":"one"}"#.to_owned(); 3]),
            "after {after}"
        );
    }
}

fn said(result: Result<Extraction, CallError>) -> String {
    match result {
        Ok(extraction) => format!("accepted: {extraction:?}"),
        Err(CallError::Failure(Failure::PermanentInvalid(said))) => {
            format!("guest saw: {}", said.reason)
        }
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                text = format!("{text}: {next}");
                cause = next.source();
            }
            text
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_and_memory() {
    let mut limits = limits();
    limits.call_seconds = 3;
    let arena = Arena::open(limits).await;
    println!("| behaviour | stopped by | after | with |\n|---|---|---|---|");
    let time = "did not return within 3s";
    arena.check("loop", "call_seconds", time).await;
    arena.check("sleep", "call_seconds", time).await;
    // What follows is bounded by its size.
    let arena = Arena::open(self::limits()).await;
    let memory = "needs more than 64 MiB of memory";
    arena.check("memory", "memory_mib", memory).await;
    arena
        .check("recursion", "the stack", "call stack exhausted")
        .await;
    let wide = "out of bounds memory access";
    arena.check("recursion-wide", "the stack", wide).await;
    arena.check("panic", "the trap", "unreachable").await;
    arena
        .check("random", "64 KiB at once", "exceeds limit 65536")
        .await;
    let transfer = "hands over more than 32 MiB at once";
    arena.check("send-long", "transfer_mib", transfer).await;
    arena.check("send-aliased", "transfer_mib", transfer).await;
    arena.check("return-long", "transfer_mib", transfer).await;
    arena.check("return-many", "transfer_mib", transfer).await;
    arena.check("poll-many", "transfer_mib", transfer).await;
    arena
        .check(
            "send-many tracks",
            "memory_mib",
            "the answers together are longer than 64 MiB",
        )
        .await;
    let scans = arena.world.dynamodb.seen().len();
    assert!(scans <= 20, "{scans} answers of 4 MiB for 64 MiB of memory");
    let headers = "request headers longer than 32 KiB";
    arena.check("headers", "request_headers_kib", headers).await;
    let resources = "keeps more than 1000 headers";
    arena.check("fields", "resources", resources).await;
    arena.check("outgoing", "resources", resources).await;
    arena.check("pollables", "resources", resources).await;
    let never = format!("flight {}/never", arena.world.source.origin());
    arena.check(&never, "resources", resources).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers() {
    let arena = Arena::open(limits()).await;
    let origin = arena.world.source.origin();
    println!("| behaviour | stopped by | after | with |\n|---|---|---|---|");
    let check = async |name: &str, url: &str, stopped_by: &str, expected: &str| {
        let behaviour = format!("{name} {url}");
        let expected = format!("guest saw: {expected}");
        arena.check(&behaviour, stopped_by, &expected).await;
    };
    let denied = "HttpRequestDenied";
    let inner = &arena.world.inner;
    check("get", "https://example.com/", "egress", denied).await;
    check(
        "get",
        "http://169.254.169.254/latest/meta-data/",
        "egress",
        denied,
    )
    .await;
    check("get", &format!("{}/", inner.origin()), "egress", denied).await;
    check("get", &format!("{}/", arena.world.named), "egress", denied).await;
    check("get", "http://127.0.0.1.:80/", "egress", denied).await;
    check("get", "http://0x7f000001/", "egress", denied).await;
    check(
        "get",
        &format!("{origin}/redirect"),
        "not followed",
        "302, 0 bytes",
    )
    .await;
    check("trace", &format!("{origin}/"), "policy", denied).await;
    check("connect", &format!("{origin}/"), "policy", denied).await;
    check("method", &format!("{origin}/"), "policy", denied).await;
    assert_eq!(inner.connections(), 0);

    let smuggled = [
        ("x-a", "InvalidSyntax"),
        ("x-a", "InvalidSyntax"),
        ("x-a\\r\\nx-b", "InvalidSyntax"),
        ("host", "Forbidden"),
        ("transfer-encoding", "Forbidden"),
        ("connection", "Forbidden"),
        ("upgrade", "Forbidden"),
        ("proxy-authorization", "Forbidden"),
        ("content-length", "InvalidSyntax"),
        ("content-length", "InvalidSyntax"),
    ]
    .map(|(name, why)| format!("{name} HeaderError::{why}"))
    .join(", ");
    let anywhere = format!("{}/", arena.world.named);
    check("header", &anywhere, "wasi:http", &smuggled).await;
    let lied = "HttpRequestBodySize(Some(0))";
    check("length", &format!("{origin}/length"), "wasi:http", lied).await;
    check("authorization", &format!("{origin}/own"), "replaced", "200").await;
    for seen in arena.world.source.seen() {
        let ours = seen
            .headers
            .iter()
            .filter(|(name, _)| name == "authorization");
        let ours: Vec<_> = ours.map(|(_, value)| value.as_str()).collect();
        assert_eq!(ours, ["Bearer the-hosts-own"], "{seen:?}");
        assert_ne!(seen.target, "/length");
        assert_eq!(seen.method, "GET");
    }

    // Nor does it learn ours from a server that repeats it.
    let echo = format!("{origin}/echo");
    check("text", &echo, "overwritten", "Bearer xxxxxxxxxxxxx").await;

    let long = "200, then HTTP response body size exceeds limit: 262144 bytes";
    check(
        "get",
        &format!("{}/", arena.world.torrent.origin()),
        "response_body_kib",
        long,
    )
    .await;
    let late = "200, then HTTP response time";
    check(
        "get",
        &format!("{}/", arena.world.drip.origin()),
        "request_seconds",
        late,
    )
    .await;
    let silent = "HttpResponseTimeout";
    check("get", &format!("{origin}/never"), "request_seconds", silent).await;
    let upload = "HttpRequestBodySize(Some(65536))";
    check(
        "upload-get",
        &format!("{origin}/"),
        "request_body_kib",
        upload,
    )
    .await;
    let endless = format!("{}/", arena.world.swallow.origin());
    check("upload", &endless, "request_body_kib", upload).await;
    let swallowed = arena.world.swallow.read();
    assert!(swallowed < 80 * 1024, "{swallowed} bytes");
    let many = "request 201: HttpRequestDenied";
    check("requests", &format!("{origin}/"), "requests_per_call", many).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_and_one() {
    let mut limits = limits();
    limits.call_seconds = 120;
    limits.requests_per_call = Limits::default().requests_per_call;
    let arena = Arena::open(limits).await;
    let behaviour = format!("requests {}/", arena.world.source.origin());
    let expected = "request 10001: HttpRequestDenied";
    arena.check(&behaviour, "requests_per_call", expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_operations() {
    let arena = Arena::open(limits()).await;
    println!("| behaviour | stopped by | after | with |\n|---|---|---|---|");
    let denied = "guest saw: 0 answered, SendError::Denied";
    arena.check("delete-table", "policy", denied).await;
    arena.check("scan secrets", "policy", denied).await;
    arena.check("scan-twice", "policy", denied).await;
    arena.check("batch-delete", "policy", denied).await;
    arena.check("escape", "policy", denied).await;
    assert_eq!(arena.world.dynamodb.connections(), 0);
}

/// The guest says `permanent-invalid` of everything, in words of its own.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_policy_are_known_whatever_the_guest_says() {
    let arena = Arena::open(limits()).await;
    let other = r#"policy: policy refuses requests to https://example.com; to allow it, set `[egress] origins = ["https://example.com"]"#;
    arena.stopped("get https://example.com/", other).await;
    let table = r#"policy: policy refuses Scan on the DynamoDB table "secrets"; the component may"#;
    arena.stopped("scan secrets", table).await;
    let operation = "policy: policy refuses the DynamoDB operation DeleteTable";
    arena.stopped("delete-table", operation).await;
    let operation = "policy: policy refuses the DynamoDB operation \u{fffd}[2JAAA";
    arena.stopped("escape", operation).await;
    let origin = arena.world.source.origin();
    let method = "policy: policy refuses the HTTP method TRACE";
    arena.stopped(&format!("trace {origin}/"), method).await;
    let many = "policy: policy refuses more than 200 HTTP requests in one call";
    arena.stopped(&format!("requests {origin}/"), many).await;
    // What policy has nothing to do with stays the guest's, also after others.
    let own = "invalid: HttpResponseTimeout";
    arena.stopped(&format!("get {origin}/never"), own).await;
    arena.stopped("outgoing-once", "invalid: unknown").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_do_not_add_up() {
    let arena = Arena::open(limits()).await;
    println!("| behaviour | stopped by | after | with |\n|---|---|---|---|");
    for (behaviour, expected) in [
        ("lie-nothing", "it leaves requests out"),
        ("lie-elsewhere", "that it was not given"),
        ("lie-twice", "it names a request twice"),
        ("lie-more", "not as many as it says"),
        ("lie-pending", "it names a request twice"),
    ] {
        arena.check(behaviour, "the account", expected).await;
    }

    let documents = [r#"{"id":"1"}"#.to_owned()];
    let load = async |behaviour: &str, expected: &str| {
        let table = json!({"name": format!("hostile:{behaviour}")}).to_string();
        let error = arena
            .hostile
            .load(&table, &documents, None)
            .await
            .result
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{behaviour}: {error}");
        arena.healthy(behaviour).await;
    };
    load("lie-nothing", "not as many as it was given").await;
    load("lie-more", "not as many as it was given").await;
    load("lie-elsewhere", "that it was not given").await;
    load("lie-superseded", "superseded by none that was written").await;
    load("lie-capacity", "one of its counters is not an amount").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_only_the_guest_names_is_not_granted() {
    let check = async |more: &str, expected: &str| {
        let configuration = format!(
            "[source]\nurl = \"https://api.example.com\"\n\
             auth = {{ type = \"bearer\", token = \"hunter2\" }}\n{more}"
        );
        let config = Config::parse(&configuration, |_| None).unwrap();
        let said = match Host::with_component(config, rowcast_hostile::COMPONENT).await {
            Ok(_) => "granted".to_owned(),
            Err(error) => format!(
                "{error}; {}",
                error
                    .hint()
                    .map(|hint| hint.to_string())
                    .unwrap_or_default()
            ),
        };
        assert!(said.contains(expected), "{more}: {said}");
    };
    let claims = |origin: &str| format!("claims = \"hostile:{origin}\"\n");
    check(&claims("https://api.example.com"), "granted").await;
    let elsewhere = claims("https://evil.example");
    check(&elsewhere, "requests to https://evil.example, which the configuration doesn't name; to allow it, set `[egress] origins = [\"https://evil.example\"]`").await;
    // Allowed, it still doesn't get the credentials.
    let allowed = format!("{elsewhere}[egress]\norigins = [\"https://evil.example\"]\n");
    check(&allowed, "`source.auth` is for none of the origins").await;
    // Nor may it choose by a row, or by what is not a URL at all.
    check(&claims("https://{id}.example"), "can't be used").await;
    check("", "can't be used").await;
}
