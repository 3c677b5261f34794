//! Some rows → calls of Rowcast's activities until nothing is pending, and the
//! account of them. Knows Obelisk by the trait [`Calls`] only.

#[cfg(test)]
mod tests;

use crate::bindings::rowcast::obelisk::types::{Job, Tally};
use crate::bindings::rowcast::pipeline::extract::{Cell, DoneCell, Extraction, Source};
use crate::bindings::rowcast::pipeline::load::{Report, Table};
use crate::bindings::rowcast::pipeline::types::{Failure, Stop};
use crate::tally;
use crate::verdict::{Patience, Verdict, stop_of};
use std::collections::BTreeSet;

/// Chunks that were told the same time to wait come back spread over this part
/// of it, or the upstream would see them all at once.
const SPREAD: u64 = 4;

/// The activities and the timer, each of them kept in Obelisk's log.
pub trait Calls {
    /// The activity `extract`.
    fn extract(
        &mut self,
        source: &Source,
        rows: &[String],
        only: Option<&[Cell]>,
        budget_ms: u64,
    ) -> Result<Extraction, Failure>;
    /// The activity `load`.
    fn load(
        &mut self,
        table: &Table,
        documents: &[String],
        budget_ms: u64,
    ) -> Result<Report, Failure>;
    /// Returns when that many milliseconds have passed, on whichever machine.
    fn sleep_ms(&mut self, duration: u64);
    /// A number up to that one, the same in each replay.
    fn random(&mut self, most: u64) -> u64;
}

/// Works until nothing is pending, or until nobody but a person can help.
pub fn chunk(calls: &mut impl Calls, job: &Job, rows: &[String]) -> Result<Tally, Failure> {
    check(job)?;
    let mut work = Work {
        calls,
        job,
        tally: Tally::new(),
    };
    let failure = work.extract(rows);
    match failure {
        Some(failure) if work.tally.is_empty() => Err(failure),
        _ => Ok(work.tally),
    }
}

/// What the activities don't check themselves.
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
    Err(Failure::PermanentInvalid(format!(
        "job.{wrong} is 0; it must be at least 1"
    )))
}

struct Work<'a, C> {
    calls: &'a mut C,
    job: &'a Job,
    tally: Tally,
}

/// Documents that are still to be written, and why loading ended.
struct Undelivered {
    cells: Vec<Cell>,
    failure: Failure,
}

