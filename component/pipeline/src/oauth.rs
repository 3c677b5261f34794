//! OAuth 2 client credentials and refresh tokens (RFC 6749, sections 4.4 and
//! 6): the request for a token, what its answer means, and what becomes of a token that is refused.
//! Pure; the component and the host use the same. Nothing here prints a secret.
//!
//! Answers are read leniently: what can be a token is used until the source
//! refuses it, whatever is said of its lifetime.

use crate::extract::snippet;
use crate::numbers::milliseconds;
use crate::retry::{Asked, is_transient};
use crate::settings::CredentialsIn;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize, parse};

mod tokens;

pub use tokens::{Attempts, Renewal, Tokens};

/// A token's answer is small; anything longer is not a token.
pub const LONGEST_ANSWER: u64 = 256 * 1024;

/// A parameter that may be a secret is at least as long; others are names and
/// addresses.
const SHORTEST_SECRET: usize = 8;
/// Longer lifetimes are as good as none.
const LONGEST_LIFE_MS: f64 = 1e12;
/// Who asks for a token, and how.
#[derive(Clone, Default)]
pub struct Client<'a> {
    /// The token endpoint.
    pub token_url: &'a str,
    /// Who.
    pub client_id: &'a str,
    /// Their secret; empty for a public client.
    pub client_secret: &'a str,
    /// What the token is fetched with; none: the client's own credentials.
    pub refresh_token: Option<&'a str>,
    /// Space-separated; empty for none.
    pub scope: &'a str,
    /// Where identifier and secret go.
    pub credentials_in: CredentialsIn,
    /// More parameters, `audience` among them.
    pub parameters: Vec<(&'a str, &'a str)>,
}

/// A token endpoint's answer.
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    /// The status.
    pub status: u16,
    /// The body, whole.
    pub body: &'a [u8],
    /// The header of this name, for redirects.
    pub location: Option<&'a str>,
    /// What its headers ask for.
    pub asked: Asked,
}

/// A token, fit for a header.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The `Authorization` header's value.
    pub header: String,
    /// How long it may be used without asking; none: until it is refused.
    pub lifetime_ms: Option<u64>,
    /// The refresh token that takes the place of the one before.
    pub refresh_token: Option<String>,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What kind of reason.
    pub kind: FailureKind,
    /// What happened, without advice.
    pub reason: String,
    /// Which settings to check, where it may be one of them.
    pub check: Option<&'static str>,
}

impl Failed {
    /// What happened, and what to check.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self.check {
            Some(settings) => format!("{}; check {settings}", self.reason),
            None => self.reason.clone(),
        }
    }
}

/// The settings that a client is known by.
pub const CLIENT: &str = "client_id, client_secret and scope";
/// The setting that says where to ask.
pub const TOKEN_URL: &str = "token_url";

/// What kind of reason there is for having no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The client is refused, or the endpoint isn't one.
    Denied,
    /// It may pass.
    Unavailable,
    /// Too many token requests; with the wait that was asked for.
    Limited(Option<u64>),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Token({:?})", self.lifetime_ms)
    }
}

