//! A document → a hash of its key, a hash of its content, and what it weighs.
//! Pure.
//!
//! Contents are equal where DynamoDB would hold the same item: whatever the
//! order of members, the spaces, and the notation of a number (`1`, `1.0` and
//! `1e0` are one value there).

use crate::config::{Key, KeyType, Keys};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rowcast_json::{Index, Kind};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::fmt;

/// The first 128 bits of a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 16]);

impl Hash {
    /// Of parts, told apart by their lengths.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            text(&mut digest, part);
        }
        Self::end(digest)
    }

    /// From its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads what `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = u128::from_str_radix(text, 16).ok()?;
        (text.len() == 32).then(|| Self(number.to_be_bytes()))
    }

    fn end(digest: Sha256) -> Self {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(digest.finalize()) {
            *to = from;
        }
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// What the ledger knows a document by.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its key, together with the table.
    pub key: Hash,
    /// All of it.
    pub content: Hash,
    /// What it takes to write it: a unit per KB begun, by an estimate of the
    /// item's size.
    pub capacity: f64,
    /// Its key in DynamoDB's JSON.
    pub item_key: Value,
}

/// A document for a table with these keys; none if it can't be one.
#[must_use]
pub fn of_document(document: &str, keys: &Keys, scope: Hash) -> Option<Entry> {
    entry(Index::default().read(document).ok()?, keys, scope)
}

/// The same where only the key is wanted: it stands for the content too.
#[must_use]
pub fn of_key(document: &str, keys: &Keys, scope: Hash) -> Option<Entry> {
    let mut index = Index::default();
    let (key, item_key) = key(index.outline(document, 1).ok()?, keys, scope)?;
    Some(Entry {
        key,
        content: key,
        capacity: 0.0,
        item_key,
    })
}

/// An item in DynamoDB's JSON, as the document it would have been written
/// from; none if it can't have been.
#[must_use]
pub fn of_item(item: &Map<String, Value>, keys: &Keys, scope: Hash) -> Option<Entry> {
    let is_key = |name: &str| {
        name == keys.partition.name || keys.sort.as_ref().is_some_and(|sort| sort.name == name)
    };
    let members = item.iter().map(|(name, typed)| {
        let value = match typed.get("B") {
            // Only keys are bytes.
            Some(bytes) if is_key(name) => bytes.clone(),
            _ => plain(typed)?,
        };
        Some((name.clone(), value))
    });
    let document: Map<String, Value> = members.collect::<Option<_>>()?;
    of_document(&serde_json::to_string(&document).ok()?, keys, scope)
}

fn entry(document: rowcast_json::Value<'_>, keys: &Keys, scope: Hash) -> Option<Entry> {
    let (key, item_key) = key(document, keys, scope)?;
    let mut form = Form::default();
    form.members(document, 0)?;
    let units = u32::try_from(form.bytes.div_ceil(1024)).unwrap_or(u32::MAX);
    Some(Entry {
        key,
        content: form.end(),
        capacity: f64::from(units),
        item_key,
    })
}

/// The key's hash, and the key in DynamoDB's JSON.
fn key(document: rowcast_json::Value<'_>, keys: &Keys, scope: Hash) -> Option<(Hash, Value)> {
    let mut form = Form::default();
    let mut item_key = Map::new();
    form.text(&scope.to_string());
    for attribute in std::iter::once(&keys.partition).chain(&keys.sort) {
        let value = document.member(&attribute.name)?;
        form.text(&key_value(attribute, value)?);
        let letter = match attribute.kind {
            KeyType::Text => "S",
            KeyType::Number => "N",
            KeyType::Bytes => "B",
        };
        let written = value.string().unwrap_or(Cow::Borrowed(value.text()));
        item_key.insert(attribute.name.clone(), json!({ letter: written }));
    }
    Some((form.end(), Value::Object(item_key)))
}

/// A key's value, the same for what DynamoDB takes for the same.
fn key_value<'v>(attribute: &Key, value: rowcast_json::Value<'v>) -> Option<Cow<'v, str>> {
    match (attribute.kind, value.kind()) {
        (KeyType::Text, Kind::String) => value.string(),
        (KeyType::Number, Kind::Number) => Some(Cow::Owned(decimal(value.text()))),
        (KeyType::Bytes, Kind::String) => {
            let bytes = STANDARD.decode(value.string()?.as_bytes()).ok()?;
            Some(Cow::Owned(STANDARD.encode(bytes)))
        }
        _ => None,
    }
}