impl<C: Calls> Work<'_, C> {
    /// The failure that ended it, if one did.
    fn extract(&mut self, rows: &[String]) -> Option<Failure> {
        let mut patience = Patience::new(self.job.patience);
        // None: every cell, which only the activity can count.
        let mut only: Option<Vec<Cell>> = None;
        loop {
            let budget = self.job.budget_ms;
            tally::add(&mut self.tally.calls, 1);
            let answer = self
                .calls
                .extract(&self.job.source, rows, only.as_deref(), budget)
                .and_then(|extraction| adding_up("extract", belongs(&extraction), extraction));
            let (verdict, failure) = match answer {
                Err(failure) => (patience.after_failure(&failure), failure),
                Ok(extraction) => {
                    self.tally.extracted(&extraction);
                    let progress = !extraction.done.is_empty() || !extraction.rejected.is_empty();
                    let mut pending = extraction.pending;
                    // Written before the next request is made, so that little
                    // is done twice if this machine is lost.
                    let lost = self.load(&extraction.done, &extraction.documents);
                    if let Some(lost) = lost {
                        pending.extend(lost.cells);
                        self.tally.stop(pending, stop_of(lost.failure.clone()));
                        return Some(lost.failure);
                    }
                    if pending.is_empty() {
                        return None;
                    }
                    only = Some(pending);
                    let stop = extraction.stopped.unwrap_or(Stop::Budget);
                    (patience.after_stop(&stop, progress), failure_of(stop))
                }
            };
            if !self.go_on(&verdict) {
                // Without an answer there is no telling which cells there are,
                // but then the whole chunk failed.
                self.tally
                    .stop(only.unwrap_or_default(), stop_of(failure.clone()));
                return Some(failure);
            }
        }
    }

    /// Writes documents, and says which were not.
    fn load(&mut self, done: &[DoneCell], documents: &[String]) -> Option<Undelivered> {
        let mut patience = Patience::new(self.job.patience);
        let mut batch: Vec<(Cell, String)> = cells(done).zip(documents.iter().cloned()).collect();
        while !batch.is_empty() {
            let texts: Vec<String> = batch.iter().map(|(_, text)| text.clone()).collect();
            tally::add(&mut self.tally.calls, 1);
            let answer = self
                .calls
                .load(&self.job.table, &texts, self.job.budget_ms)
                .and_then(|report| adding_up("load", accounts(&report, texts.len()), report));
            let (verdict, failure) = match answer {
                Err(failure) => (patience.after_failure(&failure), failure),
                Ok(report) => {
                    let progress = report.pending.len() < batch.len();
                    let stop = report.stopped.clone().unwrap_or(Stop::Budget);
                    batch = self.loaded(&report, &batch);
                    if batch.is_empty() {
                        break;
                    }
                    (patience.after_stop(&stop, progress), failure_of(stop))
                }
            };
            if !self.go_on(&verdict) {
                tally::add(&mut self.tally.undelivered, batch.len());
                let mut cells: Vec<Cell> = batch.into_iter().map(|(cell, _)| cell).collect();
                cells.dedup();
                return Some(Undelivered { cells, failure });
            }
        }
        None
    }

    /// Enters a report; what it leaves pending is returned.
    fn loaded(&mut self, report: &Report, batch: &[(Cell, String)]) -> Vec<(Cell, String)> {
        let at = |index: u32| usize::try_from(index).ok().and_then(|at| batch.get(at));
        self.tally.written = self.tally.written.saturating_add(report.written);
        tally::add(&mut self.tally.superseded, report.superseded.len());
        tally::add(&mut self.tally.refused, report.rejected.len());
        for refused in &report.rejected {
            if let Some((cell, _)) = at(refused.index) {
                let rejection = tally::rejection(*cell, &refused.path, &refused.reason);
                self.tally.rejected.push(rejection);
            }
        }
        report
            .pending
            .iter()
            .filter_map(|index| at(*index).cloned())
            .collect()
    }

    /// Waits as the verdict says. False: it's over.
    fn go_on(&mut self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::GiveUp => return false,
            Verdict::Again => {}
            Verdict::Wait(duration) => {
                let spread = self.calls.random(duration / SPREAD);
                self.calls.sleep_ms(duration.saturating_add(spread));
            }
        }
        tally::add(&mut self.tally.repeats, 1);
        true
    }
}

/// An answer, if its account adds up: a document that is in no place would be
/// lost, and nobody would hear of it.
fn adding_up<T>(call: &str, adds_up: bool, answer: T) -> Result<T, Failure> {
    if adds_up {
        return Ok(answer);
    }
    Err(Failure::PermanentInvalid(format!(
        "the activity `{call}` answered without accounting for each document once: a defect of \
         the component that the deployment names"
    )))
}

/// Whether each document is one of a done cell's.
fn belongs(extraction: &Extraction) -> bool {
    let counts = extraction.done.iter().map(|done| u64::from(done.documents));
    u64::try_from(extraction.documents.len()) == Ok(counts.sum())
}

/// Whether a report has each of so many documents in exactly one place.
fn accounts(report: &Report, sent: usize) -> bool {
    let superseded = report.superseded.iter().map(|document| document.index);
    let rejected = report.rejected.iter().map(|document| document.index);
    let listed = superseded.chain(rejected).chain(report.pending.clone());
    let mut seen = BTreeSet::new();
    let once = listed
        .map(|index| usize::try_from(index).unwrap_or(usize::MAX))
        .all(|index| index < sent && seen.insert(index));
    once && usize::try_from(report.written) == Ok(sent - seen.len())
}

/// The cell of each document: a done cell's documents follow each other.
fn cells(done: &[DoneCell]) -> impl Iterator<Item = Cell> {
    done.iter().flat_map(|done| {
        let documents = usize::try_from(done.documents).unwrap_or(usize::MAX);
        std::iter::repeat_n(done.cell, documents)
    })
}

/// A reason to stop as the failure of a chunk that achieved nothing.
fn failure_of(stop: Stop) -> Failure {
    match stop {
        Stop::Budget => Failure::Unavailable("the budget is too short for one request".to_owned()),
        Stop::RateLimited(limit) => Failure::RateLimited(limit),
        Stop::Denied(reason) => Failure::PermanentDenied(reason),
        Stop::Unavailable(reason) => Failure::Unavailable(reason),
    }
}
