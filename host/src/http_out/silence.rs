//! An answer's `Retry-After` → until when its origin isn't asked again. Shared
//! by all instances: a component knows only what its own call was told.

use super::egress::Origin;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Says to the component that its request was not sent, see `wit/extract.wit`.
pub(super) const UNSENT: &str = "rowcast-unsent";

/// What stands for a time that no clock can hold.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// The origins that asked for silence. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Silences(Arc<Mutex<BTreeMap<Origin, Instant>>>);

impl Silences {
    /// Learns from an answer that came just now.
    pub(super) fn learn<B>(&self, origin: &Origin, answer: &Response<B>, now: Instant) {
        let status = answer.status();
        if status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::SERVICE_UNAVAILABLE {
            return;
        }
        let Some(length) = retry_after(answer.headers(), SystemTime::now()) else {
            return;
        };
        let end = now.checked_add(length).unwrap_or_else(|| now + FOREVER);
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ends.entry(origin.clone()).or_insert(end);
        *known = end.max(*known);
    }

    /// How much of an origin's silence is left; none if it may be asked.
    pub(super) fn left(&self, origin: &Origin, now: Instant) -> Option<Duration> {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = ends.get(origin)?.checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }
}

/// What a component is told instead of asking: what the server would say.
pub(super) fn answer(left: Duration) -> Response<Bytes> {
    // Whole seconds are all that the header has; none too few.
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    let body =
        r#"{"error":{"status":429,"message":"silence was asked for, and the host keeps it"}}"#;
    let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let headers = answer.headers_mut();
    headers.insert(header::RETRY_AFTER, seconds.into());
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(UNSENT, HeaderValue::from_static("silence"));
    answer
}

/// RFC 9110's `Retry-After`, in seconds or as a date, which is by the server's
/// calendar where its `Date` tells that. None where it says nothing legible.
pub(super) fn retry_after(headers: &HeaderMap, today: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time, not an illegible one.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let date = headers
        .get(header::DATE)
        .and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    Some(
        until
            .duration_since(date.unwrap_or(today))
            .unwrap_or_default(),
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const DATE: &str = "Mon, 23 Nov 2026 12:00:00 GMT";

    #[test]
    fn retry_after_in_both_its_forms() {
        fn check(value: &str, date: Option<&str>, expected: Option<u64>) {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            if let Some(date) = date {
                headers.insert(header::DATE, date.parse().unwrap());
            }
            let today = httpdate::parse_http_date(DATE).unwrap() + Duration::from_mins(10);
            let found = retry_after(&headers, today).map(|it| it.as_secs());
            assert_eq!(found, expected, "{value}");
        }
        check("7", None, Some(7));
        check(" 86400 ", None, Some(86_400));
        check("99999999999999999999999", None, Some(u64::MAX));
        check("Mon, 23 Nov 2026 12:00:30 GMT", Some(DATE), Some(30));
        check("Mon, 23 Nov 2026 12:11:00 GMT", None, Some(60));
        check("Mon, 23 Nov 2026 12:00:30 GMT", None, Some(0));
        check("soon", None, None);
        check("-1", None, None);
        check("", None, None);
    }

    /// Answers of one origin, status and `Retry-After`, → the seconds left.
    #[test]
    fn silence_is_for_its_origin_and_ends() {
        let silences = Silences::default();
        let [one, other]: [Origin; 2] =
            ["https://one.test", "https://two.test"].map(|it| it.parse().unwrap());
        let start = Instant::now();
        let learn = |status: u16, retry_after: &str| {
            let answer = Response::builder().status(status);
            let answer = answer.header(header::RETRY_AFTER, retry_after);
            silences.learn(&one, &answer.body(()).unwrap(), start);
        };
        let check = |origin, passed_ms: u64, expected: Option<&str>| {
            let left = silences.left(origin, start + Duration::from_millis(passed_ms));
            let told = left.map(answer);
            let told = told
                .as_ref()
                .map(|it| it.headers()[header::RETRY_AFTER].to_str());
            assert_eq!(told.transpose().unwrap(), expected, "after {passed_ms} ms");
        };
        learn(200, "9");
        learn(500, "9");
        learn(429, "0");
        learn(503, "later");
        check(&one, 0, None);
        learn(429, "9");
        // A shorter one doesn't end a longer one.
        learn(503, "2");
        check(&one, 0, Some("9"));
        check(&one, 7_001, Some("2"));
        check(&one, 8_000, Some("1"));
        check(&one, 9_000, None);
        check(&other, 0, None);
        learn(429, "99999999999999999999999");
        check(&one, 0, Some("31536000"));
    }
}
