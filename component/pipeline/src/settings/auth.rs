//! How requests to the source are authenticated.

use super::source::in_order;
use super::{Header, Secret};
use serde::Deserialize;
#[cfg(test)]
use std::collections::BTreeMap;

/// How this component authenticates requests. A host that adds the credentials
/// itself says nothing here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(tag = "type"))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Auth {
    /// Not at all.
    None {},
    /// `Authorization: Bearer …`.
    Bearer(Bearer),
    /// HTTP Basic (RFC 7617).
    Basic(Basic),
    /// A key in a header or a query parameter.
    ApiKey(ApiKey),
    /// The OAuth 2 client-credentials grant (RFC 6749, section 4.4).
    ClientCredentials(ClientCredentials),
    /// An OAuth 2 refresh token (RFC 6749, section 6).
    RefreshToken(RefreshToken),
}

impl Default for Auth {
    fn default() -> Self {
        Self::None {}
    }
}

/// `Authorization: Bearer …`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Bearer {
    /// The token.
    pub token: Secret,
}

/// HTTP Basic (RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user's name, or the key, where an API takes one in its place.
    pub username: String,
    /// The password; may be empty.
    pub password: Secret,
}

/// A key in a header or a query parameter: exactly one of them. URLs in
/// messages never show it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The key.
    pub key: Secret,
    /// The header that takes it.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"x-api-key"))]
    pub header: Option<String>,
    /// The query parameter that takes it.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"api_key"))]
    pub parameter: Option<String>,
    /// What stands before the key in the header, such as "Token ".
    #[serde(default)]
    pub prefix: String,
}

/// The OAuth 2 client-credentials grant (RFC 6749, section 4.4). A token is
/// fetched at most once per call, and once more if the source answers 401 to
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientCredentials {
    /// The token endpoint.
    pub token_url: String,
    /// The client's identifier.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// Space-separated scopes; none if empty.
    #[serde(default)]
    pub scope: String,
    /// Whom the token is for; none if empty.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"https://api.example.com/"))]
    pub audience: String,
    /// More parameters of the token request.
    #[serde(default, deserialize_with = "in_order")]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, String>", extend("default" = {})))]
    pub parameters: Vec<Header>,
    /// Where the client's identifier and secret go.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = "header")))]
    pub credentials_in: CredentialsIn,
}

/// An OAuth 2 refresh token (RFC 6749, section 6), which access tokens are
/// fetched with. It must stay valid: one that the token endpoint replaces with
/// each answer is good for one call, or for one process where the host
/// authenticates.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshToken {
    /// The token endpoint.
    pub token_url: String,
    /// The client's identifier.
    pub client_id: String,
    /// The client's secret; empty for a public client, which has none.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = "")))]
    pub client_secret: Secret,
    /// The refresh token.
    pub refresh_token: Secret,
    /// Space-separated scopes; none if empty.
    #[serde(default)]
    pub scope: String,
    /// More parameters of the token request.
    #[serde(default, deserialize_with = "in_order")]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, String>", extend("default" = {})))]
    pub parameters: Vec<Header>,
    /// Where the client's identifier and secret go.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = "header")))]
    pub credentials_in: CredentialsIn,
}

/// Where a client's identifier and secret go in a token request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CredentialsIn {
    /// HTTP Basic, both form-encoded first, as RFC 6749 says.
    #[default]
    Header,
    /// HTTP Basic, both as they are, as some servers want it.
    PlainHeader,
    /// Members of the form, `client_id` and `client_secret`.
    Body,
}
