//! Settings as JSON text, as calls take them, and the few that the host reads
//! itself. What they mean is the component's: it validates them.

use crate::config::{Keys, Retry};
use rowcast_pipeline::settings::{self, Mistakes, Node};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

/// One axis of the matrix: a request is made for each of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// What templates call it.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
}

/// A source's settings.
#[derive(Clone, PartialEq)]
pub struct Source {
    text: String,
    /// The combinations of a row's requests, in order. It names rejected
    /// requests; a source without one has one request for each row.
    pub matrix: Vec<Axis>,
}

/// A table's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    text: String,
    /// Its name.
    pub name: String,
    /// Its keys, where they are given.
    pub keys: Option<Keys>,
    /// How the host repeats its own requests to it.
    pub retry: Retry,
}

/// A query's settings. What is left out is the component's to decide.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Query {
    /// The table's name.
    pub table: String,
    /// A secondary index to read instead of the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The condition; empty: every item.
    pub filter: String,
    /// Paths to return; empty: whole documents.
    pub select: Vec<String>,
    /// Matches to return at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Segments that a scan reads at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<u32>,
    /// Strongly consistent reads.
    pub consistent: bool,
    /// The table's own, as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<serde_json::Value>,
}

impl Source {
    /// Of JSON text. What the host can't read in it isn't there for the host.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let node = node(&text);
        let axis = |(name, values): &(String, Node)| Axis {
            name: name.clone(),
            values: read(Some(values)).unwrap_or_default(),
        };
        let matrix = match node.get("matrix") {
            Some(Node::Object(members)) => members.iter().map(axis).collect(),
            _ => Vec::new(),
        };
        Self { text, matrix }
    }

    pub(crate) fn of(node: &Node) -> Self {
        Self::new(json(node))
    }

    /// The text that a call takes. It may have secrets in it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What tells apart what it asks for and makes of the answers, without what
    /// may be secret.
    pub(crate) fn identity(&self) -> String {
        let mut node = node(&self.text);
        strip(&mut node);
        if let Some(Node::List(steps)) = node.get_mut("then") {
            steps.iter_mut().for_each(strip);
        }
        json(&node)
    }
}

/// Takes from a source, or a step, what makes no difference to what it answers.
fn strip(node: &mut Node) {
    for name in INDIFFERENT {
        node.remove(&[name.to_owned()]);
    }
    if let Some(Node::Object(headers)) = node.get_mut("headers") {
        for (_, value) in headers {
            *value = Node::Null;
        }
    }
}

/// Settings that say how often, how fast and as whom a source is asked: they
/// make no difference to what it answers.
const INDIFFERENT: [&str; 6] = [
    "auth",
    "concurrency",
    "max_body_bytes",
    "rate",
    "request_timeout_ms",
    "retry",
];

impl std::fmt::Debug for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Source")
            .field("matrix", &self.matrix)
            .finish_non_exhaustive()
    }
}

impl Table {
    /// Of JSON text, as [`Source::new`].
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let node = node(&text);
        Self {
            name: read(node.get("name")).unwrap_or_default(),
            keys: read(node.get("keys")),
            retry: read(node.get("retry")).unwrap_or_default(),
            text,
        }
    }

    pub(crate) fn of(node: &Node) -> Self {
        Self::new(json(node))
    }

    /// The same with other keys, or with those that DynamoDB is asked for.
    #[must_use]
    pub fn with_keys(&self, keys: Option<&Keys>) -> Self {
        let (mut node, path) = (node(&self.text), ["keys".to_owned()]);
        node.remove(&path);
        if let Some(keys) = keys {
            node.insert(&path, self::node(&text(keys)));
        }
        Self::of(&node)
    }

    /// The text that a call takes.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A query of it.
    #[must_use]
    pub fn query(&self, filter: &str) -> Query {
        let retry = node(&self.text).get("retry").map(json);
        Query {
            table: self.name.clone(),
            filter: filter.to_owned(),
            retry: retry.and_then(|retry| serde_json::from_str(&retry).ok()),
            ..Query::default()
        }
    }
}

impl Query {
    /// The text that a call takes.
    #[must_use]
    pub fn text(&self) -> String {
        text(self)
    }
}

/// Nothing in settings can fail to be written.
fn text(settings: &impl Serialize) -> String {
    serde_json::to_string(settings).unwrap_or_default()
}

pub(crate) fn json(node: &Node) -> String {
    text(&Written(node))
}

/// What isn't a JSON object has no settings.
pub(crate) fn node(text: &str) -> Node {
    let node = Node::parse(text, &mut Mistakes::default());
    node.unwrap_or(Node::Object(Vec::new()))
}

pub(crate) fn read<T: DeserializeOwned>(node: Option<&Node>) -> Option<T> {
    let mut mistakes = Mistakes::default();
    let value = settings::read(node?.clone(), &mut mistakes);
    value.filter(|_| mistakes.is_empty())
}

struct Written<'a>(&'a Node);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Node::Boolean(boolean) => serializer.serialize_bool(*boolean),
            Node::Whole(number) => serializer.serialize_u64(*number),
            Node::Number(number) => serializer.serialize_f64(*number),
            Node::Text(text) => serializer.serialize_str(text),
            Node::List(items) => serializer.collect_seq(items.iter().map(Written)),
            Node::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, node)| (name, Written(node))))
            }
            _ => serializer.serialize_unit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_reads_little_and_passes_all_on() {
        let text = r#"{"z":1,"matrix":{"b":["2","1"],"a":["x"]},"deep":[{"n":-1.5},null,true]}"#;
        let source = Source::new(text);
        let names: Vec<_> = source
            .matrix
            .iter()
            .map(|axis| axis.name.as_str())
            .collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(json(&node(text)), text);
        for broken in ["", "[]", r#"{"matrix":3}"#, r#"{"matrix":["a"]}"#] {
            assert_eq!(Source::new(broken).matrix, []);
        }
    }

    #[test]
    fn how_it_is_asked_makes_no_other_source() {
        let source = |more: &str| {
            let text = format!(r#"{{"url":"https://a.example","headers":{{"k":"1"}}{more}}}"#);
            Source::new(text).identity()
        };
        assert_eq!(
            source(""),
            source(r#","concurrency":1,"auth":{"type":"bearer","token":"x"},"retry":{}"#)
        );
        assert_eq!(source(""), source("").replace('1', "2"));
        assert_ne!(source(""), source(r#","records":"/x""#));
        let step = |more: &str| {
            let then = r#","then":[{"url":"https://b.example","headers":{"k":"1"}"#;
            source(&format!("{then}{more}}}]"))
        };
        assert_eq!(step(""), step(r#","retry":{},"auth":{"type":"none"}"#));
        assert_eq!(step(""), step("").replace('1', "2"));
        assert_ne!(step(""), step(r#","records":"/x""#));
    }

    #[test]
    fn keys_are_replaced() {
        let table =
            Table::new(r#"{"name":"t","keys":{"partition":{"name":"k","type":"S"}},"x":1}"#);
        let other = table.with_keys(None);
        assert_eq!(other.text(), r#"{"name":"t","x":1}"#);
        let again = other.with_keys(table.keys.as_ref());
        assert_eq!(again.keys, table.keys);
        assert_eq!(
            table.query("a = 1").text(),
            r#"{"table":"t","filter":"a = 1","select":[],"consistent":false}"#
        );
    }
}
