//! Why writing ended, and what became of each document → the report.

use super::Load;
use super::accounting::DocumentOutcome;
use super::verdict::ServiceError;
use crate::bindings::exports::rowcast::pipeline::load::Report;
use crate::bindings::rowcast::pipeline::types::{Counter, Failure, Stop};
use crate::dynamodb::call::throttled;
use crate::dynamodb::schema::missing_table;
use crate::failure::{denied, invalid, stop_reason, unavailable, with_counters};
use crate::platform::Dynamo;
use std::collections::BTreeMap;

/// Why writing ended before everything was attempted.
pub enum Halt {
    Budget,
    /// Nothing but throttling was answered for too long, or until the budget
    /// ended.
    Throttled(String),
    /// Attempts ran out while nothing at all got through.
    Exhausted,
    Refused(ServiceError),
    /// It could not begin.
    Unable(Failure),
}

/// How a call ended.
pub struct LoadResult {
    /// What became of each document.
    pub report: Report,
    /// Why DynamoDB acknowledged nothing, where that isn't the budget's doing;
    /// the report doesn't say it then.
    pub failure: Option<Failure>,
    /// The texts of the rejected and the pending, by index, if they were kept.
    pub left: BTreeMap<u32, String>,
}

impl LoadResult {
    /// For a call that is nothing but a load.
    pub fn result(self) -> Result<Report, Failure> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.report),
        }
    }
}

impl<D: Dynamo> Load<'_, D> {
    /// Every document in one list. Fails only where they don't add up.
    pub(super) fn end(mut self, halt: Option<Halt>) -> Result<LoadResult, Failure> {
        let open = self.queue.drain().chain(self.admission.waiting.drain(..));
        for put in open {
            self.accounting.settle_all(&put, DocumentOutcome::Pending);
        }
        let counters = self.counters();
        let upstream = self.caller.upstream().to_owned();
        let is_vain = self.accounting.acknowledged() == 0;
        let mut failure = None;
        let mut fail = |cause| {
            failure = Some(with_counters(cause, counters.clone()));
            None
        };
        let stopped = match halt {
            Some(Halt::Budget) => Some(Stop::Budget),
            Some(Halt::Unable(cause)) => fail(cause),
            Some(Halt::Refused(refusal)) if is_vain => fail(match refusal {
                ServiceError::Denied(reason) => denied(reason),
                ServiceError::MissingTable => missing_table(&self.table.name),
                ServiceError::Invalid(reason) => invalid(reason),
            }),
            Some(Halt::Refused(ServiceError::Denied(reason))) => {
                Some(Stop::Denied(stop_reason(&upstream, reason)))
            }
            Some(Halt::Refused(ServiceError::Invalid(reason))) => {
                Some(Stop::Invalid(stop_reason(&upstream, reason)))
            }
            Some(Halt::Refused(ServiceError::MissingTable)) => {
                let reason = format!("the table `{}` is gone", self.table.name);
                Some(Stop::Invalid(stop_reason(&upstream, reason)))
            }
            Some(Halt::Throttled(reason)) => {
                let pause_ms = self.pacing.pause_ms(self.caller.dynamo().now_ms());
                let limit = throttled(&upstream, pause_ms, reason);
                if is_vain {
                    fail(Failure::RateLimited(limit))
                } else {
                    Some(Stop::RateLimited(limit))
                }
            }
            Some(Halt::Exhausted) | None => match self.exhausted {
                Some(reason) if is_vain => fail(unavailable(reason)),
                Some(reason) => Some(Stop::Unavailable(stop_reason(&upstream, reason))),
                None => None,
            },
        };
        // Repeating the call is safe, and the documents may add up then.
        let balance = self.accounting.close().map_err(|error| {
            let cause = unavailable(error.to_string());
            with_counters(cause, counters.clone())
        })?;
        let report = Report {
            written: balance.written,
            unchanged: balance.unchanged,
            superseded: balance.superseded,
            rejected: balance.rejected,
            pending: balance.pending,
            stopped,
            counters,
        };
        Ok(LoadResult {
            report,
            failure,
            left: balance.left,
        })
    }

    pub(super) fn counters(&self) -> Vec<Counter> {
        self.caller
            .counters(self.repeats, "dynamodb.write-capacity", self.capacity)
    }
}
