//! A tree → a type, or which setting is wrong and how.
//!
//! Its own deserializer, because a mistake must name the setting's path and
//! line, and must not repeat a value, which may be secret.

use super::ConfigError;
use super::tree::{Entries, Node, Value};
use crate::hint::Hint;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor, value::StrDeserializer};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use std::fmt;
use std::str::FromStr;

/// Reads a type from a tree.
pub(super) fn read<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, ConfigError> {
    T::deserialize(node).map_err(|mistake| ConfigError::Invalid {
        setting: mistake.setting(),
        line: mistake.line,
        message: mistake.message,
        hint: mistake.hint.map(Hint::new),
    })
}

#[derive(Debug)]
pub(super) struct Mistake {
    /// Innermost name first.
    path: Vec<String>,
    line: Option<usize>,
    message: String,
    hint: Option<String>,
}

impl Mistake {
    fn new(message: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            line: None,
            message: message.into(),
            hint: None,
        }
    }

    fn under(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }

    fn at(mut self, line: Option<usize>) -> Self {
        self.line = self.line.or(line);
        self
    }

    fn setting(&self) -> String {
        let names: Vec<_> = self.path.iter().rev().map(String::as_str).collect();
        names.join(".")
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl de::Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("is {}, expected {expected}", kind(found)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        match found {
            de::Unexpected::Signed(number) => {
                Self::new(format!("is {number}, expected {expected}"))
            }
            _ => Self::new(format!("expected {expected}")),
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let mut mistake = Self::new(format!("is none of {}", list(expected)));
        mistake.hint = nearest(variant, expected).map(|name| format!("did you mean \"{name}\"?"));
        mistake
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut mistake = Self::new("there is no such setting").under(field);
        mistake.hint = Some(match nearest(field, expected) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here: {}", list(expected)),
        });
        mistake
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("is missing").under(field)
    }
}

fn kind(found: de::Unexpected<'_>) -> &'static str {
    match found {
        de::Unexpected::Bool(_) => "true or false",
        de::Unexpected::Unsigned(_) | de::Unexpected::Signed(_) => "a whole number",
        de::Unexpected::Float(_) => "a number",
        de::Unexpected::Str(_) => "text",
        de::Unexpected::Seq => "a list",
        de::Unexpected::Map => "a table",
        _ => "something else",
    }
}

fn list(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The name that differs from what was written by a slip or two.
pub(crate) fn nearest<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .map(|name| (strsim::levenshtein(written, name), *name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let value = match &self.value {
            Value::Text(text) | Value::Interpolated(text) => visitor.visit_borrowed_str(text),
            Value::Integer(integer) => visitor.visit_i64(*integer),
            Value::Float(float) => visitor.visit_f64(*float),
            Value::Boolean(boolean) => visitor.visit_bool(*boolean),
            Value::Array(items) => visitor.visit_seq(Items { items, next: 0 }),
            Value::Table(entries) => visitor.visit_map(Settings { entries, next: 0 }),
        };
        value.map_err(|mistake| mistake.at(self.line))
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match interpolated(self)? {
            Some(number) => visitor
                .visit_i64(number)
                .map_err(|mistake: Mistake| mistake.at(self.line)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match interpolated(self)? {
            Some(value) => visitor.visit_bool(value),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let (Value::Text(text) | Value::Interpolated(text)) = &self.value else {
            return Err(Mistake::new("expected text").at(self.line));
        };
        let variant: StrDeserializer<'_, Mistake> = text.as_str().into_deserializer();
        visitor
            .visit_enum(variant)
            .map_err(|mistake| mistake.at(self.line))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// A number or truth value from the environment, which has only text.
fn interpolated<T: FromStr>(node: &Node) -> Result<Option<T>, Mistake> {
    match &node.value {
        Value::Interpolated(text) => match text.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(Mistake::new("its variable's value is no number").at(node.line)),
        },
        _ => Ok(None),
    }
}

struct Items<'de> {
    items: &'de [Node],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mistake> {
        let Some(item) = self.items.get(self.next) else {
            return Ok(None);
        };
        self.next += 1;
        let name = (self.next - 1).to_string();
        seed.deserialize(item)
            .map(Some)
            .map_err(|mistake| mistake.under(name))
    }
}

struct Settings<'de> {
    entries: &'de Entries,
    next: usize,
}

impl<'de> de::MapAccess<'de> for Settings<'de> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mistake> {
        let Some((name, node)) = self.entries.get(self.next) else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, Mistake> = name.as_str().into_deserializer();
        seed.deserialize(key)
            .map(Some)
            .map_err(|mistake| mistake.at(node.line))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        let Some((name, node)) = self.entries.get(self.next) else {
            return Err(Mistake::new("has no value"));
        };
        self.next += 1;
        seed.deserialize(node)
            .map_err(|mistake| mistake.at(node.line).under(name))
    }
}
