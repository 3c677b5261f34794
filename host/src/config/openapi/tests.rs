//! Documents in the manner of public ones → the settings that are proposed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test stops at the first surprise, and its documents are written where they are used"
)]

mod hostile;
mod said;

use super::*;
use crate::engine::settings::json;
use expect_test::{Expect, expect};

/// The settings, and the remarks below them.
fn check(document: Value, id: &str, expected: Expect) {
    let found = propose(&document, id).unwrap();
    let source: Value = serde_json::from_str(&json(&found.source)).unwrap();
    let source = serde_json::to_string_pretty(&source).unwrap();
    let remarks = found.remarks.join("\n");
    let columns = found.columns.join(", ");
    expected.assert_eq(&format!("{source}\ncolumns: {columns}\n{remarks}\n"));
}

/// A document with one operation.
fn document(operation: Value, more: Value) -> Value {
    let mut document = json!({
        "openapi": "3.0.0", "servers": [{"url": "https://a.example/"}],
        "paths": {"/items": {"get": operation}},
    });
    let members = document.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    document
}

/// Of an answer with that schema, to a request with these query parameters.
fn pages(parameters: &[&str], schema: Value) -> String {
    let parameters: Vec<_> = parameters
        .iter()
        .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}))
        .collect();
    let operation = json!({
        "operationId": "list", "parameters": parameters,
        "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
    });
    let found = propose(&document(operation, json!({})), "list").unwrap();
    let source: Value = serde_json::from_str(&json(&found.source)).unwrap();
    let pages = source.get("pagination").map(Value::to_string);
    format!(
        "{} {}",
        source["url"].as_str().unwrap(),
        pages.unwrap_or_default()
    )
}

fn list(more: Value) -> Value {
    let mut properties = json!({"data": {"type": "array", "items": {"type": "object"}}});
    let members = properties.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    json!({"type": "object", "properties": properties})
}

#[test]
fn formats_are_those_of_the_answer() {
    let check = |kinds: &[&str], expected: &str| {
        let schema = json!({"schema": {"type": "array", "items": {"type": "object"}}});
        let content: Map<_, _> = kinds
            .iter()
            .map(|kind| ((*kind).to_owned(), schema.clone()))
            .collect();
        let responses = json!({"200": {"content": content}});
        let document = document(
            json!({"operationId": "list", "responses": responses}),
            json!({}),
        );
        let proposal = propose(&document, "list").unwrap();
        let format = proposal.source.get("format").map(json);
        let unread = proposal
            .remarks
            .iter()
            .find(|it| it.contains("can't be read"));
        let found = format.or(unread.cloned()).unwrap_or("json".to_owned());
        assert_eq!(found.trim_matches('"'), expected, "{kinds:?}");
    };
    check(&["application/json"], "json");
    check(&["text/csv", "application/vnd.api+json"], "json");
    check(&["*/*"], "json");
    check(&["text/csv; charset=utf-8"], "csv");
    check(&["text/tab-separated-values"], "tsv");
    check(&["application/x-ndjson"], "ndjson");
    check(&["application/xml", "application/jsonl"], "ndjson");
    let xml =
        "Answers are application/xml, which can't be read: see whether the API has JSON, too.";
    check(&["application/xml"], xml);
}

