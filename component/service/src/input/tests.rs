//! Requests with everything in them.

use super::*;
use crate::read::read;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::transfer::PendingDocument;
use rowcast_pipeline::bindings::rowcast::pipeline::types::Request;

fn pending(row: u32, resume: Option<&str>) -> PendingRequest {
    PendingRequest {
        request: Request {
            row,
            combination: 2,
        },
        resume: resume.map(str::to_owned),
    }
}

const SOURCE: &str = r#"{"url": "u", "max_pages": 1.0}"#;
const TABLE: &str = r#"{"name":"t", "anything": [1.50]}"#;

/// Settings and documents stay as they are written.
#[test]
fn bodies_are_read_whole() {
    let body = format!(
        r#"{{"source": {SOURCE}, "rows": [{{"id": 1.0}}, 2], "budget_ms": 10,
            "only": [{{"request":{{"row":1,"combination":2}},"resume":"p"}}]}}"#
    );
    let expected = Extract {
        source: SOURCE.to_owned(),
        rows: vec![r#"{"id": 1.0}"#.to_owned(), "2".to_owned()],
        only: Some(vec![pending(1, Some("p"))]),
        budget_ms: Some(10),
    };
    assert_eq!(read::<Extract>(body.as_bytes()).unwrap(), expected);
    let body = format!(r#"{{"table": {TABLE}, "documents": [{{"a":1e2}}]}}"#);
    let expected = Load {
        table: TABLE.to_owned(),
        documents: vec![r#"{"a":1e2}"#.to_owned()],
        budget_ms: None,
    };
    assert_eq!(read::<Load>(body.as_bytes()).unwrap(), expected);
    let body = format!(
        r#"{{"source": {SOURCE}, "table": {TABLE}, "rows": [], "remaining": {{
            "requests": [{{"request":{{"row":3,"combination":2}}}}],
            "documents": [{{"request":{{"row":4,"combination":2}},"document":{{"a":1.0}}}}]}}}}"#
    );
    let expected = Transfer {
        source: SOURCE.to_owned(),
        table: TABLE.to_owned(),
        rows: Vec::new(),
        remaining: Some(Remaining {
            requests: vec![pending(3, None)],
            documents: vec![PendingDocument {
                request: pending(4, None).request,
                document: r#"{"a":1.0}"#.to_owned(),
            }],
        }),
        budget_ms: None,
    };
    assert_eq!(read::<Transfer>(body.as_bytes()).unwrap(), expected);
    let body = format!(r#"{{"query": {TABLE}, "cursor": "c", "budget_ms": 1}}"#);
    let expected = Query {
        query: TABLE.to_owned(),
        cursor: Some("c".to_owned()),
        budget_ms: Some(1),
    };
    assert_eq!(read::<Query>(body.as_bytes()).unwrap(), expected);
    let expected = Explain {
        query: TABLE.to_owned(),
        budget_ms: None,
    };
    let body = format!(r#"{{"query": {TABLE}}}"#);
    assert_eq!(read::<Explain>(body.as_bytes()).unwrap(), expected);
}