/// DynamoDB's JSON → the document's; none for types that no document has.
fn plain(typed: &Value) -> Option<Value> {
    let typed = typed.as_object()?;
    let (kind, value) = typed.iter().next()?;
    match (kind.as_str(), value) {
        ("S", Value::String(_)) | ("BOOL", Value::Bool(_)) => Some(value.clone()),
        ("NULL", _) => Some(Value::Null),
        ("N", Value::String(number)) => serde_json::from_str(number).ok().map(Value::Number),
        ("L", Value::Array(items)) => {
            let items: Option<_> = items.iter().map(plain).collect();
            Some(Value::Array(items?))
        }
        ("M", Value::Object(members)) => {
            let members = members
                .iter()
                .map(|(name, typed)| Some((name.clone(), plain(typed)?)));
            Some(Value::Object(members.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn text(digest: &mut Sha256, text: &str) {
    digest.update((text.len() as u64).to_be_bytes());
    digest.update(text);
}

/// DynamoDB holds fewer, so nothing deeper is ever written.
const MOST_LEVELS: u32 = 64;

/// Values in one form, to be hashed in one go; and their bytes by DynamoDB's
/// rules.
#[derive(Default)]
struct Form {
    form: Vec<u8>,
    bytes: u64,
}

impl Form {
    /// The hash of the form, which begins anew.
    fn end(&mut self) -> Hash {
        let hash = Hash::end(Sha256::new_with_prefix(&self.form));
        self.form.clear();
        self.bytes = 0;
        hash
    }

    /// None where a text isn't Unicode, or for what is nested too deeply.
    fn value(&mut self, value: rowcast_json::Value<'_>, level: u32) -> Option<()> {
        if level > MOST_LEVELS {
            return None;
        }
        match value.kind() {
            Kind::Null => self.tag(b'z'),
            Kind::Boolean if value.text() == "true" => self.tag(b't'),
            Kind::Boolean => self.tag(b'f'),
            Kind::String => {
                self.form.push(b's');
                self.text(&value.string()?);
            }
            Kind::Number => {
                let number = decimal(value.text());
                self.form.push(b'n');
                let before = self.bytes;
                self.text(&number);
                self.bytes = before + (number.len() as u64).div_ceil(2) + 1;
            }
            Kind::Array => {
                let count = value.elements().count() as u64;
                self.container(b'a', count);
                for element in value.elements() {
                    self.value(element, level + 1)?;
                }
                self.bytes += 3 + count;
            }
            Kind::Object => {
                self.members(value, level)?;
                self.bytes += 3 + value.members().count() as u64;
            }
        }
        Some(())
    }

    fn members(&mut self, object: rowcast_json::Value<'_>, level: u32) -> Option<()> {
        if object.kind() != Kind::Object {
            return None;
        }
        let members = object
            .members()
            .map(|(name, value)| Some((name.content().ok()?, value)));
        let mut sorted: Vec<_> = members.collect::<Option<_>>()?;
        sorted.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        self.container(b'o', sorted.len() as u64);
        for (name, value) in sorted {
            self.text(&name);
            self.value(value, level + 1)?;
        }
        Some(())
    }

    fn container(&mut self, letter: u8, count: u64) {
        self.form.push(letter);
        self.form.extend_from_slice(&count.to_be_bytes());
    }

    fn tag(&mut self, letter: u8) {
        self.form.push(letter);
        self.bytes += 1;
    }

    fn text(&mut self, text: &str) {
        self.form
            .extend_from_slice(&(text.len() as u64).to_be_bytes());
        self.form.extend_from_slice(text.as_bytes());
        self.bytes += text.len() as u64;
    }
}

/// A number's one notation: digits without zeros at either end, and a power
/// of ten. A text that is no such number stands for itself.
fn decimal(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{integer}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let trimmed = significant.trim_end_matches('0');
    let Ok(exponent) = exponent.parse::<i64>() else {
        return text.to_owned();
    };
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let exponent = exponent
        .saturating_sub(length(fraction))
        .saturating_add(length(significant) - length(trimmed));
    format!("{sign}{trimmed}e{exponent}")
}

#[cfg(test)]
mod tests;
