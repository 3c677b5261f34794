//! One exchange's outcome → what to do about it, as a value. Knows nothing of
//! attempts, budgets and other requests.

use super::cut::Words;
use super::excerpt;
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use crate::pace::Observation;
use crate::platform::{HttpError, HttpResponse};
use crate::retry::{Asked, is_transient};
use std::time::SystemTime;
use url::Url;

/// Spotify's word for a daily quota that is used up.
const QUOTA_EXCEEDED: &str = "QUOTA_EXCEEDED";

/// Bytes of a page for people that are looked at.
const PAGE_BYTES: usize = 1_024;

/// What to do about an outcome.
#[derive(Debug, PartialEq)]
pub enum Verdict<'a> {
    /// Read the body.
    Done(&'a HttpResponse),
    /// Repeat it after a drawn wait.
    Retry(Trouble),
    /// Too many requests: repeat it when the pace allows it.
    Limited(Refusal),
    /// Ask this upstream nothing more.
    Stop(String),
    /// 401: the token, if it can be had anew, is renewed.
    Unauthorized(Refusal),
    /// This request will not succeed if repeated.
    Reject(Refusal),
}

/// Why a request is worth repeating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The upstream answered a status that may pass.
    Failed(u16, String),
    /// There was no complete answer.
    Silent(String),
}

impl Trouble {
    /// One sentence.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Failed(_, reason) | Self::Silent(reason) => reason,
        }
    }

    /// The status, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Failed(status, _) => Some(*status),
            Self::Silent(_) => None,
        }
    }
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

/// What an answer's headers ask for; `today` is the time it came in.
#[must_use]
pub fn asked(response: &HttpResponse, today: SystemTime) -> Asked {
    Asked::read(|name| header(&response.headers, name), today)
}

/// What an outcome says about the pace towards the upstream.
#[must_use]
pub fn observation(outcome: &Result<HttpResponse, HttpError>, today: SystemTime) -> Observation {
    let Ok(response) = outcome else {
        return Observation::default();
    };
    let asked = asked(response, today);
    let limits = asked.limits(response.status);
    Observation {
        accepted: u32::from(!limits),
        refused: u32::from(limits),
        pause_ms: limits.then(|| asked.pause()).flatten(),
        remaining: asked.remaining,
        reset_ms: asked.reset_ms,
    }
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
        Err(HttpError::Unavailable(cause)) => Verdict::Retry(Trouble::Silent(format!(
            "{shown} gave no complete answer: {}",
            excerpt::line(cause)
        ))),
        Err(HttpError::Timeout) => Verdict::Retry(Trouble::Silent(format!(
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
    let said = words.line().or_else(|| page(&response.body));
    let said = said.map(|line| format!(": {line}")).unwrap_or_default();
    let shown = excerpt::url(url);
    let reason = format!("{shown} answered {status}{said}");
    let refusal = |reason| Refusal {
        kind: RejectionKind::Status,
        status: Some(status),
        reason,
    };
    let asked = asked(response, today);
    if status == 429 && words.code.as_deref() == Some(QUOTA_EXCEEDED) && asked.pause().is_none() {
        return Verdict::Stop(reason);
    }
    if asked.limits(status) {
        return Verdict::Limited(refusal(reason));
    }
    if is_transient(status) {
        return Verdict::Retry(Trouble::Failed(status, reason));
    }
    if status == 401 {
        let reason = format!("{reason}; check the source's credentials");
        return Verdict::Unauthorized(refusal(reason));
    }
    let hint = hint(url, response).unwrap_or_default();
    Verdict::Reject(refusal(format!("{reason}{hint}")))
}

/// The beginning of a body that isn't JSON: a page for people may say why.
fn page(body: &[u8]) -> Option<String> {
    let start = body.get(..PAGE_BYTES).unwrap_or(body);
    let line = excerpt::line(&String::from_utf8_lossy(start));
    let is_json = line.starts_with(['{', '[']);
    (!line.is_empty() && !is_json).then_some(line)
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
