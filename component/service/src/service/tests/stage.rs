//! Scripted calls and bodies, and what tests look for in answers.

use super::super::answer;
use crate::calls::Calls;
use crate::http::{Body, BodyError, Request, Response};
use crate::input::{Explain, Extract, Load, Query, Transfer};
use crate::openapi::{conforms, document};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::Extraction;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::load::Report;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::query::{Access, Explanation, Page};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::transfer::TransferReport;
use rowcast_pipeline::bindings::rowcast::pipeline::types::Failure;
use serde_json::Value;
use std::cell::RefCell;

/// Answers every call alike, and notes what it was asked.
pub struct Script {
    pub failure: Option<Failure>,
    /// Documents of the results.
    pub documents: Vec<String>,
    pub asked: RefCell<Vec<String>>,
}

impl Script {
    pub fn new(failure: Option<Failure>) -> Self {
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
            counters: Vec::new(),
        };
        self.note(format!("extract {}", call.rows.join(" ")), result)
    }

    fn load(&self, call: &Load) -> Result<Report, Failure> {
        let result = Report {
            written: 1,
            unchanged: 0,
            superseded: Vec::new(),
            rejected: Vec::new(),
            pending: Vec::new(),
            stopped: None,
            counters: Vec::new(),
        };
        self.note(format!("load {}", call.documents.join(" ")), result)
    }

    fn transfer(&self, call: &Transfer) -> Result<TransferReport, Failure> {
        let result = TransferReport {
            done: 1,
            documents: 1,
            written: 1,
            unchanged: 0,
            superseded: 0,
            rejected: Vec::new(),
            rejected_records: Vec::new(),
            rejected_documents: Vec::new(),
            remaining: None,
            stopped: None,
            counters: Vec::new(),
        };
        self.note(format!("transfer {}", call.rows.join(" ")), result)
    }

    fn query(&self, call: &Query) -> Result<Page, Failure> {
        let result = Page {
            documents: self.documents.clone(),
            cursor: None,
            access: Access::Scan,
            scanned: 1,
            counters: Vec::new(),
        };
        self.note(format!("query {}", call.query), result)
    }

    fn explain(&self, call: &Explain) -> Result<Explanation, Failure> {
        let result = Explanation {
            diagnoses: Vec::new(),
            scanned: 0,
            complete: true,
            counters: Vec::new(),
        };
        self.note(format!("explain {}", call.query), result)
    }
}

/// A body that comes, or ends early.
pub struct Scripted(pub Result<&'static str, BodyError>);

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
pub struct Unwanted;

impl Body for Unwanted {
    fn read(self, _: u64) -> Result<Vec<u8>, BodyError> {
        panic!("the body was read");
    }
}

pub fn request<B>(line: &str, headers: &[(&str, &str)], body: B) -> Request<B> {
    let (method, target) = line.split_once(' ').unwrap();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.iter().map(owned).collect(),
        body,
    }
}

pub const JSON_TYPE: (&str, &str) = ("content-type", "application/json");

pub fn post(path: &str, body: &'static str, script: &Script) -> Response {
    let request = request(&format!("POST {path}"), &[JSON_TYPE], Scripted(Ok(body)));
    answer(request, &[], script)
}

pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let mut headers = response.headers.iter();
    let found = headers.find(|(known, _)| *known == name);
    found.map(|(_, value)| value.as_str())
}

pub fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

/// Checks that it is a problem of that status as `openapi.json` describes it,
/// and that its detail begins so.
pub fn is_problem(response: &Response, status: u16, detail: &str) {
    assert_eq!(response.status, status, "{}", text(response));
    assert_eq!(
        header(response, "content-type"),
        Some("application/problem+json")
    );
    let length = response.body.len().to_string();
    assert_eq!(header(response, "content-length"), Some(length.as_str()));
    conforms("Problem", text(response));
    let problem: Value = serde_json::from_str(text(response)).unwrap();
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

pub const EXTRACT: &str = r#"{"source":{"url":"https://x/"},"rows":[{"id":1.0}, {"id":2}]}"#;
pub const LOAD: &str = r#"{"table":{"name":"t"},"documents":[{"id":1.0}]}"#;
pub const TRANSFER: &str = r#"{"source":{"url":"u"},"table":{"name":"t"},"rows":[{"id":1.0}]}"#;
pub const QUERY: &str = r#"{"query":{"table":"t","filter":"a > 1"}}"#;

pub const POSTS: [(&str, &str, &str, &str); 5] = [
    (
        "/extract",
        EXTRACT,
        r#"extract {"id":1.0} {"id":2}"#,
        "Extraction",
    ),
    ("/load", LOAD, r#"load {"id":1.0}"#, "Report"),
    (
        "/transfer",
        TRANSFER,
        r#"transfer {"id":1.0}"#,
        "TransferReport",
    ),
    (
        "/query",
        QUERY,
        r#"query {"table":"t","filter":"a > 1"}"#,
        "Page",
    ),
    (
        "/explain",
        QUERY,
        r#"explain {"table":"t","filter":"a > 1"}"#,
        "Explanation",
    ),
];
