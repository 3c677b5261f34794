//! Key attributes as values that can be compared; DynamoDB's rules for them.

use super::number::Decimal;
use crate::settings::{KeyAttribute, KeyType, Keys};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rowcast_json::Output;
use rowcast_json::digest::{Digest, Digester, Scalar};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// An item's primary key. Equal when DynamoDB takes two keys for the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The partition key's value.
    pub partition: KeyValue,
    /// The sort key's, where the table has one.
    pub sort: Option<KeyValue>,
}

/// One key attribute's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyValue {
    /// `S`
    Text(String),
    /// `N`
    Number(Decimal),
    /// `B`
    Bytes(Vec<u8>),
}

/// Which of a table's keys an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// It decides where an item is.
    Partition,
    /// It orders items of a partition.
    Sort,
}

impl KeyRole {
    /// Bytes of its value at most, by DynamoDB's quotas.
    #[must_use]
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Partition => 2_048,
            Self::Sort => 1_024,
        }
    }

    /// For messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition key",
            Self::Sort => "sort key",
        }
    }
}

/// What a key's type is called in messages.
#[must_use]
pub fn kind_name(kind: KeyType) -> &'static str {
    match kind {
        KeyType::Text => "a string (S)",
        KeyType::Number => "a number (N)",
        KeyType::Bytes => "bytes in base64 (B)",
    }
}

/// Whether an attribute is one of the table's keys.
#[must_use]
pub fn role<'k>(keys: &'k Keys, name: &str) -> Option<(KeyRole, &'k KeyAttribute)> {
    if keys.partition.name == name {
        return Some((KeyRole::Partition, &keys.partition));
    }
    keys.sort
        .as_ref()
        .filter(|sort| sort.name == name)
        .map(|sort| (KeyRole::Sort, sort))
}

/// Reads base64 as DynamoDB does.
#[must_use]
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

impl Key {
    /// What the host knows it by.
    pub fn digest(&self, digester: &mut Digester) -> Digest {
        let partition = self.partition.written();
        let sort = self.sort.as_ref().map(|sort| (sort, sort.written()));
        let first = self.partition.part(&partition);
        match &sort {
            Some((sort, written)) => digester.key(&[first, sort.part(written)]),
            None => digester.key(&[first]),
        }
    }

    /// It in DynamoDB's JSON.
    #[must_use]
    pub fn json(&self, keys: &Keys) -> String {
        let mut out = Output::default();
        let sort = keys.sort.iter().zip(&self.sort);
        let mut opening = "{";
        for (attribute, value) in std::iter::once((&keys.partition, &self.partition)).chain(sort) {
            let letter = match value {
                KeyValue::Text(_) => r#":{"S":"#,
                KeyValue::Number(_) => r#":{"N":"#,
                KeyValue::Bytes(_) => r#":{"B":"#,
            };
            out.put(std::mem::replace(&mut opening, ","));
            out.put_quoted(&attribute.name);
            out.put(letter);
            out.put_quoted(&value.written());
            out.put("}");
        }
        out.put("}");
        out.into_text()
    }

    /// Reads an item's key from DynamoDB's JSON, such as an unprocessed item
    /// that came back; DynamoDB may write numbers in other digits than we did.
    #[must_use]
    pub fn of_item(item: &str, keys: &Keys) -> Option<Self> {
        let attributes: HashMap<String, &RawValue> = serde_json::from_str(item).ok()?;
        let value = |attribute: &KeyAttribute| {
            let typed: TypedValue =
                serde_json::from_str(attributes.get(&attribute.name)?.get()).ok()?;
            match attribute.kind {
                KeyType::Text => typed.s.map(KeyValue::Text),
                KeyType::Number => Decimal::parse(&typed.n?).ok().map(KeyValue::Number),
                KeyType::Bytes => bytes(&typed.b?).map(KeyValue::Bytes),
            }
        };
        let sort = match &keys.sort {
            Some(sort) => Some(value(sort)?),
            None => None,
        };
        Some(Self {
            partition: value(&keys.partition)?,
            sort,
        })
    }
}

impl KeyValue {
    /// As DynamoDB's JSON has it.
    fn written(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Bytes(bytes) => Cow::Owned(STANDARD.encode(bytes)),
        }
    }

    fn part<'w>(&self, written: &'w str) -> Scalar<'w> {
        match self {
            Self::Number(_) => Scalar::Literal(written),
            Self::Text(_) | Self::Bytes(_) => Scalar::Text(written),
        }
    }
}

#[derive(Deserialize)]
struct TypedValue {
    #[serde(rename = "S", default)]
    s: Option<String>,
    #[serde(rename = "N", default)]
    n: Option<String>,
    #[serde(rename = "B", default)]
    b: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(partition: KeyType, sort: Option<KeyType>) -> Keys {
        Keys {
            partition: KeyAttribute {
                name: "p".to_owned(),
                kind: partition,
            },
            sort: sort.map(|kind| KeyAttribute {
                name: "s".to_owned(),
                kind,
            }),
        }
    }

    fn check(keys: &Keys, left: &str, right: &str, equal: bool) {
        let left_key = Key::of_item(left, keys);
        assert!(left_key.is_some(), "{left}");
        assert_eq!(
            left_key == Key::of_item(right, keys),
            equal,
            "{left} {right}"
        );
    }

    #[test]
    fn keys_are_compared_as_values() {
        let texts = schema(KeyType::Text, Some(KeyType::Text));
        let (ab_c, a_bc) = (
            r#"{"p":{"S":"ab"},"s":{"S":"c"},"x":{"M":{}}}"#,
            r#"{"p":{"S":"a"},"s":{"S":"bc"}}"#,
        );
        check(&texts, ab_c, ab_c, true);
        check(&texts, ab_c, a_bc, false);
        let numbers = schema(KeyType::Number, None);
        check(&numbers, r#"{"p":{"N":"1"}}"#, r#"{"p":{"N":"1.0"}}"#, true);
        check(&numbers, r#"{"p":{"N":"1"}}"#, r#"{"p":{"S":"1"}}"#, false);
        let bytes = schema(KeyType::Bytes, None);
        check(
            &bytes,
            r#"{"p":{"B":"AQI="}}"#,
            r#"{"p":{"B":"AQI="}}"#,
            true,
        );
        check(
            &bytes,
            r#"{"p":{"B":"AQI="}}"#,
            r#"{"p":{"B":"AQM="}}"#,
            false,
        );
    }
}
