//! JSON text → a type, and everything that is wrong with the text's form.
//!
//! Reading stops at the first mistake, so the mistake is taken out of the tree
//! and reading starts again, until nothing is wrong or nothing is left.

use super::mistakes::{MISSING, Mistakes, UNKNOWN, nearest};
use super::tree::Node;
use rowcast_json::pointer::escaped;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use std::fmt;

/// Members that are taken out of one text at most.
const MOST_REPAIRS: usize = 1_000;

/// Reads a type from a tree; none where too little of it is left.
pub fn read<T: DeserializeOwned>(mut tree: Node, mistakes: &mut Mistakes) -> Option<T> {
    let mut inserted = Vec::new();
    let mut removed = Vec::new();
    for _ in 0..MOST_REPAIRS {
        let error = match T::deserialize(&tree) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let mut path: Vec<String> = error.path.into_iter().rev().collect();
        let missing = error.kind == ErrorKind::Missing;
        // What was taken out because of another mistake isn't one more, nor is what was put in.
        let known = if missing { &removed } else { &inserted };
        if !known.contains(&path) {
            let pointer = path.iter().fold(String::new(), |pointer, name| {
                pointer + "/" + &escaped(name)
            });
            mistakes.push(pointer, error.message, error.hint);
        }
        if missing && !inserted.contains(&path) {
            tree.insert(&path, Node::Text(String::new()));
            inserted.push(path);
            continue;
        }
        // A wrong `type` leaves open what the rest of its object is.
        let of_tag = error.kind == ErrorKind::Variant && path.last().is_some_and(|it| it == "type");
        if of_tag || missing {
            path.pop();
        }
        if !tree.remove(&path) {
            return None;
        }
        removed.push(path);
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
            ..Self::new(UNKNOWN).under(field)
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            kind: ErrorKind::Missing,
            ..Self::new(MISSING).under(field)
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
        _ if wanted.starts_with("struct ") => "an object".to_owned(),
        _ => wanted,
    }
}

fn list(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Node::Null | Node::Gone => visitor.visit_unit(),
            Node::Boolean(boolean) => visitor.visit_bool(*boolean),
            Node::Whole(number) => visitor.visit_u64(*number),
            Node::Number(number) => visitor.visit_f64(*number),
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Node::Object(members) => visitor.visit_map(Members::all(members)),
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

    /// A text is a choice without settings; an object's `type` says which
    /// choice its other members are the settings of.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self {
            Node::Text(text) => visitor.visit_enum(Choice {
                text,
                members: None,
            }),
            Node::Object(members) => match self.get("type") {
                Some(Node::Text(text)) => visitor.visit_enum(Choice {
                    text,
                    members: Some(members),
                }),
                Some(_) => Err(ReadError::new("must be text").under("type")),
                None => Err(de::Error::missing_field("type")),
            },
            _ => Err(ReadError::new(format!("must be one of {}", list(variants)))),
        }
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
        while self.items.get(self.next) == Some(&Node::Gone) {
            self.next += 1;
        }
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
    rest: std::slice::Iter<'de, (String, Node)>,
    /// Whether `type` was read already.
    tagged: bool,
    value: Option<(&'de str, &'de Node)>,
}

impl<'de> Members<'de> {
    fn all(members: &'de [(String, Node)]) -> Self {
        Self {
            rest: members.iter(),
            tagged: false,
            value: None,
        }
    }
}

impl<'de> de::MapAccess<'de> for Members<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let tagged = self.tagged;
        let Some((name, node)) = self.rest.find(|it| !tagged || it.0 != "type") else {
            return Ok(None);
        };
        self.value = Some((name, node));
        let name: de::value::StrDeserializer<'_, ReadError> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let Some((name, node)) = self.value.take() else {
            return Err(ReadError::new("has no value"));
        };
        let value = seed.deserialize(node);
        value.map_err(|error| error.under(name))
    }
}

/// One of an enum's variants; without members where it is only named.
struct Choice<'de> {
    text: &'de str,
    members: Option<&'de [(String, Node)]>,
}

impl<'de> Choice<'de> {
    /// The members but for `type`.
    fn settings(self) -> Result<Members<'de>, ReadError> {
        let members = self.members.ok_or_else(|| {
            ReadError::new("is text; it must be an object whose `type` says this")
        })?;
        Ok(Members {
            tagged: true,
            ..Members::all(members)
        })
    }
}

impl<'de> de::EnumAccess<'de> for Choice<'de> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let name: de::value::StrDeserializer<'_, ReadError> = self.text.into_deserializer();
        match seed.deserialize(name) {
            Ok(variant) => Ok((variant, self)),
            Err(error) if self.members.is_some() => Err(error.under("type")),
            Err(error) => Err(error),
        }
    }
}

impl<'de> de::VariantAccess<'de> for Choice<'de> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.members {
            None => Ok(()),
            Some(_) => Err(ReadError::new("is an object; it must be text")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(de::value::MapAccessDeserializer::new(self.settings()?))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _length: usize,
        _visitor: V,
    ) -> Result<V::Value, ReadError> {
        Err(ReadError::new("can't be a list"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_map(self.settings()?)
    }
}
