//! What a server says of the time → the clock that signatures use.

use crate::service_error::ServiceError;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// A smaller difference than this isn't why a signature was refused: AWS
/// allows five minutes.
const TOLERANCE_MS: u64 = 30_000;

/// Seconds since 1970 that a server's `Date` may be at, the years 2012 to 2999:
/// others aren't the time, and would stay learned.
const PLAUSIBLE: Range<u64> = 1_325_376_000..32_503_680_000;

/// How far the server's clock is ahead of this machine's. Shared by all
/// requests, learned from the answers to those that failed because of it.
#[derive(Debug, Default)]
pub struct Skew(AtomicI64);

/// A time by the server's clock, and by which correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrected {
    /// The time to sign with.
    pub at: SystemTime,
    offset_ms: i64,
}

impl Skew {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// True if the error blames the time of a request signed `with` that
    /// correction, and the answer's `Date` gives a better one.
    pub fn corrects(
        &self,
        with: Corrected,
        local: SystemTime,
        error: &ServiceError,
        date: Option<&str>,
    ) -> bool {
        blames_time(&error.kind, &error.message)
            && date
                .and_then(|date| httpdate::parse_http_date(date).ok())
                .filter(|server| is_plausible(*server))
                .is_some_and(|server| self.learn(with, local, server))
    }

    /// The server's time, as far as it's known, when it's `local` here.
    #[must_use]
    pub fn correct(&self, local: SystemTime) -> Corrected {
        let offset_ms = self.0.load(Ordering::Relaxed);
        let distance = Duration::from_millis(offset_ms.unsigned_abs());
        let shifted = if offset_ms < 0 {
            local.checked_sub(distance)
        } else {
            local.checked_add(distance)
        };
        Corrected {
            at: shifted.unwrap_or(local),
            offset_ms,
        }
    }

    /// Learns from an answer that blames the time of a request signed `with`
    /// that correction. True if the correction is now another, so that the
    /// same request signed again has a chance.
    pub fn learn(&self, with: Corrected, local: SystemTime, server: SystemTime) -> bool {
        let offset_ms = match server.duration_since(local) {
            Ok(ahead) => i64::try_from(ahead.as_millis()).unwrap_or(0),
            Err(behind) => i64::try_from(behind.duration().as_millis()).map_or(0, |ms| -ms),
        };
        self.0.store(offset_ms, Ordering::Relaxed);
        // Compared with what this request was signed with, not with what is
        // stored: a concurrent request may have learned the same already.
        offset_ms.abs_diff(with.offset_ms) > TOLERANCE_MS
    }
}

fn is_plausible(server: SystemTime) -> bool {
    let since = server.duration_since(SystemTime::UNIX_EPOCH);
    since.is_ok_and(|since| PLAUSIBLE.contains(&since.as_secs()))
}

/// Whether an error is about the time of the signature.
#[must_use]
pub fn blames_time(kind: &str, message: &str) -> bool {
    match kind {
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => true,
        // The same code says that the secret is wrong; only its text differs.
        "InvalidSignatureException" => {
            message.contains("Signature expired") || message.contains("Signature not yet current")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_and_corrects() {
        let check = |server_ahead_s: i64, resend: bool| {
            let local = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
            let distance = Duration::from_secs(server_ahead_s.unsigned_abs());
            let server = if server_ahead_s < 0 {
                local - distance
            } else {
                local + distance
            };
            let skew = Skew::default();
            let before = skew.correct(local);
            assert_eq!(before.at, local);
            assert_eq!(
                skew.learn(before, local, server),
                resend,
                "{server_ahead_s}"
            );
            assert_eq!(skew.correct(local).at, server, "{server_ahead_s}");
            // Another request signed before that also has a chance now; one
            // signed with the new correction has none.
            assert_eq!(
                skew.learn(before, local, server),
                resend,
                "{server_ahead_s}"
            );
            assert!(!skew.learn(skew.correct(local), local, server));
        };
        check(600, true);
        check(-600, true);
        check(31, true);
        check(30, false);
        check(-30, false);
        check(0, false);
    }

    #[test]
    fn a_date_that_is_no_time_is_not_learned() {
        let error = ServiceError {
            kind: "RequestTimeTooSkewed".to_owned(),
            message: String::new(),
        };
        let check = |date: Option<&str>, resend: bool| {
            let local = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
            let skew = Skew::new();
            let found = skew.corrects(skew.correct(local), local, &error, date);
            assert_eq!(found, resend, "{date:?}");
            assert_eq!(skew.correct(local).at != local, resend, "{date:?}");
        };
        check(Some("Sun, 30 Aug 2015 12:36:00 GMT"), true);
        check(None, false);
        check(Some("yesterday"), false);
        check(Some("Thu, 01 Jan 1970 00:00:00 GMT"), false);
        check(Some("Fri, 31 Dec 9999 23:59:59 GMT"), false);
    }

    #[test]
    fn blame() {
        let check = |kind, message, expected| {
            assert_eq!(blames_time(kind, message), expected, "{kind} {message}");
        };
        let expired = "Signature expired: 20150830T123600Z is now earlier than 20150830T124600Z";
        let early = "Signature not yet current: 20150830T123600Z is still later than …";
        let wrong =
            "The request signature we calculated does not match the signature you provided.";
        check("InvalidSignatureException", expired, true);
        check("InvalidSignatureException", early, true);
        check("InvalidSignatureException", wrong, false);
        check("RequestTimeTooSkewed", "", true);
        check("RequestExpired", "", true);
        check("ValidationException", expired, false);
    }
}