#[test]
fn pages_are_guessed() {
    let text = json!({"type": "string"});
    let number = json!({"type": "integer"});
    let check = |parameters: &[&str], more: Value, expected: &str| {
        let found = pages(parameters, list(more));
        assert_eq!(
            found,
            format!("https://a.example/items{expected}"),
            "{parameters:?}"
        );
    };
    check(&[], json!({}), " ");
    check(
        &["page", "per_page"],
        json!({"total_pages": number}),
        r#" {"type":"page-number","parameter":"page","end":{"total_pages":"/total_pages"}}"#,
    );
    check(
        &["skip", "take"],
        json!({"hasMore": {"type": "boolean"}}),
        r#" {"type":"offset","parameter":"skip","end":{"has_more":"/hasMore"}}"#,
    );
    check(
        &["cursor", "limit"],
        json!({"paging": {"type": "object", "properties": {"next_cursor": text}}}),
        r#" {"type":"cursor","parameter":"cursor","pointer":"/paging/next_cursor"}"#,
    );
    check(
        &["offset", "limit"],
        json!({"links": {"type": "object", "properties": {"next": text}}, "total": number}),
        r#" {"type":"next-url","pointer":"/links/next"}"#,
    );
    check(
        &["page"],
        json!({"pagination": {"type": "object", "properties": {"pages": number}}}),
        r#" {"type":"page-number","parameter":"page","end":{"total_pages":"/pagination/pages"}}"#,
    );
    check(
        &["offset"],
        json!({"num_results": number}),
        r#" {"type":"offset","parameter":"offset","end":{"total":"/num_results"}}"#,
    );
    // What looks like a page and isn't one.
    check(&["cursor"], json!({}), " ");
    check(&[], json!({"next": text}), " ");
}

/// A size is what the document promises, and nothing else.
#[test]
fn sizes_of_pages() {
    let check = |required: bool, size: Value, end: Value, expected: &str| {
        let operation = json!({
            "parameters": [
                {"name": "page", "in": "query", "schema": {"type": "integer"}},
                {"name": "size", "in": "query", "required": required, "schema": size},
            ],
            "responses": {"200": {"content": {"application/json": {"schema": list(end)}}}},
        });
        let found = propose(&document(operation, json!({})), "GET /items").unwrap();
        let source: Value = serde_json::from_str(&json(&found.source)).unwrap();
        let set = source["pagination"].get("size").map(Value::to_string);
        let url = source["url"].as_str().unwrap();
        let in_url = url.split_once("size=").map(|(_, size)| size.to_owned());
        let optional = found
            .remarks
            .iter()
            .any(|it| it.ends_with("parameters size."));
        let optional = optional.then(|| "optional".to_owned());
        let found: Vec<_> = [set, in_url, optional].into_iter().flatten().collect();
        assert_eq!(found.join(" "), expected, "{size}");
    };
    let total = json!({"total": {"type": "integer"}});
    check(false, json!({}), total.clone(), "optional");
    check(false, json!({}), json!({}), "optional");
    check(true, json!({}), json!({}), "{size}");
    check(false, json!({"default": 20}), total.clone(), "20");
    check(false, json!({"default": 20}), json!({}), "20");
    check(true, json!({"default": 20, "maximum": 50}), json!({}), "50");
    check(false, json!({"maximum": 2_147_483_647}), total, "1000");
    check(false, json!({"default": 0}), json!({}), "optional");
}

#[test]
fn what_a_document_lacks_is_said() {
    check(
        json!({"openapi": "3.1.0", "paths": {"/a/{b}": {"get": {}}}}),
        "GET /a/{b}",
        expect![[r#"
            {
              "url": "https://api.example.com/a/{b}",
              "attributes": {
                "b": "{b}"
              }
            }
            columns: b
            The document doesn't say what an answer looks like: set `records` to the JSON Pointer of its records.
            Pages: none were found; one request is the whole answer.
            The document doesn't say on which host the API is: write it here.
        "#]],
    );
    // A schema that is itself.
    let own = json!({"components": {"schemas": {"A": {"$ref": "#/components/schemas/A"}}}});
    let operation = json!({"responses": {"200": {"content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/A"},
    }}}}});
    assert!(propose(&document(operation, own), "GET /items").is_ok());
}

