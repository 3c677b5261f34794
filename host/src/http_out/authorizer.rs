//! An origin → the `Authorization` header its requests get. The component sees
//! neither secret nor token.

mod grant;
mod tokens;

use super::client::Client;
use super::egress::{Origin, Scheme};
use crate::address::Address;
use crate::hint::Hint;
use crate::limits::Limits;
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grant::Grant;
use http::{HeaderValue, Uri};
use std::sync::Arc;
use tokens::Tokens;

/// What authenticates requests to the source. Shared by all instances.
#[derive(Clone, Debug, Default)]
pub struct Authorizer {
    entries: Arc<[Entry]>,
}

/// How requests to one origin are authenticated.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Scheme, host and port that the header goes to, and nowhere else.
    pub origin: Origin,
    /// What the header is made of.
    pub method: Method,
    /// Origins of other machines that get secrets over plain http.
    pub plain_http: Vec<Origin>,
    /// The settings that the secrets came from, for hints.
    pub settings: Vec<String>,
}

/// What a header is made of.
#[derive(Clone, Debug)]
pub enum Method {
    /// A token that somebody obtained (RFC 6750).
    Bearer(Secret),
    /// HTTP Basic (RFC 7617).
    Basic {
        /// Who.
        username: String,
        /// Their password.
        password: Secret,
    },
    /// Tokens by the OAuth 2 client-credentials grant (RFC 6749, section 4.4).
    ClientCredentials {
        /// The token endpoint: https, or http to this machine.
        token_url: Address,
        /// Who.
        client_id: String,
        /// Their secret.
        client_secret: Secret,
        /// Space-separated scopes; none if empty.
        scope: String,
    },
}

/// Why a rule can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A secret is empty, or doesn't fit into a header.
    #[error("authenticate requests to {origin}: {what} is empty or not plain text")]
    Secret {
        /// The rule's origin.
        origin: Origin,
        /// Which of its values.
        what: &'static str,
    },
    /// The token endpoint is asked over plain http.
    #[error("use {0} as token endpoint: it must be https, or http to this machine")]
    TokenUrl(Address),
    /// Secrets don't go over plain http to another machine.
    #[error("authenticate requests to {0}: plain http would show the secret")]
    Plain(Origin),
    /// Two rules for one origin.
    #[error("authenticate requests to {0}: there are two rules for it")]
    Twice(Origin),
}

/// Why there is no header to add.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The token endpoint refuses the client.
    #[error("{reason}")]
    Denied {
        /// Its reason.
        reason: String,
        /// What to do about it.
        hint: Option<Hint>,
    },
    /// The token endpoint can't be reached or doesn't answer as it should.
    #[error("{0}")]
    Unavailable(String),
}

/// What authenticates one request.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// The `Authorization` header's value.
    pub header: HeaderValue,
    /// Of which tokens it has one, and which; none for a fixed header.
    token: Option<(Arc<Tokens>, u32)>,
}

impl Authorization {
    /// The server accepted it: a refusal later means that it has expired.
    pub fn worked(&self) {
        if let Some((tokens, number)) = &self.token {
            tokens.worked(*number);
        }
    }

    /// The server answered 401 to it. True if another one may be had, and the
    /// request should be sent again.
    #[must_use]
    pub fn refused(&self) -> bool {
        let token = self.token.as_ref();
        token.is_some_and(|(tokens, number)| tokens.refused(*number))
    }
}

#[derive(Debug)]
struct Entry {
    origin: Origin,
    header: Header,
}

#[derive(Debug)]
enum Header {
    Fixed(HeaderValue),
    Token(Arc<Tokens>),
}

impl RuleError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        Some(Hint::new(match self {
            Self::Secret { .. } => "set the environment variable that rowcast.toml takes it from",
            Self::TokenUrl(_) | Self::Plain(_) => {
                "use https, or name it under [egress] of rowcast.toml: plain_http = [\"http://host:port\"]"
            }
            Self::Twice(_) => "leave one of the two out",
        }))
    }
}

