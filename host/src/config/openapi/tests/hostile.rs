//! Texts that mean something in URLs, templates and configurations arrive as the
//! document has them, and mean nothing.

use super::*;
use crate::config::interpolate::expand;
use percent_encoding::percent_decode_str;
use rowcast_pipeline::extract::template::{Place, Template};
use rowcast_pipeline::settings::escaped;
use url::Url;

const TEXTS: [&str; 12] = [
    "C#&x=1",
    "2024-01-01T00:00:00+00:00",
    "{now}",
    "{{now}}",
    "}{",
    "${MY_SECRET}",
    "${MY_SECRET:-a}",
    "$${MY_SECRET}",
    "${",
    "50%25 é?",
    "../a;b=c",
    "a\"b\\\n\u{7f}\u{0}'''",
];

/// The settings as a run has them: with no variable but those that are meant.
fn filled(proposal: &Proposal) -> Value {
    fn fill(value: &mut Value) {
        match value {
            Value::String(text) => {
                let variable = |name: &str| {
                    assert!(name.starts_with("API_"), "{name} in {text}");
                    Some("value".to_owned())
                };
                *text = expand(text, &variable).unwrap();
            }
            Value::Array(items) => items.iter_mut().for_each(fill),
            Value::Object(members) => members.values_mut().for_each(fill),
            _ => {}
        }
    }
    let mut source = serde_json::from_str(&json(&proposal.source)).unwrap();
    fill(&mut source);
    source
}

/// A template without placeholders is a text.
fn literal(template: &Value, place: Place) -> String {
    let template = Template::parse(template.as_str().unwrap(), place).unwrap();
    assert_eq!(template.names().count(), 0);
    template.sample_url()
}

#[test]
fn values_arrive_as_they_are() {
    for text in TEXTS {
        let parameter = |name: &str, place: &str, schema: Value| json!({"name": name, "in": place, "required": true, "schema": schema});
        let document = json!({
            "openapi": "3.0.0",
            "servers": [{"url": "https://a.example/{base}/c", "variables": {"base": {"default": text}}}],
            "paths": {"/{p}": {"get": {"parameters": [
                parameter("p", "path", json!({"enum": [text]})),
                parameter(text, "query", json!({"default": text})),
                parameter("after", "query", json!({"default": 1})),
                parameter("X-It", "header", json!({"default": text})),
            ]}}},
        });
        let found = propose(&document, "GET /{p}").unwrap();
        assert!(found.columns.is_empty());
        let source = filled(&found);
        let written = literal(&source["url"], Place::Url);
        let url = Url::parse(&written).unwrap();
        let pairs: Vec<_> = url.query_pairs().collect();
        assert_eq!(
            pairs,
            [(text.into(), text.into()), ("after".into(), "1".into())]
        );
        assert_eq!(url.fragment(), None);
        let (path, _) = written.split_once('?').unwrap();
        let (server, last) = path.rsplit_once('/').unwrap();
        assert_eq!(percent_decode_str(last).decode_utf8().unwrap(), text);
        // What is encoded of a server's URL already stays so.
        let server = percent_decode_str(server).decode_utf8().unwrap();
        let decoded = percent_decode_str(text).decode_utf8().unwrap();
        assert_eq!(server, format!("https://a.example/{decoded}/c"));
        let headers = source.get("headers");
        if text.contains(char::is_control) {
            assert_eq!(headers, None);
        } else {
            assert_eq!(literal(&headers.unwrap()["x-it"], Place::Header), text);
        }
    }
}

#[test]
fn names_are_texts() {
    for text in TEXTS {
        let text = &format!("x{text}");
        let schema = json!({"type": "object", "properties": {
            text: {"type": "array", "items": {"type": "object"}},
        }});
        let parameter = |name: &str| json!({"name": name, "in": "query", "required": true});
        let path = format!("/$/{text}/{{a}}");
        let document = json!({
            "openapi": "3.0.0", "servers": [{"url": format!("https://a.example/{text}")}],
            "security": [{"it": [text]}],
            "components": {"securitySchemes": {"it": {
                "type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": format!("https://a.example/{text}")}},
            }}},
            "paths": {&path: {"get": {
                "summary": text, "parameters": [parameter(text), parameter(&format!("{text}."))],
                "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
            }}},
        });
        let found = propose(&document, &format!("GET {path}")).unwrap();
        let source = filled(&found);
        let url = Template::parse(source["url"].as_str().unwrap(), Place::Url).unwrap();
        let names: Vec<_> = url.names().collect();
        assert_eq!(names, found.columns);
        let plain = |name: &String| {
            name.chars()
                .all(|it| it.is_alphanumeric() || "_-".contains(it))
        };
        assert!(found.columns.iter().all(plain), "{:?}", found.columns);
        for (name, value) in source["attributes"].as_object().unwrap() {
            let value = Template::parse(value.as_str().unwrap(), Place::Attribute).unwrap();
            assert_eq!(value.names().collect::<Vec<_>>(), [name]);
        }
        assert!(Url::parse(&url.sample_url()).is_ok());
        assert_eq!(source["records"], format!("/{}", escaped(text)));
        assert_eq!(source["auth"]["scope"].as_str(), Some(text.as_str()));
        let token_url = source["auth"]["token_url"].as_str().unwrap();
        let same = Url::parse(&format!("https://a.example/{text}")).unwrap();
        assert_eq!(Url::parse(token_url).unwrap(), same);
    }
}

#[test]
fn keys_are_texts() {
    for text in TEXTS {
        let scheme = json!({"type": "apiKey", "in": "query", "name": text});
        let more =
            json!({"security": [{"it": []}], "components": {"securitySchemes": {"it": scheme}}});
        let found = propose(&document(json!({}), more), "GET /items").unwrap();
        assert_eq!(
            filled(&found)["auth"],
            json!({"type": "api-key", "key": "value", "parameter": text})
        );
    }
}

#[test]
fn columns_are_columns_in_sql() {
    let columns = ["user", "to", "1st", "owner", "repoName", "ö"].map(str::to_owned);
    assert_eq!(
        query(&columns).unwrap(),
        r#"SELECT "user", "to", "1st", owner, "repoName", "ö" FROM requests"#
    );
}