#[test]
fn security_schemes() {
    let check = |scheme: Value, expected: Value| {
        let more = json!({
            "security": [{"it": ["a", "b"]}], "components": {"securitySchemes": {"it": scheme}},
        });
        let found = propose(&document(json!({}), more), "GET /items").unwrap();
        let source: Value = serde_json::from_str(&json(&found.source)).unwrap();
        assert_eq!(source.get("auth").unwrap_or(&Value::Null), &expected);
    };
    check(
        json!({"type": "http", "scheme": "Bearer"}),
        json!({"type": "bearer", "token": "${API_TOKEN}"}),
    );
    check(
        json!({"type": "http", "scheme": "basic"}),
        json!({"type": "basic", "username": "${API_USERNAME}", "password": "${API_PASSWORD}"}),
    );
    check(
        json!({"type": "apiKey", "in": "header", "name": "X-Key"}),
        json!({"type": "api-key", "key": "${API_KEY}", "header": "X-Key"}),
    );
    check(
        json!({"type": "apiKey", "in": "cookie", "name": "s"}),
        Value::Null,
    );
    check(json!({"type": "http", "scheme": "digest"}), Value::Null);
    check(
        json!({"type": "oauth2", "flows": {"authorizationCode": {"tokenUrl": "https://a.example/t"}}}),
        json!({
            "type": "refresh-token", "token_url": "https://a.example/t",
            "client_id": "${API_CLIENT_ID}", "client_secret": "${API_CLIENT_SECRET}",
            "refresh_token": "${API_REFRESH_TOKEN}",
        }),
    );
    check(
        json!({"type": "oauth2", "flows": {"implicit": {}}}),
        json!({"type": "bearer", "token": "${API_TOKEN}"}),
    );
}

/// As the Federal Election Commission's document has it, and New York Times'.
#[test]
fn one_key_of_several_and_one_format_of_several() {
    let key = |place: &str, name: &str| json!({"type": "apiKey", "in": place, "name": name});
    let operation = json!({
        "operationId": "list",
        "parameters": [
            {"name": "api_key", "in": "query", "required": true,
                "schema": {"type": "string", "default": "DEMO_KEY"}},
            {"name": "format", "in": "path", "required": true,
                "schema": {"type": "string", "enum": ["xml", "json"]}},
            {"name": "kind", "in": "path", "required": true,
                "schema": {"type": "string", "enum": ["novels"]}},
            {"name": "list", "in": "path", "required": true,
                "schema": {"type": "string", "default": "fiction"}},
        ],
        "responses": {},
    });
    let document = json!({
        "openapi": "3.0.0", "servers": [{"url": "https://a.example/"}],
        "security": [{"Header": [], "Query": [], "key": []}],
        "components": {"securitySchemes": {
            "Header": key("header", "X-Api-Key"), "Query": key("query", "api_key"),
            "key": key("query", "api_key"),
        }},
        "paths": {"/{kind}/{list}.{format}": {"get": operation}},
    });
    check(
        document,
        "list",
        expect![[r#"
        {
          "url": "https://a.example/novels/{list}.json",
          "attributes": {
            "list": "{list}"
          },
          "auth": {
            "type": "api-key",
            "parameter": "api_key",
            "key": "${API_KEY}"
          }
        }
        columns: list
        The document asks for Header, Query, key at once: [source.auth] has one of them, others go into [source.headers].
        The document doesn't say what an answer looks like: set `records` to the JSON Pointer of its records.
        Pages: none were found; one request is the whole answer.
    "#]],
    );
}

#[test]
fn operations_are_found_by_name() {
    let document = json!({
        "openapi": "3.0.0",
        "paths": {"/a": {
            "get": {"operationId": "listAlbums"}, "post": {"operationId": "addAlbum"},
        }, "/b": {"get": {}}},
    });
    let check = |id: &str, expected: &str, hint: &str| {
        let error = propose(&document, id).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.hint(), Some(hint));
    };
    check(
        "listAlbum",
        "the document has no operation \"listAlbum\"",
        "did you mean \"listAlbums\"?",
    );
    check(
        "orders",
        "the document has no operation \"orders\"",
        "its GET operations: listAlbums, GET /b",
    );
    check(
        "addAlbum",
        "the operation \"addAlbum\" is a POST; only GET operations can be proposed",
        "name an operation that reads; a POST that only reads can be written by hand, with \
         `method` and `body`",
    );
    let error = propose(&json!({"paths": {}}), "x").unwrap_err();
    assert_eq!(error, OpenApiError::NotOpenApi);
}
