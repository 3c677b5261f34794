//! Reasons and counts → the contract's failures, stops and counters.

use crate::bindings::rowcast::pipeline::types::{
    Counter, Failure, Problem, RateLimit, Stop, StopReason,
};

/// The call achieved nothing; repeating it may help.
pub fn unavailable(reason: impl Into<String>) -> Failure {
    Failure::Unavailable(problem(reason))
}

/// Settings or input are wrong.
pub fn invalid(reason: impl Into<String>) -> Failure {
    Failure::PermanentInvalid(problem(reason))
}

/// The upstream, or the host's policy, refuses.
pub fn denied(reason: impl Into<String>) -> Failure {
    Failure::PermanentDenied(problem(reason))
}

fn problem(reason: impl Into<String>) -> Problem {
    Problem {
        reason: reason.into(),
        counters: Vec::new(),
    }
}

/// An upstream's limit.
pub fn rate_limit(upstream: &str, retry_after_ms: u64, reason: impl Into<String>) -> RateLimit {
    RateLimit {
        retry_after_ms,
        upstream: upstream.to_owned(),
        reason: reason.into(),
        counters: Vec::new(),
    }
}

/// Why a call stopped.
pub fn stop_reason(upstream: &str, reason: impl Into<String>) -> StopReason {
    StopReason {
        upstream: upstream.to_owned(),
        reason: reason.into(),
    }
}

/// What a table is called among upstreams.
#[must_use]
pub fn table_upstream(table: &str) -> String {
    format!("dynamodb:{table}")
}

/// The failure with what the call took all the same.
#[must_use]
pub fn with_counters(mut failure: Failure, counters: Vec<Counter>) -> Failure {
    match &mut failure {
        Failure::ExecutionFailed => {}
        Failure::Unavailable(problem)
        | Failure::PermanentInvalid(problem)
        | Failure::PermanentDenied(problem) => problem.counters = counters,
        Failure::RateLimited(limit) => limit.counters = counters,
    }
    failure
}

/// The failure of a part of a call, as the reason why the whole stopped; and
/// what that part took.
#[must_use]
pub fn into_stop(failure: Failure, upstream: &str) -> (Stop, Vec<Counter>) {
    let reason = |problem: Problem| (stop_reason(upstream, problem.reason), problem.counters);
    match failure {
        // This component never answers it.
        Failure::ExecutionFailed => (Stop::Budget, Vec::new()),
        Failure::Unavailable(problem) => {
            let (reason, counters) = reason(problem);
            (Stop::Unavailable(reason), counters)
        }
        Failure::RateLimited(mut limit) => {
            let counters = std::mem::take(&mut limit.counters);
            (Stop::RateLimited(limit), counters)
        }
        Failure::PermanentInvalid(problem) => {
            let (reason, counters) = reason(problem);
            (Stop::Invalid(reason), counters)
        }
        Failure::PermanentDenied(problem) => {
            let (reason, counters) = reason(problem);
            (Stop::Denied(reason), counters)
        }
    }
}

/// A named figure.
#[must_use]
pub fn counter(name: &str, value: impl Into<f64>) -> Counter {
    Counter {
        name: name.to_owned(),
        value: value.into(),
    }
}

/// Figures of both, added up by name.
#[must_use]
pub fn sum(mut counters: Vec<Counter>, more: Vec<Counter>) -> Vec<Counter> {
    for counter in more {
        match counters.iter_mut().find(|known| known.name == counter.name) {
            Some(known) => known.value += counter.value,
            None => counters.push(counter),
        }
    }
    counters
}

/// Which reason a caller should act on; among rate limits the longest.
#[must_use]
pub fn gravity(stop: &Stop) -> (u8, u64) {
    match stop {
        Stop::Budget => (0, 0),
        Stop::Unavailable(_) => (1, 0),
        Stop::RateLimited(limit) => (2, limit.retry_after_ms),
        Stop::Denied(_) => (3, 0),
        Stop::Invalid(_) => (4, 0),
    }
}

/// The graver of two reasons; of equal ones the first.
#[must_use]
pub fn graver(one: Option<Stop>, other: Option<Stop>) -> Option<Stop> {
    match (one, other) {
        (Some(one), Some(other)) if gravity(&other) > gravity(&one) => Some(other),
        (one, other) => one.or(other),
    }
}
