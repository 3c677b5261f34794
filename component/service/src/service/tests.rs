//! Requests and what is answered, with scripted calls.

mod bodies;
mod results;
mod stage;

use super::*;
use crate::openapi::{conforms, document};
use rowcast_pipeline::bindings::rowcast::pipeline::types::{Failure, Problem, RateLimit};
use serde_json::Value;
use stage::{JSON_TYPE, LOAD, POSTS, Script, Unwanted, header, is_problem, post, request, text};

#[test]
fn calls_are_made_and_answered() {
    for (path, body, asked, schema) in POSTS {
        let script = Script::new(None);
        for target in [path.to_owned(), format!("{path}?trace=1")] {
            let response = post(&target, body, &script);
            assert_eq!(response.status, 200, "{}", text(&response));
            assert_eq!(header(&response, "content-type"), Some("application/json"));
            conforms(schema, text(&response));
            assert_eq!(script.asked.take(), [asked]);
        }
    }
}

#[test]
fn failures_have_their_statuses() {
    let limited = |retry_after_ms| {
        Failure::RateLimited(RateLimit {
            retry_after_ms,
            upstream: "https://x".to_owned(),
            reason: "reason".to_owned(),
            counters: Vec::new(),
        })
    };
    let reason = || Problem {
        reason: "reason".to_owned(),
        counters: Vec::new(),
    };
    let cases = [
        (
            Failure::ExecutionFailed,
            500,
            "the execution failed",
            "execution_failed",
            None,
        ),
        (
            Failure::Unavailable(reason()),
            503,
            "reason",
            "unavailable",
            None,
        ),
        (
            Failure::PermanentInvalid(reason()),
            422,
            "reason",
            "permanent_invalid",
            None,
        ),
        (
            Failure::PermanentDenied(reason()),
            403,
            "reason",
            "permanent_denied",
            None,
        ),
        (limited(0), 429, "reason", "rate_limited", Some("0")),
        (limited(1), 429, "reason", "rate_limited", Some("1")),
        (limited(1000), 429, "reason", "rate_limited", Some("1")),
        (limited(1001), 429, "reason", "rate_limited", Some("2")),
    ];
    for (failure, status, detail, name, retry_after) in cases {
        for (path, body, ..) in POSTS {
            let response = post(path, body, &Script::new(Some(failure.clone())));
            is_problem(&response, status, detail);
            assert_eq!(header(&response, "retry-after"), retry_after);
            let problem: Value = serde_json::from_str(text(&response)).unwrap();
            assert_eq!(problem["failure"], name);
            let said = &document()["paths"][path]["post"]["responses"][status.to_string()];
            assert!(said.is_object(), "{path} {status}");
        }
    }
    let response = post("/load", LOAD, &Script::new(Some(limited(1500))));
    assert!(text(&response).contains(r#""retry_after_ms":1500"#));
}

#[test]
fn routes_and_methods_that_are_not_there_are_refused() {
    let check = |line: &str, status, detail: &str, allow| {
        let response = answer(
            request(line, &[JSON_TYPE], Unwanted),
            &[],
            &Script::new(None),
        );
        is_problem(&response, status, detail);
        assert_eq!(header(&response, "allow"), allow, "{line}");
    };
    let routes = "there are: POST /extract, POST /load, POST /transfer, POST /query, \
                  POST /explain, GET|HEAD /describe, POST /validate, GET|HEAD /health, GET|HEAD /openapi.json";
    for line in [
        "GET /",
        "POST /Extract",
        "GET /extract/",
        "GET ",
        "GET /x?/health",
    ] {
        check(line, 404, routes, None);
    }
    for path in ["/extract", "/load", "/transfer", "/query", "/explain"] {
        for method in ["GET", "PUT", "OPTIONS", "post", "POST, "] {
            check(
                &format!("{} {path}", method.replace(' ', "")),
                405,
                "it has: POST",
                Some("POST"),
            );
        }
    }
    for path in ["/health", "/openapi.json"] {
        check(
            &format!("POST {path}"),
            405,
            "it has: GET, HEAD",
            Some("GET, HEAD"),
        );
    }
}

#[test]
fn health_and_the_description_need_no_calls() {
    let script = Script::new(None);
    let get = |line: &str| answer(request(line, &[], Unwanted), &[], &script);
    let health = get("GET /health");
    assert_eq!(
        (health.status, header(&health, "content-type")),
        (200, Some("application/json"))
    );
    conforms("Health", text(&health));
    assert!(text(&health).contains(env!("CARGO_PKG_VERSION")));
    assert_eq!(text(&get("GET /openapi.json")), OPENAPI);
    for line in [
        "HEAD /health",
        "HEAD /openapi.json",
        "HEAD /extract",
        "HEAD /",
    ] {
        let as_get = get(&line.replace("HEAD", "GET"));
        let response = get(line);
        assert_eq!(response.status, as_get.status, "{line}");
        assert_eq!(
            header(&response, "content-type"),
            header(&as_get, "content-type")
        );
        assert_eq!(header(&response, "content-length"), None);
        assert!(response.body.is_empty());
    }
    assert!(script.asked.borrow().is_empty());
}
