//! Settings as the host has them → the JSON text that a call takes.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// A name and a value: a request header, or an attribute and its template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// One axis of the matrix: a request is made for each of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// What templates call it.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
}

/// How the component authenticates requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Auth {
    /// Not at all: the host does, or nobody.
    None,
    /// `Authorization: Bearer …`.
    Bearer {
        /// The token.
        token: String,
    },
    /// HTTP Basic.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
    /// The OAuth 2 client-credentials grant.
    ClientCredentials {
        /// The token endpoint.
        token_url: String,
        /// The client.
        client_id: String,
        /// The client's secret.
        client_secret: String,
        /// Space-separated scopes.
        scope: String,
    },
}

/// How the next page of an answer is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Pagination {
    /// One request is the whole answer.
    None,
    /// The body has the next page's URL.
    NextUrl {
        /// JSON Pointer to it.
        pointer: String,
    },
    /// The body has a token for the next request.
    Cursor {
        /// JSON Pointer to it.
        pointer: String,
        /// The query parameter that carries it.
        parameter: String,
    },
    /// The `Link` header's `rel="next"`.
    LinkHeader,
}

/// How failed requests are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// Attempts per request, the first included.
    pub max_attempts: u32,
    /// Upper bound of the first wait, in milliseconds.
    pub base_delay_ms: u32,
    /// Upper bound of any drawn wait, in milliseconds.
    pub max_delay_ms: u32,
    /// The longest `Retry-After` waited out inside a call, in milliseconds.
    pub max_retry_after_ms: u64,
}

/// A source's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "`rowcast component --schema` has their meaning"
)]
pub struct Source {
    pub url: String,
    #[serde(serialize_with = "fields")]
    pub headers: Vec<Field>,
    #[serde(serialize_with = "axes")]
    pub matrix: Vec<Axis>,
    pub records: String,
    #[serde(serialize_with = "fields")]
    pub attributes: Vec<Field>,
    pub require: Vec<String>,
    pub auth: Auth,
    pub pagination: Pagination,
    pub max_pages: u32,
    pub concurrency: u32,
    pub retry: Retry,
    pub request_timeout_ms: u32,
    pub max_body_bytes: u64,
}

/// DynamoDB's types of key attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum KeyKind {
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

/// A key attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyAttribute {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: KeyKind,
}

/// A table's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeySchema {
    /// The partition key.
    pub partition: KeyAttribute,
    /// The sort key, where there is one.
    pub sort: Option<KeyAttribute>,
}

/// A table's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "`rowcast component --schema` has their meaning"
)]
pub struct Table {
    pub name: String,
    pub keys: Option<KeySchema>,
    pub retry: Retry,
    pub concurrency: u32,
}

/// A query's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "`rowcast component --schema` has their meaning"
)]
pub struct Query {
    pub table: String,
    pub index: Option<String>,
    pub filter: String,
    pub select: Vec<String>,
    pub limit: Option<u32>,
    pub segments: u32,
    pub consistent: bool,
    pub retry: Retry,
}

impl Source {
    /// The text that a call takes.
    #[must_use]
    pub fn text(&self) -> String {
        text(self)
    }
}

impl Table {
    /// The text that a call takes.
    #[must_use]
    pub fn text(&self) -> String {
        text(self)
    }
}

impl Query {
    /// The text that a call takes.
    #[must_use]
    pub fn text(&self) -> String {
        text(self)
    }
}

/// Nothing in settings can fail to be written.
fn text(settings: &impl Serialize) -> String {
    serde_json::to_string(settings).unwrap_or_default()
}

fn fields<S: Serializer>(fields: &[Field], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(fields.len()))?;
    for field in fields {
        map.serialize_entry(&field.name, &field.value)?;
    }
    map.end()
}

fn axes<S: Serializer>(axes: &[Axis], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(axes.len()))?;
    for axis in axes {
        map.serialize_entry(&axis.name, &axis.values)?;
    }
    map.end()
}
