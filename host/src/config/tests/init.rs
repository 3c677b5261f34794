//! The file that `rowcast init` writes and the schema beside it: what is in
//! them, and that they fit each other and the host's own types.

use super::super::schema::of;
use super::super::tree::Tree;
use super::env;
use crate::config::*;
use crate::engine::settings::json;
use crate::engine::{Description, Kind, Preset, Schema};
use crate::limits::Limits;
use boon::{Compiler, Schemas};
use expect_test::expect;
use rowcast_pipeline::settings::{Mistakes, Node};
use std::fmt::Write as _;

/// As a component in Rust derives them, only shorter.
const SOURCE: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "description": "A REST API and how to read it.",
  "type": "object",
  "additionalProperties": false,
  "if": {"required": ["preset"]},
  "else": {"required": ["url"], "properties": {"auth": {"$ref": "#/$defs/Auth"}}},
  "properties": {
    "preset": {"type": ["string", "null"], "default": null, "examples": ["mine"], "description": "A name for settings that are filled in."},
    "url": {"type": "string", "pattern": "^https?://", "examples": ["https://api.example.com/{id}"], "description": "URL template of a GET request. `{name}` is a row's column or a matrix axis, percent-encoded."},
    "concurrency": {"type": "integer", "minimum": 1, "maximum": 256, "default": 8, "description": "Requests in flight at once."},
    "matrix": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}, "default": {}, "examples": [{"country": ["US", "CA"]}], "description": "Axes and their values."},
    "auth": {"type": "object", "default": {"type": "none"}, "description": "How requests are authenticated."},
    "retry": {"allOf": [{"$ref": "#/$defs/Retry"}], "default": {"max_attempts": 5}}
  },
  "$defs": {
    "Auth": {"oneOf": [
      {"type": "object", "properties": {"type": {"const": "none"}}, "required": ["type"], "additionalProperties": false, "description": "Not at all."},
      {"$ref": "#/$defs/Bearer", "type": "object", "properties": {"type": {"const": "bearer"}}, "required": ["type"], "description": "A token."}
    ]},
    "Bearer": {"type": "object", "properties": {"token": {"type": "string", "examples": ["${API_TOKEN}"]}}, "required": ["token"]},
    "Retry": {"type": "object", "additionalProperties": false, "description": "How failed requests are repeated.", "properties": {"max_attempts": {"type": "integer", "default": 5, "description": "Attempts per request."}}}
  }
}"##;

const TABLE: &str = r#"{
  "description": "The DynamoDB table that documents are written to.",
  "type": "object", "additionalProperties": false, "required": ["name"],
  "properties": {
    "name": {"type": "string", "description": "Its name."},
    "keys": {"anyOf": [{"type": "object", "properties": {"partition": {"type": "object"}}, "description": "Its keys."}, {"type": "null"}], "examples": [{"partition": {"name": "id", "type": "S"}}]}
  }
}"#;

fn description() -> Description {
    let schema = |kind, json: &str| Schema {
        kind,
        json: json.to_owned(),
    };
    Description {
        name: "small".into(),
        version: "1.0.0".into(),
        summary: "A small one".into(),
        schemas: vec![schema(Kind::Source, SOURCE), schema(Kind::Table, TABLE)],
        presets: vec![Preset {
            name: "mine".into(),
            summary: "My own; rows need a column `id`.".into(),
            source: r#"{"url": "https://mine.example/{id}", "auth": {"type": "bearer", "token": "${API_TOKEN}"}}"#.into(),
            table: r#"{"keys": {"partition": {"name": "id", "type": "S"}}}"#.into(),
        }],
        environment: Vec::new(),
    }
}

/// Holds a configuration against the schema.
fn validated(text: &str, description: &Description) -> Result<(), String> {
    let tree = Tree::parse(text, &mut Mistakes::default()).unwrap();
    let instance = serde_json::from_str(&json(&tree.node)).unwrap();
    let schema = serde_json::from_str(&schema(description)).unwrap();
    let (mut schemas, mut compiling) = (Schemas::new(), Compiler::new());
    compiling.add_resource("schema.json", schema).unwrap();
    let index = compiling.compile("schema.json", &mut schemas).unwrap();
    let found = schemas.validate(&instance, index);
    found.map_err(|error| format!("{error:#}"))
}

