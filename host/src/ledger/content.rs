//! What the ledger knows a document by, and how that is found of an item that is
//! in the table. Pure.

use crate::config::{KeyType, Keys};
use rowcast_json::digest::{Digest, Digester, Scalar};
use rowcast_json::{Index, Kind};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::fmt;

/// The first 128 bits of a SHA-256, or a digest of the component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 16]);

impl Hash {
    /// Of parts, told apart by their lengths.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(digest.finalize()) {
            *to = from;
        }
        Self(bytes)
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
}

impl From<Digest> for Hash {
    fn from(digest: Digest) -> Self {
        let number = u128::from(digest.high) << 64 | u128::from(digest.low);
        Self(number.to_be_bytes())
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

/// The digests of an item in DynamoDB's JSON, of its key and of its content: those
/// that the component makes of the document that it would have been written from.
/// None if it can't have been.
#[must_use]
pub fn of_item(
    item: &Map<String, Value>,
    keys: &Keys,
    digester: &mut Digester,
) -> Option<(Hash, Hash)> {
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
    let document = serde_json::to_string(&document).ok()?;
    let mut index = Index::default();
    let document = index.read(&document).ok()?;
    let mut values = Vec::new();
    for attribute in std::iter::once(&keys.partition).chain(&keys.sort) {
        let value = document.member(&attribute.name)?;
        values.push(match (attribute.kind, value.kind()) {
            (KeyType::Number, Kind::Number) => (true, Cow::Borrowed(value.text())),
            (KeyType::Text | KeyType::Bytes, Kind::String) => (false, value.string()?),
            _ => return None,
        });
    }
    let parts: Vec<Scalar<'_>> = values
        .iter()
        .map(|(is_number, text)| {
            if *is_number {
                Scalar::Literal(text)
            } else {
                Scalar::Text(text)
            }
        })
        .collect();
    let key = digester.key(&parts);
    Some((Hash::from(key), Hash::from(digester.content(document)?)))
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

#[cfg(test)]
mod tests;
