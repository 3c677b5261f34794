//! The schema of an answer → where its records are, and what else it has.

use super::document::{Document, Operation, format, member, members, schema, text};
use rowcast_pipeline::settings::escaped;
use serde_json::Value;
use std::collections::BTreeMap;

/// Objects in objects that are looked into.
const DEEPEST: usize = 3;
/// Schemas that one is made of: no document that people wrote has as many.
const MOST: usize = 500;

/// What an operation answers.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The pointer to its records; empty where the body is them.
    pub pointer: String,
    /// The members of a record.
    record: Vec<String>,
    /// What the body has beside: pointers to texts, numbers and truth values,
    /// with their types.
    pub beside: BTreeMap<String, String>,
    /// The names of its headers, in lower case.
    pub headers: Vec<String>,
    /// What it is where it isn't JSON.
    pub format: Option<&'static str>,
}

impl Answer {
    /// Whether a record has such a member.
    pub fn has(&self, name: &str) -> bool {
        self.record.iter().any(|known| known == name)
    }
}

pub fn of(document: Document<'_>, operation: &Operation<'_>, remarks: &mut Vec<String>) -> Answer {
    let mut answer = Answer::default();
    remarks.extend(document.lost());
    let response = document.success(operation);
    let headers = response.and_then(|it| member(it, "headers"));
    let headers = members(headers).into_iter();
    answer.headers = headers.map(|(name, _)| name.to_ascii_lowercase()).collect();
    match response.map_or(Ok(None), format) {
        Ok(found) => answer.format = found,
        Err(kind) => remarks.push(format!(
            "Answers are {}, which can't be read: see whether the API has JSON, too.",
            kind.split_whitespace().collect::<Vec<_>>().join(" ")
        )),
    }
    if answer.format.is_some_and(|format| format != "ndjson") {
        remarks.push("Records: each row of the answer is one.".to_owned());
        return answer;
    }
    let Some(body) = response.and_then(schema) else {
        remarks.extend(document.lost());
        remarks.push(
            "The document doesn't say what an answer looks like: set `records` to the JSON \
             Pointer of its records."
                .to_owned(),
        );
        return answer;
    };
    let shape = Shape::of(document, body);
    let mut lists = Vec::new();
    shape.look(document, String::new(), 0, &mut lists, &mut answer.beside);
    // The shallowest; of several, the first.
    lists.sort_by_key(|(pointer, _)| pointer.matches('/').count());
    let mut lists = lists.into_iter();
    let lost = document.lost();
    let is_lost = !lost.is_empty();
    remarks.extend(lost);
    if let Some((pointer, record)) = lists.next() {
        answer.record = record.names();
        let place = if pointer.is_empty() {
            "the body itself"
        } else {
            &pointer
        };
        remarks.push(format!("Records: guessed to be {place}."));
        let others: Vec<_> = lists.map(|(pointer, _)| format!("\"{pointer}\"")).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            remarks.push(format!("Other lists of objects are at {others}."));
        }
        answer.pointer = pointer;
    } else if is_lost {
        remarks.push(
            "Records: where they are isn't known without that reference: set `records` to their \
             JSON Pointer."
                .to_owned(),
        );
    } else {
        answer.record = shape.names();
        remarks.push(
            "Records: no list of objects was found, so that the whole body is one record."
                .to_owned(),
        );
    }
    answer
}

/// A schema with what `allOf` adds; of alternatives, the first.
struct Shape<'a> {
    properties: Vec<(&'a str, &'a Value)>,
    items: Option<&'a Value>,
    kind: Option<&'a str>,
    /// The schemas it is made of, and whether their parts are being added.
    seen: Vec<(&'a Value, bool)>,
}

impl<'a> Shape<'a> {
    fn of(document: Document<'a>, schema: &'a Value) -> Self {
        let mut shape = Self {
            properties: Vec::new(),
            items: None,
            kind: None,
            seen: Vec::new(),
        };
        shape.add(document, schema);
        shape
    }

    fn add(&mut self, document: Document<'a>, reference: &'a Value) {
        let schema = document.resolved(reference);
        let same = |(known, _): &&(&Value, bool)| std::ptr::eq(*known, schema);
        if let Some((_, is_open)) = self.seen.iter().find(same) {
            if *is_open {
                document.lose_circle(reference);
            }
            return;
        }
        let place = self.seen.len();
        if place >= MOST {
            return;
        }
        self.seen.push((schema, true));
        for (name, property) in members(member(schema, "properties")) {
            if self.properties.iter().all(|(known, _)| *known != name) {
                self.properties.push((name, property));
            }
        }
        self.items = self.items.or_else(|| member(schema, "items"));
        // OpenAPI 3.1 has lists of types, with null among them.
        let kind = match member(schema, "type") {
            Some(Value::Array(kinds)) => kinds
                .iter()
                .filter_map(Value::as_str)
                .find(|kind| *kind != "null"),
            kind => text(kind),
        };
        self.kind = self.kind.or(kind);
        let parts = |keyword: &str| {
            let parts = member(schema, keyword).and_then(Value::as_array);
            parts.map_or(&[][..], Vec::as_slice)
        };
        for part in parts("allOf") {
            self.add(document, part);
        }
        let is_null = |part: &&Value| text(member(part, "type")) == Some("null");
        for keyword in ["oneOf", "anyOf"] {
            if let Some(first) = parts(keyword).iter().find(|part| !is_null(part)) {
                self.add(document, first);
            }
        }
        if let Some((_, is_open)) = self.seen.get_mut(place) {
            *is_open = false;
        }
    }

    fn names(&self) -> Vec<String> {
        let names = self.properties.iter();
        names.map(|(name, _)| (*name).to_owned()).collect()
    }

    fn is_object(&self) -> bool {
        !self.properties.is_empty() || self.kind == Some("object")
    }

    /// Lists of objects, with their records, and what is beside them.
    fn look(
        &self,
        document: Document<'a>,
        at: String,
        depth: usize,
        lists: &mut Vec<(String, Shape<'a>)>,
        beside: &mut BTreeMap<String, String>,
    ) {
        if let Some(items) = self.items {
            let record = Shape::of(document, items);
            if record.is_object() {
                lists.push((at, record));
            }
            return;
        }
        if self.properties.is_empty() {
            beside.insert(at, self.kind.unwrap_or_default().to_owned());
            return;
        }
        if depth >= DEEPEST {
            return;
        }
        for (name, property) in &self.properties {
            let at = format!("{at}/{}", escaped(name));
            Shape::of(document, property).look(document, at, depth + 1, lists, beside);
        }
    }
}
