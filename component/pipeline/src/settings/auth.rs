//! How requests to the source are authenticated.

use super::Secret;
use serde::Deserialize;

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
    /// The OAuth 2 client-credentials grant (RFC 6749, section 4.4).
    ClientCredentials(ClientCredentials),
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

/// The OAuth 2 client-credentials grant (RFC 6749, section 4.4). The client
/// authenticates to the token endpoint by HTTP Basic. A token is fetched at
/// most once per call, and once more if the source answers 401 to it.
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
}
