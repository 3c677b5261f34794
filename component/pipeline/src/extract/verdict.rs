//! One exchange's outcome → what to do about it, as a value. Knows nothing of
//! attempts, budgets and other requests.

use super::cut::Words;
use super::excerpt;
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use crate::platform::{HttpError, HttpResponse};
use std::time::{Duration, SystemTime};
use url::Url;

/// Spotify's word for a daily quota that is used up.
const QUOTA_EXCEEDED: &str = "QUOTA_EXCEEDED";

/// The header by which a host says that it answered itself, because another
/// call was asked for silence.
const UNSENT: &str = "rowcast-unsent";

/// What to do about an outcome.
#[derive(Debug, PartialEq)]
pub enum Verdict<'a> {
    /// Read the body.
    Done(&'a HttpResponse),
    /// Repeat it after a drawn wait.
    Retry(Trouble),
    /// Everybody waits that many milliseconds; then repeat it.
    Wait(u64, String),
    /// Ask this upstream nothing more.
    Stop(String),
    /// 401: the token, if it can be had anew, is refreshed.
    RefreshToken(String),
    /// This request will not succeed if repeated.
    Reject(Refusal),
}

/// Why a request is worth repeating.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The upstream, or the way to it, fails.
    Unavailable(String),
    /// 429 without saying for how long.
    Throttled(String),
}

/// Why a request isn't worth repeating.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The contract's word for it.
    pub kind: RejectionKind,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// One sentence.
    pub reason: String,
}

/// Judges the outcome of a GET of `url`; `today` is the time it came in.
#[must_use]
pub fn judge<'a>(
    url: &Url,
    outcome: &'a Result<HttpResponse, HttpError>,
    today: SystemTime,
) -> Verdict<'a> {
    let shown = excerpt::url(url);
    let reject = |kind, reason: String| {
        Verdict::Reject(Refusal {
            kind,
            status: None,
            reason,
        })
    };
    match outcome {
        Ok(response) => judge_status(url, response, today),
        Err(HttpError::Unavailable(cause)) => Verdict::Retry(Trouble::Unavailable(format!(
            "{shown} gave no complete answer: {}",
            excerpt::line(cause)
        ))),
        Err(HttpError::Timeout) => Verdict::Retry(Trouble::Unavailable(format!(
            "{shown} gave no complete answer in time"
        ))),
        Err(HttpError::TooLarge) => reject(
            RejectionKind::Body,
            format!("{shown} answered more than max-body-bytes; raise it or ask for less"),
        ),
        // The host's own words name the setting that would allow it.
        Err(HttpError::Denied(words)) => reject(RejectionKind::Policy, words.clone()),
        Err(HttpError::Invalid(cause)) => reject(
            RejectionKind::Template,
            format!(
                "the request to {shown} can't be made: {}",
                excerpt::line(cause)
            ),
        ),
    }
}

fn judge_status<'a>(url: &Url, response: &'a HttpResponse, today: SystemTime) -> Verdict<'a> {
    let status = response.status;
    if (200..300).contains(&status) {
        return Verdict::Done(response);
    }
    let words = Words::read(&response.body);
    let said = words
        .line()
        .map(|line| format!(": {line}"))
        .unwrap_or_default();
    let shown = excerpt::url(url);
    let reason = format!("{shown} answered {status}{said}");
    match (status, retry_after_ms(&response.headers, today)) {
        (429 | 503, Some(wait)) => Verdict::Wait(wait, reason),
        (429, None) if words.code.as_deref() == Some(QUOTA_EXCEEDED) => Verdict::Stop(reason),
        (429, None) => Verdict::Retry(Trouble::Throttled(reason)),
        (408 | 425 | 500 | 502 | 503 | 504, _) => Verdict::Retry(Trouble::Unavailable(reason)),
        (401, _) => Verdict::RefreshToken(reason),
        _ => {
            let hint = hint(url, response).unwrap_or_default();
            let reason = format!("{reason}{hint}");
            Verdict::Reject(Refusal {
                kind: RejectionKind::Status,
                status: Some(status),
                reason,
            })
        }
    }
}

/// Whether the host answered without asking the upstream.
#[must_use]
pub fn is_unsent(outcome: &Result<HttpResponse, HttpError>) -> bool {
    outcome
        .as_ref()
        .is_ok_and(|response| header(&response.headers, UNSENT).is_some())
}

/// How long the upstream asks for silence: RFC 9110's `Retry-After`, in
/// seconds or as a date. None where it says nothing, nothing legible, or no
/// time at all.
#[must_use]
pub fn retry_after_ms(headers: &[(String, String)], today: SystemTime) -> Option<u64> {
    let value = header(headers, "retry-after")?.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time, not an illegible one.
        value
            .parse::<u64>()
            .unwrap_or(u64::MAX)
            .saturating_mul(1_000)
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        // The date is by the upstream's calendar, which its `Date` tells.
        let date = header(headers, "date").and_then(|date| httpdate::parse_http_date(date).ok());
        let wait = until
            .duration_since(date.unwrap_or(today))
            .unwrap_or(Duration::ZERO);
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
    };
    (wait > 0).then_some(wait)
}

/// A header's value; names are in lower case.
#[must_use]
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

fn hint(url: &Url, response: &HttpResponse) -> Option<String> {
    if (300..400).contains(&response.status) {
        let target = header(&response.headers, "location").and_then(|to| url.join(to).ok());
        // Others have no origin that could be shown.
        let target = target.filter(|to| matches!(to.scheme(), "http" | "https"));
        let target = target
            .map(|to| format!(" to {}", excerpt::line(&excerpt::url(&to))))
            .unwrap_or_default();
        return Some(format!(
            "; redirects{target} are not followed: put the final URL in url"
        ));
    }
    let spotify = url.host_str() == Some("api.spotify.com") || has_spotify_shape(&response.body);
    (response.status == 403 && url.path().ends_with("/top-tracks") && spotify).then(|| {
        "; since February 2026 Spotify's Development Mode serves neither \
         /artists/{id}/top-tracks nor popularity; apps with Extended Quota are unaffected; request \
         it in Spotify's developer dashboard"
            .to_owned()
    })
}

/// Whether the body is `{"error":{"status":403,"message":…}}`.
fn has_spotify_shape(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Body {
        error: Inner,
    }
    #[derive(serde::Deserialize)]
    struct Inner {
        status: u16,
        #[serde(rename = "message")]
        _message: String,
    }
    serde_json::from_slice::<Body>(body).is_ok_and(|body| body.error.status == 403)
}

#[cfg(test)]
mod tests;
