//! One exchange's outcome → what to do about it, as a value. Knows nothing of
//! attempts, budgets and other requests.

use super::answer::{Answer, asked};
use super::auth::cleaned;
use super::checked::Checked;
use super::{records, snippet};
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use crate::pace::Observation;
use crate::platform::{HttpError, HttpResponse};
use crate::settings::{Format, Then};
use rowcast_json::Value;
use std::time::SystemTime;
use url::Url;

/// Bytes of a page for people that are looked at.
const PAGE_BYTES: usize = 1_024;

/// What to do about an outcome.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// Read the body.
    Records,
    /// There are no records, or no more.
    Nothing,
    /// Repeat it after a drawn wait, and after what was asked for in milliseconds.
    Retry(RetryReason, u64),
    /// Too many requests: repeat it when the pace allows it. And whether that
    /// is sure: other statuses than 429 may be about this request.
    Limited(Rejection, bool),
    /// Ask this upstream nothing more; for so many milliseconds, or until
    /// somebody changes something.
    Stop(String, Option<u64>),
    /// The token, if it can be had anew, is renewed.
    Renew(Rejection),
    /// This request will not succeed if repeated.
    Reject(Rejection),
}

/// Why a request is worth repeating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryReason {
    /// The upstream answered a status that may pass.
    Failed(u16, String),
    /// The upstream asked to wait, by a status that may be about this request.
    Limited(u16, String),
    /// There was no complete answer.
    Silent(String),
    /// There was no connection: that is about no request.
    Unreached(String),
}

impl RetryReason {
    /// One sentence.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Failed(_, reason)
            | Self::Limited(_, reason)
            | Self::Silent(reason)
            | Self::Unreached(reason) => reason,
        }
    }

    /// The status, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Failed(status, _) | Self::Limited(status, _) => Some(*status),
            Self::Silent(_) | Self::Unreached(_) => None,
        }
    }
}

/// Why a request isn't worth repeating.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// The contract's word for it.
    pub kind: RejectionKind,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// One sentence.
    pub reason: String,
}

/// Judges the outcome of a request to `url`, and what it says about the pace
/// towards the upstream; `today` is the time it came in.
#[must_use]
pub fn judge(
    checked: &Checked<'_>,
    url: &Url,
    outcome: &Result<Answer, HttpError>,
    today: SystemTime,
) -> (Verdict, Observation) {
    let shown = snippet::url(url);
    let clean = |text: &str| cleaned(&checked.source.auth, text);
    let reject = |kind, reason: String| {
        Verdict::Reject(Rejection {
            kind,
            status: None,
            reason,
        })
    };
    let silent = |reason| Verdict::Retry(RetryReason::Silent(reason), 0);
    let verdict = match outcome {
        Ok(answer) => return judge_answer(checked, url, answer, today),
        Err(HttpError::Unavailable(cause)) => silent(format!(
            "{shown} gave no complete answer: {}",
            snippet::line(&clean(cause))
        )),
        Err(HttpError::Unreached(cause)) => {
            let reason = format!(
                "{shown} gave no complete answer: {}",
                snippet::line(&clean(cause))
            );
            Verdict::Retry(RetryReason::Unreached(reason), 0)
        }
        Err(HttpError::Timeout) => silent(format!("{shown} gave no complete answer in time")),
        Err(HttpError::TooLarge) => reject(
            RejectionKind::Body,
            format!(
                "{shown} answered more bytes than `max_body_bytes` of the source or the host allows, \
                 in its body or in headers; raise these or ask for less"
            ),
        ),
        // The host's own words name the setting that would allow it.
        Err(HttpError::Denied(words)) => reject(RejectionKind::Policy, clean(words)),
        Err(HttpError::Invalid(cause)) => reject(
            RejectionKind::Template,
            format!(
                "the request to {shown} can't be made: {}",
                snippet::line(&clean(cause))
            ),
        ),
    };
    (verdict, Observation::default())
}