impl Client<'_> {
    /// The headers of the request for a token.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let form = "application/x-www-form-urlencoded";
        let mut headers = vec![
            ("accept", "application/json".to_owned()),
            ("content-type", form.to_owned()),
        ];
        if !self.in_body() {
            headers.push(("authorization", format!("Basic {}", self.pair())));
        }
        headers
    }

    /// Its body; it is a POST.
    #[must_use]
    pub fn body(&self) -> String {
        let mut form = Serializer::new(String::new());
        match self.refresh_token {
            None => form.append_pair("grant_type", "client_credentials"),
            Some(token) => form
                .append_pair("grant_type", "refresh_token")
                .append_pair("refresh_token", token),
        };
        if !self.scope.is_empty() {
            form.append_pair("scope", self.scope);
        }
        if self.in_body() {
            form.append_pair("client_id", self.client_id);
            if !self.client_secret.is_empty() {
                form.append_pair("client_secret", self.client_secret);
            }
        }
        form.extend_pairs(&self.parameters).finish()
    }

    /// A public client only says who it is.
    fn in_body(&self) -> bool {
        self.credentials_in == CredentialsIn::Body || self.client_secret.is_empty()
    }

    /// What the answer means.
    pub fn read(&self, reply: Reply<'_>) -> Result<Token, Failed> {
        let shown = self.shown();
        let members = members(reply.body);
        let said = members.as_ref().and_then(|members| self.words(members));
        let said = said.or_else(|| self.page(reply)).unwrap_or_default();
        let answered = |what: String| format!("{shown} answered {what}");
        let failed = |kind, reason| {
            Err(Failed {
                kind,
                reason,
                check: None,
            })
        };
        let denied = |reason, check| {
            Err(Failed {
                kind: FailureKind::Denied,
                reason,
                check: Some(check),
            })
        };
        let code = members.as_ref().and_then(|members| text(members, "error"));
        let passes = matches!(
            code.as_deref(),
            Some("temporarily_unavailable" | "server_error" | "slow_down")
        );
        let status = reply.status;
        let reason = answered(format!("{status}{said}"));
        if reply.asked.limits(status) {
            return failed(FailureKind::Limited(reply.asked.pause()), reason);
        }
        if is_transient(status) || passes {
            return failed(FailureKind::Unavailable, reason);
        }
        match status {
            200..=299 => {}
            300..=399 => {
                let reason = format!("{reason}{}", self.redirect(reply));
                return failed(FailureKind::Denied, reason);
            }
            // Nobody is there to ask.
            404 | 405 | 410 => return denied(reason, TOKEN_URL),
            400..=499 => return denied(reason, CLIENT),
            _ => return denied(reason, TOKEN_URL),
        }
        let Some(members) = members else {
            // Cut short, most likely on the way.
            if reply.body.trim_ascii().is_empty() || is_cut(reply.body) {
                let reason = format!("{shown} gave no complete answer");
                return failed(FailureKind::Unavailable, reason);
            }
            let reason = format!("{shown} gave something that has no token");
            return denied(reason, TOKEN_URL);
        };
        match token(&members) {
            Ok(token) => Ok(token),
            Err(_) if code.is_some() => denied(reason, CLIENT),
            Err(what) => denied(answered(what.to_owned()), TOKEN_URL),
        }
    }

    /// The token endpoint's origin: what follows it may be secret.
    #[must_use]
    pub fn shown(&self) -> String {
        let url = Url::parse(self.token_url).map(|url| url.origin().ascii_serialization());
        format!("the token endpoint {}", url.unwrap_or_default())
    }

    /// What Basic makes of id and secret.
    fn pair(&self) -> String {
        // RFC 6749, section 2.3.1: both are form-encoded before Basic, or a
        // colon or a percent sign in them would be misread.
        let encoded = |text: &str| match self.credentials_in {
            CredentialsIn::PlainHeader => text.to_owned(),
            CredentialsIn::Header | CredentialsIn::Body => {
                byte_serialize(text.as_bytes()).collect()
            }
        };
        let (id, secret) = (encoded(self.client_id), encoded(self.client_secret));
        STANDARD.encode(format!("{id}:{secret}"))
    }

    fn words(&self, members: &Map<String, Value>) -> Option<String> {
        let code = text(members, "error");
        let names = ["error_description", "message", "error_message", "detail"];
        let sentence = names.iter().find_map(|name| text(members, name));
        let words: Vec<String> = [code, sentence].into_iter().flatten().collect();
        (!words.is_empty()).then(|| format!(": {}", self.cleaned(&words.join(": "))))
    }

    /// The beginning of a page that is no answer of a token endpoint's.
    fn page(&self, reply: Reply<'_>) -> Option<String> {
        let page = String::from_utf8_lossy(reply.body);
        let shows = !(200..300).contains(&reply.status) && !page.trim().is_empty();
        shows.then(|| format!(": {}", self.cleaned(&page)))
    }

    /// A server's words: it may have echoed the secret, or the header with it.
    fn cleaned(&self, words: &str) -> String {
        let pair = self.pair();
        let parameters = self.parameters.iter().map(|(_, value)| *value);
        let secrets = [pair.as_str(), self.client_secret]
            .into_iter()
            .chain(self.refresh_token)
            .chain(
                parameters.filter(|value| value.len() >= SHORTEST_SECRET && !value.contains("://")),
            );
        snippet::line(&snippet::without(words, secrets))
    }

    fn redirect(&self, reply: Reply<'_>) -> String {
        let target = reply.location.and_then(|to| {
            let to = Url::parse(self.token_url).ok()?.join(to).ok()?;
            matches!(to.scheme(), "http" | "https").then(|| snippet::url(&to))
        });
        let target = target
            .map(|to| format!(" to {}", snippet::line(&to)))
            .unwrap_or_default();
        format!("; redirects{target} are not followed: put the final URL in token_url")
    }
}

/// A body's members: a JSON object's, or a form's.
fn members(body: &[u8]) -> Option<Map<String, Value>> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if let Ok(members) = serde_json::from_slice(body) {
        return Some(members);
    }
    let text = std::str::from_utf8(body).ok()?.trim();
    let is_form = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.contains('=')
        && !text.contains(char::is_whitespace);
    is_form.then(|| {
        let pairs = parse(text.as_bytes());
        pairs
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect()
    })
}

fn is_cut(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_err_and(|error| error.is_eof())
}

fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    match members.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn token(members: &Map<String, Value>) -> Result<Token, &'static str> {
    let token = text(members, "access_token").ok_or("no access_token")?;
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("an access_token that an HTTP header can't carry");
    }
    // Some write `BearerToken`.
    let bearer = |kind: String| kind.to_ascii_lowercase().starts_with("bearer");
    if text(members, "token_type").is_some_and(|kind| !bearer(kind)) {
        return Err("a token_type other than Bearer");
    }
    Ok(Token {
        header: format!("Bearer {token}"),
        lifetime_ms: text(members, "expires_in").and_then(|text| lifetime_ms(&text)),
        refresh_token: text(members, "refresh_token"),
    })
}

/// A number of seconds in any clothes, such as `3599.0` and `3600s`; none
/// where it can't be one.
fn lifetime_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    let seconds = text.parse::<f64>().ok().or_else(|| {
        let end = text.find(|digit: char| !digit.is_ascii_digit() && digit != '.')?;
        text.get(..end)?.parse().ok()
    })?;
    let life = seconds * 1_000.0;
    (life > 0.0 && life < LONGEST_LIFE_MS).then(|| milliseconds(life))
}

#[cfg(test)]
mod tests;
