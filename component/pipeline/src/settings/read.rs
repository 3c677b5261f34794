//! JSON text → a type, and everything that is wrong with the text's form.
//!
//! Reading stops at the first mistake, so the mistake is taken out of the tree
//! and reading starts again, until nothing is wrong or nothing is left. No
//! message repeats a value, which may be secret.

use super::tree::Node;
use crate::bindings::exports::rowcast::pipeline::describe;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use std::fmt;

/// One mistake, as the contract has it.
pub type Mistake = describe::Mistake;

/// Members that are taken out of one text at most.
const MOST_REPAIRS: usize = 1_000;

/// What is wrong with settings, each setting once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Adds one, unless the setting or what it is part of has one already.
    pub fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.push(pointer.into(), message.into(), None);
    }

    /// The same with what to do about it.
    pub fn add_with_hint(
        &mut self,
        pointer: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(pointer.into(), message.into(), Some(hint.into()));
    }

    fn push(&mut self, pointer: String, message: String, hint: Option<String>) {
        let known = self.0.iter().any(|mistake| {
            let rest = pointer.strip_prefix(mistake.pointer.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if !known {
            self.0.push(Mistake {
                pointer,
                message,
                hint,
            });
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list.
    #[must_use]
    pub fn into_list(self) -> Vec<Mistake> {
        self.0
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let pointer = match mistake.pointer.as_str() {
                "" => "the text",
                pointer => pointer,
            };
            write!(formatter, "{separator}{pointer} {}", mistake.message)?;
            if let Some(hint) = &mistake.hint {
                write!(formatter, " ({hint})")?;
            }
        }
        Ok(())
    }
}

/// Adds a number that is out of its range.
pub fn within(mistakes: &mut Mistakes, pointer: &str, value: u64, least: u64, most: u64) {
    if !(least..=most).contains(&value) {
        mistakes.add(pointer, format!("is {value}; it must be {least} to {most}"));
    }
}

/// A member's name as a part of a JSON Pointer.
#[must_use]
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Reads a type from a tree; none where too little of it is left.
pub fn read<T: DeserializeOwned>(mut tree: Node, mistakes: &mut Mistakes) -> Option<T> {
    let mut inserted = Vec::new();
    for _ in 0..MOST_REPAIRS {
        let error = match T::deserialize(&tree) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let mut path: Vec<String> = error.path.into_iter().rev().collect();
        // A wrong `type` is told without its name, because it decides what the
        // rest of the object is.
        let of_tag =
            error.kind == ErrorKind::Variant && tree.at(&path).is_some_and(Node::is_object);
        if of_tag {
            path.push("type".to_owned());
        }
        let pointer = path.iter().fold(String::new(), |pointer, name| {
            pointer + "/" + &escaped(name)
        });
        mistakes.push(pointer, error.message, error.hint);
        if error.kind == ErrorKind::Missing && !inserted.contains(&path) {
            tree.insert(&path, Node::Text(String::new()));
            inserted.push(path);
            continue;
        }
        if of_tag || error.kind == ErrorKind::Missing {
            path.pop();
        }
        if !tree.remove(&path) {
            return None;
        }
    }
    None
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ErrorKind {
    Value,
    Variant,
    Missing,
}

/// The first mistake of a text, and where it is.
#[derive(Debug)]
pub struct ReadError {
    /// Innermost name first.
    path: Vec<String>,
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
}

impl ReadError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            kind: ErrorKind::Value,
            message: message.into(),
            hint: None,
        }
    }

    fn under(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!(
            "is {}; it must be {}",
            kind(found),
            wanted(expected)
        ))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(match found {
            de::Unexpected::Unsigned(number) => format!("is {number}, which is too large"),
            de::Unexpected::Signed(number) => format!("is {number}, which is out of range"),
            _ => format!("must be {}", wanted(expected)),
        })
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self {
            kind: ErrorKind::Variant,
            hint: nearest(variant, expected).map(|name| format!("did you mean \"{name}\"?")),
            ..Self::new(format!("is none of {}", list(expected)))
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let hint = match nearest(field, expected) {
            Some(name) => format!("did you mean `{name}`?"),
            None if expected.is_empty() => "nothing may stand here".to_owned(),
            None => format!("known here: {}", list(expected)),
        };
        Self {
            hint: Some(hint),
            ..Self::new("is not a known setting").under(field)
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            kind: ErrorKind::Missing,
            ..Self::new("is missing").under(field)
        }
    }
}

fn kind(found: de::Unexpected<'_>) -> &'static str {
    match found {
        de::Unexpected::Bool(_) => "a boolean",
        de::Unexpected::Unsigned(_) | de::Unexpected::Signed(_) => "a whole number",
        de::Unexpected::Float(_) => "a number",
        de::Unexpected::Str(_) => "text",
        de::Unexpected::Unit => "null",
        de::Unexpected::Seq => "a list",
        de::Unexpected::Map => "an object",
        _ => "something else",
    }
}

fn wanted(expected: &dyn de::Expected) -> String {
    let wanted = expected.to_string();
    match wanted.as_str() {
        "u32" | "u64" => "a whole number that is not negative".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        _ if wanted.starts_with("struct ") || wanted.starts_with("internally tagged") => {
            "an object".to_owned()
        }
        _ => wanted,
    }
}

fn list(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The name that differs from what was written by a slip or two.
#[must_use]
pub fn nearest<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .map(|name| (strsim::levenshtein(written, name), *name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Node::Null => visitor.visit_unit(),
            Node::Boolean(boolean) => visitor.visit_bool(*boolean),
            Node::Whole(number) => visitor.visit_u64(*number),
            Node::Number(number) => visitor.visit_f64(*number),
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Node::Object(members) => visitor.visit_map(Members { members, next: 0 }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Node::Text(text) = self else {
            return Err(ReadError::new("must be text"));
        };
        visitor.visit_enum(de::value::StrDeserializer::new(text))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de> {
    items: &'de [Node],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let Some(item) = self.items.get(self.next) else {
            return Ok(None);
        };
        let name = self.next.to_string();
        self.next += 1;
        let value = seed.deserialize(item);
        value.map(Some).map_err(|error| error.under(name))
    }
}

struct Members<'de> {
    members: &'de [(String, Node)],
    next: usize,
}

impl<'de> de::MapAccess<'de> for Members<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some((name, _)) = self.members.get(self.next) else {
            return Ok(None);
        };
        let name: de::value::StrDeserializer<'_, ReadError> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let Some((name, node)) = self.members.get(self.next) else {
            return Err(ReadError::new("has no value"));
        };
        self.next += 1;
        let value = seed.deserialize(node);
        value.map_err(|error| error.under(name))
    }
}
