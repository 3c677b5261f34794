//! Failures of the upstreams, as the service's clients see them.

use super::aws;
use crate::support::proxy::Proxy;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::{Value, json};

/// Posts, and compares the status, the failure and a part of the detail.
async fn fails(proxy: &Proxy, path: &str, body: Value, status: u16, failure: &str, detail: &str) {
    let answer = proxy.post(path, &body).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let problem = answer.json();
    assert_eq!(problem["failure"], failure);
    let found = problem["detail"].as_str().unwrap();
    assert!(found.contains(detail), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_source_are_told_by_their_status() {
    let source = ScriptedSource::start(|seen, _| match seen.target.as_str() {
        "/quota" => Reply::status(429, r#"{"error":{"message":"QUOTA_EXCEEDED"}}"#)
            .with_header("retry-after", "3600"),
        "/denied" => Reply::status(401, "{}"),
        "/down" => Reply::Reset,
        _ => Reply::json("[]"),
    })
    .await;
    let proxy = Proxy::start(&[]).await;
    let extract = |path: &str| {
        json!({
            "source": {
                "url": format!("{}{path}", source.origin()),
                "retry": {"max_attempts": 2, "base_delay_ms": 1},
            },
            "rows": [{}],
        })
    };
    let quota = proxy.post("/extract", &extract("/quota")).await;
    assert_eq!(quota.status, 429, "{}", quota.text());
    let seconds: u64 = quota.header("retry-after").unwrap().parse().unwrap();
    assert!((3590..=3600).contains(&seconds), "{seconds}");
    let problem = quota.json();
    let milliseconds = problem["retry_after_ms"].as_u64().unwrap();
    assert_eq!(milliseconds.div_ceil(1000), seconds);
    assert_eq!(problem["failure"], "rate_limited");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("QUOTA_EXCEEDED")
    );

    fails(
        &proxy,
        "/extract",
        extract("/denied"),
        403,
        "permanent_denied",
        "401",
    )
    .await;
    fails(&proxy, "/extract", extract("/down"), 503, "unavailable", "").await;
    let mut wrong = extract("/");
    wrong["source"]["concurrency"] = json!(0);
    fails(
        &proxy,
        "/extract",
        wrong,
        422,
        "permanent_invalid",
        "concurrency",
    )
    .await;

    let allowed = Proxy::start(&[("ROWCAST_ALLOW", "https://api.example.com")]).await;
    let before = source.seen().len();
    let refused = extract("/");
    fails(
        &allowed,
        "/extract",
        refused,
        403,
        "permanent_denied",
        "ROWCAST_ALLOW does not name",
    )
    .await;
    assert_eq!(source.seen().len(), before);
    for proxy in [proxy, allowed] {
        assert!(proxy.ended().iter().all(Result::is_ok));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_dynamodb_are_told_by_their_status() {
    let dynamodb = ScriptedSource::start(|_, _| {
        Reply::status(
            400,
            r#"{"__type":"x#UnrecognizedClientException","message":"who?"}"#,
        )
    })
    .await;
    let gone = ScriptedSource::start(|_, _| Reply::Reset).await;
    let load = json!({
        "table": {"name": "top_tracks", "retry": {"max_attempts": 2, "base_delay_ms": 1}},
        "documents": [{"id": 1}],
    });
    let query = json!({"query": {
        "table": "top_tracks",
        "retry": {"max_attempts": 2, "base_delay_ms": 1},
    }});
    let (refusing, resetting) = (dynamodb.origin(), gone.origin());
    let cases = [
        (aws(&refusing), 403, "permanent_denied", "who?"),
        (aws(&resetting), 503, "unavailable", ""),
        (
            aws("http://example.com"),
            403,
            "permanent_denied",
            "AWS_ENDPOINT_URL_DYNAMODB",
        ),
    ];
    for (environment, status, failure, detail) in cases {
        let proxy = Proxy::start(&environment).await;
        for (path, body) in [("/load", &load), ("/query", &query), ("/explain", &query)] {
            fails(&proxy, path, body.clone(), status, failure, detail).await;
        }
        assert!(proxy.ended().iter().all(Result::is_ok));
    }
    let nobody = Proxy::start(&aws(&refusing)[..1]).await;
    fails(
        &nobody,
        "/load",
        load,
        403,
        "permanent_denied",
        "AWS_ACCESS_KEY_ID",
    )
    .await;
}
