//! Requests → one result each, what is throttled or unavailable repeated
//! within bounds of attempts and time.

use super::outcome::{Outcome, outcome};
use crate::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use crate::bindings::rowcast::pipeline::types::{Counter, Failure, RateLimit};
use crate::failure::{self, counter, denied, invalid, table_upstream, unavailable};
use crate::numbers::float;
use crate::platform::Dynamo;
use crate::retry::{AWS_LONGEST_ASKED_MS, Cause, RetryQuota, heeded_ms};
use crate::settings::Retry;

/// Where DynamoDB doesn't say for how long it throttles: it hands out capacity by
/// the second.
const THROTTLED_MS: u64 = 1_000;

/// Where nothing but throttling is answered for that long, the caller waits.
pub const LONGEST_THROTTLED_MS: u64 = 60_000;

/// Sends requests for one call of an export: one retry policy, one budget, one
/// count.
pub struct Caller<'a, D: Dynamo> {
    dynamo: &'a D,
    /// What the table is called among upstreams.
    upstream: String,
    retry: Retry,
    /// On the clock of `dynamo`.
    deadline_ms: Option<u64>,
    /// DynamoDB calls sent, repeats included.
    pub requests: u32,
    /// How many of them were repeats.
    pub retries: u32,
    quota: RetryQuota,
    waits_ms: u64,
}

/// What one request came to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What it means.
    pub outcome: Outcome,
    /// How long DynamoDB asked to be left alone.
    pub retry_after_ms: Option<u64>,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// Still throttled after the last attempt.
    Throttled(String),
    /// Still unavailable after the last attempt; it may have been carried out.
    Unavailable(String),
    /// The budget ended before the request was answered, or before it was
    /// sent.
    OutOfTime,
    /// These credentials, or the host's policy, don't allow it.
    Denied(String),
    /// DynamoDB refuses the request as it stands.
    Invalid {
        /// The exception's name, such as `ValidationException`.
        code: String,
        /// DynamoDB's own words.
        message: String,
    },
    /// The request or its answer exceeds a size limit.
    TooLarge(String),
}

impl<'a, D: Dynamo> Caller<'a, D> {
    /// A caller about that table, whose budget starts now.
    pub fn new(dynamo: &'a D, table: &str, retry: Retry, budget_ms: Option<u64>) -> Self {
        let deadline_ms = budget_ms.map(|budget| dynamo.now_ms().saturating_add(budget));
        Self {
            dynamo,
            upstream: table_upstream(table),
            retry,
            deadline_ms,
            requests: 0,
            retries: 0,
            quota: RetryQuota::default(),
            waits_ms: 0,
        }
    }

    /// Sends requests, at the same time where the host can, and repeats those
    /// that were throttled or unavailable. One result each, in order.
    pub fn send(&mut self, requests: Vec<Request>) -> Vec<Result<String, CallError>> {
        let mut results: Vec<Result<String, CallError>> =
            requests.iter().map(|_| Err(CallError::OutOfTime)).collect();
        let mut waiting: Vec<(usize, Request)> = requests.into_iter().enumerate().collect();
        let mut attempt = 1;
        let begun_ms = self.dynamo.now_ms();
        while !waiting.is_empty() && !self.out_of_time() {
            if attempt > 1 {
                self.retries = self.retries.saturating_add(count(waiting.len()));
            }
            let last = attempt >= self.retry.max_attempts;
            // Being throttled costs time and no attempts, up to a bound.
            let time_ms = self.dynamo.now_ms().saturating_sub(begun_ms);
            let patient = time_ms < LONGEST_THROTTLED_MS;
            let answers = self.attempt(waiting.iter().map(|(_, each)| each.clone()).collect());
            let mut again = Vec::new();
            let (mut cause, mut asked_ms) = (Cause::Transient, None);
            for ((position, request), answer) in waiting.into_iter().zip(answers) {
                let result = match answer.outcome {
                    Outcome::Throttled(reason) if patient => {
                        cause = Cause::Throttled;
                        // What it is where the budget ends before it is tried again.
                        if let Some(slot) = results.get_mut(position) {
                            *slot = Err(CallError::Throttled(reason));
                        }
                        asked_ms = asked_ms.max(answer.retry_after_ms);
                        again.push((position, request));
                        continue;
                    }
                    Outcome::Unavailable(_) if !last => {
                        asked_ms = asked_ms.max(answer.retry_after_ms);
                        again.push((position, request));
                        continue;
                    }
                    Outcome::Answered(body) => {
                        self.quota.succeeded();
                        Ok(body)
                    }
                    Outcome::Throttled(reason) => Err(CallError::Throttled(reason)),
                    Outcome::Unavailable(reason) => Err(CallError::Unavailable(reason)),
                    Outcome::Denied(reason) => Err(CallError::Denied(reason)),
                    Outcome::Invalid { code, message } => Err(CallError::Invalid { code, message }),
                    Outcome::TooLarge(reason) => Err(CallError::TooLarge(reason)),
                };
                if let Some(slot) = results.get_mut(position) {
                    *slot = result;
                }
            }
            waiting = again;
            if !waiting.is_empty() && !self.pause(cause, attempt, asked_ms) {
                break;
            }
            attempt += 1;
        }
        results
    }

