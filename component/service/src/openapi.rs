//! `openapi.json` against the code: what it says is what is read and written.

mod schema;

use crate::input::{Explain, Extract, Load, Query, Transfer, Validate};
use crate::read::Mistake;
use crate::service;
use crate::service::OPENAPI;
use crate::settings::MAX_BODY_BYTES;
use schema::check;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::fmt::Debug;

/// Reads a request's body; what was read is shown by its `Debug`.
type Reader = fn(&[u8]) -> Result<String, Mistake>;

/// Every schema that requests have, how a request of its kind is read, and a
/// request's path to it.
const READ: [(&str, Reader, &str); 9] = [
    ("ExtractRequest", shown::<Extract>, ""),
    ("PendingRequest", shown::<Extract>, "/only/0"),
    ("Request", shown::<Extract>, "/only/0/request"),
    ("LoadRequest", shown::<Load>, ""),
    ("TransferRequest", shown::<Transfer>, ""),
    ("Remaining", shown::<Transfer>, "/remaining"),
    ("QueryRequest", shown::<Query>, ""),
    ("ExplainRequest", shown::<Explain>, ""),
    ("ValidateRequest", shown::<Validate>, ""),
];

fn shown<T: DeserializeOwned + Debug>(body: &[u8]) -> Result<String, Mistake> {
    crate::read::read::<T>(body).map(|call| format!("{call:?}"))
}

const ROUTES: [(&str, &str, Option<Reader>); 9] = [
    ("/extract", "post", Some(shown::<Extract>)),
    ("/load", "post", Some(shown::<Load>)),
    ("/transfer", "post", Some(shown::<Transfer>)),
    ("/query", "post", Some(shown::<Query>)),
    ("/explain", "post", Some(shown::<Explain>)),
    ("/describe", "get", None),
    ("/validate", "post", Some(shown::<Validate>)),
    ("/health", "get", None),
    ("/openapi.json", "get", None),
];

pub fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

fn read(reader: Reader, body: &Value) -> Result<String, Mistake> {
    reader(body.to_string().as_bytes())
}

/// What conforms to a schema's least: its required members, and those of the
/// variants' cases that lead to `path`.
fn least(schema: &str, path: &str) -> Value {
    let (source, table) = (json!({"url": "https://x/"}), json!({"name": "t"}));
    let mut body = match schema {
        "LoadRequest" => json!({"table": table, "documents": []}),
        "TransferRequest" | "Remaining" => json!({"source": source, "table": table, "rows": []}),
        "QueryRequest" | "ExplainRequest" => json!({"query": {"table": "t"}}),
        "ValidateRequest" => json!({"kind": "source", "settings": source}),
        _ => json!({"source": source, "rows": []}),
    };
    let pending = json!({"request": {"row": 0, "combination": 0}});
    match path {
        "/only/0" | "/only/0/request" => body["only"] = json!([pending]),
        "/remaining" => body["remaining"] = json!({"requests": [pending], "documents": []}),
        _ => {}
    }
    body
}

fn properties(document: &Value, schema: &str) -> Map<String, Value> {
    let pointer = format!("/components/schemas/{schema}/properties");
    document
        .pointer(&pointer)
        .unwrap()
        .as_object()
        .unwrap()
        .clone()
}

