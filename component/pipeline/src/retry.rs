//! What repeats, and when: waits between attempts, and what an answer's status and
//! headers ask for; `quota` has AWS's rules for DynamoDB. Pure; the component and
//! the host use the same.
//!
//! Being throttled costs time and no attempts: a [`Pace`](crate::pace::Pace)
//! waits it out. Attempts are for what fails; after progress they count again
//! from one.

mod quota;

use crate::date::date;
use crate::numbers::milliseconds;
use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

pub use quota::{AWS_LONGEST_ASKED_MS, Cause, RetryQuota, heeded_ms};

/// Numbers from here on are times of the calendar: the 9th of September 2001 in
/// seconds. As a wait it would be thirty years.
const EPOCH_SECONDS: f64 = 1e9;
/// The same in milliseconds.
const EPOCH_MILLISECONDS: f64 = 1e12;
/// Bounds of the waits between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the first wait.
    pub base_ms: u64,
    /// Upper bound of any.
    pub longest_ms: u64,
}

impl Backoff {
    /// The wait before the attempt that follows attempt number `attempt` (the
    /// first is 1): full jitter over an exponentially growing bound. `random`
    /// is any number, uniformly drawn.
    #[must_use]
    pub fn wait_ms(self, attempt: u32, random: u64) -> u64 {
        let doublings = attempt.saturating_sub(1).min(32);
        let bound = self.base_ms.saturating_mul(1 << doublings);
        let bound = bound.min(self.longest_ms);
        // The modulo's bias is below 2^-30 for any bound a `u32` can hold.
        random % bound.saturating_add(1)
    }
}

/// What an answer's headers ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `Retry-After`: how long to send nothing.
    pub pause_ms: Option<u64>,
    /// How many requests are left.
    pub remaining: Option<u64>,
    /// In how many milliseconds that number is renewed.
    pub reset_ms: Option<u64>,
}

impl Asked {
    /// Reads an answer's headers, names and values; `today` is when the answer came.
    #[must_use]
    pub fn read<'a, H>(headers: impl Fn() -> H, today: SystemTime) -> Self
    where
        H: Iterator<Item = (&'a str, &'a str)>,
    {
        let all = |wanted: &'static str| {
            headers()
                .filter_map(move |(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
        };
        let header = |name| all(name).next();
        // Dates are by the upstream's calendar, which its `Date` tells.
        let today = header("date").and_then(date).unwrap_or(today);
        let wait = |value: &str| wait_ms(value, today);
        let first = |names: &[&'static str]| names.iter().find_map(|name| header(name));
        let combined = header("ratelimit").map(|value| scarcest(value, wait));
        let combined = combined.unwrap_or_default();
        let remaining = first(REMAINING).and_then(count);
        let reset_ms = first(RESET).and_then(wait);
        // There may be several, as of a proxy and of what is behind it.
        let after = all("retry-after").filter_map(wait).max();
        let in_milliseconds = |value: &str| number(value.trim()).map(milliseconds);
        let after_ms = || first(RETRY_AFTER_MS).and_then(in_milliseconds);
        Self {
            pause_ms: after.or_else(after_ms).filter(|&wait| wait > 0),
            remaining: combined.remaining.or(remaining),
            reset_ms: combined.reset_ms.or(reset_ms),
        }
    }

    /// How long the upstream that refused a request asks to be left alone.
    #[must_use]
    pub fn pause(&self) -> Option<u64> {
        let used_up = self.remaining.is_none_or(|left| left == 0);
        let reset = self.reset_ms.filter(|&wait| used_up && wait > 0);
        self.pause_ms.or(reset)
    }

    /// Whether a status with these headers refuses the number of requests, not
    /// the request.
    #[must_use]
    pub fn limits(&self, status: u16) -> bool {
        match status {
            429 => true,
            403 | 503 => self.limited(),
            // About what was asked for, or by whom.
            401 | 404 | 405 | 410 => false,
            400..=599 => self.pause_ms.is_some(),
            _ => false,
        }
    }

    /// Whether the headers ask to wait, or say that no requests are left.
    #[must_use]
    pub fn limited(&self) -> bool {
        self.pause_ms.is_some() || self.remaining == Some(0)
    }
}

/// Beside `Retry-After`: the same in milliseconds, as some say it.
const RETRY_AFTER_MS: &[&str] = &["retry-after-ms", "x-ms-retry-after-ms"];

/// Beside `RateLimit`: headers that say how many requests are left.
const REMAINING: &[&str] = &[
    "ratelimit-remaining",
    "x-ratelimit-remaining",
    "x-rate-limit-remaining",
];

/// And when that is renewed.
const RESET: &[&str] = &[
    "ratelimit-reset",
    "x-ratelimit-reset",
    "x-ratelimit-reset-in",
    "x-ratelimit-reset-after",
    "x-rate-limit-reset",
];

/// Whether a request that got this status may succeed if it is repeated.
#[must_use]
pub fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599) && !matches!(status, 501 | 505)
}