fn judge_answer(
    checked: &Checked<'_>,
    url: &Url,
    answer: &Answer,
    today: SystemTime,
) -> (Verdict, Observation) {
    let status = answer.response.status;
    let asked = asked(&answer.response, today);
    let reported = |root: Value<'_>| {
        let (pointer, require) = (&checked.records, &checked.require);
        // An error in place of lines is one line.
        let mut lines = root.elements();
        let only = lines.next().filter(|_| lines.next().is_none());
        let only = only.filter(|_| checked.source.format == Format::Ndjson);
        records::reports_error(only.unwrap_or(root), pointer, require)
    };
    let rule = checked.rules.find(answer, &asked, reported);
    let mut seen = Observation {
        accepted: 1,
        remaining: asked.remaining,
        reset_ms: asked.reset_ms,
        ..Observation::default()
    };
    // The last of the built-in rules is for all answers.
    let then = rule.map_or(Then::Reject, |rule| rule.then);
    if matches!(then, Then::Records | Then::Nothing) {
        let records = then == Then::Records;
        return (
            if records {
                Verdict::Records
            } else {
                Verdict::Nothing
            },
            seen,
        );
    }
    let own = rule.is_some_and(|rule| rule.own);
    let pause = rule.and_then(|rule| rule.pause_ms(answer, &asked, today));
    if then == Then::Wait || (then == Then::Stop && pause.is_some()) {
        seen = Observation {
            accepted: 0,
            refused: 1,
            pause_ms: pause,
            ..seen
        };
    }
    let hint = rule.and_then(|rule| rule.hint.clone());
    let hint = hint.or_else(|| redirect(url, &answer.response));
    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    let said = said(answer).map(|line| format!(": {}", cleaned(&checked.source.auth, &line)));
    let said = said.unwrap_or_default();
    let reason = format!("{} answered {status}{said}{hint}", snippet::url(url));
    let rejection = |reason| Rejection {
        // A good status with a body that isn't what the settings say.
        kind: if (200..300).contains(&status) {
            RejectionKind::Body
        } else {
            RejectionKind::Status
        },
        status: Some(status),
        reason,
    };
    let verdict = match then {
        Then::Records => Verdict::Records,
        Then::Nothing => Verdict::Nothing,
        Then::Retry => {
            let asked_ms = asked.pause_ms.unwrap_or(0);
            Verdict::Retry(RetryReason::Failed(status, reason), asked_ms)
        }
        Then::Wait => Verdict::Limited(rejection(reason), own || status == 429),
        Then::Renew => Verdict::Renew(rejection(reason)),
        Then::Stop => Verdict::Stop(reason, pause),
        Then::Reject => Verdict::Reject(rejection(reason)),
    };
    (verdict, seen)
}

/// The upstream's own words, or the beginning of what it sent instead.
fn said(answer: &Answer) -> Option<String> {
    let body = answer.bytes();
    let good = (200..300).contains(&answer.response.status);
    let whole = || good.then(|| snippet::line(&String::from_utf8_lossy(body)));
    let words = answer.words().line().or_else(|| page(body));
    words.or_else(whole).filter(|line| !line.is_empty())
}

/// The beginning of a body that isn't JSON: a page for people may say why. One in a
/// coding that isn't read says nothing.
fn page(body: &[u8]) -> Option<String> {
    let start = body.get(..PAGE_BYTES).unwrap_or(body);
    let is_text = |byte: &u8| byte.is_ascii_whitespace() || !byte.is_ascii_control();
    if !start.iter().all(is_text) {
        return None;
    }
    let line = snippet::line(&String::from_utf8_lossy(start));
    let is_json = line.starts_with(['{', '[']);
    (!line.is_empty() && !is_json).then_some(line)
}

fn redirect(url: &Url, response: &HttpResponse) -> Option<String> {
    if !(300..400).contains(&response.status) {
        return None;
    }
    let target = response.header("location").and_then(|to| url.join(to).ok());
    // Others have no origin that could be shown.
    let target = target.filter(|to| matches!(to.scheme(), "http" | "https"));
    let target = target
        .map(|to| format!(" to {}", snippet::line(&snippet::url(&to))))
        .unwrap_or_default();
    Some(format!(
        "redirects{target} are not followed: put the final URL in url"
    ))
}

#[cfg(test)]
mod tests;
