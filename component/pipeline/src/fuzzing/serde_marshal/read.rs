//! JSON as `serde_json` meets it → what the writer writes.

use super::Writer;
use crate::dynamodb::key::{self, KeyRole, KeyValue};
use crate::dynamodb::number::Decimal;
use crate::settings::{KeyAttribute, KeyType};
use rowcast_json::pointer::escaped;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// Levels of nesting. An attribute's own value is on the first, so that 31
/// lists or maps may be around the innermost value.
const MAX_LEVELS: u32 = 32;

const MAX_NAME_BYTES: usize = 65_535;

/// What DynamoDB counts for a list or a map, beside its elements.
const CONTAINER_BYTES: usize = 3;
/// What it counts for each of the elements, beside name and value.
const ELEMENT_BYTES: usize = 1;

/// How `serde_json` hands over a number's digits: as an object with this one
/// member, whose value is an owned string. A test holds it to that.
const NUMBER_NAME: &str = "$serde_json::private::Number";

/// The document itself.
pub(super) struct Document<'w, 'k>(pub(super) &'w mut Writer<'k>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.put("{");
        let first = map.next_key_seed(Name)?;
        self.0.members(map, first, 1)?;
        self.0.put("}");
        Ok(())
    }
}

/// A value that is no key of the table.
struct Value<'w, 'k> {
    writer: &'w mut Writer<'k>,
    level: u32,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.level > MAX_LEVELS {
            return Err(self.writer.reject(format!(
                "the value is nested deeper than the {MAX_LEVELS} levels that DynamoDB holds"
            )));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.writer.string(text)
    }
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.writer.number(&number.to_string())
    }
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.writer.number(&number.to_string())
    }
    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<(), E> {
        self.writer.size += 1;
        self.writer.put(if truth {
            r#"{"BOOL":true}"#
        } else {
            r#"{"BOOL":false}"#
        });
        Ok(())
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.writer.size += 1;
        self.writer.put(r#"{"NULL":true}"#);
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let Self { writer, level } = self;
        writer.size += CONTAINER_BYTES;
        writer.put(r#"{"L":["#);
        let mut index = 0_usize;
        loop {
            // Taken back below if there is no further element.
            let before = writer.out.len();
            if index > 0 {
                writer.put(",");
            }
            let element = Value {
                writer: &mut *writer,
                level: level + 1,
            };
            match sequence.next_element_seed(element) {
                Ok(Some(())) => writer.size += ELEMENT_BYTES,
                Ok(None) => {
                    writer.out.truncate(before);
                    break;
                }
                Err(error) => {
                    writer.locate(&error, &index.to_string());
                    return Err(error);
                }
            }
            index += 1;
        }
        writer.put("]}");
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let first = map.next_key_seed(Name)?;
        if first.as_deref() == Some(NUMBER_NAME) {
            return match map.next_value_seed(NumberText) {
                Ok(text) => self.writer.number(&text),
                Err(_) => Err(self.writer.reject(reserved_name())),
            };
        }
        self.writer.size += CONTAINER_BYTES;
        self.writer.put(r#"{"M":{"#);
        self.writer.members(map, first, self.level + 1)?;
        self.writer.put("}}");
        Ok(())
    }
}

fn reserved_name() -> String {
    format!("an object's first member must not be called `{NUMBER_NAME}`")
}

/// The digits of a number. A document's own strings never come as owned ones,
/// so that an object that imitates a number is told apart.
struct NumberText;

impl<'de> DeserializeSeed<'de> for NumberText {
    type Value = String;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for NumberText {
    type Value = String;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number's digits")
    }
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<String, E> {
        Err(E::custom("an object imitates a number"))
    }
    fn visit_string<E>(self, text: String) -> Result<String, E> {
        Ok(text)
    }
}

/// The value of a key attribute.
struct KeySeed<'w, 'k> {
    writer: &'w mut Writer<'k>,
    role: KeyRole,
    attribute: &'k KeyAttribute,
}

impl KeySeed<'_, '_> {
    fn wrong<E: serde::de::Error>(self, found: &str) -> E {
        let (role, kind) = (self.role.name(), key::kind_name(self.attribute.kind));
        self.writer
            .reject(format!("the table's {role} must be {kind}, not {found}"))
    }

    fn check_length<E: serde::de::Error>(&mut self, length: usize) -> Result<(), E> {
        let (role, most) = (self.role.name(), self.role.max_bytes());
        if length == 0 {
            return Err(self
                .writer
                .reject(format!("the table's {role} must not be empty")));
        }
        if length > most {
            return Err(self.writer.reject(format!(
                "the table's {role} has {length} bytes; DynamoDB holds {most}"
            )));
        }
        Ok(())
    }

    fn number<E: serde::de::Error>(self, text: &str) -> Result<KeyValue, E> {
        if self.attribute.kind != KeyType::Number {
            return Err(self.wrong("a number"));
        }
        self.writer.number(text)?;
        Decimal::parse(text)
            .map(KeyValue::Number)
            .map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = KeyValue;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<KeyValue, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for KeySeed<'_, '_> {
    type Value = KeyValue;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }
    fn visit_str<E: serde::de::Error>(mut self, text: &str) -> Result<KeyValue, E> {
        match self.attribute.kind {
            KeyType::Text => {
                self.check_length(text.len())?;
                self.writer.string(text)?;
                Ok(KeyValue::Text(text.to_owned()))
            }
            KeyType::Bytes => {
                let Some(bytes) = key::bytes(text) else {
                    return Err(self.wrong("other text"));
                };
                self.check_length(bytes.len())?;
                self.writer.bytes(text, bytes.len())?;
                Ok(KeyValue::Bytes(bytes))
            }
            KeyType::Number => Err(self.wrong("a string")),
        }
    }
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<KeyValue, E> {
        self.number(&number.to_string())
    }
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<KeyValue, E> {
        self.number(&number.to_string())
    }
    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<KeyValue, E> {
        Err(self.wrong("a boolean"))
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<KeyValue, E> {
        Err(self.wrong("null"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<KeyValue, A::Error> {
        Err(self.wrong("an array"))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeyValue, A::Error> {
        if map.next_key_seed(Name)?.as_deref() == Some(NUMBER_NAME)
            && let Ok(text) = map.next_value_seed(NumberText)
        {
            return self.number(&text);
        }
        Err(self.wrong("an object"))
    }
}

impl Writer<'_> {
    /// The members of an object, from behind its opening brace to its closing
    /// one. `first` is a name that was read already.
    fn members<'de, A: MapAccess<'de>>(
        &mut self,
        mut map: A,
        first: Option<Cow<'de, str>>,
        level: u32,
    ) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        let mut next = first;
        while let Some(name) = next {
            if !names.is_empty() {
                self.put(",");
            }
            let read = self.member(&mut map, &name, &mut names, level);
            read.inspect_err(|error| self.locate(error, &escaped(&name)))?;
            next = map.next_key_seed(Name)?;
        }
        Ok(())
    }

    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        name: &Cow<'de, str>,
        names: &mut HashSet<Cow<'de, str>>,
        level: u32,
    ) -> Result<(), A::Error> {
        if !names.insert(name.clone()) {
            return Err(self.reject("two members of the object have this name".to_owned()));
        }
        if name.is_empty() && level == 1 {
            return Err(self.reject("DynamoDB has no attributes with an empty name".to_owned()));
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(self.reject(format!(
                "the name has {} bytes; DynamoDB holds {MAX_NAME_BYTES}",
                name.len()
            )));
        }
        self.size += name.len() + if level == 1 { 0 } else { ELEMENT_BYTES };
        self.quote(name)?;
        self.put(":");
        let keys = self.keys;
        match key::role(keys, name).filter(|_| level == 1) {
            Some((role, attribute)) => {
                let value = map.next_value_seed(KeySeed {
                    writer: self,
                    role,
                    attribute,
                })?;
                match role {
                    KeyRole::Partition => self.partition = Some(value),
                    KeyRole::Sort => self.sort = Some(value),
                }
                Ok(())
            }
            None => map.next_value_seed(Value {
                writer: self,
                level,
            }),
        }
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
