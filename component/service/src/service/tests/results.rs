//! Results with everything in them; all conform to `openapi.json`.

use super::super::json;
use crate::openapi::conforms;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::{DoneRequest, Extraction};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::load::{
    RejectedDocument, Report, SupersededDocument,
};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::query::{
    Access, Diagnosis, Explanation, Page,
};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::transfer::{self, TransferReport};
use rowcast_pipeline::bindings::rowcast::pipeline::types::{
    Counter, PendingRequest, RateLimit, RejectedRecord, RejectedRequest, RejectionKind, Request,
    Stop, StopReason,
};
use serde::Serialize;

fn written(result: &impl Serialize) -> String {
    String::from_utf8(json(result).unwrap()).unwrap()
}

fn request(row: u32, combination: u32) -> Request {
    Request { row, combination }
}

fn pending(row: u32, resume: Option<&str>) -> PendingRequest {
    PendingRequest {
        request: request(row, 0),
        resume: resume.map(str::to_owned),
    }
}

fn counters() -> Vec<Counter> {
    vec![Counter {
        name: "source.requests".to_owned(),
        value: 5.0,
    }]
}

fn reason(reason: &str) -> StopReason {
    StopReason {
        upstream: "https://x".to_owned(),
        reason: reason.to_owned(),
    }
}

fn limit() -> RateLimit {
    RateLimit {
        retry_after_ms: 1500,
        upstream: "https://x".to_owned(),
        reason: "QUOTA_EXCEEDED".to_owned(),
        counters: counters(),
    }
}

fn result(documents: &[&str], stopped: Option<Stop>) -> Extraction {
    Extraction {
        documents: documents.iter().map(|it| (*it).to_owned()).collect(),
        done: vec![DoneRequest {
            request: request(0, 1),
            documents: 2,
        }],
        rejected: vec![rejected()],
        rejected_records: vec![record()],
        pending: vec![pending(2, None), pending(3, Some("page \"2\""))],
        stopped,
        counters: counters(),
    }
}

fn rejected() -> RejectedRequest {
    RejectedRequest {
        request: request(1, 0),
        kind: RejectionKind::Status,
        status: Some(404),
        reason: "not \"found\"".to_owned(),
    }
}

fn record() -> RejectedRecord {
    RejectedRecord {
        request: request(0, 1),
        index: 3,
        kind: RejectionKind::Required,
        path: "/id".to_owned(),
        reason: "missing".to_owned(),
    }
}

const REJECTED: &str = concat!(
    r#""rejected":[{"request":{"row":1,"combination":0},"kind":"status","status":404,"reason":"not \"found\""}],"#,
    r#""rejected_records":[{"request":{"row":0,"combination":1},"index":3,"kind":"required","path":"/id","reason":"missing"}],"#,
);

const COUNTERS: &str = r#""counters":[{"name":"source.requests","value":5.0}]}"#;

const LIMITED: &str = r#""stopped":{"rate_limited":{"retry_after_ms":1500,"upstream":"https://x","reason":"QUOTA_EXCEEDED","counters":[{"name":"source.requests","value":5.0}]}},"#;

#[test]
fn an_extraction_is_written_whole() {
    let documents = ["{\"n\": 1.10}", "{}"];
    let text = written(&result(&documents, Some(Stop::RateLimited(limit()))));
    let expected = [
        r#"{"documents":[{"n": 1.10},{}],"done":[{"request":{"row":0,"combination":1},"documents":2}],"#,
        REJECTED,
        r#""pending":[{"request":{"row":2,"combination":0},"resume":null},{"request":{"row":3,"combination":0},"resume":"page \"2\""}],"#,
        LIMITED,
        COUNTERS,
    ];
    assert_eq!(text, expected.concat());
    conforms("Extraction", &text);
}

