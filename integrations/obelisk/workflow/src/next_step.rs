//! How a call ended → when to make the next one, if at all.

use crate::bindings::rowcast::pipeline::types::{Failure, Problem, RateLimit, Stop, StopReason};

/// The first wait after an upstream was unavailable, in milliseconds; it
/// doubles with each call that achieves nothing.
const FIRST_WAIT_MS: u64 = 1_000;
/// The longest such wait. An outage of an hour then costs sixty calls.
const LONGEST_WAIT_MS: u64 = 60_000;
/// The longest pause that is waited out: 30 days. An upstream may ask for
/// more, even for what no calendar has; that's for a person, and the requests
/// stay pending.
const LONGEST_PAUSE_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// What to do after a call that left something over.
#[derive(Clone, Debug, PartialEq)]
pub enum NextStep {
    /// Call again at once.
    Again,
    /// Call again when that many milliseconds have passed.
    Wait(u64),
    /// Nobody but a person can help.
    GiveUp,
}

/// Counts the calls in a row that achieved nothing.
#[derive(Clone, Debug)]
pub struct Patience {
    most: u32,
    fruitless: u32,
}

impl Patience {
    /// That many calls in a row may achieve nothing.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self { most, fruitless: 0 }
    }

    /// After a call that failed. Only the cases that aren't `permanent` are
    /// worth repeating, which is what Obelisk does with activities as well. But
    /// only we can wait for as long as the upstream asked for.
    pub fn after_failure(&mut self, failure: &Failure) -> NextStep {
        self.fruitless = self.fruitless.saturating_add(1);
        match failure {
            Failure::PermanentInvalid(_) | Failure::PermanentDenied(_) => NextStep::GiveUp,
            _ if self.fruitless >= self.most => NextStep::GiveUp,
            // A server died, or the call was ended at `exec.lock_expiry`: the
            // upstream has nothing to do with it.
            Failure::ExecutionFailed => NextStep::Again,
            Failure::Unavailable(_) => NextStep::Wait(self.backoff_ms()),
            Failure::RateLimited(limit) => pause(limit),
        }
    }

    /// After a call that answered and left something pending.
    pub fn after_stop(&mut self, stop: &Stop, progress: bool) -> NextStep {
        self.fruitless = if progress {
            0
        } else {
            self.fruitless.saturating_add(1)
        };
        match stop {
            Stop::Denied(_) | Stop::Invalid(_) => NextStep::GiveUp,
            _ if self.fruitless >= self.most => NextStep::GiveUp,
            Stop::Budget => NextStep::Again,
            Stop::Unavailable(_) => NextStep::Wait(self.backoff_ms()),
            Stop::RateLimited(limit) => pause(limit),
        }
    }

    fn backoff_ms(&self) -> u64 {
        let doublings = self.fruitless.saturating_sub(1).min(16);
        (FIRST_WAIT_MS << doublings).min(LONGEST_WAIT_MS)
    }
}

fn pause(limit: &RateLimit) -> NextStep {
    if limit.retry_after_ms > LONGEST_PAUSE_MS {
        NextStep::GiveUp
    } else {
        NextStep::Wait(limit.retry_after_ms)
    }
}

/// A failure as the reason why something is pending.
#[must_use]
pub fn stop_of(failure: Failure) -> Stop {
    let reason = |problem: Problem| StopReason {
        upstream: String::new(),
        reason: problem.reason,
    };
    match failure {
        Failure::ExecutionFailed => Stop::Unavailable(StopReason {
            upstream: String::new(),
            reason: "the call never answered".to_owned(),
        }),
        Failure::Unavailable(problem) => Stop::Unavailable(reason(problem)),
        Failure::RateLimited(limit) => Stop::RateLimited(limit),
        Failure::PermanentInvalid(problem) => Stop::Invalid(reason(problem)),
        Failure::PermanentDenied(problem) => Stop::Denied(reason(problem)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(reason: &str) -> Problem {
        Problem {
            reason: reason.to_owned(),
            counters: Vec::new(),
        }
    }

    fn reason(reason: &str) -> StopReason {
        StopReason {
            upstream: "https://api.example".to_owned(),
            reason: reason.to_owned(),
        }
    }

    fn unavailable() -> Failure {
        Failure::Unavailable(problem("down"))
    }

    fn limit() -> RateLimit {
        RateLimit {
            retry_after_ms: 7_000,
            upstream: "https://api.example".to_owned(),
            reason: "QUOTA_EXCEEDED".to_owned(),
            counters: Vec::new(),
        }
    }

    #[test]
    fn failures_are_repeated_by_their_case() {
        let check = |failure: Failure, expected| {
            assert_eq!(
                Patience::new(2).after_failure(&failure),
                expected,
                "{failure:?}"
            );
        };
        check(Failure::ExecutionFailed, NextStep::Again);
        check(unavailable(), NextStep::Wait(1_000));
        check(Failure::RateLimited(limit()), NextStep::Wait(7_000));
        check(
            Failure::PermanentInvalid(problem("no such table")),
            NextStep::GiveUp,
        );
        check(Failure::PermanentDenied(problem("403")), NextStep::GiveUp);
    }

    #[test]
    fn what_is_pending_is_repeated_by_its_reason() {
        let check = |stop: Stop, expected| {
            assert_eq!(
                Patience::new(2).after_stop(&stop, true),
                expected,
                "{stop:?}"
            );
        };
        check(Stop::Budget, NextStep::Again);
        check(Stop::RateLimited(limit()), NextStep::Wait(7_000));
        check(Stop::Unavailable(reason("down")), NextStep::Wait(1_000));
        check(Stop::Denied(reason("403")), NextStep::GiveUp);
        check(Stop::Invalid(reason("no table")), NextStep::GiveUp);
    }

    #[test]
    fn a_pause_of_years_is_not_waited_out() {
        let check = |retry_after_ms, expected: NextStep| {
            let limit = RateLimit {
                retry_after_ms,
                ..limit()
            };
            let stop = Stop::RateLimited(limit.clone());
            assert_eq!(Patience::new(2).after_stop(&stop, true), expected);
            let failure = Failure::RateLimited(limit);
            assert_eq!(Patience::new(2).after_failure(&failure), expected);
        };
        check(LONGEST_PAUSE_MS, NextStep::Wait(LONGEST_PAUSE_MS));
        check(LONGEST_PAUSE_MS + 1, NextStep::GiveUp);
        check(u64::MAX, NextStep::GiveUp);
    }

    #[test]
    fn waits_double_up_to_a_minute_and_patience_ends() {
        let mut patience = Patience::new(9);
        let waits: Vec<_> = (0..9)
            .map(|_| patience.after_failure(&unavailable()))
            .collect();
        let expected: Vec<_> = [1, 2, 4, 8, 16, 32, 60, 60]
            .map(|seconds| NextStep::Wait(seconds * 1_000))
            .into_iter()
            .chain([NextStep::GiveUp])
            .collect();
        assert_eq!(waits, expected);
    }

    #[test]
    fn progress_restores_patience() {
        let mut patience = Patience::new(2);
        assert_eq!(
            patience.after_failure(&unavailable()),
            NextStep::Wait(1_000)
        );
        assert_eq!(patience.after_stop(&Stop::Budget, true), NextStep::Again);
        assert_eq!(
            patience.after_failure(&unavailable()),
            NextStep::Wait(1_000)
        );
        assert_eq!(patience.after_stop(&Stop::Budget, false), NextStep::GiveUp);
    }
}