    /// Sends each request once and judges the answers, in order. For callers
    /// that decide themselves what to repeat.
    pub fn attempt(&mut self, requests: Vec<Request>) -> Vec<Answer> {
        let expected = requests.len();
        self.requests = self.requests.saturating_add(count(expected));
        let judge = |answer: Result<Response, SendError>| Answer {
            retry_after_ms: answer.as_ref().ok().and_then(retry_after_ms),
            outcome: outcome(answer),
        };
        let answers = self.dynamo.send(requests).into_iter();
        let mut answers: Vec<Answer> = answers.map(judge).take(expected).collect();
        // A provider that answers fewer breaks its contract; losing a request
        // for it would break ours.
        answers.resize_with(expected, || Answer {
            outcome: Outcome::Unavailable("the host returned no answer".to_owned()),
            retry_after_ms: None,
        });
        answers
    }

    /// Waits between attempt number `attempt` and the next, as AWS's standard
    /// retry has it. `asked_ms` is what DynamoDB asked for. False, at once, where
    /// the budget ends before that.
    #[must_use]
    pub fn pause(&mut self, cause: Cause, attempt: u32, asked_ms: Option<u64>) -> bool {
        let longest_ms = u64::from(self.retry.max_delay_ms);
        let drawn = self.quota.wait_ms(cause, attempt, self.dynamo.random());
        self.sleep(heeded_ms(drawn.min(longest_ms), asked_ms))
    }

    /// Waits. False, at once, where the budget ends before that.
    #[must_use]
    pub fn sleep(&mut self, delay_ms: u64) -> bool {
        let remaining = self.remaining_ms();
        if remaining.is_some_and(|remaining| remaining <= delay_ms) {
            return false;
        }
        if delay_ms > 0 {
            self.waits_ms = self.waits_ms.saturating_add(delay_ms);
            self.dynamo.sleep_ms(delay_ms);
        }
        !self.out_of_time()
    }

    /// A request succeeded.
    pub fn succeeded(&mut self) {
        self.quota.succeeded();
    }

    /// The world, for the pace.
    #[must_use]
    pub fn dynamo(&self) -> &'a D {
        self.dynamo
    }

    /// What the table is called among upstreams.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// What the calls took, with the capacity that they consumed.
    #[must_use]
    pub fn counters(&self, repeats: u32, capacity: &str, units: f64) -> Vec<Counter> {
        vec![
            counter("dynamodb.requests", self.requests),
            counter("dynamodb.retries", self.retries.saturating_add(repeats)),
            counter(capacity, units),
            counter("dynamodb.waits-ms", float(self.waits_ms)),
        ]
    }

    /// Whether the budget has run out.
    #[must_use]
    pub fn out_of_time(&self) -> bool {
        self.remaining_ms() == Some(0)
    }

    /// What is left of the budget; none without one.
    #[must_use]
    pub fn remaining_ms(&self) -> Option<u64> {
        self.deadline_ms
            .map(|deadline| deadline.saturating_sub(self.dynamo.now_ms()))
    }
}

impl CallError {
    /// As the failure of a call that achieved nothing. A `ValidationException`
    /// and its like are the caller's: they become `permanent-invalid`.
    #[must_use]
    pub fn into_failure(self, upstream: &str) -> Failure {
        match self {
            Self::Throttled(reason) => Failure::RateLimited(throttled(upstream, 0, reason)),
            Self::Unavailable(reason) => unavailable(reason),
            Self::OutOfTime => unavailable("the budget ran out before DynamoDB answered"),
            Self::Denied(reason) => denied(reason),
            Self::Invalid { code, message } => {
                invalid(format!("DynamoDB answered {code}: {message}"))
            }
            Self::TooLarge(reason) => invalid(reason),
        }
    }
}

/// DynamoDB's throttling as the package's `rate-limit`. `pause_ms` is what is
/// left of the time that it asked for.
#[must_use]
pub fn throttled(upstream: &str, pause_ms: u64, reason: String) -> RateLimit {
    failure::rate_limit(upstream, pause_ms.max(THROTTLED_MS), reason)
}

/// What a response asks for, bounded: it is an upstream's word.
fn retry_after_ms(response: &Response) -> Option<u64> {
    let asked = response.retry_after_ms.filter(|&asked| asked > 0);
    asked.map(|asked| asked.min(AWS_LONGEST_ASKED_MS))
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
