//! A client and its secret → the request for a token; its outcome → a token, or
//! why there is none. What answers mean is decided in `rowcast_pipeline::oauth`.

use crate::Secret;
use crate::address::Address;
use crate::dynamodb::with_causes;
use crate::hint::Hint;
use crate::http_out::client::ExchangeError;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use rowcast_pipeline::extract::auth;
use rowcast_pipeline::oauth::{self, Failed, FailureKind, Reply};
use rowcast_pipeline::retry::Asked;
use rowcast_pipeline::settings::Auth;
use std::time::SystemTime;

/// What a token is asked for with: a client's own credentials or a refresh token
/// (RFC 6749, sections 4.4 and 6).
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token endpoint; some take the secret in its query.
    pub url: Address,
    /// One of the two that have a token endpoint.
    pub auth: Auth,
    /// The settings that its secrets came from.
    pub settings: Vec<String>,
}

/// A token that fits into a header.
#[derive(Debug)]
pub struct Token {
    pub header: HeaderValue,
    /// How long it may be used; none: until it is refused.
    pub lifetime_ms: Option<u64>,
    /// What the next one is asked for with, in place of the refresh token before.
    pub renewal: Option<Secret>,
}

/// Why there is no token, and what to do about it.
#[derive(Debug)]
pub struct NoToken {
    pub failed: Failed,
    pub hint: Option<Hint>,
}

impl Grant {
    /// The request for a token; `renewal` is what the last answer gave for it.
    pub fn request(&self, renewal: Option<&Secret>) -> Request<Bytes> {
        self.with_client(renewal, |client| {
            let mut request = Request::new(Bytes::from(client.body()));
            *request.method_mut() = http::Method::POST;
            *request.uri_mut() = self.url.expose().clone();
            for (name, value) in client.headers() {
                if let Some(value) = sensitive(&value) {
                    let name = HeaderName::from_static(name);
                    request.headers_mut().insert(name, value);
                }
            }
            request
        })
    }

    /// What came of it; `today` is the time it came in.
    pub fn read(
        &self,
        renewal: Option<&Secret>,
        outcome: &Result<Response<Bytes>, ExchangeError>,
        today: SystemTime,
    ) -> Result<Token, NoToken> {
        let response = match outcome {
            Ok(response) => response,
            Err(error) => return Err(self.unanswered(error)),
        };
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let headers = || {
            let pairs = response.headers().iter();
            pairs.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        };
        let reply = Reply {
            status: response.status().as_u16(),
            body: response.body(),
            location: header("location"),
            asked: Asked::read(headers, today),
        };
        let token = self.with_client(renewal, |client| client.read(reply));
        let token = token.map_err(|failed| {
            let hint = failed.check.map(|check| Hint::new(self.check(check)));
            NoToken { failed, hint }
        })?;
        let header = sensitive(&token.header).ok_or_else(|| NoToken {
            failed: failed(FailureKind::Denied, "the token doesn't fit into a header"),
            hint: None,
        })?;
        Ok(Token {
            header,
            lifetime_ms: token.lifetime_ms,
            renewal: token.refresh_token.map(Secret::new),
        })
    }

    fn unanswered(&self, error: &ExchangeError) -> NoToken {
        let mut reason = format!("fetch a token from {}: {}", self.url, with_causes(error));
        let hint = error.hint();
        let lasting = matches!(error, ExchangeError::Connect(connect) if connect.is_lasting());
        if lasting || error.denied().is_some() || !error.is_transient() {
            let failed = failed(FailureKind::Denied, reason);
            return NoToken { failed, hint };
        }
        if let Some(hint) = hint {
            reason = format!("{reason}; {hint}");
        }
        NoToken {
            failed: failed(FailureKind::Unavailable, reason),
            hint: None,
        }
    }

    fn check(&self, what: &str) -> String {
        match what {
            oauth::TOKEN_URL => "check `source.auth.token_url`".to_owned(),
            _ if self.settings.is_empty() => {
                "check `client_id` and `client_secret` in rowcast.toml".to_owned()
            }
            _ => format!("check {}", self.settings.join(", ")),
        }
    }

    fn with_client<T>(
        &self,
        renewal: Option<&Secret>,
        act: impl FnOnce(oauth::Client<'_>) -> T,
    ) -> T {
        let client = auth::client(&self.auth, renewal.map(Secret::expose));
        // What has no token endpoint has no grant.
        act(client.unwrap_or_default())
    }
}

fn failed(kind: FailureKind, reason: impl Into<String>) -> Failed {
    Failed {
        kind,
        reason: reason.into(),
        check: None,
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests;
