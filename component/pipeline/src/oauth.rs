//! OAuth 2 client credentials (RFC 6749, section 4.4): the request for a
//! token, what its answer means, and what becomes of a token that is refused.
//! Pure; the component and the host use the same. Nothing here prints a secret.
//!
//! Answers are read leniently: what can be a token is used until the source
//! refuses it, whatever is said of its lifetime.

use crate::extract::excerpt;
use crate::numbers::milliseconds;
use crate::retry::{Asked, Backoff, is_transient};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::{byte_serialize, parse};

/// A token's answer is small; anything longer is no token.
pub const LONGEST_ANSWER: u64 = 256 * 1024;

/// A token is renewed this part of its life before its end, so that it
/// outlives the requests it is sent with.
const EARLY: u64 = 5;
/// But no sooner than this before its end.
const EARLIEST_MS: u64 = 60_000;
/// Longer lifetimes are as good as none.
const LONGEST_LIFE_MS: f64 = 1e12;
/// New tokens in a row that never worked, after which the credentials are at
/// fault.
const MOST_USELESS: u32 = 2;

/// Who asks for a token.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// The token endpoint.
    pub token_url: &'a str,
    /// Who.
    pub client_id: &'a str,
    /// Their secret.
    pub client_secret: &'a str,
    /// Space-separated; empty for none.
    pub scope: &'a str,
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
pub const CLIENT: &str = "client-id, client-secret and scope";
/// The setting that says where to ask.
pub const TOKEN_URL: &str = "token-url";

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
    pub fn headers(&self) -> [(&'static str, String); 3] {
        [
            ("accept", "application/json".to_owned()),
            ("authorization", format!("Basic {}", self.pair())),
            (
                "content-type",
                "application/x-www-form-urlencoded".to_owned(),
            ),
        ]
    }

    /// Its body; it is a POST.
    #[must_use]
    pub fn body(&self) -> String {
        let mut body = "grant_type=client_credentials".to_owned();
        if !self.scope.is_empty() {
            body.push_str("&scope=");
            body.extend(byte_serialize(self.scope.as_bytes()));
        }
        body
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
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
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
        let encoded: String = byte_serialize(self.client_secret.as_bytes()).collect();
        let pair = self.pair();
        let secrets = [pair.as_str(), self.client_secret, encoded.as_str()];
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty());
        let words = secrets.fold(words.to_owned(), |words, secret| words.replace(secret, "…"));
        excerpt::line(&words)
    }

    fn redirect(&self, reply: Reply<'_>) -> String {
        let target = reply.location.and_then(|to| {
            let to = Url::parse(self.token_url).ok()?.join(to).ok()?;
            matches!(to.scheme(), "http" | "https").then(|| excerpt::url(&to))
        });
        let target = target
            .map(|to| format!(" to {}", excerpt::line(&to)))
            .unwrap_or_default();
        format!("; redirects{target} are not followed: put the final URL in token-url")
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

/// The attempts to get one token.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    made: u32,
    most: u32,
    backoff: Backoff,
}

impl Attempts {
    /// So many at the most, with waits within these bounds.
    #[must_use]
    pub fn new(most: u32, backoff: Backoff) -> Self {
        Self {
            made: 0,
            most,
            backoff,
        }
    }

    /// How long to wait before the next attempt; none if there is no next, as
    /// nothing would change or `left_ms` doesn't allow it. Being limited costs
    /// time and no attempts.
    pub fn after(&mut self, failed: &Failed, left_ms: u64, random: u64) -> Option<u64> {
        let drawn = |made: u32| self.backoff.wait_ms(made.max(1), random);
        let wait = match failed.kind {
            FailureKind::Denied => return None,
            FailureKind::Limited(Some(asked)) => asked.saturating_add(1).saturating_add(drawn(1)),
            FailureKind::Limited(None) | FailureKind::Unavailable => {
                self.made = self.made.saturating_add(1);
                if self.made >= self.most {
                    return None;
                }
                drawn(self.made)
            }
        };
        (wait < left_ms).then_some(wait)
    }
}

/// What becomes of a request whose token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Repeat it with another token.
    Repeat,
    /// The credentials are refused.
    Refused,
}

/// The tokens of one client, one at a time. `H` is what carries one.
#[derive(Debug)]
pub struct Tokens<H> {
    present: Option<Held<H>>,
    serial: u32,
    /// Tokens in a row that were refused before they had worked.
    useless: u32,
}

#[derive(Debug)]
struct Held<H> {
    header: H,
    renew_at_ms: Option<u64>,
    worked: bool,
}

impl<H> Default for Tokens<H> {
    fn default() -> Self {
        Self {
            present: None,
            serial: 0,
            useless: 0,
        }
    }
}

impl<H: Clone> Tokens<H> {
    /// The token to send and its number, counted from 1; none if one must be
    /// fetched.
    pub fn present(&self, now_ms: u64) -> Option<(H, u32)> {
        let held = self.present.as_ref()?;
        let fresh = held.renew_at_ms.is_none_or(|at| now_ms < at);
        fresh.then(|| (held.header.clone(), self.serial))
    }

    /// A new one was fetched.
    pub fn fetched(&mut self, header: H, lifetime_ms: Option<u64>, now_ms: u64) -> u32 {
        let usable = |life: u64| life.saturating_sub((life / EARLY).min(EARLIEST_MS));
        self.serial = self.serial.saturating_add(1);
        self.present = Some(Held {
            header,
            renew_at_ms: lifetime_ms.map(|life| now_ms.saturating_add(usable(life))),
            worked: false,
        });
        self.serial
    }

    /// The source accepted a request with that token.
    pub fn worked(&mut self, serial: u32) {
        if serial == self.serial
            && let Some(held) = &mut self.present
        {
            held.worked = true;
            self.useless = 0;
        }
    }

    /// The source answered 401 to it. One that has worked has expired, whatever
    /// its lifetime was said to be.
    pub fn refused(&mut self, serial: u32) -> Renewal {
        // Another request's 401 may have had it renewed already.
        if serial < self.serial || self.present.is_none() {
            return Renewal::Repeat;
        }
        let worked = self.present.as_ref().is_some_and(|held| held.worked);
        if !worked {
            self.useless = self.useless.saturating_add(1);
        }
        if self.useless >= MOST_USELESS {
            return Renewal::Refused;
        }
        self.present = None;
        Renewal::Repeat
    }
}

#[cfg(test)]
mod tests;
