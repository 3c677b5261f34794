//! The types of settings → their JSON Schemas, compared with the files that
//! `describe` gives out; and what the types refuse → what the schemas say.
//! Tests only: nothing of it is in a component.
//!
//! `ROWCAST_WRITE_SCHEMAS=1 cargo test schema` writes the files.

use super::preset::PRESETS;
use super::{Query, Source, Table};
use crate::bindings::exports::rowcast::pipeline::describe::{Kind, Mistake};
use crate::describe::validate;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::path::Path;

/// Titles from names, units from their endings, descriptions in one line.
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        // Rust's widths are no formats of JSON Schema.
        schema.remove("format");
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = text.replace('\n', " ");
        }
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        for (name, property) in properties.into_iter().flatten() {
            let Some(property) = property.as_object_mut() else {
                continue;
            };
            let unit = [("_ms", "milliseconds"), ("_bytes", "bytes")];
            let unit = unit.iter().find(|(ending, _)| name.ends_with(ending));
            property.insert("title".to_owned(), title(name).into());
            if let Some((_, unit)) = unit {
                property.insert("x-unit".to_owned(), (*unit).into());
            }
        }
        transform_subschemas(self, schema);
    }
}

/// A setting's name in words.
fn title(name: &str) -> String {
    let words = name.trim_end_matches("_ms").replace('_', " ");
    let (first, rest) = words.split_at(1);
    let words = format!("{}{rest}", first.to_uppercase());
    let words = words.replace("Url", "URL").replace(" url", " URL");
    words.replace(" id", " ID")
}

/// A status, a class of them, or a list of both.
pub fn statuses(_: &mut SchemaGenerator) -> Schema {
    let one = json!({"type": "integer", "minimum": 100, "maximum": 599});
    let class = json!({"type": "string", "pattern": "^[1-5]xx$"});
    let list = json!({"type": "array", "items": {"anyOf": [one, class]}});
    json_schema!({"anyOf": [one, class, list, {"type": "null"}]})
}

/// A value that is neither a list nor an object.
pub fn scalar(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "number", "boolean", "null"]})
}

/// Any JSON.
pub fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

/// A length of time.
pub fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "pattern": "^[0-9]*[1-9][0-9]*(ms|s|m|h|d)$"})
}

fn derived<T: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T);
    Plain.transform(&mut schema);
    Value::from(schema)
}

/// A preset fills in what is left out, in `auth` too: only without one is
/// everything required.
fn source() -> Value {
    let mut schema = derived::<Source>();
    let whole =
        json!({"required": schema["required"], "properties": {"auth": {"$ref": "#/$defs/Auth"}}});
    schema.as_object_mut().unwrap().remove("required");
    let auth = schema["properties"]["auth"].as_object_mut().unwrap();
    auth.remove("$ref");
    auth.insert("type".to_owned(), "object".into());
    let with_preset = json!({"required": ["preset"], "properties": {"preset": {"type": "string"}}});
    schema["if"] = with_preset;
    schema["else"] = whole;
    schema
}

fn schemas() -> [(Kind, &'static str, Value); 3] {
    [
        (Kind::Source, "source", source()),
        (Kind::Table, "table", derived::<Table>()),
        (Kind::Query, "query", derived::<Query>()),
    ]
}

#[test]
fn the_files_are_what_the_types_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for (kind, name, schema) in schemas() {
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        let file = folder.join(name).with_extension("json");
        if std::env::var_os("ROWCAST_WRITE_SCHEMAS").is_some() {
            std::fs::write(&file, &text).unwrap();
            continue;
        }
        let described = crate::describe::describe().schemas.into_iter();
        let mut described = described.filter(|schema| schema.kind == kind);
        let written = described.next().map(|schema| schema.json);
        assert_eq!(written, Some(text), "{name}: write the schemas anew");
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
    }
}

