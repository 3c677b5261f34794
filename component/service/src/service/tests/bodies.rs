//! Bodies that are refused, and where they are wrong.

use super::stage::{
    EXTRACT, JSON_TYPE, LOAD, QUERY, Script, Scripted, Unwanted, header, is_problem, post, request,
    text,
};
use crate::http::BodyError;
use crate::service::answer;
use serde_json::Value;

#[test]
fn only_json_is_read() {
    let check = |headers: &[(&str, &str)], detail: &str| {
        let response = answer(
            request("POST /load", headers, Unwanted),
            &[],
            &Script::new(None),
        );
        is_problem(&response, 415, detail);
        assert_eq!(header(&response, "accept"), Some("application/json"));
    };
    check(
        &[],
        "there is no content type; send `Content-Type: application/json`",
    );
    for other in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "text/json",
        "application/jsonl",
        "text/x+json",
    ] {
        check(
            &[("content-type", other)],
            "the content type is another one",
        );
    }
    check(
        &[("content-type", "application/json; charset=latin1")],
        "the charset is not UTF-8",
    );
    check(
        &[JSON_TYPE, ("content-encoding", "gzip")],
        "compressed bodies are not read",
    );
    for good in [
        "application/json",
        "Application/JSON ; charset=\"UTF-8\"",
        "application/json;version=1",
        "application/vnd.rowcast+json; Charset=utf-8",
    ] {
        let headers = [("content-type", good), ("content-encoding", "identity")];
        let body = Scripted(Ok(LOAD));
        let response = answer(
            request("POST /load", &headers, body),
            &[],
            &Script::new(None),
        );
        assert_eq!(response.status, 200, "{good}");
    }
}

#[test]
fn bodies_have_a_limit() {
    let environment = |limit: &str| [("ROWCAST_MAX_BODY_BYTES".to_owned(), limit.to_owned())];
    let script = Script::new(None);
    let announced = |length: &str, limit: &str| {
        let headers = [JSON_TYPE, ("content-length", length)];
        answer(
            request("POST /load", &headers, Unwanted),
            &environment(limit),
            &script,
        )
    };
    is_problem(
        &announced("11", "10"),
        413,
        "it may have 10 bytes at most; send fewer",
    );
    is_problem(&announced("99999999999", "10"), 413, "it may have 10 bytes");
    let sent = |limit: usize| {
        let request = request("POST /load", &[JSON_TYPE], Scripted(Ok(LOAD)));
        answer(request, &environment(&limit.to_string()), &script)
    };
    assert_eq!(sent(LOAD.len()).status, 200);
    is_problem(&sent(LOAD.len() - 1), 413, "it may have 46 bytes at most");
    let broken = request("POST /load", &[JSON_TYPE], Scripted(Err(BodyError::Broken)));
    is_problem(
        &answer(broken, &[], &script),
        400,
        "the body ended before its end",
    );
    let health = answer(
        request("GET /health", &[], Unwanted),
        &environment("16MB"),
        &script,
    );
    is_problem(
        &health,
        500,
        "the environment variable ROWCAST_MAX_BODY_BYTES must be",
    );
}

#[test]
fn bodies_that_do_not_fit_are_told_where() {
    let check = |path: &str, body, detail: &str, pointer: &str, hint: Option<&str>| {
        let script = Script::new(None);
        let response = post(path, body, &script);
        is_problem(&response, 400, detail);
        let problem: Value = serde_json::from_str(text(&response)).unwrap();
        assert_eq!(problem["pointer"], pointer);
        assert_eq!(problem.get("hint").and_then(|hint| hint.as_str()), hint);
        assert!(script.asked.borrow().is_empty());
    };
    check(
        "/load",
        "{",
        "the body is not JSON: EOF while parsing an object",
        "",
        None,
    );
    check(
        "/query",
        r#"{"cursor":"c"}"#,
        "`/query` is missing",
        "/query",
        None,
    );
    check(
        "/extract",
        r#"{"source":{},"rows":[],"budget":1}"#,
        "`/budget` is not known",
        "/budget",
        Some("did you mean `budget_ms`?"),
    );
    check(
        "/explain",
        r#"{"query":{"table":"t"},"cursor":"c"}"#,
        "`/cursor` is not known",
        "/cursor",
        Some("known here: `query`, `budget_ms`"),
    );
    check(
        "/query",
        r#"{"query":{"table":"t"},"budget_ms":["s3cr3t"]}"#,
        "`/budget_ms` is a list",
        "/budget_ms",
        None,
    );
}

#[test]
fn a_result_that_is_not_json_is_the_services_own_failure() {
    let mut script = Script::new(None);
    script.documents.push("{".to_owned());
    for (path, body) in [("/extract", EXTRACT), ("/query", QUERY)] {
        let response = post(path, body, &script);
        is_problem(
            &response,
            500,
            "read document 1 of the result: EOF while parsing",
        );
    }
}
