//! A document's index → DynamoDB's JSON of the item, its size and its key, in
//! one walk that copies slices of the document's text. Refuses what DynamoDB
//! would refuse.

use super::key::{self, Key, KeyRole, KeyValue};
use super::number::{self, Decimal};
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use crate::settings::{KeyAttribute, KeyType, Keys};
use rowcast_json::digest::Scalar;
use rowcast_json::{Index, Kind, Name, Names, NotUnicode, Output, Value, pointer};
use std::borrow::Cow;

/// 400 KB, names included.
pub const MAX_ITEM_BYTES: usize = 409_600;

/// Levels of nesting. An attribute's own value is on the first, so that 31
/// lists or maps may be around the innermost value.
const MAX_LEVELS: u32 = 32;

const MAX_NAME_BYTES: usize = 65_535;

/// What DynamoDB counts for a list or a map, beside its elements.
const CONTAINER_BYTES: usize = 3;
/// What it counts for each of the elements, beside name and value.
const ELEMENT_BYTES: usize = 1;

/// A document as DynamoDB takes it.
#[derive(Clone, Debug)]
pub struct Item {
    /// The item in DynamoDB's JSON.
    pub json: String,
    /// Its bytes by DynamoDB's rules.
    pub size: usize,
    /// Its primary key.
    pub key: Key,
}

/// Why a document can't be an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The contract's word for it.
    pub kind: RejectionKind,
    /// JSON Pointer (RFC 6901) to what is wrong; empty for the document.
    pub path: String,
    /// One sentence.
    pub reason: String,
}

/// Turns a document's text into an item of a table with these keys. The index
/// is used again for the next.
pub fn marshal(index: &mut Index, document: &str, keys: &Keys) -> Result<Item, Rejection> {
    item(read(index, document)?, keys)
}

/// A document's text → its values.
pub fn read<'i>(index: &'i mut Index, document: &'i str) -> Result<Value<'i>, Rejection> {
    index.read(document).map_err(|flaw| Rejection {
        kind: RejectionKind::Item,
        reason: format!("the document is not valid JSON: {flaw}"),
        path: flaw.path,
    })
}

/// A document's values → the item.
pub fn item(document: Value<'_>, keys: &Keys) -> Result<Item, Rejection> {
    // Types cost about half as much again.
    let length = document.text().len();
    let mut writer = Writer::new(keys, length + length / 2);
    writer.members(document)?;
    writer.finish()
}

/// An item, member by member.
pub struct Writer<'k> {
    out: Output,
    size: usize,
    keys: &'k Keys,
    partition: Option<KeyValue>,
    sort: Option<KeyValue>,
}

/// The path grows from the inside out while the error travels up, so that
/// documents that are fine pay nothing for it. In a box, for it is rare.
struct Refused(Box<Rejection>);

impl<'k> Writer<'k> {
    /// An item of a table with these keys, with room for that many bytes.
    #[must_use]
    pub fn new(keys: &'k Keys, bytes: usize) -> Self {
        let mut out = Output::with_capacity(bytes);
        out.put_literal("{");
        Self {
            out,
            size: 0,
            keys,
            partition: None,
            sort: None,
        }
    }

    /// Adds a member before those of a document, which has none of that name.
    pub fn add(&mut self, name: &str, value: Scalar<'_>) -> Result<(), Rejection> {
        if self.out.len() > 1 {
            self.out.put_literal(",");
        }
        let added = self.scalar(name, value);
        added.map_err(|refused| {
            let segment = pointer::to_member(name);
            *within(refused, &segment).0
        })
    }

