//! Results with everything in them; all conform to `openapi.json`.

use super::*;
use crate::openapi::conforms;
use std::error::Error;

fn cell(row: u32, combination: u32) -> Cell {
    Cell { row, combination }
}

fn result(documents: &[&str], stopped: Option<Stop>) -> Extraction {
    Extraction {
        documents: documents.iter().map(|it| (*it).to_owned()).collect(),
        done: vec![DoneCell {
            cell: cell(0, 1),
            documents: 2,
        }],
        rejected: vec![RejectedCell {
            cell: cell(1, 0),
            kind: RejectionKind::Status,
            status: Some(404),
            reason: "not \"found\"".to_owned(),
        }],
        rejected_records: vec![RejectedRecord {
            cell: cell(0, 1),
            index: 3,
            kind: RejectionKind::Required,
            path: "/id".to_owned(),
            reason: "missing".to_owned(),
        }],
        pending: vec![cell(2, 0), cell(2, 1)],
        stopped,
        requests: 5,
        retries: 6,
        token_requests: 7,
    }
}

#[test]
fn an_extraction_is_written_whole() {
    let limit = RateLimit {
        retry_after_ms: 1500,
        reason: "QUOTA_EXCEEDED".to_owned(),
    };
    let documents = ["{\"n\": 1.10}", "{}"];
    let text = extraction(&result(&documents, Some(Stop::RateLimited(limit)))).unwrap();
    let expected = concat!(
        r#"{"documents":[{"n": 1.10},{}],"done":[{"cell":{"row":0,"combination":1},"documents":2}],"#,
        r#""rejected":[{"cell":{"row":1,"combination":0},"kind":"status","status":404,"reason":"not \"found\""}],"#,
        r#""rejected_records":[{"cell":{"row":0,"combination":1},"index":3,"kind":"required","path":"/id","reason":"missing"}],"#,
        r#""pending":[{"row":2,"combination":0},{"row":2,"combination":1}],"#,
        r#""stopped":{"rate_limited":{"retry_after_ms":1500,"reason":"QUOTA_EXCEEDED"}},"#,
        r#""requests":5,"retries":6,"token_requests":7}"#,
    );
    assert_eq!(text, expected);
    conforms("Extraction", &text);
}

#[test]
fn every_case_is_written() {
    let stops = [
        (None, "null"),
        (Some(Stop::Budget), r#""budget""#),
        (Some(Stop::Denied("a".to_owned())), r#"{"denied":"a"}"#),
        (
            Some(Stop::Unavailable("b".to_owned())),
            r#"{"unavailable":"b"}"#,
        ),
    ];
    for (stop, expected) in stops {
        let text = extraction(&result(&[], stop)).unwrap();
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
    ];
    for kind in kinds {
        let mut result = result(&[], None);
        for cell in &mut result.rejected {
            (cell.kind, cell.status) = (kind, None);
        }
        conforms("Extraction", &extraction(&result).unwrap());
    }
}

#[test]
fn a_report_is_written_whole() {
    let text = report(&Report {
        written: 1,
        superseded: vec![SupersededDocument { index: 2, by: 3 }],
        rejected: vec![RejectedDocument {
            index: 4,
            path: "/a".to_owned(),
            reason: "b".to_owned(),
        }],
        pending: vec![5, 6],
        stopped: Some(Stop::Budget),
        capacity: 7.5,
        requests: 8,
        retries: 9,
    });
    let expected = concat!(
        r#"{"written":1,"superseded":[{"index":2,"by":3}],"rejected":[{"index":4,"path":"/a","reason":"b"}],"#,
        r#""pending":[5,6],"stopped":"budget","capacity":7.5,"requests":8,"retries":9}"#,
    );
    assert_eq!(text, expected);
    conforms("Report", &text);
}

#[test]
fn an_answer_is_written_whole() {
    for (access, name) in [(Access::Query, "query"), (Access::Scan, "scan")] {
        for (cursor, shown) in [(None, "null"), (Some("c".to_owned()), "\"c\"")] {
            let result = Answer {
                documents: vec![r#"{"a":1e2}"#.to_owned()],
                cursor,
                access,
                scanned: u64::MAX,
                matched: 1,
                capacity: 0.5,
                requests: 2,
            };
            let text = answer(&result).unwrap();
            let expected = format!(
                r#"{{"documents":[{{"a":1e2}}],"cursor":{shown},"access":"{name}","scanned":18446744073709551615,"matched":1,"capacity":0.5,"requests":2}}"#
            );
            assert_eq!(text, expected);
            conforms("Answer", &text);
        }
    }
}

#[test]
fn an_explanation_is_written_whole() {
    let text = explanation(&Explanation {
        findings: vec![Finding {
            path: "a".to_owned(),
            expected: "N".to_owned(),
            missing: 1,
            other_type: 2,
        }],
        scanned: 3,
        complete: false,
        capacity: 4.0,
    });
    let expected = r#"{"findings":[{"path":"a","expected":"N","missing":1,"other_type":2}],"scanned":3,"complete":false,"capacity":4.0}"#;
    assert_eq!(text, expected);
    conforms("Explanation", &text);
}

#[test]
fn a_document_that_is_not_json_is_told_by_its_index() {
    for wrong in ["", "{", "{} {}", r#"{"a":1},"done":[]"#] {
        let error = extraction(&result(&["{}", wrong], None)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "read document 1 of the result",
            "{wrong}"
        );
        assert!(error.source().is_some());
    }
}