fn required(document: &Value, schema: &str) -> Vec<String> {
    let pointer = format!("/components/schemas/{schema}/required");
    let names = document.pointer(&pointer).and_then(Value::as_array);
    let names = names.into_iter().flatten();
    names
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn it_is_of_this_version_and_describes_every_route() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let paths = document["paths"].as_object().unwrap();
    let described: Vec<_> = paths.keys().map(String::as_str).collect();
    let routes: Vec<_> = ROUTES.iter().map(|(path, _, _)| *path).collect();
    assert_eq!(described, routes);
    let known: Vec<_> = service::ROUTES.iter().map(|(path, _)| *path).collect();
    assert_eq!(known, routes);
    for (path, method, reader) in ROUTES {
        let methods: Vec<_> = paths[path].as_object().unwrap().keys().collect();
        assert_eq!(methods, [method], "{path}");
        let operation = &paths[path][method];
        assert_eq!(
            operation["requestBody"].is_object(),
            reader.is_some(),
            "{path}"
        );
        let id = operation["operationId"].as_str().unwrap();
        assert_eq!(path.trim_start_matches('/').trim_end_matches(".json"), id);
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_referred_to() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(reference) if name == "$ref" => found.push(reference.clone()),
                        _ => references(member, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for schema in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        let reference = format!("#/components/schemas/{schema}");
        assert!(found.contains(&reference), "nothing refers to {schema}");
    }
}

/// The members that the code knows are found by one that it doesn't.
#[test]
fn the_members_that_are_read_are_those_described() {
    let document = document();
    for (schema, reader, path) in READ {
        let mut body = least(schema, path);
        assert_eq!(read(reader, &body).err(), None, "{schema}");
        let unknown = "a member that nobody knows".to_owned();
        let object = body.pointer_mut(path).unwrap().as_object_mut().unwrap();
        object.insert(unknown.clone(), Value::Null);
        let mistake = read(reader, &body).unwrap_err();
        assert_eq!(mistake.pointer(), format!("{path}/{unknown}"));
        let names: Vec<_> = properties(&document, schema)
            .keys()
            .map(|name| format!("`{name}`"))
            .collect();
        let expected = format!("known here: {}", names.join(", "));
        assert_eq!(mistake.hint(), Some(expected.as_str()), "{schema}");
    }
}

#[test]
fn the_members_that_are_needed_are_those_described() {
    let document = document();
    for (schema, reader, path) in READ {
        let least = least(schema, path);
        for name in properties(&document, schema).keys() {
            let mut body = least.clone();
            let object = body.pointer_mut(path).unwrap().as_object_mut().unwrap();
            object.remove(name);
            let needed = read(reader, &body).is_err();
            let said = required(&document, schema).contains(name);
            assert_eq!(needed, said, "{schema}.{name}");
        }
    }
}

/// A default that is written out changes nothing; a member that has neither a
/// default nor must be there may be null.
#[test]
fn the_defaults_are_those_described() {
    let document = document();
    for (schema, reader, path) in READ {
        let body = least(schema, path);
        let without = read(reader, &body).unwrap();
        for (name, property) in properties(&document, schema) {
            let said = property.get("default").cloned();
            if required(&document, schema).contains(&name) {
                assert_eq!(said, None, "{schema}.{name}");
                continue;
            }
            let mut body = body.clone();
            let object = body.pointer_mut(path).unwrap().as_object_mut().unwrap();
            let value = said.unwrap_or(Value::Null);
            check(&document, &property, &value).unwrap();
            // In `Retry` everything is a default.
            object.insert(name.clone(), value);
            assert_eq!(read(reader, &body).unwrap(), without, "{schema}.{name}");
        }
    }
}

#[test]
fn the_size_limit_is_the_one_described() {
    let text = format!("{} MiB", MAX_BODY_BYTES / 1024 / 1024);
    let document = document();
    let description = document["info"]["description"].as_str().unwrap();
    assert!(description.contains(&text));
    let response = &document["components"]["responses"]["ContentTooLarge"];
    assert!(response["description"].as_str().unwrap().contains(&text));
}

#[test]
fn examples_conform_and_are_read() {
    let document = document();
    for (path, method, reader) in ROUTES {
        let operation = &document["paths"][path][method];
        if let Some(reader) = reader {
            let content = &operation["requestBody"]["content"]["application/json"];
            for (name, example) in content["examples"].as_object().unwrap() {
                let value = &example["value"];
                check(&document, &content["schema"], value)
                    .unwrap_or_else(|error| panic!("{path} {name}: {error}"));
                assert_eq!(read(reader, value).err(), None, "{path} {name}");
            }
        }
    }
    let operations = ROUTES.map(|(path, method, _)| &document["paths"][path][method]["responses"]);
    let shared = &document["components"]["responses"];
    for responses in operations.into_iter().chain([shared]) {
        for (name, response) in responses.as_object().unwrap() {
            let contents = response["content"].as_object().into_iter().flatten();
            for content in contents.map(|(_, content)| content) {
                for example in content["examples"].as_object().into_iter().flatten() {
                    check(&document, &content["schema"], &example.1["value"])
                        .unwrap_or_else(|error| panic!("{name}: {error}"));
                }
            }
        }
    }
}

/// What the tests of other modules write conforms.
pub fn conforms(schema: &str, text: &str) {
    let document = document();
    let value: Value = serde_json::from_str(text).unwrap();
    let reference = json!({"$ref": format!("#/components/schemas/{schema}")});
    if let Err(error) = check(&document, &reference, &value) {
        panic!("{error}\n{text}");
    }
}