/// Every schema agrees with the metaschema, and with the types on what is
/// settings and what isn't.
#[test]
fn schemas_accept_what_the_types_accept() {
    let mut compiler = boon::Compiler::new();
    let mut all = boon::Schemas::new();
    let mut indexes = Vec::new();
    for (kind, name, schema) in schemas() {
        let place = format!("{name}.json");
        compiler.add_resource(&place, schema).unwrap();
        // It holds every schema to the metaschema.
        indexes.push((kind, compiler.compile(&place, &mut all).unwrap()));
    }
    let check = |kind: Kind, text: &str, expected: bool| {
        let (_, index) = indexes.iter().find(|(known, _)| *known == kind).unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        let by_schema = all
            .validate(&value, *index)
            .map_err(|error| error.to_string());
        let by_types = validate(kind, text);
        assert_eq!(by_schema.is_ok(), expected, "{text}: {by_schema:?}");
        assert_eq!(by_types.is_empty(), expected, "{text}: {by_types:?}");
    };
    for text in GOOD_SOURCES {
        check(Kind::Source, text, true);
    }
    for text in BAD_SOURCES {
        check(Kind::Source, text, false);
    }
    for preset in PRESETS {
        check(Kind::Source, preset.source, true);
        check(
            Kind::Table,
            &preset.table.replacen('{', r#"{"name":"abc","#, 1),
            true,
        );
    }
    check(
        Kind::Table,
        r#"{"name":"t_1","keys":{"partition":{"name":"a","type":"N"}}}"#,
        true,
    );
    check(
        Kind::Table,
        r#"{"name":"t_1","keys":{"partition":{"name":"a","type":"X"}}}"#,
        false,
    );
    check(Kind::Table, r#"{"name":"t_1","concurrency":65}"#, false);
    check(
        Kind::Query,
        r#"{"table":"t_1","limit":null,"select":["a[0].b"]}"#,
        true,
    );
    check(Kind::Query, r#"{"table":"t_1","segments":0}"#, false);
}

const GOOD_SOURCES: &[&str] = &[
    r#"{"url":"https://a.example/{id}","headers":{"a":"{id}"},"matrix":{"b":["1"]}}"#,
    r#"{"preset":"spotify-top-tracks","auth":{"client_id":"a","client_secret":"b"}}"#,
    r#"{"url":"https://a.example/","auth":{"type":"basic","username":"a","password":""}}"#,
    r#"{"url":"https://a.example/","pagination":{"type":"link-header"},"retry":{"max_attempts":1}}"#,
];

const BAD_SOURCES: &[&str] = &[
    "{}",
    r#"{"url":7}"#,
    r#"{"url":"https://a.example/","surplus":1}"#,
    r#"{"url":"https://a.example/","auth":{"username":"a","password":""}}"#,
    r#"{"url":"https://a.example/","auth":{"type":"bearer"}}"#,
    r#"{"url":"https://a.example/","pagination":{"type":"link-header","pointer":"/a"}}"#,
    r#"{"url":"https://a.example/","max_pages":0}"#,
    r#"{"url":"https://a.example/","retry":{"max_attempts":1.5}}"#,
];

/// Settings of a kind with one more member.
fn with(kind: Kind, name: &str, value: &Value) -> Vec<Mistake> {
    let mut settings = match kind {
        Kind::Source => json!({"url": "https://api.example.com/{id}"}),
        Kind::Table => json!({"name": "top_tracks"}),
        Kind::Query => json!({"table": "top_tracks"}),
    };
    settings[name] = value.clone();
    if name == "body" {
        settings["method"] = "POST".into();
    }
    validate(kind, &settings.to_string())
}

#[test]
fn bounds_examples_and_defaults_are_those_of_the_types() {
    let mut bounds = 0;
    for (kind, _, schema) in schemas() {
        for (name, property) in schema["properties"].as_object().unwrap() {
            assert!(property["title"].is_string(), "{name}");
            assert!(property["description"].is_string(), "{name}");
            for example in property["examples"].as_array().into_iter().flatten() {
                assert_eq!(with(kind, name, example), [], "{name}: {example}");
            }
            let required = ["url", "name", "table"].contains(&name.as_str());
            let default = property.get("default");
            assert_eq!(default.is_none(), required, "{name}");
            if let Some(default) = default {
                assert_eq!(with(kind, name, default), [], "{name}: {default}");
            }
            let mut check = |bound: &str, beyond: fn(u64) -> Option<u64>| {
                let Some(bound) = property.get(bound).and_then(Value::as_u64) else {
                    return;
                };
                assert_eq!(with(kind, name, &bound.into()), [], "{name}: {bound}");
                if let Some(beyond) = beyond(bound) {
                    let mistakes = with(kind, name, &beyond.into());
                    assert_eq!(mistakes.len(), 1, "{name}: {beyond}");
                    assert_eq!(mistakes[0].pointer, format!("/{name}"));
                    bounds += 1;
                }
            };
            check("minimum", |bound| bound.checked_sub(1));
            check("maximum", |bound| bound.checked_add(1));
        }
    }
    assert!(bounds >= 8, "{bounds}");
}

/// One line for each mistake.
fn told(kind: Kind, text: &str) -> Vec<String> {
    let mistakes = validate(kind, text).into_iter();
    mistakes
        .map(|it| match it.hint {
            None => format!("{} {}", it.pointer, it.message),
            Some(hint) => format!("{} {} ({hint})", it.pointer, it.message),
        })
        .collect()
}

#[test]
fn every_mistake_is_told_at_once_and_where_it_is() {
    let text = r#"{
        "url": 7, "max_pages": 0, "concurency": 1, "records": "tracks",
        "require": ["/id", 5, "x"], "headers": {"a b": "1", "x": "s{cret"},
        "auth": {"type": "basic", "usrname": "s3cr3t", "password": ["s3cr3t"]},
        "pagination": {"type": "next"}, "retry": {"max_attempts": -1}, "matrix": {"a": [], "a": ["1"]}
    }"#;
    let told = told(Kind::Source, text);
    for expected in [
        "/url is a whole number; it must be text",
        "/max_pages is 0; it must be 1 to 10000",
        "/concurency is not a known setting (did you mean `concurrency`?)",
        "/records is not a JSON Pointer: a JSON Pointer is empty or starts with `/` (perhaps \"/tracks\")",
        "/require/1 is a whole number; it must be text",
        "/auth/usrname is not a known setting (did you mean `username`?)",
        "/auth/password is a list; it must be text",
        "/pagination/type is none of `none`, `page-number`, `offset`, `cursor`, `next-url`, `link-header`",
        "/matrix/a is given twice",
        "/matrix/a has no values",
        "/retry/max_attempts is a number",
    ] {
        let found = told
            .iter()
            .filter(|told| told.starts_with(expected))
            .count();
        let twice = expected == "/matrix/a has no values";
        assert_eq!(found, usize::from(!twice), "{expected} in {told:#?}");
    }
    assert!(
        told.iter().all(|told| !told.contains("s3cr3t")),
        "{told:#?}"
    );
}

#[test]
fn what_is_missing_or_no_settings_at_all_is_told() {
    let check = |kind, text: &str, expected: &[&str]| {
        assert_eq!(told(kind, text), expected, "{text}");
    };
    check(Kind::Source, "{}", &["/url is missing"]);
    check(Kind::Table, "{}", &["/name is missing"]);
    check(Kind::Query, "{}", &["/table is missing"]);
    check(Kind::Table, "[]", &[" is not a JSON object"]);
    check(Kind::Table, "{", &[" is not JSON (line 1, column 1)"]);
    let preset = r#"{"preset": "spotify-top-track"}"#;
    let hint = "/preset is not the name of a preset (did you mean \"spotify-top-tracks\"?)";
    check(Kind::Source, preset, &[hint]);
    // The credentials are the caller's to give.
    let preset = r#"{"preset": "spotify-top-tracks"}"#;
    let missing = [
        "/auth/client_id is missing",
        "/auth/client_secret is missing",
    ];
    check(Kind::Source, preset, &missing);
    let whole = r#"{"preset": "spotify-top-tracks",
        "auth": {"client_id": "a", "client_secret": "b"}}"#;
    check(Kind::Source, whole, &[]);
    assert_eq!(
        crate::describe::origins(whole),
        Ok(vec![
            "https://api.spotify.com".to_owned(),
            "https://accounts.spotify.com".to_owned()
        ])
    );
}