/// Seconds, a date, or a time of the calendar as a number → milliseconds from
/// `today`. None if it is none of them.
pub(crate) fn wait_ms(value: &str, today: SystemTime) -> Option<u64> {
    let value = value.trim();
    // Proxies join two headers of one name; some APIs add the unit.
    let first = value.split(',').next().unwrap_or(value).trim();
    let bare = first.trim_end_matches(|it: char| it.is_ascii_alphabetic() || it == ' ');
    let unit = first.get(bare.len()..).unwrap_or_default().trim();
    let is_seconds = ["", "s", "sec", "secs", "second", "seconds"].contains(&unit);
    let until = match number(bare).filter(|_| is_seconds) {
        Some(number) if number >= 1e15 => return Some(u64::MAX),
        Some(number) if number >= EPOCH_SECONDS => since_epoch(number)?,
        Some(number) => return Some(milliseconds(number * 1_000.0)),
        None => date(value)?,
    };
    let wait = until.duration_since(today).unwrap_or_default();
    Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

/// Seconds or milliseconds since 1970 as a time.
pub(crate) fn since_epoch(number: f64) -> Option<SystemTime> {
    let factor = if number >= EPOCH_MILLISECONDS {
        1.0
    } else {
        1_000.0
    };
    let since = Duration::from_millis(milliseconds(number * factor));
    SystemTime::UNIX_EPOCH.checked_add(since)
}

fn count(value: &str) -> Option<u64> {
    let first = value.split(',').next().unwrap_or(value);
    number(first.trim()).map(|number| milliseconds(number.floor()))
}

/// A number that isn't negative, in digits.
fn number(value: &str) -> Option<f64> {
    let digits = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let plain = value.bytes().all(digits) && value.bytes().any(|byte| byte.is_ascii_digit());
    plain.then(|| value.parse().ok()).flatten()
}

/// What one policy leaves, and when that is renewed.
#[derive(Clone, Copy, Default)]
struct Left {
    remaining: Option<u64>,
    reset_ms: Option<u64>,
}

/// The policy of a `RateLimit` that leaves the least: `"a";r=50;t=30, "b";r=0;t=5`
/// has two of them, and `limit=100, remaining=50, reset=5` is one.
fn scarcest(value: &str, wait: impl Fn(&str) -> Option<u64>) -> Left {
    let mut policies = vec![Left::default()];
    for member in value.split(',') {
        let mut left = Left::default();
        for (name, value) in member.split(';').filter_map(|part| part.split_once('=')) {
            match name.trim() {
                "r" | "remaining" => left.remaining = count(value),
                "t" | "reset" => left.reset_ms = wait(value),
                _ => {}
            }
        }
        // The older form has its parameters between commas.
        let last = policies.last_mut().filter(|last| {
            (last.remaining.is_none() || left.remaining.is_none())
                && (last.reset_ms.is_none() || left.reset_ms.is_none())
        });
        match last {
            Some(last) => {
                last.remaining = last.remaining.or(left.remaining);
                last.reset_ms = last.reset_ms.or(left.reset_ms);
            }
            None => policies.push(left),
        }
    }
    let policies = policies.into_iter().filter(|it| it.remaining.is_some());
    let least = policies.min_by_key(|it| (it.remaining, Reverse(it.reset_ms)));
    least.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A date and the same as seconds since 1970.
    const DATE: &str = "Mon, 23 Nov 2026 12:00:00 GMT";
    const SECONDS: u64 = 1_795_435_200;

    fn asked(headers: &[(&str, &str)]) -> Asked {
        let today = SystemTime::UNIX_EPOCH + Duration::from_secs(SECONDS);
        Asked::read(|| headers.iter().copied(), today)
    }

    #[test]
    fn waits_grow_up_to_the_bound_and_may_be_zero() {
        let check = |attempt, random, expected| {
            let backoff = Backoff {
                base_ms: 100,
                longest_ms: 1_000,
            };
            assert_eq!(backoff.wait_ms(attempt, random), expected, "{attempt}");
        };
        check(1, 0, 0);
        check(1, 100, 100);
        check(1, 101, 0);
        check(2, 200, 200);
        check(4, 800, 800);
        check(5, 1_000, 1_000);
        check(u32::MAX, 1_000, 1_000);
        check(5, 1_001, 0);
    }

    #[test]
    fn retry_after_in_all_its_forms() {
        let check = |value: &str, expected| {
            assert_eq!(
                asked(&[("retry-after", value)]).pause_ms,
                expected,
                "{value}"
            );
        };
        check("7", Some(7_000));
        check(" 86400 ", Some(86_400_000));
        check("1.5", Some(1_500));
        check("99999999999999999999999", Some(u64::MAX));
        check("Mon, 23 Nov 2026 12:00:30 GMT", Some(30_000));
        check("1795435203", Some(3_000));
        check("1795435203000", Some(3_000));
        check("Mon, 23 Nov 2026 11:00:00 GMT", None);
        for seconds in ["2, 2", "2s", "2 seconds", "2026-11-23T12:00:02Z"] {
            check(seconds, Some(2_000));
        }
        let in_milliseconds = |name| asked(&[(name, "1500")]).pause_ms;
        assert_eq!(in_milliseconds("retry-after-ms"), Some(1_500));
        assert_eq!(in_milliseconds("x-ms-retry-after-ms"), Some(1_500));
        for none in ["0", "soon", "-1", "", ".", "1e3", "2 hours"] {
            check(none, None);
        }
        let several = ["soon", "5", "Mon, 23 Nov 2026 12:00:07 GMT", "6"];
        let several = several.map(|value| ("Retry-After", value));
        assert_eq!(asked(&several).pause_ms, Some(7_000));
        let skewed = [
            ("date", "Mon, 23 Nov 2026 13:00:00 GMT"),
            ("retry-after", "Mon, 23 Nov 2026 13:00:02 GMT"),
        ];
        assert_eq!(asked(&skewed).pause_ms, Some(2_000));
    }

    #[test]
    fn rate_limit_headers_in_all_their_forms() {
        let check = |headers: &[(&str, &str)], remaining, reset| {
            let found = asked(headers);
            assert_eq!(
                (found.remaining, found.reset_ms),
                (remaining, reset),
                "{headers:?}"
            );
        };
        check(
            &[("ratelimit", "\"default\";r=50;t=30")],
            Some(50),
            Some(30_000),
        );
        check(
            &[("ratelimit", "limit=100, remaining=0, reset=5")],
            Some(0),
            Some(5_000),
        );
        check(
            &[("ratelimit-remaining", "3"), ("ratelimit-reset", "9")],
            Some(3),
            Some(9_000),
        );
        // Of several policies the one that leaves the least.
        check(
            &[("ratelimit", "\"burst\";r=5;t=60, \"day\";r=0;t=2")],
            Some(0),
            Some(2_000),
        );
        check(
            &[("ratelimit", "\"a\";r=0;t=1, \"b\";r=0;t=9, \"c\";t=60")],
            Some(0),
            Some(9_000),
        );
        check(
            &[("ratelimit", "reset=5, limit=100, remaining=0")],
            Some(0),
            Some(5_000),
        );
        check(
            &[
                ("x-ratelimit-remaining", "0, 0"),
                ("x-ratelimit-reset-after", "1.5"),
            ],
            Some(0),
            Some(1_500),
        );
        let epoch = "1795435203";
        check(
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", epoch)],
            Some(0),
            Some(3_000),
        );
        check(
            &[
                ("x-rate-limit-remaining", "1"),
                ("x-rate-limit-reset", DATE),
            ],
            Some(1),
            Some(0),
        );
        check(&[("x-ratelimit-limit", "60")], None, None);
        check(
            &[("ratelimit", "?"), ("x-ratelimit-remaining", "-1")],
            None,
            None,
        );
    }

    #[test]
    fn what_refuses_the_number_of_requests() {
        let check = |status, headers: &[(&str, &str)], limits, pause| {
            let found = asked(headers);
            let seen = (found.limits(status), found.pause());
            assert_eq!(seen, (limits, pause), "{status} {headers:?}");
        };
        let after = ("retry-after", "2");
        let (none, some) = (
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-remaining", "9"),
        );
        let reset = ("x-ratelimit-reset", "1795435203");
        check(429, &[], true, None);
        check(429, &[reset], true, Some(3_000));
        check(429, &[after, none, reset], true, Some(2_000));
        check(429, &[some, reset], true, None);
        check(503, &[], false, None);
        check(503, &[after], true, Some(2_000));
        check(403, &[], false, None);
        check(403, &[after], true, Some(2_000));
        check(403, &[none, reset], true, Some(3_000));
        check(403, &[some, reset], false, None);
        check(404, &[none], false, None);
        for status in [200, 302, 401, 404, 405, 410] {
            check(status, &[after], false, Some(2_000));
        }
        for status in [400, 409, 413, 418, 420, 430, 499, 500, 502, 504, 509, 529] {
            check(status, &[after], true, Some(2_000));
            check(status, &[none], false, None);
        }
    }

    #[test]
    fn transient_statuses_are_a_class() {
        let transient = (0..=999).filter(|&status| is_transient(status));
        let expected = [408, 425, 429, 500, 502, 503, 504];
        let expected = expected.into_iter().chain(506..=599);
        assert_eq!(transient.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}
