//! The DynamoDB table that documents are written to.

use super::Retry;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A table and how to write to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name.
    #[cfg_attr(test, schemars(length(min = 3, max = 255), example = &"top_tracks"))]
    pub name: String,
    /// Its keys; left out, DynamoDB is asked (DescribeTable) once per call.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = null)))]
    pub keys: Option<Keys>,
    /// How failed writes are repeated.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = {})))]
    pub retry: Retry,
    /// Batches sent at once.
    #[serde(default = "concurrency")]
    #[cfg_attr(test, schemars(range(min = 1, max = 64)))]
    pub concurrency: u32,
}

/// A table's or an index's keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The partition key.
    pub partition: KeyAttribute,
    /// The sort key, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<KeyAttribute>,
}

/// A key attribute.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyAttribute {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: KeyType,
}

/// DynamoDB's types of key attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum KeyType {
    /// Text.
    #[serde(rename = "S")]
    Text,
    /// A number.
    #[serde(rename = "N")]
    Number,
    /// Bytes; documents hold them as base64 text.
    #[serde(rename = "B")]
    Bytes,
}

impl KeyType {
    /// DynamoDB's letter for it.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Text => "S",
            Self::Number => "N",
            Self::Bytes => "B",
        }
    }
}

impl fmt::Display for KeyAttribute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name, self.kind.letter())
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.partition.fmt(formatter)?;
        match &self.sort {
            Some(sort) => write!(formatter, ", {sort}"),
            None => Ok(()),
        }
    }
}

fn concurrency() -> u32 {
    8
}
