//! A request and what is to become of it → the reply, and the pause that it asks
//! for.

use super::SourceFault;
use crate::capacity::Limit;
use crate::chance::Chance;
use crate::http::Reply;
use bytes::Bytes;
use serde::Deserialize;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tracks of each artist in each country.
pub const TRACKS: usize = 4;

/// How a request over the limit is refused. Times are whole seconds, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// 429 with `Retry-After`.
    RetryAfter,
    /// 429 without a time.
    TooMany,
    /// 503 with `Retry-After`.
    Unavailable,
    /// 503 without a time.
    Overloaded,
    /// 403 with `Retry-After`.
    Forbidden,
    /// 403 with `X-RateLimit-Remaining: 0`, and an epoch in `X-RateLimit-Reset`.
    ForbiddenUntil,
    /// 429 with the same headers.
    TooManyUntil,
    /// 429 with the seconds in `X-RateLimit-Reset-In`.
    TooManyIn,
    /// 200, and an error with a code for a body.
    InBody,
}

/// How long it asks to be left alone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pause {
    /// From when the reply is sent.
    For(Duration),
    /// Whenever that is.
    Until(Instant),
}

impl Pause {
    /// What is left of it when the reply is sent.
    pub(crate) fn left(self, now: Instant) -> Duration {
        match self {
            Self::For(time) => time,
            Self::Until(end) => end.saturating_duration_since(now),
        }
    }
}

impl Refusal {
    /// What is replied if there is room again after that time. `body` makes a
    /// reply of a status.
    pub(crate) fn reply(
        self,
        limit: Limit,
        wait: Duration,
        body: impl Fn(u16) -> Reply,
    ) -> (Reply, Option<Pause>) {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let seconds = seconds.max(1);
        let after = |status, header| {
            let reply = body(status).with_header(header, seconds.to_string());
            (reply, Some(Pause::For(Duration::from_secs(seconds))))
        };
        let used_up = |(reply, pause): (Reply, _)| {
            let reply = reply
                .with_header("x-ratelimit-limit", limit.most())
                .with_header("x-ratelimit-remaining", "0");
            (reply, pause)
        };
        let until = |status| {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let reset = (now + wait).as_secs() + 1;
            let reply = body(status).with_header("x-ratelimit-reset", reset.to_string());
            let left = Duration::from_secs(reset).saturating_sub(now);
            used_up((reply, Some(Pause::Until(Instant::now() + left))))
        };
        match self {
            Self::RetryAfter => after(429, "retry-after"),
            Self::TooMany => (body(429), None),
            Self::Unavailable => after(503, "retry-after"),
            Self::Overloaded => (body(503), None),
            Self::Forbidden => after(403, "retry-after"),
            Self::ForbiddenUntil => until(403),
            Self::TooManyUntil => until(429),
            Self::TooManyIn => used_up(after(429, "x-ratelimit-reset-in")),
            Self::InBody => (body(200), None),
        }
    }
}

/// What this source says to a request over its limit.
pub(super) fn limited(status: u16) -> Reply {
    match status {
        200 => Reply::json(
            r#"{"error":{"type":"Exception","message":"Quota limit exceeded","code":4}}"#,
        ),
        503 => error(503, "Service unavailable"),
        other => error(other, "API rate limit exceeded"),
    }
}

pub(super) fn fault(fault: SourceFault, target: &str) -> (Reply, Option<Pause>) {
    let body = tracks(target);
    let reply = match fault {
        SourceFault::RetryAfter(seconds) => {
            let reply = error(429, "API rate limit exceeded")
                .with_header("retry-after", seconds.to_string());
            return (reply, Some(Pause::For(Duration::from_secs(seconds))));
        }
        SourceFault::RetryAfterDate(seconds) => {
            let now = SystemTime::now();
            let until = now + Duration::from_secs(seconds);
            let reply = error(503, "Service unavailable")
                .with_header("date", httpdate::fmt_http_date(now))
                .with_header("retry-after", httpdate::fmt_http_date(until));
            return (reply, Some(Pause::For(Duration::from_secs(seconds))));
        }
        SourceFault::QuotaExceeded => Reply::status(
            429,
            r#"{"error":{"status":429,"message":"Quota exceeded","reason":"QUOTA_EXCEEDED"}}"#,
        ),
        SourceFault::Status(404) => error(404, "Resource not found"),
        SourceFault::Status(status) => error(status, "Something went wrong"),
        SourceFault::Reset => Reply::Reset,
        SourceFault::Cut => Reply::Cut(body.into()),
        SourceFault::Truncated => {
            let half = body.len() / 2;
            Reply::json(Bytes::from(body).slice(..half))
        }
        SourceFault::ErrorBody => {
            Reply::json(r#"{"error":{"status":500,"message":"Something went wrong"}}"#)
        }
        SourceFault::Lacking => Reply::json(body.replacen("popularity", "fame", 1)),
        SourceFault::Unstorable => {
            let digits = format!("\"energy\":{},\"was\":", "7".repeat(39));
            Reply::json(body.replacen("\"energy\":", &digits, 1))
        }
        SourceFault::Drip => Reply::Drip(Duration::from_millis(20), body.into()),
        SourceFault::Never => Reply::Never,
        SourceFault::ThenReset => {
            let reply = Reply::json(body);
            Reply::ThenReset(Duration::from_millis(20), Box::new(reply))
        }
    };
    (reply, None)
}

pub(super) fn error(status: u16, message: &str) -> Reply {
    let body = format!(r#"{{"error":{{"status":{status},"message":"{message}"}}}}"#);
    Reply::status(status, body)
}

/// Of `/v1/artists/…/top-tracks?market=…`.
pub(super) fn artist_and_country(target: &str) -> (&str, &str) {
    let rest = target.strip_prefix("/v1/artists/").unwrap_or(target);
    let (artist, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let country = rest.strip_prefix("top-tracks?market=");
    (artist, country.unwrap_or_default())
}

pub(super) fn tracks(target: &str) -> String {
    let (artist, country) = artist_and_country(target);
    let tracks: Vec<String> = (0..TRACKS)
        .map(|track| {
            let popularity = Chance::of(0, target, 0).draw() % 100;
            format!(
                r#"{{"id":"{artist}-{track}","name":"Nº {track} \u00fcber {country}","popularity":{popularity},"energy":0.{popularity}1234567890123456789,"tags":["a",null,{{}}]}}"#
            )
        })
        .collect();
    format!(r#"{{"tracks":[{}]}}"#, tracks.join(","))
}
