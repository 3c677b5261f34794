//! The embedded component in the engine, against servers on loopback.

use super::*;
use crate::engine::{COMPONENT, Capabilities, Query, Source, Stop, counted};
use crate::http_out::authorizer::Authorizer;
use crate::http_out::client::Client;
use crate::http_out::egress::Egress;
use crate::limits::Limits;
use rowcast_stand_ins::raw::{Behaviour, serve};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

/// Compiling takes seconds without optimisation: once is enough.
static CACHE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

const ANSWER: &str = concat!(
    "HTTP/1.1 200 OK\r\ncontent-length: 33\r\n\r\n",
    r#"[{"name":"one"},{"name":1.50e+2}]"#
);

fn pipeline(origin: &str, limits: &Limits) -> Pipeline {
    let origins = [origin.parse().unwrap()].into();
    let egress = Arc::new(Egress {
        origins,
        ..Egress::default()
    });
    let capabilities = Capabilities {
        client: Client::new(limits, egress.clone()).unwrap(),
        egress,
        authorizer: Authorizer::default(),
        dynamodb: None,
        tables: BTreeSet::new(),
    };
    let cache = Some(CACHE.path().join("compiled"));
    let runtime = Runtime::with_cache(limits.clone(), cache).unwrap();
    runtime.pipeline(COMPONENT, capabilities).unwrap()
}

fn retry() -> Value {
    json!({"max_attempts": 1, "base_delay_ms": 1, "max_delay_ms": 1, "max_retry_after_ms": 0})
}

fn source(origin: &str) -> Source {
    let source = json!({
        "url": format!("{origin}/artists/{{id}}"), "attributes": {"artist": "{id}"},
        "require": ["/name"], "max_pages": 1, "concurrency": 4, "retry": retry(),
        "request_timeout_ms": 30_000, "max_body_bytes": 1024,
    });
    Source::new(source.to_string())
}

fn query() -> Query {
    Query {
        table: "tracks".into(),
        filter: "popularity > 90".into(),
        retry: Some(retry()),
        ..Query::default()
    }
}

fn rows(number: u32) -> Vec<String> {
    (0..number).map(|id| format!(r#"{{"id":{id}}}"#)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_run_in_parallel_over_kept_connections() {
    let origin = format!("http://{}", serve(Behaviour::Answer(ANSWER)).await);
    let pipeline = pipeline(
        &origin,
        &Limits {
            instances: 2,
            ..Limits::default()
        },
    );
    let source = Arc::new(source(&origin));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (pipeline, source) = (pipeline.clone(), source.clone());
        calls.spawn(async move { pipeline.extract(source.text(), &rows(25), None, None).await });
    }
    for extraction in calls.join_all().await {
        assert_eq!(extraction.violation, None);
        let extraction = extraction.result.unwrap();
        let counts = (
            extraction.done.len(),
            extraction.documents.len(),
            extraction.pending.len(),
        );
        assert_eq!(
            (counts, counted(&extraction.counters, "source.requests")),
            ((25, 50, 0), 25.0),
            "{extraction:?}"
        );
        let second = extraction.documents.get(1).map(String::as_str);
        assert_eq!(second, Some(r#"{"artist":0,"name":1.50e+2}"#));
    }
    // 200 exchanges, eight at once at most.
    let opened = pipeline.outbound.client.connections_opened();
    assert!(opened <= 16, "{opened} connections");
}

#[tokio::test]
async fn what_policy_refuses_is_rejected_with_a_hint() {
    let pipeline = pipeline("https://api.example.com", &Limits::default());
    let source = source("https://other.test");
    let called = pipeline.extract(source.text(), &rows(1), None, None).await;
    let result = called.result;
    assert!(
        matches!(result, Err(CallError::Failure(Failure::PermanentDenied(_)))),
        "{result:?}"
    );
    let hint = called.violation.unwrap().hint().unwrap();
    assert!(
        hint.as_str()
            .contains(r#"origins = ["https://other.test"]"#),
        "{hint}"
    );

    let called = pipeline.query(&query().text(), None, None).await;
    let answer = called.result;
    assert!(
        matches!(answer, Err(CallError::Failure(Failure::PermanentDenied(_)))),
        "{answer:?}"
    );
    let violation = called.violation.unwrap().to_string();
    assert!(
        violation.contains(r#"the DynamoDB table "tracks""#),
        "{violation}"
    );
}

#[tokio::test]
async fn time_and_memory_are_bounded() {
    let origin = format!("http://{}", serve(Behaviour::Silence).await);
    let check =
        async |mib: u64, row: &str, expected: fn(&Result<Extraction, CallError>) -> bool| {
            let limits = Limits {
                memory_mib: mib,
                ..Limits::default()
            };
            let rows = [row.to_owned(), row.to_owned()];
            let budget = Some(Duration::from_millis(100));
            let pipeline = pipeline(&origin, &limits);
            let result = pipeline
                .extract(source(&origin).text(), &rows, None, budget)
                .await
                .result;
            assert!(expected(&result), "{result:?}");
        };
    // A server that doesn't answer: the component minds its budget itself.
    check(256, r#"{"id":1}"#, |result| {
        result.as_ref().is_ok_and(|extraction| {
            extraction.pending.len() == 2 && extraction.stopped == Some(Stop::Budget)
        })
    })
    .await;
    let large = format!(r#"{{"id":1,"text":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    check(3, &large, |result| {
        matches!(result, Err(CallError::Memory(3)))
    })
    .await;
}
