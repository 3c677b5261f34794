//! A client and its secret → the request for a token; the answer → what to do
//! next. Pure: time and randomness are arguments.

use crate::address::Address;
use crate::dynamodb::with_causes;
use crate::hint::Hint;
use crate::http_out::client::ExchangeError;
use crate::http_out::silence::retry_after;
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use std::time::{Duration, SystemTime};
use url::form_urlencoded::{Serializer, byte_serialize};

/// Requests for one token at the most.
pub const ATTEMPTS: u32 = 3;
/// Upper bound of the first wait between two attempts; doubled for the next.
const BASE_DELAY: Duration = Duration::from_millis(250);
/// The life of a token whose server doesn't say: short, as the next costs one
/// request.
const UNSAID_LIFE: Duration = Duration::from_mins(10);
/// A refused client isn't asked about again for this long: requests of a run
/// that's ending needn't press the server.
const QUIET_AFTER_REFUSAL: Duration = Duration::from_secs(10);
/// The longest `Retry-After` that's believed.
const LONGEST_QUIET: Duration = Duration::from_mins(5);
/// Characters of the server's own words in a message.
const WORDS: usize = 300;

/// The client-credentials grant (RFC 6749, section 4.4).
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token endpoint; some take the secret in its query.
    pub url: Address,
    pub client_id: String,
    pub client_secret: Secret,
    pub scope: String,
    /// The settings that id and secret came from.
    pub settings: Vec<String>,
}

/// What to do after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This is the token; it's good for that long.
    Token { header: HeaderValue, life: Duration },
    /// Try again after that time.
    Again(Duration),
    /// The server refuses the client.
    Denied {
        reason: String,
        hint: Option<Hint>,
        quiet: Duration,
    },
    /// No token for now; don't ask for that long.
    Unavailable { reason: String, quiet: Duration },
}

/// What an attempt is judged by, apart from its outcome.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Which attempt it was, counted from 1.
    pub attempt: u32,
    /// Time left to wait in.
    pub left: Duration,
    /// The calendar's time, for `Retry-After` dates.
    pub today: SystemTime,
    /// A uniformly drawn number.
    pub random: u64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: Option<String>,
    /// Some servers write the number as text.
    expires_in: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
}

