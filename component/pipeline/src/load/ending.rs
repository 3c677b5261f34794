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

/// Why writing ended before everything was attempted.
pub enum Halt {
    Budget,
    /// Nothing but throttling was answered for too long, or until the budget
    /// ended.
    Throttled(String),
    /// Attempts ran out while nothing at all got through.
    Exhausted,
    Refused(ServiceError),
}

impl<D: Dynamo> Load<'_, D> {
    /// Every document in one list.
    pub(super) fn report(mut self, halt: Option<Halt>) -> Result<Report, Failure> {
        let open = self.queue.drain().chain(self.admission.waiting.drain(..));
        for put in open {
            self.accounting.settle_all(&put, DocumentOutcome::Pending);
        }
        let counters = self.counters();
        let upstream = self.caller.upstream().to_owned();
        let failed = |failure| Err(with_counters(failure, counters.clone()));
        let stopped = match halt {
            Some(Halt::Budget) => Some(Stop::Budget),
            Some(Halt::Refused(refusal)) if self.accounting.acknowledged() == 0 => {
                return failed(match refusal {
                    ServiceError::Denied(reason) => denied(reason),
                    ServiceError::MissingTable => missing_table(&self.table.name),
                    ServiceError::Invalid(reason) => invalid(reason),
                });
            }
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
                let limit = throttled(&upstream, reason);
                if self.accounting.acknowledged() == 0 {
                    return failed(Failure::RateLimited(limit));
                }
                Some(Stop::RateLimited(limit))
            }
            Some(Halt::Exhausted) | None => match self.exhausted {
                Some(reason) if self.accounting.acknowledged() == 0 => {
                    return failed(unavailable(reason));
                }
                Some(reason) => Some(Stop::Unavailable(stop_reason(&upstream, reason))),
                None => None,
            },
        };
        // Repeating the call is safe, and the documents may add up then.
        let balance = match self.accounting.close() {
            Ok(balance) => balance,
            Err(error) => return failed(unavailable(error.to_string())),
        };
        Ok(Report {
            written: balance.written,
            unchanged: balance.unchanged,
            superseded: balance.superseded,
            rejected: balance.rejected,
            pending: balance.pending,
            stopped,
            counters,
        })
    }

    pub(super) fn counters(&self) -> Vec<Counter> {
        self.caller
            .counters(self.repeats, "dynamodb.write-capacity", self.capacity)
    }
}
