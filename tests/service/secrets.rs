//! Credentials that the service has and its callers only name.

use crate::support::proxy::Proxy;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::{Value, json};

const SECRET: &str = "hunter2-hunter2";

fn extract(url: &str, auth: &Value) -> Value {
    json!({
        "source": {
            "url": url,
            "auth": auth,
            "retry": {"max_attempts": 2, "base_delay_ms": 1},
        },
        "rows": [{}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_to_the_source_and_nowhere_else() {
    let source = ScriptedSource::start(|seen, _| match seen.target.as_str() {
        "/refused" => Reply::status(401, "{}"),
        "/down" => Reply::Reset,
        "/broken" => Reply::json("{"),
        _ => Reply::json(r#"[{"id": 1}]"#),
    })
    .await;
    let other = ScriptedSource::start(|_, _| Reply::json("[]")).await;
    let origin = source.origin();
    let proxy = Proxy::start(&[
        ("ROWCAST_ALLOW", origin.as_str()),
        ("ROWCAST_SECRET_TOKEN", SECRET),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
    ])
    .await;
    let token = json!({"type": "bearer", "token": "${ROWCAST_SECRET_TOKEN}"});
    let key = json!({"type": "bearer", "token": "${AWS_SECRET_ACCESS_KEY}"});
    let cases = [
        (format!("{origin}/"), &token, 200),
        (format!("{origin}/refused"), &token, 403),
        (format!("{origin}/down"), &token, 503),
        (format!("{origin}/broken"), &token, 200),
        (format!("{}/", other.origin()), &token, 403),
        (format!("{origin}/"), &key, 422),
    ];
    for (url, auth, status) in cases {
        let answer = proxy.post("/extract", &extract(&url, auth)).await;
        assert_eq!(answer.status, status, "{url}: {}", answer.text());
        assert!(!answer.text().contains(SECRET), "{}", answer.text());
    }
    let expected = format!("Bearer {SECRET}");
    let seen = source.seen();
    // Two were repeated: the broken connection and the broken body.
    assert_eq!(seen.len(), 6);
    for request in seen {
        assert_eq!(request.header("authorization"), Some(expected.as_str()));
    }
    assert!(other.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_none_lets_nothing_through_and_says_so() {
    let source = ScriptedSource::start(|_, _| Reply::json("[]")).await;
    let proxy = Proxy::start(&[("ROWCAST_ALLOW", "api.example.com")]).await;
    let call = extract(&source.origin(), &json!({"type": "none"}));
    let answer = proxy.post("/extract", &call).await;
    // Repeating can't help, so it isn't 503.
    assert_eq!(answer.status, 403, "{}", answer.text());
    let said = answer.text();
    assert!(said.contains("ROWCAST_ALLOW is not a list"), "{said}");
    assert!(source.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_not_used_where_requests_may_go_anywhere() {
    let source = ScriptedSource::start(|_, _| Reply::json("[]")).await;
    let proxy = Proxy::start(&[("ROWCAST_SECRET_TOKEN", SECRET)]).await;
    let auth = json!({"type": "bearer", "token": "${ROWCAST_SECRET_TOKEN}"});
    let call = extract(&source.origin(), &auth);
    let answer = proxy.post("/extract", &call).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("ROWCAST_ALLOW"), "{detail}");
    assert!(source.seen().is_empty());
}