impl Authorizer {
    /// Headers by those rules; tokens are fetched over that client.
    pub fn new(rules: Vec<Rule>, client: &Client, limits: &Limits) -> Result<Self, RuleError> {
        let mut entries: Vec<Entry> = Vec::with_capacity(rules.len());
        for Rule {
            origin,
            method,
            plain_http,
            settings,
        } in rules
        {
            if entries.iter().any(|entry| entry.origin == origin) {
                return Err(RuleError::Twice(origin));
            }
            let may_carry_secrets = |origin: &Origin| {
                origin.scheme() == Scheme::Https
                    || origin.is_loopback()
                    || plain_http.contains(origin)
            };
            if let Method::ClientCredentials { token_url, .. } = &method
                && !may_carry_secrets(token_url.origin())
            {
                return Err(RuleError::TokenUrl(token_url.clone()));
            }
            if !may_carry_secrets(&origin) {
                return Err(RuleError::Plain(origin));
            }
            let header = header(&origin, method, settings, client, limits)?;
            entries.push(Entry { origin, header });
        }
        Ok(Self {
            entries: entries.into(),
        })
    }

    /// The header for a request to that URL; none where nothing is configured
    /// for its origin. Waits for a token if one must be fetched.
    pub async fn header(&self, url: &Uri) -> Result<Option<Authorization>, AuthorizeError> {
        match self.entry(url) {
            None => Ok(None),
            Some(Header::Fixed(header)) => Ok(Some(Authorization {
                header: header.clone(),
                token: None,
            })),
            Some(Header::Token(tokens)) => {
                let (header, number) = tokens.header().await?;
                let token = Some((Arc::clone(tokens), number));
                Ok(Some(Authorization { header, token }))
            }
        }
    }

    /// Whether requests to that URL get a header.
    #[must_use]
    pub fn covers(&self, url: &Uri) -> bool {
        self.entry(url).is_some()
    }

    /// How many requests were sent to token endpoints.
    #[must_use]
    pub fn token_requests(&self) -> u64 {
        let count = |entry: &Entry| match &entry.header {
            Header::Fixed(_) => 0,
            Header::Token(tokens) => tokens.requests(),
        };
        self.entries.iter().map(count).sum()
    }

    fn entry(&self, url: &Uri) -> Option<&Header> {
        let origin = Origin::of(url).ok()?;
        self.entries
            .iter()
            .find(|entry| entry.origin == origin)
            .map(|entry| &entry.header)
    }
}

fn header(
    origin: &Origin,
    method: Method,
    settings: Vec<String>,
    client: &Client,
    limits: &Limits,
) -> Result<Header, RuleError> {
    let unusable = |what| RuleError::Secret {
        origin: origin.clone(),
        what,
    };
    let fixed = |text: String, what| {
        let mut header = HeaderValue::try_from(text).map_err(|_| unusable(what))?;
        header.set_sensitive(true);
        Ok(Header::Fixed(header))
    };
    match method {
        Method::Bearer(token) if token.is_empty() => Err(unusable("the bearer token")),
        Method::Bearer(token) => fixed(format!("Bearer {}", token.expose()), "the bearer token"),
        Method::Basic { username, .. } if username.is_empty() || username.contains(':') => {
            Err(unusable("the user name"))
        }
        Method::Basic { username, password } => {
            let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
            fixed(format!("Basic {pair}"), "the password")
        }
        Method::ClientCredentials { client_id, .. } if client_id.is_empty() => {
            Err(unusable("the client id"))
        }
        Method::ClientCredentials { client_secret, .. } if client_secret.is_empty() => {
            Err(unusable("the client secret"))
        }
        Method::ClientCredentials {
            token_url,
            client_id,
            client_secret,
            scope,
        } => {
            let grant = Grant {
                url: token_url,
                client_id,
                client_secret,
                scope,
                settings,
            };
            Ok(Header::Token(Arc::new(Tokens::new(
                grant,
                client.clone(),
                limits.credentials(),
            ))))
        }
    }
}

#[cfg(test)]
mod tests;
