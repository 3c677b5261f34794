//! Some rows → calls of Rowcast's activity `transfer` until nothing remains, and
//! the account of them. Knows Obelisk by the trait [`Calls`] only.

#[cfg(test)]
mod tests;

use crate::bindings::rowcast::obelisk::types::{Job, Tally};
use crate::bindings::rowcast::pipeline::transfer::{Remaining, TransferReport};
use crate::bindings::rowcast::pipeline::types::{Failure, Problem, Stop};
use crate::next_step::{NextStep, Patience, stop_of};
use crate::tally;

/// Chunks that were told the same time to wait come back spread over this part
/// of it, or the upstream would see them all at once.
const SPREAD: u64 = 4;

/// The activity and the timer, both of them kept in Obelisk's log.
pub trait Calls {
    /// The activity `transfer`.
    fn transfer(
        &mut self,
        job: &Job,
        rows: &[String],
        remaining: Option<&Remaining>,
    ) -> Result<TransferReport, Failure>;
    /// Returns when that many milliseconds have passed, on whichever machine.
    fn sleep_ms(&mut self, duration: u64);
    /// A number up to that one, the same in each replay.
    fn random(&mut self, most: u64) -> u64;
}

/// Works until nothing remains, or until nobody but a person can help.
pub fn chunk(calls: &mut impl Calls, job: &Job, rows: &[String]) -> Result<Tally, Failure> {
    check(job)?;
    let mut tally = Tally::new();
    let mut patience = Patience::new(job.patience);
    let mut remaining: Option<Remaining> = None;
    loop {
        tally::add(&mut tally.calls, 1);
        let answer = calls
            .transfer(job, rows, remaining.as_ref())
            .and_then(|report| adding_up(report, remaining.as_ref()));
        let (next_step, failure) = match answer {
            Err(failure) => (patience.after_failure(&failure), failure),
            Ok(report) => {
                tally.transferred(&report);
                let progress = report.done > 0 || report.written > 0 || !report.rejected.is_empty();
                let Some(left) = report.remaining else {
                    return Ok(tally);
                };
                remaining = Some(left);
                let stop = report.stopped.unwrap_or(Stop::Budget);
                (patience.after_stop(&stop, progress), failure_of(stop))
            }
        };
        match next_step {
            NextStep::GiveUp if tally.is_empty() => return Err(failure),
            NextStep::GiveUp => {
                // Without an answer there is no telling which requests there
                // are, but then the whole chunk failed.
                tally.leave(remaining, stop_of(failure));
                return Ok(tally);
            }
            NextStep::Again => {}
            NextStep::Wait(duration) => {
                let spread = calls.random(duration / SPREAD);
                calls.sleep_ms(duration.saturating_add(spread));
            }
        }
        tally::add(&mut tally.repeats, 1);
    }
}

/// What the activity doesn't check itself.
pub fn check(job: &Job) -> Result<(), Failure> {
    let wrong = if job.chunk_rows == 0 {
        "chunk-rows"
    } else if job.budget_ms == 0 {
        "budget-ms"
    } else if job.patience == 0 {
        "patience"
    } else {
        return Ok(());
    };
    Err(invalid(format!("job.{wrong} is 0; it must be at least 1")))
}

/// A report, if it adds up: a document that is in no place would be lost, and
/// nobody would hear of it.
fn adding_up(report: TransferReport, given: Option<&Remaining>) -> Result<TransferReport, Failure> {
    let (requests, documents) = report
        .remaining
        .as_ref()
        .map_or((0, 0), |left| (left.requests.len(), left.documents.len()));
    let settled = [report.written, report.unchanged, report.superseded]
        .into_iter()
        .map(u64::from)
        .sum::<u64>();
    let of_documents = settled + count(report.rejected_documents.len()) + count(documents);
    let of_requests = u64::from(report.done) + count(report.rejected.len()) + count(requests);
    // Of a first call only the activity can count the requests.
    let all = given.is_none_or(|given| count(given.requests.len()) == of_requests);
    if all && of_documents == u64::from(report.documents) {
        return Ok(report);
    }
    Err(invalid(
        "the activity `transfer` answered without accounting for each request and document once: \
         a defect of the component that the deployment names"
            .to_owned(),
    ))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn invalid(reason: String) -> Failure {
    Failure::PermanentInvalid(problem(reason))
}

fn problem(reason: String) -> Problem {
    Problem {
        reason,
        counters: Vec::new(),
    }
}

/// A reason to stop as the failure of a chunk that achieved nothing.
fn failure_of(stop: Stop) -> Failure {
    match stop {
        Stop::Budget => Failure::Unavailable(problem(
            "the budget is too short for one request".to_owned(),
        )),
        Stop::RateLimited(limit) => Failure::RateLimited(limit),
        Stop::Denied(stop) => Failure::PermanentDenied(problem(stop.reason)),
        Stop::Invalid(stop) => Failure::PermanentInvalid(problem(stop.reason)),
        Stop::Unavailable(stop) => Failure::Unavailable(problem(stop.reason)),
    }
}
