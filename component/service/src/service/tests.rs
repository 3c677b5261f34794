//! Requests and what is answered, with scripted calls.

use super::*;
use crate::bindings::rowcast::pipeline::extract::Extraction;
use crate::bindings::rowcast::pipeline::load::Report;
use crate::bindings::rowcast::pipeline::query::{Access, Answer, Explanation};
use crate::bindings::rowcast::pipeline::types::{Failure, RateLimit};
use crate::input::{Explain, Extract, Load, Query};
use crate::openapi::{conforms, document};
use std::cell::RefCell;

/// Answers every call alike, and notes what it was asked.
struct Script {
    failure: Option<Failure>,
    /// Documents of the results.
    documents: Vec<String>,
    asked: RefCell<Vec<String>>,
}

impl Script {
    fn new(failure: Option<Failure>) -> Self {
        Self {
            failure,
            documents: vec![r#"{"n":1.10}"#.to_owned()],
            asked: RefCell::default(),
        }
    }

    fn note<T>(&self, asked: String, result: T) -> Result<T, Failure> {
        self.asked.borrow_mut().push(asked);
        self.failure.clone().map_or(Ok(result), Err)
    }
}

impl Calls for Script {
    fn extract(&self, call: &Extract) -> Result<Extraction, Failure> {
        let result = Extraction {
            documents: self.documents.clone(),
            done: Vec::new(),
            rejected: Vec::new(),
            rejected_records: Vec::new(),
            pending: Vec::new(),
            stopped: None,
            requests: 0,
            retries: 0,
            token_requests: 0,
        };
        self.note(format!("extract {}", call.rows.join(" ")), result)
    }

    fn load(&self, call: &Load) -> Result<Report, Failure> {
        let result = Report {
            written: 1,
            superseded: Vec::new(),
            rejected: Vec::new(),
            pending: Vec::new(),
            stopped: None,
            capacity: 1.0,
            requests: 1,
            retries: 0,
        };
        self.note(format!("load {}", call.documents.join(" ")), result)
    }

    fn query(&self, call: &Query) -> Result<Answer, Failure> {
        let result = Answer {
            documents: self.documents.clone(),
            cursor: None,
            access: Access::Scan,
            scanned: 1,
            matched: 1,
            capacity: 0.5,
            requests: 1,
        };
        self.note(format!("query {}", call.question.filter), result)
    }

