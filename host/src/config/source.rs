//! `[source]`: the API that is asked for each row, and how its answers are read.

use crate::secret::Secret;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// A REST API and how to read it. See `wit/extract.wit` for the meaning of
/// each part.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Source {
    /// The preset that filled what the file doesn't say.
    pub preset: Option<String>,
    /// URL template; `{name}` is a row's column or a matrix axis.
    pub url: String,
    /// JSON Pointer to the array of records; empty for the body itself.
    #[serde(default)]
    pub records: String,
    /// JSON Pointers that must lead somewhere in each record.
    #[serde(default)]
    pub require: Vec<String>,
    /// Pages per request at the most; 1 to 10000.
    #[serde(default = "max_pages")]
    pub max_pages: u32,
    /// Requests in flight at once within one call; 1 to 256.
    #[serde(default = "concurrency")]
    pub concurrency: u32,
    /// Time for one attempt, in milliseconds.
    #[serde(default = "request_timeout_ms")]
    pub request_timeout_ms: u32,
    /// Bytes of one body at the most.
    #[serde(default = "max_body_bytes")]
    pub max_body_bytes: u64,
    /// Request headers.
    #[serde(default, deserialize_with = "in_order")]
    pub headers: Vec<Header>,
    /// Axes, in the file's order; one request per row and combination.
    #[serde(default, deserialize_with = "in_order")]
    pub matrix: Vec<Axis>,
    /// Attributes added to each record, in the file's order.
    #[serde(default, deserialize_with = "in_order")]
    pub attributes: Vec<Attribute>,
    /// How requests are authenticated.
    #[serde(default)]
    pub auth: Auth,
    /// How the next page of an answer is found.
    #[serde(default)]
    pub pagination: Pagination,
    /// How failed requests are repeated.
    #[serde(default)]
    pub retry: Retry,
}

/// A request header. Its value is secret, because some APIs take their key
/// there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The header's name.
    pub name: String,
    /// A template of its value.
    pub value: Secret,
}

/// A name that templates use, and the values it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// What templates call it.
    pub name: String,
    /// Its values, at least one.
    pub values: Vec<String>,
}

/// An attribute added to each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// A template of its value; may use `{record:/json/pointer}`.
    pub template: String,
}

/// How requests to the source are authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "AuthSettings")]
pub struct Auth {
    /// Who does it.
    pub by: AuthBy,
    /// How.
    pub method: AuthMethod,
}

/// Who authenticates requests to the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthBy {
    /// The host adds the header; the component never sees the secret.
    #[default]
    Host,
    /// The component is given the secret, as on hosts that can't add headers.
    Component,
}

/// A way to authenticate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AuthMethod {
    /// Not at all.
    #[default]
    None,
    /// `Authorization: Bearer …`.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// HTTP Basic (RFC 7617).
    Basic {
        /// The user.
        username: String,
        /// The password; may be empty, as some APIs take a key as the user.
        password: Secret,
    },
    /// The OAuth 2 client-credentials grant (RFC 6749, section 4.4).
    ClientCredentials {
        /// The token endpoint.
        token_url: String,
        /// The client.
        client_id: String,
        /// The client's secret.
        client_secret: Secret,
        /// Space-separated scopes; none if empty.
        scope: String,
    },
}

/// How the next page of an answer is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PaginationSettings")]
pub enum Pagination {
    /// One request is the whole answer.
    #[default]
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
    /// The `Link` header's `rel="next"` (RFC 8288).
    LinkHeader,
}

/// How failed requests are repeated, within one call. See `wit/types.wit`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Retry {
    /// Attempts per request, the first included; 1 to 20.
    pub max_attempts: u32,
    /// Upper bound of the first wait, in milliseconds.
    pub base_delay_ms: u32,
    /// Upper bound of any drawn wait, in milliseconds.
    pub max_delay_ms: u32,
    /// The longest `Retry-After` waited out inside a call, in milliseconds.
    pub max_retry_after_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base_delay_ms: 200,
            max_delay_ms: 20_000,
            max_retry_after_ms: 60_000,
        }
    }
}

fn max_pages() -> u32 {
    100
}

fn concurrency() -> u32 {
    8
}

fn request_timeout_ms() -> u32 {
    20_000
}

fn max_body_bytes() -> u64 {
    8 * 1024 * 1024
}

