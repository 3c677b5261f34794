//! A schema of the configuration, and a preset or what an OpenAPI document
//! proposes → the commented file that `rowcast init` writes. Its comments are the
//! schema's, and a proposal's remarks.

use super::openapi::{self, Proposal};
use super::schema;
use crate::engine::settings::{json, node};
use crate::engine::{Description, Preset};
use rowcast_pipeline::extract::template::{Place, Template};
use rowcast_pipeline::settings::Node;
use std::collections::HashSet;
use std::fmt::Write;

/// Where the schema for editors is, beside the configuration.
pub const SCHEMA_FILE: &str = ".rowcast/schema.json";

/// Columns of a line of comment.
const WIDTH: usize = 78;

/// What the written file says of each section, where the component's schema has
/// no example.
const EXAMPLE: &str = r#"{
  "rows": {"postgres": "${DATABASE_URL}", "query": "SELECT id FROM artists"},
  "table": {"name": "records"}
}"#;

/// A commented configuration: with the preset, or, without one, with the
/// settings that a source needs.
#[must_use]
pub fn commented(description: &Description, preset: Option<&Preset>) -> String {
    written(description, preset.map_or(Start::Nothing, Start::Preset))
}

/// A commented configuration with the source that a document proposes.
#[must_use]
pub fn commented_proposal(description: &Description, proposal: &Proposal) -> String {
    written(description, Start::Proposal(proposal))
}

