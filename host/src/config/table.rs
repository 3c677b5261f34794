//! `[table]`: the DynamoDB table that documents go to.

use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the host needs of `[table]` itself. The component is given the whole
/// section but for [`Table::OWN`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The AWS region; by default what the AWS environment or profile says.
    pub region: Option<String>,
    /// Another endpoint than the region's own, such as a local DynamoDB's.
    pub endpoint: Option<String>,
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    /// Fixed credentials, instead of the AWS environment's.
    pub credentials: Option<Credentials>,
    /// Its keys: what `rowcast table create` makes, and what a run compares
    /// with the table before it writes. Left out, a run takes the table's own.
    pub keys: Option<Keys>,
}

/// Fixed AWS credentials.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The access key's name.
    pub access_key_id: String,
    /// The access key's secret.
    pub secret_access_key: Secret,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
}

/// A table's keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The partition key.
    pub partition: Key,
    /// The sort key, if the table has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<Key>,
}

/// A key attribute.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The attribute's name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: KeyType,
}

/// DynamoDB's types of key attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum KeyType {
    /// Text.
    #[serde(rename = "S")]
    Text,
    /// A number.
    #[serde(rename = "N")]
    Number,
    /// Bytes, in documents as base64 text.
    #[serde(rename = "B")]
    Bytes,
}

impl Table {
    /// The settings that are the host's alone.
    pub const OWN: [&'static str; 4] = ["region", "endpoint", "profile", "credentials"];
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

impl fmt::Display for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, sort } = self;
        write!(
            formatter,
            "{} ({})",
            partition.name,
            partition.kind.letter()
        )?;
        match sort {
            Some(sort) => write!(formatter, ", {} ({})", sort.name, sort.kind.letter()),
            None => Ok(()),
        }
    }
}
