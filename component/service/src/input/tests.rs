//! Requests with everything in them, and the cases of their variants.

use super::*;

fn read<T>(body: &str, reader: fn(Value<'_>) -> Result<T, Mistake>) -> T {
    reader(Value::parse(body.as_bytes()).unwrap()).unwrap()
}

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

const ODD: Retry = Retry {
    max_attempts: 2,
    base_delay_ms: 3,
    max_delay_ms: 4,
    max_retry_after_ms: 5,
};

const ODD_TEXT: &str =
    r#"{"max_attempts":2,"base_delay_ms":3,"max_delay_ms":4,"max_retry_after_ms":5}"#;

#[test]
fn extract_is_read_whole() {
    let body = format!(
        r#"{{
            "source": {{
                "url": "u", "headers": [{{"name":"h","value":"1"}}],
                "matrix": [{{"name":"m","values":["a","b"]}}], "records": "/r",
                "attributes": [{{"name":"x","value":"y"}}], "require": ["/q"],
                "auth": {{"bearer":"t"}}, "pagination": {{"next_url":"/n"}},
                "max_pages": 6, "concurrency": 7, "retry": {ODD_TEXT},
                "request_timeout_ms": 8, "max_body_bytes": 9
            }},
            "rows": [{{"id": 1.0}}, 2], "only": [{{"row":1,"combination":2}}], "budget_ms": 10
        }}"#
    );
    let source = Source {
        url: "u".to_owned(),
        headers: vec![field("h", "1")],
        matrix: vec![Axis {
            name: "m".to_owned(),
            values: vec!["a".to_owned(), "b".to_owned()],
        }],
        records: "/r".to_owned(),
        attributes: vec![field("x", "y")],
        require: vec!["/q".to_owned()],
        auth: Auth::Bearer("t".to_owned()),
        pagination: Pagination::NextUrl("/n".to_owned()),
        max_pages: 6,
        concurrency: 7,
        retry: ODD,
        request_timeout_ms: 8,
        max_body_bytes: 9,
    };
    let expected = Extract {
        source,
        rows: vec![r#"{"id": 1.0}"#.to_owned(), "2".to_owned()],
        only: Some(vec![Cell {
            row: 1,
            combination: 2,
        }]),
        budget_ms: Some(10),
    };
    assert_eq!(read(&body, extract), expected);
}

#[test]
fn load_is_read_whole() {
    let body = format!(
        r#"{{
            "table": {{
                "name": "t", "retry": {ODD_TEXT}, "concurrency": 6,
                "keys": {{
                    "partition": {{"name":"p","kind":"number"}}, "sort": {{"name":"s","kind":"bytes"}}
                }}
            }},
            "documents": [{{"p":1e2}}], "budget_ms": 7
        }}"#
    );
    let attribute = |name: &str, kind| KeyAttribute {
        name: name.to_owned(),
        kind,
    };
    let expected = Load {
        table: Table {
            name: "t".to_owned(),
            keys: Some(KeySchema {
                partition: attribute("p", KeyKind::Number),
                sort: Some(attribute("s", KeyKind::Bytes)),
            }),
            retry: ODD,
            concurrency: 6,
        },
        documents: vec![r#"{"p":1e2}"#.to_owned()],
        budget_ms: Some(7),
    };
    assert_eq!(read(&body, load), expected);
}

#[test]
fn query_and_explain_are_read_whole() {
    let asked = format!(
        r#"{{"table":"t","index":"i","filter":"f","select":["a"],"limit":2,"segments":3,
            "consistent":true,"retry":{ODD_TEXT}}}"#
    );
    let question = Question {
        table: "t".to_owned(),
        index: Some("i".to_owned()),
        filter: "f".to_owned(),
        select: vec!["a".to_owned()],
        limit: Some(2),
        segments: 3,
        consistent: true,
        retry: ODD,
    };
    let expected = Query {
        question: question.clone(),
        cursor: Some("c".to_owned()),
        budget_ms: Some(4),
    };
    let body = format!(r#"{{"question":{asked},"cursor":"c","budget_ms":4}}"#);
    assert_eq!(read(&body, query), expected);
    let expected = Explain {
        question,
        budget_ms: None,
    };
    let body = format!(r#"{{"question":{asked}}}"#);
    assert_eq!(read(&body, explain), expected);
}

#[test]
fn the_cases_of_variants_are_read() {
    let source = |member: &str| {
        let body = format!(r#"{{"source":{{"url":"u",{member}}},"rows":[]}}"#);
        read(&body, extract).source
    };
    let text = str::to_owned;
    let auth = |value: &str, expected: Auth| {
        assert_eq!(source(&format!(r#""auth":{value}"#)).auth, expected);
    };
    auth(r#""none""#, Auth::None);
    auth(r#"{"bearer":""}"#, Auth::Bearer(String::new()));
    let basic = Basic {
        username: text("u"),
        password: text("p"),
    };
    auth(
        r#"{"basic":{"username":"u","password":"p"}}"#,
        Auth::Basic(basic),
    );
    let credentials = ClientCredentials {
        token_url: text("t"),
        client_id: text("i"),
        client_secret: text("s"),
        scope: text("a b"),
    };
    auth(
        r#"{"client_credentials":{"token_url":"t","client_id":"i","client_secret":"s","scope":"a b"}}"#,
        Auth::ClientCredentials(credentials),
    );
    let pagination = |value: &str, expected: Pagination| {
        let member = format!(r#""pagination":{value}"#);
        assert_eq!(source(&member).pagination, expected);
    };
    pagination(r#""none""#, Pagination::None);
    pagination(r#""link_header""#, Pagination::LinkHeader);
    let cursor = CursorPagination {
        pointer: text("/c"),
        parameter: text("after"),
    };
    pagination(
        r#"{"cursor":{"pointer":"/c","parameter":"after"}}"#,
        Pagination::Cursor(cursor),
    );
}