/// What a file begins with.
#[derive(Clone, Copy)]
enum Start<'a> {
    Nothing,
    Preset(&'a Preset),
    Proposal(&'a Proposal),
}

fn written(description: &Description, start: Start<'_>) -> String {
    let schema = schema::of(description);
    let mut file = File {
        schema: &schema,
        told: HashSet::new(),
        text: format!("#:schema {SCHEMA_FILE}\n\n"),
    };
    file.comment(text_of(&schema, "description").unwrap_or_default());
    file.text.push('\n');
    let example = node(EXAMPLE);
    let query = match start {
        Start::Proposal(proposal) => proposal.query(),
        Start::Preset(preset) => openapi::query(&columns(&node(&preset.source))),
        Start::Nothing => None,
    };
    for (name, section) in members(schema.get("properties")) {
        let section = unconditional(file.resolved(section));
        let mut given = example.get(name).cloned();
        let mut shown = None;
        match (name.as_str(), start) {
            ("rows", _) => {
                let at = ["query".to_owned()];
                if let (Some(query), Some(rows)) = (&query, &mut given) {
                    rows.remove(&at);
                    rows.insert(&at, Node::Text(query.clone()));
                }
            }
            ("source", Start::Proposal(proposal)) => {
                given = Some(proposal.source.clone());
                for remark in &proposal.remarks {
                    file.comment(remark);
                }
            }
            ("source", Start::Preset(preset)) => {
                let named = format!("{{\"preset\":{}}}", json(&Node::Text(preset.name.clone())));
                given = Some(node(&named));
                shown = Some(node(&preset.source));
                file.comment(&preset.summary);
            }
            ("source", Start::Nothing) => given = Some(needed(&file, &section)),
            ("table", Start::Preset(preset)) => shown = Some(node(&preset.table)),
            _ => {}
        }
        if section.get("properties").is_some() || given.is_some() {
            file.table(name, &section, given.as_ref(), shown.as_ref());
        } else {
            file.setting(name, &section, None, None);
        }
        file.text.push('\n');
    }
    let mut text = file.text;
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// The columns that a source's URL has, but for the one that the example has, too.
fn columns(source: &Node) -> Vec<String> {
    let url = text_of(source, "url").unwrap_or_default();
    let axis = |name: &str| {
        source
            .get("matrix")
            .is_some_and(|axes| axes.get(name).is_some())
    };
    let template = Template::parse(url, Place::Url).ok();
    let names = template.iter().flat_map(Template::names);
    let mut names: Vec<_> = names
        .filter(|name| !axis(name))
        .map(str::to_owned)
        .collect();
    names.dedup();
    if names == ["id"] { Vec::new() } else { names }
}

/// The schema's example; where there is none, the settings that are required.
fn needed(file: &File<'_>, section: &Node) -> Node {
    if let Some(Node::List(examples)) = section.get("examples")
        && let Some(example) = examples.first()
    {
        return example.clone();
    }
    // A preset would fill them in.
    let without_preset = section.get("else").and_then(|it| it.get("required"));
    let Some(Node::List(required)) = section.get("required").or(without_preset) else {
        return Node::Object(Vec::new());
    };
    let member = |name: &Node| {
        let Node::Text(name) = name else { return None };
        let schema = file.resolved(section.get("properties")?.get(name)?);
        Some((name.clone(), proposal(&schema)?))
    };
    Node::Object(required.iter().filter_map(member).collect())
}

/// With what holds only without a preset.
fn unconditional(mut section: Node) -> Node {
    let path = ["else".to_owned(), "properties".to_owned()];
    for (name, more) in members(section.at(&path)).to_vec() {
        let known = section
            .get_mut("properties")
            .and_then(|it| it.get_mut(&name));
        if let Some(Node::Object(known)) = known {
            let more = members(Some(&more)).iter();
            let new: Vec<_> = more
                .filter(|(name, _)| known.iter().all(|(known, _)| known != name))
                .cloned()
                .collect();
            known.extend(new);
        }
    }
    section
}

/// The file as far as it is written.
struct File<'a> {
    schema: &'a Node,
    /// The tables that are told: what several alternatives have is told once.
    told: HashSet<String>,
    text: String,
}

impl File<'_> {
    /// A table: its settings first, then the tables in it. What is given stands
    /// as it is; what is only shown, and everything else, stands as a comment
    /// without a space after the `#`.
    fn table(&mut self, at: &str, schema: &Node, given: Option<&Node>, shown: Option<&Node>) {
        self.comment(text_of(schema, "description").unwrap_or_default());
        let properties = members(schema.get("properties"));
        let mut names: Vec<&String> = properties.iter().map(|(name, _)| name).collect();
        for (name, _) in members(given).iter().chain(members(shown)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let (mut settings, mut tables) = (Vec::new(), Vec::new());
        for name in names {
            let schema = properties.iter().find(|(known, _)| known == name);
            let schema = schema.map_or(Node::Object(Vec::new()), |(_, it)| self.resolved(it));
            let given = given.and_then(|it| it.get(name)).cloned();
            let shown = shown.and_then(|it| it.get(name)).cloned();
            let value = given.as_ref().or(shown.as_ref());
            if value.map_or_else(|| is_table(&schema), Node::is_object) {
                tables.push((name, schema, given, shown));
            } else {
                settings.push((name, schema, given, shown));
            }
        }
        if tables.is_empty() || !settings.is_empty() {
            let off = if given.is_some() { "" } else { "#" };
            let _ = writeln!(self.text, "{off}[{at}]");
        }
        for (name, schema, given, shown) in settings {
            self.setting(name, &schema, given.as_ref(), shown.as_ref());
        }
        for (name, schema, given, shown) in tables {
            let at = format!("{at}.{}", key(name));
            let first = self.told.insert(at.clone());
            if !first && given.is_none() && shown.is_none() {
                continue;
            }
            self.text.push('\n');
            if let Some(alternatives) = alternatives(&schema) {
                self.comment(text_of(&schema, "description").unwrap_or_default());
                self.alternatives(&at, alternatives, given.as_ref(), shown.as_ref());
            } else {
                let proposed = proposal(&schema).filter(|_| given.is_none());
                let shown = shown.or(proposed);
                self.table(&at, &schema, given.as_ref(), shown.as_ref());
            }
        }
    }

    /// An object that has one of several forms: the one that is given or shown,
    /// or all of them.
    fn alternatives(
        &mut self,
        at: &str,
        alternatives: &[Node],
        given: Option<&Node>,
        shown: Option<&Node>,
    ) {
        let form = |node: Option<&Node>| node.and_then(|it| it.get("type")).map(json);
        let wanted = form(given).or_else(|| form(shown));
        let mut first = true;
        for alternative in alternatives {
            let alternative = self.resolved(alternative);
            let kind = alternative.get("properties").and_then(|it| it.get("type"));
            let kind = kind.and_then(constant).map(|it| json(&it));
            if wanted.is_some() && kind != wanted {
                continue;
            }
            if !first {
                self.text.push('\n');
            }
            first = false;
            self.table(at, &alternative, given, shown);
        }
    }

    /// A setting with its comment.
    fn setting(&mut self, name: &str, schema: &Node, given: Option<&Node>, shown: Option<&Node>) {
        self.comment(text_of(schema, "description").unwrap_or_default());
        let value = given.or(shown).cloned();
        let value = value.or_else(|| proposal(schema)).unwrap_or_else(|| {
            let kind = text_of(schema, "type");
            match kind {
                Some("array") => Node::List(Vec::new()),
                Some("object") => Node::Object(Vec::new()),
                _ => Node::Text("…".to_owned()),
            }
        });
        let off = if given.is_some() { "" } else { "#" };
        let _ = writeln!(self.text, "{off}{} = {}", key(name), toml(&value));
    }

    fn comment(&mut self, text: &str) {
        let mut line = String::new();
        // TOML has no control characters in comments.
        let ends = |each: char| each.is_whitespace() || each.is_control();
        for word in text.split(ends).filter(|word| !word.is_empty()) {
            if !line.is_empty() && line.chars().count() + word.chars().count() > WIDTH {
                let _ = writeln!(self.text, "#{line}");
                line.clear();
            }
            line.extend([" ", word]);
        }
        if !line.is_empty() {
            let _ = writeln!(self.text, "#{line}");
        }
    }

    /// What a reference leads to, with what stands beside the reference; of a
    /// value that may be null, the value.
    fn resolved(&self, schema: &Node) -> Node {
        let mut found = schema.clone();
        // A schema may refer to itself.
        for _ in 0..8 {
            let one = |keyword: &str| match found.get(keyword) {
                Some(Node::List(parts)) => {
                    let real = |part: &&Node| text_of(part, "type") != Some("null");
                    let parts: Vec<_> = parts.iter().filter(real).collect();
                    match parts.as_slice() {
                        [part] => Some((*part).clone()),
                        _ => None,
                    }
                }
                _ => None,
            };
            let (keyword, mut target) = if let Some(to) = text_of(&found, "$ref") {
                let path: Vec<_> = to.split('/').skip(1).map(str::to_owned).collect();
                let target = self.schema.at(&path).cloned();
                ("$ref", target.unwrap_or(Node::Object(Vec::new())))
            } else if let Some(part) = one("allOf") {
                ("allOf", part)
            } else if let Some(part) = one("anyOf") {
                ("anyOf", part)
            } else {
                break;
            };
            for (name, member) in members(Some(&found)) {
                let mut member = member.clone();
                let path = [name.clone()];
                if let (Node::Object(own), "properties") = (&mut member, name.as_str()) {
                    for (name, more) in members(target.get(name)) {
                        if own.iter().all(|(known, _)| known != name) {
                            own.push((name.clone(), more.clone()));
                        }
                    }
                }
                if name != keyword {
                    target.remove(&path);
                    target.insert(&path, member);
                }
            }
            found = target;
        }
        found
    }
}

/// A value that a schema proposes: its default, or its first example.
fn proposal(schema: &Node) -> Option<Node> {
    let example = match schema.get("examples") {
        Some(Node::List(examples)) => examples.first().cloned(),
        _ => None,
    };
    let default = schema.get("default").cloned();
    let says = |node: &Node| match node {
        Node::Text(text) => !text.is_empty(),
        Node::List(items) => !items.is_empty(),
        Node::Object(members) => !members.is_empty(),
        other => *other != Node::Null,
    };
    let default = default.filter(|default| says(default) || example.is_none());
    default
        .or(example)
        .or_else(|| constant(schema))
        .filter(|value| *value != Node::Null)
}

/// The only value, or the first of several.
fn constant(schema: &Node) -> Option<Node> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(constant), _) => Some(constant.clone()),
        (None, Some(Node::List(values))) => values.first().cloned(),
        _ => None,
    }
}

