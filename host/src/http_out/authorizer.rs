//! An origin → the header or the query parameter that its requests get. The
//! component sees neither key nor token. What the settings mean is decided in
//! `rowcast_pipeline::extract::auth`.

mod grant;
mod tokens;

use super::client::Client;
use super::egress::{Origin, OriginError, Scheme};
use super::mask::Mask;
use crate::Secret;
use crate::address::Address;
use crate::hint::Hint;
use crate::limits::Limits;
use grant::Grant;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Uri};
use rowcast_pipeline::extract::{auth, mask};
use rowcast_pipeline::settings::{Auth, Mistakes};
use std::sync::Arc;
use tokens::Tokens;
use tokio::time::Instant;
use url::form_urlencoded::{self, Serializer};

/// What authenticates requests to the source. Shared by all instances.
#[derive(Clone, Debug, Default)]
pub struct Authorizer {
    entries: Arc<[Entry]>,
}

/// How requests to one origin are authenticated.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Scheme, host and port that get the credentials; nowhere else does.
    pub origin: Origin,
    /// What authenticates them.
    pub auth: Auth,
    /// Origins of other machines that get secrets over plain http.
    pub plain_http: Vec<Origin>,
    /// The settings that the secrets came from, for hints.
    pub settings: Vec<String>,
    /// Whether a POST gets them too: the operator says that it only reads.
    pub posts: bool,
}

/// Why a rule can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A value is empty, or can't be sent.
    #[error("authenticate requests to {origin}: {what}")]
    Unusable {
        /// The rule's origin.
        origin: Origin,
        /// Which of its values, and what is wrong with it.
        what: String,
    },
    /// The token endpoint's URL names no usable origin.
    #[error("`source.auth.token_url` names an origin that can't be used")]
    Address(#[source] OriginError),
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
    /// It asks to be left alone.
    #[error("{reason}")]
    Limited {
        /// Its reason.
        reason: String,
        /// Until then.
        until: Instant,
    },
}

/// What authenticates one request.
#[derive(Clone, Debug)]
pub struct Authorization {
    credential: Credential,
    /// Of which tokens it has one, and which; none for what is fixed.
    token: Option<(Arc<Tokens>, u32)>,
}

/// What is added to a request.
#[derive(Clone, Debug)]
struct Credential {
    place: Place,
    /// A server may repeat it.
    mask: Mask,
}

#[derive(Clone, Debug)]
enum Place {
    Header(HeaderName, HeaderValue),
    /// A query parameter: its name, and name and value as they stand in a URL.
    Parameter(String, Secret),
}

impl Credential {
    /// A token that was fetched.
    fn of_token(header: HeaderValue) -> Self {
        let token = header.to_str().unwrap_or_default();
        let token = token.strip_prefix("Bearer ").unwrap_or(token);
        Self {
            mask: Mask::new(mask::echo(token)),
            place: Place::Header(http::header::AUTHORIZATION, header),
        }
    }
}

impl Authorization {
    /// Adds it to a request, in place of one that the guest may have made up.
    pub fn add_to(&self, parts: &mut Parts) -> Result<(), AuthorizeError> {
        match &self.credential.place {
            Place::Header(name, value) => {
                parts.headers.insert(name, value.clone());
                Ok(())
            }
            Place::Parameter(name, pair) => {
                parts.uri = with_parameter(&parts.uri, name, pair).ok_or_else(|| {
                    AuthorizeError::Denied {
                        reason: "the URL is too long to have the key in it".to_owned(),
                        hint: None,
                    }
                })?;
                Ok(())
            }
        }
    }

    /// What must not be in the answer.
    pub(crate) fn mask(&self) -> Mask {
        self.credential.mask.clone()
    }

    /// The server accepted it: a refusal later means that it has expired.
    pub fn worked(&self) {
        if let Some((tokens, number)) = &self.token {
            tokens.worked(*number);
        }
    }

    /// The server answered 401 to it; `first` is the number of the token that the request
    /// was sent with at first. True if the request should be sent again.
    #[must_use]
    pub fn refused(&self, first: &mut Option<u32>) -> bool {
        let token = self.token.as_ref();
        token.is_some_and(|(tokens, number)| tokens.refused(*number, *first.get_or_insert(*number)))
    }
}

#[derive(Debug)]
struct Entry {
    origin: Origin,
    method: Method,
    posts: bool,
}

#[derive(Debug)]
enum Method {
    Fixed(Credential),
    Token(Arc<Tokens>),
}

impl RuleError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        Some(Hint::new(match self {
            Self::Unusable { .. } => "set the environment variable that rowcast.toml takes it from",
            Self::Address(_) => "write it as https://host/path",
            Self::TokenUrl(_) | Self::Plain(_) => {
                "use https, or name it under [egress] of rowcast.toml: plain_http = [\"http://host:port\"]"
            }
            Self::Twice(_) => "leave one of the two out",
        }))
    }
}