    fn scalar(&mut self, name: &str, value: Scalar<'_>) -> Result<(), Refused> {
        check_name(name.len(), 1)?;
        self.out.put_quoted(name);
        self.out.put_literal(":");
        self.size += name.len();
        let kind = match value {
            Scalar::Text(_) => Kind::String,
            Scalar::Literal("true" | "false") => Kind::Boolean,
            Scalar::Literal(_) => Kind::Number,
        };
        let (Scalar::Text(text) | Scalar::Literal(text)) = value;
        if let Some((role, attribute)) = key::role(self.keys, name) {
            return self.key(role, attribute, kind, text);
        }
        match kind {
            Kind::String => {
                self.out.put_literal(r#"{"S":"#);
                self.out.put_quoted(text);
                self.out.put_literal("}");
                self.size += text.len();
                Ok(())
            }
            Kind::Boolean => {
                self.boolean(text);
                Ok(())
            }
            Kind::Number | Kind::Null | Kind::Array | Kind::Object => self.number(text),
        }
    }

    /// Adds the members of a document.
    pub fn members(&mut self, document: Value<'_>) -> Result<(), Rejection> {
        if document.kind() != Kind::Object {
            return Err(whole(format!(
                "the document is not a JSON object but {}",
                document.kind()
            )));
        }
        self.object(document, 1).map_err(|refused| *refused.0)
    }

    /// The whole item.
    pub fn finish(mut self) -> Result<Item, Rejection> {
        let partition = required(self.partition, KeyRole::Partition, &self.keys.partition)?;
        let sort = match &self.keys.sort {
            Some(attribute) => Some(required(self.sort, KeyRole::Sort, attribute)?),
            None => None,
        };
        if self.size > MAX_ITEM_BYTES {
            let reason = format!(
                "the item has {} bytes as DynamoDB counts them; it holds {MAX_ITEM_BYTES}",
                self.size
            );
            return Err(Rejection {
                kind: RejectionKind::TooLarge,
                ..whole(reason)
            });
        }
        self.out.put_literal("}");
        Ok(Item {
            json: self.out.into_text(),
            size: self.size,
            key: Key { partition, sort },
        })
    }

    fn object(&mut self, object: Value<'_>, level: u32) -> Result<(), Refused> {
        let mut names = Names::default();
        let mut is_first = true;
        for (name, value) in object.members() {
            if !std::mem::take(&mut is_first) || (level == 1 && self.out.len() > 1) {
                self.out.put_literal(",");
            }
            let is_known = names.is_known(object, name);
            self.member(name, is_known, value, level)
                .map_err(|refused| within(refused, &name.segment()))?;
        }
        Ok(())
    }

    #[inline]
    fn member(
        &mut self,
        name: Name<'_>,
        is_known: bool,
        value: Value<'_>,
        level: u32,
    ) -> Result<(), Refused> {
        if is_known {
            return Err(refused(
                "two members of the object have this name".to_owned(),
            ));
        }
        let length = self.out.put_string(name).map_err(not_unicode)?;
        check_name(length, level)?;
        self.size += length;
        if level > 1 {
            self.size += ELEMENT_BYTES;
        } else if let Some((role, attribute)) = role(self.keys, name) {
            self.out.put_literal(":");
            let text = match value.as_string().map(Name::content) {
                Some(Ok(content)) => content,
                Some(Err(error)) if attribute.kind == KeyType::Text => {
                    return Err(not_unicode(error));
                }
                // No base64, and no number.
                Some(Err(_)) => Cow::Borrowed("\0"),
                None => Cow::Borrowed(value.text()),
            };
            return self.key(role, attribute, value.kind(), &text);
        }
        self.out.put_literal(":");
        self.value(value, level)
    }

    fn value(&mut self, value: Value<'_>, level: u32) -> Result<(), Refused> {
        if level > MAX_LEVELS {
            return Err(refused(format!(
                "the value is nested deeper than the {MAX_LEVELS} levels that DynamoDB holds"
            )));
        }
        match value.kind() {
            Kind::String => self.string(value),
            Kind::Number => self.number(value.text()),
            Kind::Boolean => {
                self.boolean(value.text());
                Ok(())
            }
            Kind::Null => {
                self.size += 1;
                self.out.put_literal(r#"{"NULL":true}"#);
                Ok(())
            }
            Kind::Array => {
                self.size += CONTAINER_BYTES;
                self.out.put_literal(r#"{"L":["#);
                for (place, element) in value.elements().enumerate() {
                    if place > 0 {
                        self.out.put_literal(",");
                    }
                    self.value(element, level + 1)
                        .map_err(|refused| within(refused, &format!("/{place}")))?;
                    self.size += ELEMENT_BYTES;
                }
                self.out.put_literal("]}");
                Ok(())
            }
            Kind::Object => {
                self.size += CONTAINER_BYTES;
                self.out.put_literal(r#"{"M":{"#);
                self.object(value, level + 1)?;
                self.out.put_literal("}}");
                Ok(())
            }
        }
    }

    #[inline]
    fn string(&mut self, value: Value<'_>) -> Result<(), Refused> {
        if let Some(string) = value.as_string() {
            self.out.put_literal(r#"{"S":"#);
            self.size += self.out.put_string(string).map_err(not_unicode)?;
            self.out.put_literal("}");
        }
        Ok(())
    }

    #[inline]
    fn number(&mut self, text: &str) -> Result<(), Refused> {
        self.size += number::size(text).map_err(|error| refused(error.to_string()))?;
        self.out.put_literal(r#"{"N":""#);
        self.out.put(text);
        self.out.put_literal(r#""}"#);
        Ok(())
    }

    fn boolean(&mut self, text: &str) {
        self.size += 1;
        if text == "true" {
            self.out.put_literal(r#"{"BOOL":true}"#);
        } else {
            self.out.put_literal(r#"{"BOOL":false}"#);
        }
    }

    /// The value of a key attribute: a string's content, or how another kind is
    /// written.
    fn key(
        &mut self,
        role: KeyRole,
        attribute: &KeyAttribute,
        kind: Kind,
        text: &str,
    ) -> Result<(), Refused> {
        let wrong = |found: &str| {
            let (role, kind) = (role.name(), key::kind_name(attribute.kind));
            refused(format!("the table's {role} must be {kind}, not {found}"))
        };
        let value = match (kind, attribute.kind) {
            (Kind::String, KeyType::Text) => {
                check_length(role, text.len())?;
                self.out.put_literal(r#"{"S":"#);
                self.out.put_quoted(text);
                self.out.put_literal("}");
                self.size += text.len();
                KeyValue::Text(text.to_owned())
            }
            (Kind::String, KeyType::Bytes) => {
                let bytes = key::bytes(text).ok_or_else(|| wrong("other text"))?;
                check_length(role, bytes.len())?;
                self.out.put_literal(r#"{"B":"#);
                self.out.put_quoted(text);
                self.out.put_literal("}");
                self.size += bytes.len();
                KeyValue::Bytes(bytes)
            }
            (Kind::Number, KeyType::Number) => {
                self.number(text)?;
                let number = Decimal::parse(text);
                KeyValue::Number(number.map_err(|error| refused(error.to_string()))?)
            }
            (kind, _) => return Err(wrong(&kind.to_string())),
        };
        match role {
            KeyRole::Partition => self.partition = Some(value),
            KeyRole::Sort => self.sort = Some(value),
        }
        Ok(())
    }
}

fn required(
    value: Option<KeyValue>,
    role: KeyRole,
    attribute: &KeyAttribute,
) -> Result<KeyValue, Rejection> {
    let name = &attribute.name;
    value.ok_or_else(|| Rejection {
        kind: RejectionKind::Item,
        path: pointer::to_member(name),
        reason: format!("the table's {} `{name}` is missing", role.name()),
    })
}

fn check_length(role: KeyRole, length: usize) -> Result<(), Refused> {
    let (name, most) = (role.name(), role.max_bytes());
    if length == 0 {
        return Err(refused(format!("the table's {name} must not be empty")));
    }
    if length > most {
        return Err(refused(format!(
            "the table's {name} has {length} bytes; DynamoDB holds {most}"
        )));
    }
    Ok(())
}

#[inline]
fn check_name(length: usize, level: u32) -> Result<(), Refused> {
    if length == 0 && level == 1 {
        return Err(refused(
            "DynamoDB has no attributes with an empty name".to_owned(),
        ));
    }
    if length > MAX_NAME_BYTES {
        return Err(refused(format!(
            "the name has {length} bytes; DynamoDB holds {MAX_NAME_BYTES}"
        )));
    }
    Ok(())
}

#[inline]
fn role<'k>(keys: &'k Keys, name: Name<'_>) -> Option<(KeyRole, &'k KeyAttribute)> {
    if name.is_escaped() {
        return key::role(keys, &name.content().ok()?);
    }
    key::role(keys, name.raw())
}

/// Something is wrong with the document as a whole.
#[cold]
fn whole(reason: String) -> Rejection {
    Rejection {
        kind: RejectionKind::Item,
        path: String::new(),
        reason,
    }
}

#[cold]
fn refused(reason: String) -> Refused {
    Refused(Box::new(whole(reason)))
}

#[cold]
fn not_unicode(error: NotUnicode) -> Refused {
    refused(error.to_string())
}

#[cold]
fn within(mut refused: Refused, segment: &str) -> Refused {
    refused.0.path.insert_str(0, segment);
    refused
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]
mod tests;
