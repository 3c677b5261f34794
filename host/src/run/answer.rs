//! What a call came to → a chunk's counts. Pure.

use super::tally::Tally;
use crate::engine::{
    CallError, CallResult, Counter, Extraction, Failure, Remaining, Repeated, TransferReport,
    counted,
};

/// What a call of `extract` or `transfer` came to.
pub struct Answer {
    pub report: TransferReport,
    /// Documents of `extract`, which nobody has written.
    pub emitted: Vec<String>,
}

impl From<TransferReport> for Answer {
    fn from(report: TransferReport) -> Self {
        let emitted = Vec::new();
        Self { report, emitted }
    }
}

impl From<Extraction> for Answer {
    fn from(extraction: Extraction) -> Self {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (requests, documents) = (extraction.pending, Vec::new());
        let remaining = Remaining {
            requests,
            documents,
        };
        let report = TransferReport {
            done: count(extraction.done.len()),
            documents: count(extraction.documents.len()),
            written: 0,
            unchanged: 0,
            superseded: 0,
            rejected: extraction.rejected,
            rejected_records: extraction.rejected_records,
            rejected_documents: Vec::new(),
            remaining: Some(remaining),
            stopped: extraction.stopped,
            counters: extraction.counters,
        };
        let emitted = extraction.documents;
        Self { report, emitted }
    }
}

impl Answer {
    /// Counts what a call settled. `given` are documents that it was given;
    /// these were counted when they were made.
    pub fn count(report: &TransferReport, given: u64, emitted: bool, tally: &mut Tally) {
        let made = u64::from(report.documents).saturating_sub(given);
        let rejected_records = report.rejected_records.len() as u64;
        tally.requests.done += u64::from(report.done);
        tally.requests.rejected += report.rejected.len() as u64;
        tally.records.documents += made;
        tally.records.rejected += rejected_records;
        tally.records.received += made + rejected_records;
        tally.documents.total += made;
        if emitted {
            tally.documents.emitted += made;
        }
        tally.documents.written += u64::from(report.written);
        tally.documents.unchanged += u64::from(report.unchanged);
        tally.documents.superseded += u64::from(report.superseded);
        tally.documents.rejected += report.rejected_documents.len() as u64;
        count_effort(&report.counters, tally);
    }
}

/// What a call took that achieved nothing.
pub fn count_failure(error: &CallError, tally: &mut Tally) {
    let CallError::Failure(failure) = error else {
        return;
    };
    match failure {
        Failure::ExecutionFailed => {}
        Failure::Unavailable(problem)
        | Failure::PermanentInvalid(problem)
        | Failure::PermanentDenied(problem) => count_effort(&problem.counters, tally),
        Failure::RateLimited(limit) => count_effort(&limit.counters, tally),
    }
}

/// Takes off a call's counts what the host didn't send: each such request is called a
/// repeat the next time.
pub fn sent_only(mut called: CallResult<Answer>) -> CallResult<Answer> {
    let unsent = f64::from(called.repeats.unsent);
    let counters = match &mut called.result {
        Ok(answer) => &mut answer.report.counters,
        Err(CallError::Failure(
            Failure::Unavailable(problem)
            | Failure::PermanentInvalid(problem)
            | Failure::PermanentDenied(problem),
        )) => &mut problem.counters,
        Err(CallError::Failure(Failure::RateLimited(limit))) => &mut limit.counters,
        Err(_) => return called,
    };
    for counter in counters {
        if matches!(counter.name.as_str(), "source.requests" | "source.retries") {
            counter.value = (counter.value - unsent).max(0.0);
        }
    }
    called
}

/// Requests that the host sent again by itself.
pub fn count_repeats(repeated: Repeated, tally: &mut Tally) {
    let (source, dynamodb) = (u64::from(repeated.source), u64::from(repeated.dynamodb));
    tally.effort.source_requests += source;
    tally.effort.source_retries += source;
    tally.effort.dynamodb_requests += dynamodb;
    tally.effort.dynamodb_retries += dynamodb;
}

pub fn count_effort(counters: &[Counter], tally: &mut Tally) {
    let effort = &mut tally.effort;
    for (name, total) in [
        ("source.requests", &mut effort.source_requests),
        ("source.retries", &mut effort.source_retries),
        ("source.empty", &mut effort.source_empty),
        ("source.unfollowed", &mut effort.source_unfollowed),
        ("then.done", &mut effort.then_done),
        ("then.rejected", &mut effort.then_rejected),
        ("dynamodb.requests", &mut effort.dynamodb_requests),
        ("dynamodb.retries", &mut effort.dynamodb_retries),
    ] {
        *total += whole(counted(counters, name));
    }
    effort.write_capacity += counted(counters, "dynamodb.write-capacity");
}

/// A counter that counts whole things.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters are checked to be amounts; no run counts beyond 2^53"
)]
fn whole(counter: f64) -> u64 {
    counter.round() as u64
}