/// `[source.auth]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthSettings {
    #[serde(rename = "type")]
    kind: AuthType,
    #[serde(default)]
    by: AuthBy,
    token: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    token_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    scope: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AuthType {
    None,
    Bearer,
    Basic,
    ClientCredentials,
}

impl TryFrom<AuthSettings> for Auth {
    type Error = String;

    fn try_from(mut settings: AuthSettings) -> Result<Self, String> {
        let auth = &mut settings;
        let (kind, method) = match auth.kind {
            AuthType::None => ("none", AuthMethod::None),
            AuthType::Bearer => {
                let token = needed("bearer", "token", auth.token.take())?;
                ("bearer", AuthMethod::Bearer { token })
            }
            AuthType::Basic => {
                let username = needed("basic", "username", auth.username.take())?;
                let password = needed("basic", "password", auth.password.take())?;
                ("basic", AuthMethod::Basic { username, password })
            }
            AuthType::ClientCredentials => {
                let kind = "client-credentials";
                let method = AuthMethod::ClientCredentials {
                    token_url: needed(kind, "token_url", auth.token_url.take())?,
                    client_id: needed(kind, "client_id", auth.client_id.take())?,
                    client_secret: needed(kind, "client_secret", auth.client_secret.take())?,
                    scope: auth.scope.take().unwrap_or_default(),
                };
                (kind, method)
            }
        };
        let left_over = [
            ("token", auth.token.is_some()),
            ("username", auth.username.is_some()),
            ("password", auth.password.is_some()),
            ("token_url", auth.token_url.is_some()),
            ("client_id", auth.client_id.is_some()),
            ("client_secret", auth.client_secret.is_some()),
            ("scope", auth.scope.is_some()),
        ];
        no_left_over(kind, &left_over)?;
        Ok(Self {
            by: auth.by,
            method,
        })
    }
}

/// `[source.pagination]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaginationSettings {
    #[serde(rename = "type")]
    kind: PaginationType,
    pointer: Option<String>,
    parameter: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PaginationType {
    None,
    NextUrl,
    Cursor,
    LinkHeader,
}

impl TryFrom<PaginationSettings> for Pagination {
    type Error = String;

    fn try_from(settings: PaginationSettings) -> Result<Self, String> {
        let PaginationSettings {
            kind,
            mut pointer,
            mut parameter,
        } = settings;
        let (kind, pagination) = match kind {
            PaginationType::None => ("none", Self::None),
            PaginationType::NextUrl => {
                let pointer = needed("next-url", "pointer", pointer.take())?;
                ("next-url", Self::NextUrl { pointer })
            }
            PaginationType::Cursor => {
                let pointer = needed("cursor", "pointer", pointer.take())?;
                let parameter = needed("cursor", "parameter", parameter.take())?;
                ("cursor", Self::Cursor { pointer, parameter })
            }
            PaginationType::LinkHeader => ("link-header", Self::LinkHeader),
        };
        let left_over = [
            ("pointer", pointer.is_some()),
            ("parameter", parameter.is_some()),
        ];
        no_left_over(kind, &left_over)?;
        Ok(pagination)
    }
}

fn needed<T>(kind: &str, setting: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("type = \"{kind}\" needs `{setting}`"))
}

fn no_left_over(kind: &str, settings: &[(&str, bool)]) -> Result<(), String> {
    match settings.iter().find(|(_, given)| *given) {
        Some((setting, _)) => Err(format!("`{setting}` has no meaning with type = \"{kind}\"")),
        None => Ok(()),
    }
}

/// A TOML table → a list, in the file's order.
fn in_order<'de, D: Deserializer<'de>, T: Entry>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_map(InOrder(PhantomData))
}

/// An entry of such a list.
trait Entry {
    type Value: for<'de> Deserialize<'de>;
    fn new(name: String, value: Self::Value) -> Self;
}

impl Entry for Header {
    type Value = Secret;
    fn new(name: String, value: Secret) -> Self {
        Self { name, value }
    }
}

impl Entry for Axis {
    type Value = Vec<String>;
    fn new(name: String, values: Vec<String>) -> Self {
        Self { name, values }
    }
}

impl Entry for Attribute {
    type Value = String;
    fn new(name: String, template: String) -> Self {
        Self { name, template }
    }
}

struct InOrder<T>(PhantomData<T>);

impl<'de, T: Entry> Visitor<'de> for InOrder<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            entries.push(T::new(name, value));
        }
        Ok(entries)
    }
}