impl Grant {
    /// The request for a token.
    pub fn request(&self) -> Request<Bytes> {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !self.scope.is_empty() {
            form.append_pair("scope", &self.scope);
        }
        let basic = format!("Basic {}", self.pair());
        let mut request = Request::new(Bytes::from(form.finish()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.url.expose().clone();
        let headers = request.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(basic) = sensitive(&basic) {
            headers.insert(header::AUTHORIZATION, basic);
        }
        request
    }

    /// What Basic makes of id and secret.
    fn pair(&self) -> String {
        // RFC 6749, section 2.3.1: both are form-encoded before Basic, or a
        // colon or a percent sign in them would be misread.
        let id: String = byte_serialize(self.client_id.as_bytes()).collect();
        let secret: String = byte_serialize(self.client_secret.expose().as_bytes()).collect();
        STANDARD.encode(format!("{id}:{secret}"))
    }

    /// What to do after that outcome.
    pub fn judge(
        &self,
        outcome: &Result<Response<Bytes>, ExchangeError>,
        circumstances: Circumstances,
    ) -> Verdict {
        let response = match outcome {
            Ok(response) => response,
            Err(error) => {
                let mut reason = format!("fetch a token from {}: {}", self.url, with_causes(error));
                let hint = error.hint();
                let lasting =
                    matches!(error, ExchangeError::Connect(connect) if connect.is_lasting());
                if lasting || error.denied().is_some() {
                    return Verdict::Denied {
                        reason,
                        hint,
                        quiet: QUIET_AFTER_REFUSAL,
                    };
                }
                if let Some(hint) = hint {
                    reason = format!("{reason}; {hint}");
                }
                return if error.is_transient() {
                    again(circumstances, None, reason)
                } else {
                    Verdict::Unavailable {
                        reason,
                        quiet: Duration::ZERO,
                    }
                };
            }
        };
        let status = response.status();
        if status.is_success() {
            return self.granted(response.body());
        }
        let refusal: Refusal = serde_json::from_slice(response.body()).unwrap_or_default();
        let passing = status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
            )
            || matches!(
                refusal.error.as_str(),
                "temporarily_unavailable" | "server_error"
            );
        let reason = self.said(status, &refusal);
        if passing {
            return again(
                circumstances,
                retry_after(response.headers(), circumstances.today),
                reason,
            );
        }
        if status.is_client_error() {
            return Verdict::Denied {
                reason,
                hint: Some(Hint::new(self.check_hint())),
                quiet: QUIET_AFTER_REFUSAL,
            };
        }
        Verdict::Unavailable {
            reason,
            quiet: Duration::ZERO,
        }
    }

    fn granted(&self, body: &[u8]) -> Verdict {
        let unusable = |what: &str| Verdict::Unavailable {
            reason: format!("read the token from {}: {what}", self.url),
            quiet: Duration::ZERO,
        };
        // The parser's own text may quote the body, which holds a token.
        let Ok(granted) = serde_json::from_slice::<Granted>(body) else {
            return unusable("the answer is no JSON object with `access_token`");
        };
        if granted
            .token_type
            .is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer"))
        {
            return unusable("its type is not `bearer`");
        }
        let header = sensitive(&format!("Bearer {}", granted.access_token));
        let Some(header) = header.filter(|_| !granted.access_token.is_empty()) else {
            return unusable("it doesn't fit into a header");
        };
        let life = match granted.expires_in {
            None => Some(UNSAID_LIFE),
            Some(Value::Number(seconds)) => seconds
                .as_f64()
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            Some(Value::String(text)) => text.trim().parse().map(Duration::from_secs).ok(),
            Some(_) => None,
        };
        match life {
            Some(life) => Verdict::Token {
                header,
                life: usable(life),
            },
            None => unusable("`expires_in` is no number of seconds"),
        }
    }

    fn said(&self, status: StatusCode, refusal: &Refusal) -> String {
        let mut text = format!(
            "fetch a token from {}: it answers {}",
            self.url,
            status.as_u16()
        );
        for words in [&refusal.error, &refusal.error_description] {
            if !words.is_empty() {
                text.push_str(": ");
                text.push_str(&self.quoted(words));
            }
        }
        text
    }

    /// A server's words, fit for a message: it may have echoed the secret, or
    /// the header with it.
    fn quoted(&self, words: &str) -> String {
        let secret = self.client_secret.expose();
        let encoded: String = byte_serialize(secret.as_bytes()).collect();
        let pair = self.pair();
        let words = [pair.as_str(), secret, encoded.as_str()]
            .iter()
            .fold(words.to_owned(), |words, secret| words.replace(secret, "…"));
        words
            .chars()
            .filter(|letter| !letter.is_control())
            .take(WORDS)
            .collect()
    }

    fn check_hint(&self) -> String {
        if self.settings.is_empty() {
            "check `client_id` and `client_secret` in rowcast.toml".to_owned()
        } else {
            format!("check {}", self.settings.join(", "))
        }
    }
}

/// How long a token is used: it must outlive the requests it's sent with.
pub fn usable(life: Duration) -> Duration {
    life.saturating_sub((life / 5).min(Duration::from_mins(1)))
}

fn again(circumstances: Circumstances, asked: Option<Duration>, reason: String) -> Verdict {
    let Circumstances {
        attempt,
        left,
        random,
        ..
    } = circumstances;
    let ceiling = BASE_DELAY.saturating_mul(1 << attempt.saturating_sub(1).min(10));
    let ceiling_ms = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
    // Full jitter: many hosts that failed together don't return together.
    let drawn = Duration::from_millis(random % (ceiling_ms + 1));
    let pause = asked.map_or(drawn, |asked| asked.saturating_add(drawn));
    if attempt < ATTEMPTS && pause < left {
        return Verdict::Again(pause);
    }
    let quiet = asked.unwrap_or_default().min(LONGEST_QUIET);
    Verdict::Unavailable { reason, quiet }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests;