#[test]
fn a_transfer_report_is_written_whole() {
    let mut report = TransferReport {
        done: 1,
        documents: 6,
        written: 2,
        unchanged: 0,
        superseded: 3,
        rejected: vec![rejected()],
        rejected_records: vec![record()],
        rejected_documents: vec![transfer::RejectedDocument {
            request: request(4, 0),
            kind: RejectionKind::TooLarge,
            path: String::new(),
            reason: "r".to_owned(),
            document: r#"{"a":1.0}"#.to_owned(),
        }],
        remaining: Some(transfer::Remaining {
            requests: vec![pending(5, Some("p"))],
            documents: vec![transfer::PendingDocument {
                request: request(6, 0),
                document: r#"{"b":2.0}"#.to_owned(),
            }],
        }),
        stopped: Some(Stop::RateLimited(limit())),
        counters: counters(),
    };
    let text = written(&report);
    let expected = [
        r#"{"done":1,"documents":6,"written":2,"unchanged":0,"superseded":3,"#,
        REJECTED,
        r#""rejected_documents":[{"request":{"row":4,"combination":0},"kind":"too_large","path":"","reason":"r","document":{"a":1.0}}],"#,
        r#""remaining":{"requests":[{"request":{"row":5,"combination":0},"resume":"p"}],"documents":[{"request":{"row":6,"combination":0},"document":{"b":2.0}}]},"#,
        LIMITED,
        COUNTERS,
    ];
    assert_eq!(text, expected.concat());
    conforms("TransferReport", &text);
    report.remaining = None;
    let text = written(&report);
    assert!(text.contains(r#""remaining":null,"#));
    conforms("TransferReport", &text);
}

#[test]
fn every_case_is_written() {
    let stops = [
        (None, "null"),
        (Some(Stop::Budget), r#""budget""#),
        (
            Some(Stop::Denied(reason("a"))),
            r#"{"denied":{"upstream":"https://x","reason":"a"}}"#,
        ),
        (
            Some(Stop::Unavailable(reason("b"))),
            r#"{"unavailable":{"upstream":"https://x","reason":"b"}}"#,
        ),
        (
            Some(Stop::Invalid(reason("c"))),
            r#"{"invalid":{"upstream":"https://x","reason":"c"}}"#,
        ),
    ];
    for (stop, expected) in stops {
        let text = written(&result(&[], stop));
        assert!(
            text.contains(&format!(r#""stopped":{expected},"#)),
            "{text}"
        );
        conforms("Extraction", &text);
    }
    let kinds = [
        RejectionKind::Template,
        RejectionKind::Status,
        RejectionKind::Body,
        RejectionKind::Required,
        RejectionKind::Clash,
        RejectionKind::Policy,
        RejectionKind::Exhausted,
        RejectionKind::TooLarge,
        RejectionKind::Item,
    ];
    for kind in kinds {
        let mut result = result(&[], None);
        for request in &mut result.rejected {
            (request.kind, request.status) = (kind, None);
        }
        conforms("Extraction", &written(&result));
    }
}

#[test]
fn a_report_is_written_whole() {
    let superseded = |index, by| SupersededDocument { index, by };
    let text = written(&Report {
        written: 1,
        unchanged: 2,
        superseded: vec![superseded(2, Some(3)), superseded(7, None)],
        rejected: vec![RejectedDocument {
            index: 4,
            kind: RejectionKind::Item,
            path: "/a".to_owned(),
            reason: "b".to_owned(),
        }],
        pending: vec![5, 6],
        stopped: Some(Stop::Budget),
        counters: counters(),
    });
    let expected = [
        r#"{"written":1,"unchanged":2,"superseded":[{"index":2,"by":3},{"index":7,"by":null}],"#,
        r#""rejected":[{"index":4,"kind":"item","path":"/a","reason":"b"}],"#,
        r#""pending":[5,6],"stopped":"budget","#,
        COUNTERS,
    ];
    assert_eq!(text, expected.concat());
    conforms("Report", &text);
}

#[test]
fn a_page_is_written_whole() {
    for (access, name) in [(Access::Query, "query"), (Access::Scan, "scan")] {
        for (cursor, shown) in [(None, "null"), (Some("c".to_owned()), "\"c\"")] {
            let result = Page {
                documents: vec![r#"{"a":1e2}"#.to_owned()],
                cursor,
                access,
                scanned: u64::MAX,
                counters: counters(),
            };
            let text = written(&result);
            let expected = format!(
                r#"{{"documents":[{{"a":1e2}}],"cursor":{shown},"access":"{name}","scanned":18446744073709551615,{COUNTERS}"#
            );
            assert_eq!(text, expected);
            conforms("Page", &text);
        }
    }
}

#[test]
fn an_explanation_is_written_whole() {
    let text = written(&Explanation {
        diagnoses: vec![Diagnosis {
            path: "a".to_owned(),
            expected: "N".to_owned(),
            missing: 1,
            other_type: 2,
        }],
        scanned: 3,
        complete: false,
        counters: counters(),
    });
    let expected = [
        r#"{"diagnoses":[{"path":"a","expected":"N","missing":1,"other_type":2}],"scanned":3,"complete":false,"#,
        COUNTERS,
    ];
    assert_eq!(text, expected.concat());
    conforms("Explanation", &text);
}

#[test]
fn a_document_that_is_not_json_is_told_by_its_index() {
    for wrong in ["", "{", "{} {}", r#"{"a":1},"done":[]"#] {
        let problem = json(&result(&["{}", wrong], None)).unwrap_err();
        let response = problem.response();
        let said = String::from_utf8_lossy(&response.body);
        assert!(
            said.contains("read document 1 of the result: "),
            "{wrong}: {said}"
        );
        assert_eq!(response.status, 500);
    }
}