#[test]
fn its_comments_are_those_of_the_schema() {
    let description = description();
    let text = commented(&description, description.presets.first());
    let sections = text.split_once("\n# Where rows come from").unwrap().1;
    let sections = sections
        .split_once("\n# What the component may reach")
        .unwrap();
    expect![[r#"
        : a query to PostgreSQL, or a file.
        [rows]
        # How to connect to PostgreSQL: a URL, or key=value pairs as for libpq.
        postgres = "${DATABASE_URL}"
        # The query whose columns are what {…} names in [source].
        query = "SELECT id FROM artists"
        # A file in place of a query; "-" is standard input.
        #file = "artists.jsonl"
        # JSON lines, or CSV with a header; by the file's extension if left out.
        #format = "jsonl"

        # My own; rows need a column `id`.
        # A REST API and how to read it.
        [source]
        # A name for settings that are filled in.
        preset = "mine"
        # URL template of a GET request. `{name}` is a row's column or a matrix axis,
        # percent-encoded.
        #url = "https://mine.example/{id}"
        # Requests in flight at once.
        #concurrency = 8

        # Axes and their values.
        #[source.matrix]
        #country = ["US", "CA"]

        # How requests are authenticated.
        # A token.
        #[source.auth]
        #type = "bearer"
        # The host, which keeps the secret, or the component, which is given it.
        #by = "host"
        #token = "${API_TOKEN}"

        # How failed requests are repeated.
        #[source.retry]
        # Attempts per request.
        #max_attempts = 5

        # The DynamoDB table that documents are written to.
        [table]
        # Its name.
        name = "records"
        # The AWS region; by default what the AWS environment or profile says.
        #region = "eu-west-1"
        # A profile of the AWS configuration files.
        #profile = "default"
        # Another endpoint than the region's own, such as a local DynamoDB's.
        #endpoint = "http://127.0.0.1:8000"

        # Its keys.

        #[table.keys.partition]
        #name = "id"
        #type = "S"

        # Fixed AWS credentials, in place of the AWS environment's.
        #[table.credentials]
        #access_key_id = "${MY_ACCESS_KEY_ID}"
        #secret_access_key = "${MY_SECRET_ACCESS_KEY}"
        # The token of temporary credentials.
        #session_token = "${MY_SESSION_TOKEN}"
    "#]]
    .assert_eq(sections.0);
}

#[test]
fn it_fits_its_schema_and_so_does_every_comment() {
    let description = description();
    for preset in [None, description.presets.first()] {
        let text = commented(&description, preset);
        validated(&text, &description).unwrap();
        Draft::parse(&text, Section::ALL, env)
            .unwrap()
            .finish()
            .unwrap();
        let lines: Vec<_> = text.lines().collect();
        let is_setting = |line: &str| line.starts_with('#') && !line.starts_with("# ");
        for (number, line) in lines.iter().enumerate().skip(1) {
            if !is_setting(line) || line.contains('[') && !line.contains('=') {
                continue;
            }
            // The setting alone, with its table.
            let header = lines[..=number]
                .iter()
                .rposition(|line| line.trim_start_matches('#').starts_with('['));
            let mut alone = String::new();
            if let Some(header) = header {
                alone = format!("{}\n", lines[header].trim_start_matches('#'));
            }
            alone.push_str(line.trim_start_matches('#'));
            if let Err(error) = validated(&alone, &description) {
                let harmless = ["missing propert", "oneOf failed"];
                assert!(
                    harmless.iter().any(|it| error.contains(it)),
                    "{alone}: {error}"
                );
            }
        }
    }
}

#[test]
fn the_schema_refuses_what_the_host_refuses() {
    let description = description();
    for (text, fits) in [
        ("source.url = 'https://a.example'", true),
        ("source.url = '${URL}/x'", true),
        ("source.url = 'ftp://a.example'", false),
        (
            "source = { url = 'https://a.example', concurrency = '${N}' }",
            true,
        ),
        (
            "source = { url = 'https://a.example', concurrency = 'many' }",
            false,
        ),
        ("source = { url = 'https://a.example', other = 1 }", false),
        (
            "source = { url = 'https://a.example', auth = { type = 'none', by = 'component' } }",
            true,
        ),
        (
            "source = { url = 'https://a.example', auth = { type = 'bearer', by = 'host', token = 'x' } }",
            true,
        ),
        (
            "source = { url = 'https://a.example', auth = { type = 'bearer', by = 'me', token = 'x' } }",
            false,
        ),
        (
            "table = { name = 'x', region = 'eu-west-1', credentials.access_key_id = 'a' }",
            false,
        ),
        ("table = { name = 'x', region = 'eu-west-1' }", true),
        ("component = 'a.wasm'\nrun.workers = 0", false),
    ] {
        let found = validated(text, &description);
        assert_eq!(found.is_ok(), fits, "{text}: {found:?}");
    }
}

/// Also where the component's schema doesn't say so.
#[test]
fn what_a_preset_fills_in_is_not_required() {
    let mut description = description();
    description.schemas[0].json =
        r#"{"type":"object","required":["url"],"properties":{"preset":{"type":"string"},"url":{}}}"#
            .to_owned();
    validated("source.preset = 'mine'", &description).unwrap();
    validated("source.url = 'x'", &description).unwrap();
    assert!(validated("source = {}", &description).is_err());
}

/// What the host's types know is what its schema has, with the same defaults.
#[test]
fn the_hosts_own_schema_is_that_of_its_types() {
    let whole = of(&description());
    let properties = |at: &[&str]| {
        let path: Vec<_> = at.iter().map(|name| (*name).to_owned()).collect();
        match whole.at(&path) {
            Some(Node::Object(members)) => members.clone(),
            _ => Vec::new(),
        }
    };
    let known = |text: &str| {
        let error = Config::parse(text, env).unwrap_err();
        let mut problems = error.problems().iter();
        let hint = problems.find_map(|problem| problem.hint.clone()).unwrap();
        hint.as_str()
            .strip_prefix("known here: ")
            .unwrap()
            .replace('`', "")
    };
    let names = |at: &[&str]| {
        let names = properties(at).into_iter().map(|(name, _)| name);
        names.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(known("xyzxyzxyz = 1"), names(&["properties"]));
    for section in ["rows", "egress", "run", "ledger", "limits"] {
        let text = format!("[{section}]\nxyzxyzxyz = 1");
        assert_eq!(known(&text), names(&["properties", section, "properties"]));
    }
    let table = names(&["properties", "table", "properties"]);
    assert_eq!(table, "name, keys, region, profile, endpoint, credentials");
    assert!(Table::OWN.iter().all(|name| table.contains(name)));

    let mut text = String::new();
    for section in ["run", "limits"] {
        for (name, schema) in properties(&["properties", section, "properties"]) {
            if let Some(default) = schema.get("default") {
                writeln!(text, "{section}.{name} = {}", json(default)).unwrap();
            }
        }
    }
    let config = Config::parse(&text, env).unwrap();
    assert_eq!(config.run, Run::default());
    assert_eq!(config.limits, Limits::default());
}