impl Authorizer {
    /// Credentials by those rules; tokens are fetched over that client.
    pub fn new(rules: Vec<Rule>, client: &Client, limits: &Limits) -> Result<Self, RuleError> {
        let mut entries: Vec<Entry> = Vec::with_capacity(rules.len());
        for rule in rules {
            let origin = rule.origin.clone();
            if entries.iter().any(|entry| entry.origin == origin) {
                return Err(RuleError::Twice(origin));
            }
            let may_carry_secrets = |origin: &Origin| {
                origin.scheme() == Scheme::Https
                    || origin.is_loopback()
                    || rule.plain_http.contains(origin)
            };
            rule.check()?;
            let token_url = auth::token_url(&rule.auth).map(Address::parse);
            let token_url = token_url.transpose().map_err(RuleError::Address)?;
            if let Some(token_url) = &token_url
                && !may_carry_secrets(token_url.origin())
            {
                return Err(RuleError::TokenUrl(token_url.clone()));
            }
            if !may_carry_secrets(&origin) {
                return Err(RuleError::Plain(origin));
            }
            let method = match token_url {
                None => Method::Fixed(rule.fixed()?),
                Some(url) => {
                    let grant = Grant {
                        url,
                        auth: rule.auth,
                        settings: rule.settings,
                    };
                    let time = limits.credentials();
                    Method::Token(Arc::new(Tokens::new(grant, client.clone(), time)))
                }
            };
            entries.push(Entry {
                origin,
                method,
                posts: rule.posts,
            });
        }
        Ok(Self {
            entries: entries.into(),
        })
    }

    /// What to add to a request for that URL; none where nothing is configured
    /// for its origin. Waits for a token if one must be fetched.
    pub async fn authorization(&self, url: &Uri) -> Result<Option<Authorization>, AuthorizeError> {
        match self.entry(url).map(|entry| &entry.method) {
            None => Ok(None),
            Some(Method::Fixed(credential)) => Ok(Some(Authorization {
                credential: credential.clone(),
                token: None,
            })),
            Some(Method::Token(tokens)) => {
                let (credential, number) = tokens.present_or_new().await?;
                Ok(Some(Authorization {
                    credential,
                    token: Some((Arc::clone(tokens), number)),
                }))
            }
        }
    }

    /// Whether requests to that URL get credentials.
    #[must_use]
    pub fn covers(&self, url: &Uri) -> bool {
        self.entry(url).is_some()
    }

    /// Whether a POST to that URL may get them.
    #[must_use]
    pub fn posts(&self, url: &Uri) -> bool {
        self.entry(url).is_some_and(|entry| entry.posts)
    }

    fn entry(&self, url: &Uri) -> Option<&Entry> {
        let origin = Origin::of(url).ok()?;
        self.entries.iter().find(|entry| entry.origin == origin)
    }
}

impl Rule {
    fn unusable(&self, what: impl Into<String>) -> RuleError {
        RuleError::Unusable {
            origin: self.origin.clone(),
            what: what.into(),
        }
    }

    /// What is wrong with its values, if anything is.
    fn check(&self) -> Result<(), RuleError> {
        let mut mistakes = Mistakes::default();
        auth::check(&self.auth, &mut mistakes);
        if let Some(mistake) = mistakes.into_list().first() {
            return Err(self.unusable(format!("`{}` {}", mistake.pointer, mistake.message)));
        }
        // Only a client with a refresh token may have no secret.
        match &self.auth {
            Auth::ClientCredentials(client) if client.client_secret.expose().is_empty() => {
                Err(self.unusable("`/auth/client_secret` is empty"))
            }
            _ => Ok(()),
        }
    }

    /// What every request gets.
    fn fixed(&self) -> Result<Credential, RuleError> {
        let found = auth::fixed(&self.auth).unwrap_or_default();
        let sent = found.header.as_ref().map(|(_, value)| value.as_str());
        let mask = Mask::new(mask::echoes(&self.auth, sent));
        if let Some((name, value)) = found.parameter {
            let pair = Serializer::new(String::new())
                .append_pair(&name, &value)
                .finish();
            let place = Place::Parameter(name, Secret::new(pair));
            return Ok(Credential { place, mask });
        }
        let Some((name, value)) = found.header else {
            return Err(self.unusable("`/auth/type` says that there is nothing to add"));
        };
        let name = HeaderName::try_from(name);
        let name = name.map_err(|_| self.unusable("`/auth/header` is not a header's name"))?;
        let value = HeaderValue::try_from(value);
        let mut value = value.map_err(|_| self.unusable("a header can't carry the secret"))?;
        value.set_sensitive(true);
        let place = Place::Header(name, value);
        Ok(Credential { place, mask })
    }
}

/// A URL with that parameter at its end, and nowhere else; none if it is too
/// long. What else is in the query stays as it is written.
fn with_parameter(url: &Uri, name: &str, pair: &Secret) -> Option<Uri> {
    let is_other = |piece: &&str| {
        let mut parsed = form_urlencoded::parse(piece.as_bytes());
        !piece.is_empty() && parsed.next().is_none_or(|(known, _)| known != name)
    };
    let pieces = url.query().unwrap_or_default().split('&').filter(is_other);
    let query: Vec<_> = pieces.chain([pair.expose()]).collect();
    let target = format!("{}?{}", url.path(), query.join("&"));
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests;