    fn explain(&self, call: &Explain) -> Result<Explanation, Failure> {
        let result = Explanation {
            findings: Vec::new(),
            scanned: 0,
            complete: true,
            capacity: 0.0,
        };
        self.note(format!("explain {}", call.question.filter), result)
    }
}

/// A body that comes, or ends early.
struct Scripted(Result<&'static str, BodyError>);

impl Body for Scripted {
    fn read(self, max_bytes: u64) -> Result<Vec<u8>, BodyError> {
        let text = self.0?;
        if u64::try_from(text.len()).unwrap() > max_bytes {
            return Err(BodyError::TooLong);
        }
        Ok(text.as_bytes().to_vec())
    }
}

/// A body that nobody may read.
struct Unwanted;

impl Body for Unwanted {
    fn read(self, _: u64) -> Result<Vec<u8>, BodyError> {
        panic!("the body was read");
    }
}

fn request<B>(line: &str, headers: &[(&str, &str)], body: B) -> Request<B> {
    let (method, target) = line.split_once(' ').unwrap();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.iter().map(owned).collect(),
        body,
    }
}

const JSON_TYPE: (&str, &str) = ("content-type", "application/json");

fn post(path: &str, body: &'static str, script: &Script) -> Response {
    let request = request(&format!("POST {path}"), &[JSON_TYPE], Scripted(Ok(body)));
    answer(request, &[], script)
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let mut headers = response.headers.iter();
    let found = headers.find(|(known, _)| *known == name);
    found.map(|(_, value)| value.as_str())
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

/// Checks that it is a problem of that status as `openapi.json` describes it,
/// and that its detail begins so.
fn is_problem(response: &Response, status: u16, detail: &str) {
    assert_eq!(response.status, status, "{}", text(response));
    assert_eq!(
        header(response, "content-type"),
        Some("application/problem+json")
    );
    let length = response.body.len().to_string();
    assert_eq!(header(response, "content-length"), Some(length.as_str()));
    conforms("Problem", text(response));
    let problem: serde_json::Value = serde_json::from_str(text(response)).unwrap();
    assert_eq!(problem["status"], status);
    let kind = problem["type"].as_str().unwrap();
    let (path, pointer) = kind.split_once('#').unwrap();
    assert_eq!(path, "/openapi.json");
    let described = document();
    let described = described.pointer(pointer).unwrap();
    for name in described["headers"].as_object().into_iter().flatten() {
        let name = name.0.to_ascii_lowercase();
        assert!(header(response, &name).is_some(), "{name}");
    }
    let found = problem["detail"].as_str().unwrap();
    assert!(found.starts_with(detail), "{found}");
}

const EXTRACT: &str = r#"{"source":{"url":"https://x/"},"rows":[{"id":1.0}, {"id":2}]}"#;
const LOAD: &str = r#"{"table":{"name":"t"},"documents":[{"id":1.0}]}"#;
const QUERY: &str = r#"{"question":{"table":"t","filter":"a > 1"}}"#;

const POSTS: [(&str, &str, &str, &str); 4] = [
    (
        "/extract",
        EXTRACT,
        r#"extract {"id":1.0} {"id":2}"#,
        "Extraction",
    ),
    ("/load", LOAD, r#"load {"id":1.0}"#, "Report"),
    ("/query", QUERY, "query a > 1", "Answer"),
    ("/explain", QUERY, "explain a > 1", "Explanation"),
];

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
            reason: "reason".to_owned(),
        })
    };
    let reason = || "reason".to_owned();
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
            let problem: serde_json::Value = serde_json::from_str(text(&response)).unwrap();
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
    let routes = "there are: POST /extract, POST /load, POST /query, POST /explain, \
                  GET|HEAD /health, GET|HEAD /openapi.json";
    for line in [
        "GET /",
        "POST /Extract",
        "GET /extract/",
        "GET ",
        "GET /x?/health",
    ] {
        check(line, 404, routes, None);
    }
    for path in ["/extract", "/load", "/query", "/explain"] {
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
        "it may have 10 bytes at the most; send fewer",
    );
    is_problem(&announced("99999999999", "10"), 413, "it may have 10 bytes");
    let sent = |limit: usize| {
        let request = request("POST /load", &[JSON_TYPE], Scripted(Ok(LOAD)));
        answer(request, &environment(&limit.to_string()), &script)
    };
    assert_eq!(sent(LOAD.len()).status, 200);
    is_problem(
        &sent(LOAD.len() - 1),
        413,
        "it may have 46 bytes at the most",
    );
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
        let problem: serde_json::Value = serde_json::from_str(text(&response)).unwrap();
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
        r#"{"question":{}}"#,
        "`/question/table` is missing",
        "/question/table",
        None,
    );
    check(
        "/extract",
        r#"{"source":{"url":"u","concurency":1},"rows":[]}"#,
        "`/source/concurency` is not known",
        "/source/concurency",
        Some("did you mean `concurrency`?"),
    );
    check(
        "/explain",
        r#"{"question":{"table":"t"},"cursor":"c"}"#,
        "`/cursor` is not known",
        "/cursor",
        Some("known here: `question`, `budget_ms`"),
    );
    check(
        "/extract",
        r#"{"source":{"url":"u","auth":{"bearer":["s3cr3t"]}},"rows":[]}"#,
        "`/source/auth/bearer` is a list, expected a string",
        "/source/auth/bearer",
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