fn alternatives(schema: &Node) -> Option<&[Node]> {
    match schema.get("oneOf").or_else(|| schema.get("anyOf")) {
        Some(Node::List(alternatives)) => Some(alternatives),
        _ => None,
    }
}

fn is_table(schema: &Node) -> bool {
    let kind = match schema.get("type") {
        Some(Node::List(kinds)) => kinds.first(),
        other => other,
    };
    kind == Some(&Node::Text("object".to_owned()))
        || schema.get("properties").is_some()
        || alternatives(schema).is_some_and(|all| all.iter().all(is_table_or_reference))
}

fn is_table_or_reference(schema: &Node) -> bool {
    schema.get("$ref").is_some() || is_table(schema)
}

fn text_of<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    match node.get(name) {
        Some(Node::Text(text)) => Some(text),
        _ => None,
    }
}

fn members(node: Option<&Node>) -> &[(String, Node)] {
    match node {
        Some(Node::Object(members)) => members,
        _ => &[],
    }
}

fn key(name: &str) -> String {
    let bare = |each: char| each.is_ascii_alphanumeric() || "_-".contains(each);
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        toml(&Node::Text(name.to_owned()))
    }
}

/// Texts, numbers and truth values are written as in JSON, but for the one
/// character that only TOML has escaped.
fn toml(node: &Node) -> String {
    match node {
        Node::List(items) => {
            let items: Vec<_> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        Node::Object(members) => {
            let members = members.iter();
            let members: Vec<_> = members
                .map(|(name, value)| format!("{} = {}", key(name), toml(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        other => json(other).replace('\u{7f}', "\\u007f"),
    }
}
