//! The component's schemas and the host's own → one JSON Schema (draft 2020-12)
//! of the whole `rowcast.toml`, for editors and for `rowcast init`.

use crate::engine::settings::{json, node};
use crate::engine::{Description, Kind};
use rowcast_pipeline::settings::Node;

/// The host's own sections; their names and defaults are checked by tests.
const OWN: &str = include_str!("schema.json");

/// Text that stands for a number, truth value or anything else until the
/// environment is known.
const VARIABLE: &str = r"\$\{";

/// The schema of a configuration for that component.
#[must_use]
pub fn schema(description: &Description) -> String {
    json(&of(description))
}

pub(super) fn of(description: &Description) -> Node {
    let mut whole = node(OWN);
    let mut definitions = Vec::new();
    for (kind, section) in [(Kind::Source, "source"), (Kind::Table, "table")] {
        let found = description.schemas.iter().find(|it| it.kind == kind);
        let mut part = found.map_or(Node::Object(Vec::new()), |found| node(&found.json));
        refer(&mut part, section);
        for name in ["$schema", "$id"] {
            part.remove(&[name.to_owned()]);
        }
        if let Some(Node::Object(own)) = part.get("$defs").cloned() {
            let named = own.into_iter();
            definitions.extend(named.map(|(name, it)| (format!("{section}.{name}"), it)));
            part.remove(&["$defs".to_owned()]);
        }
        if kind == Kind::Source {
            admit_by(&mut part, &mut definitions);
            admit_preset(&mut part);
        }
        let own = whole.at(&path(&["properties", section, "properties"]));
        add_properties(&mut part, own.cloned());
        if let Some(place) = whole
            .get_mut("properties")
            .and_then(|it| it.get_mut(section))
        {
            *place = part;
        }
    }
    if !definitions.is_empty() {
        whole.insert(&path(&["$defs"]), Node::Object(definitions));
    }
    admit_variables(&mut whole);
    whole
}

/// References within a schema that becomes a part of another.
fn refer(node: &mut Node, section: &str) {
    match node {
        Node::Object(members) => {
            for (name, member) in members {
                match member {
                    Node::Text(to) if name == "$ref" => {
                        *to = match to.strip_prefix("#/$defs/") {
                            Some(definition) => format!("#/$defs/{section}.{definition}"),
                            None => to.replacen('#', &format!("#/properties/{section}"), 1),
                        };
                    }
                    other => refer(other, section),
                }
            }
        }
        Node::List(items) => items.iter_mut().for_each(|item| refer(item, section)),
        _ => {}
    }
}

/// `auth.by` is the host's: it says whether the host authenticates or the
/// component.
fn admit_by(source: &mut Node, definitions: &mut [(String, Node)]) {
    let by = node(
        r#"{"by":{"description":"The host, which keeps the secret, or the component, which is given it.","enum":["host","component"],"default":"host"}}"#,
    );
    let mut referred = Vec::new();
    for at in [
        &["properties"][..],
        &["then", "properties"],
        &["else", "properties"],
    ] {
        let mut names = at.iter().chain(&["auth"]);
        if let Some(auth) = names.try_fold(&mut *source, |node, name| node.get_mut(name)) {
            admit_members(auth, &by, &mut referred);
        }
    }
    let mut done = 0;
    while let Some(name) = referred.get(done).cloned() {
        done += 1;
        if let Some((_, it)) = definitions.iter_mut().find(|(known, _)| *known == name) {
            admit_members(it, &by, &mut referred);
        }
    }
}

/// What a preset fills in needn't be given.
fn admit_preset(source: &mut Node) {
    let required = ["required".to_owned()];
    if source.at(&path(&["properties", "preset"])).is_some()
        && source.get("if").is_none()
        && let Some(names) = source.at(&required).cloned()
    {
        source.remove(&required);
        let preset = node(r#"{"required":["preset"]}"#);
        let otherwise = Node::Object(vec![("required".to_owned(), names)]);
        source.insert(&path(&["if"]), preset);
        source.insert(&path(&["else"]), otherwise);
    }
}

/// Adds members to each alternative of an object.
fn admit_members(node: &mut Node, more: &Node, referred: &mut Vec<String>) {
    if let Some(Node::Text(to)) = node.get("$ref")
        && let Some(name) = to.strip_prefix("#/$defs/")
        && referred.iter().all(|known| known != name)
    {
        referred.push(name.to_owned());
    }
    if node.get("properties").is_some() {
        add_properties(node, Some(more.clone()));
    }
    for keyword in ["oneOf", "anyOf", "allOf"] {
        if let Some(Node::List(alternatives)) = node.get_mut(keyword) {
            for alternative in alternatives {
                admit_members(alternative, more, referred);
            }
        }
    }
}

fn add_properties(schema: &mut Node, more: Option<Node>) {
    let Some(Node::Object(more)) = more else {
        return;
    };
    if schema.get("properties").is_none() {
        schema.insert(&path(&["properties"]), Node::Object(Vec::new()));
    }
    if let Some(Node::Object(properties)) = schema.get_mut("properties") {
        let known: Vec<_> = properties.iter().map(|(name, _)| name.clone()).collect();
        properties.extend(more.into_iter().filter(|(name, _)| !known.contains(name)));
    }
}

/// A variable may stand for a number or a truth value, and needn't match a
/// text's pattern.
fn admit_variables(node: &mut Node) {
    match node {
        Node::Object(members) => {
            let text = |text: &str| Node::Text(text.to_owned());
            let spelt = ["integer", "number", "boolean"].map(text);
            let mut variable = false;
            for (name, member) in &mut *members {
                match (name.as_str(), &mut *member) {
                    ("type", kind) if spelt.contains(kind) => {
                        *kind = Node::List(vec![kind.clone(), text("string")]);
                        variable = true;
                    }
                    ("type", Node::List(kinds)) if kinds.iter().any(|it| spelt.contains(it)) => {
                        if !kinds.contains(&text("string")) {
                            kinds.push(text("string"));
                            variable = true;
                        }
                    }
                    ("pattern", Node::Text(pattern)) => {
                        *pattern = format!("(?:{pattern})|{VARIABLE}");
                    }
                    ("default" | "examples" | "const" | "enum", _) => {}
                    (_, other) => admit_variables(other),
                }
            }
            if variable {
                members.push(("pattern".to_owned(), text(VARIABLE)));
            }
        }
        Node::List(items) => items.iter_mut().for_each(admit_variables),
        _ => {}
    }
}

fn path(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
