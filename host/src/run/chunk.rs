//! A chunk of rows → its records in DynamoDB: `extract` until no request is
//! left that time alone would resolve, `load` likewise.

use super::Stages;
use super::books::{Batch, Books, Unchanged, Writing};
use super::event::{Event, Rejection, Stopped, Upstream};
use super::tally::Tally;
use crate::document::one_line;
use crate::engine::{
    CallError, Extraction, Failure, PendingRequest, Pipeline, RateLimit, Report, Request, Source,
    Stop, Table, counted,
};
use crate::http_out::denial::Denial;
use crate::ledger::{LedgerError, LedgerRun};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

/// Calls that may end for lack of budget without getting on before a chunk is
/// given up.
const IDLE_CALLS: u32 = 2;

/// What a chunk came to.
pub struct Outcome {
    pub tally: Tally,
    pub stopped: Option<Stopped>,
}

/// One chunk of rows on its way.
pub struct Chunk<'a> {
    pub pipeline: &'a Pipeline,
    pub stages: &'a Stages,
    pub ledger: Option<&'a LedgerRun>,
    pub unchanged: &'a Unchanged,
    /// The first row's number in the run.
    pub first_row: u64,
    /// As they were read: what a row is known by.
    pub lines: &'a [String],
    /// As they are asked for.
    pub rows: &'a [String],
    /// Combinations that a row is restricted to, by its index.
    pub only: &'a HashMap<u32, u32>,
    pub observe: &'a (dyn Fn(Event) + Send + Sync),
}

impl Chunk<'_> {
    /// Does all of it. Whatever stops it, the tally says where everything is.
    pub async fn run(&self) -> Outcome {
        let mut tally = Tally::default();
        tally.rows.read = self.rows.len() as u64;
        let mut books = match Books::open(self.ledger, self.unchanged, self.lines).await {
            Ok(books) => books,
            Err(error) => return self.not_begun(tally, error),
        };
        let stopped = match self.stages {
            Stages::All { source, .. } | Stages::Extract { source } => {
                self.extract(source, &mut books, &mut tally).await
            }
            Stages::Load { .. } => self.load_rows(&mut books, &mut tally).await,
        };
        let closed = books.close(self.lines).await;
        Outcome {
            tally,
            stopped: stopped.or(closed.err().map(Stopped::Ledger)),
        }
    }

    /// Nothing is known of the rows: all of them are pending.
    fn not_begun(&self, mut tally: Tally, error: LedgerError) -> Outcome {
        self.stages.leave(self.rows.len() as u64, &mut tally);
        let stopped = Some(Stopped::Ledger(error));
        Outcome { tally, stopped }
    }

    /// The rows are documents already.
    async fn load_rows(&self, books: &mut Books<'_>, tally: &mut Tally) -> Option<Stopped> {
        let rows = self.rows.len() as u64;
        tally.rows.done = rows;
        tally.records.received = rows;
        tally.records.documents = rows;
        let batch = Batch {
            documents: self.rows.to_vec(),
            rows: (0..).take(self.rows.len()).collect(),
        };
        self.deliver(batch, books, tally).await
    }

    async fn extract(
        &self,
        source: &Source,
        books: &mut Books<'_>,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let mut stopped = None;
        let mut rejected_rows = BTreeSet::new();
        let mut pending = self.requests(combinations(source), books);
        tally.requests.planned = pending.len() as u64;
        let mut idle_calls = 0;
        while !pending.is_empty() && stopped.is_none() {
            let before = pending.len();
            let called = self
                .pipeline
                .extract(&source.text(), self.rows, Some(&pending), None)
                .await;
            match called.result {
                Ok(extraction) => {
                    pending.clone_from(&extraction.pending);
                    rejected_rows.extend(
                        extraction
                            .rejected
                            .iter()
                            .map(|rejected| rejected.request.row),
                    );
                    let incomplete = extraction.rejected_records.iter();
                    incomplete.for_each(|rejected| books.unfinished(rejected.request.row));
                    stopped =
                        stop_reason(extraction.stopped.as_ref(), called.denial, Upstream::Source);
                    self.count(source, &extraction, tally);
                    let batch = batch(extraction);
                    let load_stopped = self.deliver(batch, books, tally).await;
                    stopped = stopped.or(load_stopped);
                }
                Err(error) => {
                    stopped = Some(call_stopped(error, called.denial, Upstream::Source));
                }
            }
            idle_calls = if pending.len() < before {
                0
            } else {
                idle_calls + 1
            };
            if idle_calls >= IDLE_CALLS {
                stopped = stopped.or(Some(Stopped::Budget));
            }
        }
        tally.requests.pending = pending.len() as u64;
        let pending_rows: BTreeSet<u32> =
            pending.iter().map(|pending| pending.request.row).collect();
        tally.rows.pending = pending_rows.len() as u64;
        tally.rows.rejected = rejected_rows.difference(&pending_rows).count() as u64;
        tally.rows.resumed = books.resumed();
        tally.rows.done =
            tally.rows.read - tally.rows.pending - tally.rows.rejected - tally.rows.resumed;
        let unfinished = pending_rows.union(&rejected_rows);
        unfinished.for_each(|row| books.unfinished(*row));
        stopped
    }

    /// What is to be asked for: not what was finished before.
    fn requests(&self, combinations: u32, books: &Books<'_>) -> Vec<PendingRequest> {
        let rows = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        (0..rows)
            .filter(|row| !books.is_resumed(*row))
            .flat_map(|row| (0..combinations).map(move |combination| Request { row, combination }))
            .filter(|request| {
                let only = self.only.get(&request.row);
                only.is_none_or(|only| *only == request.combination)
            })
            .map(|request| PendingRequest {
                request,
                resume: None,
            })
            .collect()
    }

    fn count(&self, source: &Source, extraction: &Extraction, tally: &mut Tally) {
        tally.requests.done += extraction.done.len() as u64;
        tally.requests.rejected += extraction.rejected.len() as u64;
        let documents = extraction.documents.len() as u64;
        tally.records.documents += documents;
        tally.records.rejected += extraction.rejected_records.len() as u64;
        tally.records.received += documents + extraction.rejected_records.len() as u64;
        tally.effort.source_requests += whole(counted(&extraction.counters, "source.requests"));
        tally.effort.source_retries += whole(counted(&extraction.counters, "source.retries"));
        for rejected in &extraction.rejected {
            self.reject(Rejection::Request {
                row_number: self.row_number(rejected.request),
                row: self.row(rejected.request),
                combination: combination(source, rejected.request),
                status: rejected.status,
                reason: rejected.reason.clone(),
            });
        }
        for rejected in &extraction.rejected_records {
            self.reject(Rejection::Record {
                row_number: self.row_number(rejected.request),
                row: self.row(rejected.request),
                combination: combination(source, rejected.request),
                index: rejected.index,
                path: rejected.path.clone(),
                reason: rejected.reason.clone(),
            });
        }
    }

    async fn deliver(
        &self,
        batch: Batch,
        books: &mut Books<'_>,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let documents = batch.documents.len() as u64;
        tally.documents.total += documents;
        match self.stages {
            Stages::All { table, .. } | Stages::Load { table } => {
                let rows = batch.rows.clone();
                match books.intend(batch, table, tally).await {
                    Ok(writing) => self.load(table, writing, books, tally).await,
                    Err(error) => {
                        tally.documents.pending += documents;
                        for row in rows {
                            books.unfinished(row);
                        }
                        Some(Stopped::Ledger(error))
                    }
                }
            }
            Stages::Extract { .. } => {
                tally.documents.handed_over += documents;
                (self.observe)(Event::Documents(batch.documents));
                None
            }
        }
    }

    /// Loads documents, again for those that only ran out of time.
    async fn load(
        &self,
        table: &Table,
        mut writing: Writing,
        books: &mut Books<'_>,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let mut idle_calls = 0;
        let mut stopped = None;
        while !writing.batch.documents.is_empty() && stopped.is_none() {
            let before = writing.batch.documents.len();
            let documents = &writing.batch.documents;
            let called = self.pipeline.load(&table.text(), documents, None).await;
            let report = match called.result {
                Ok(report) => report,
                Err(error) => {
                    stopped = Some(call_stopped(error, called.denial, Upstream::Table));
                    break;
                }
            };
            self.count_report(&report, documents, tally);
            stopped = stop_reason(report.stopped.as_ref(), called.denial, Upstream::Table);
            writing = books.reported(writing, &report);
            idle_calls = if writing.batch.documents.len() < before {
                0
            } else {
                idle_calls + 1
            };
            if idle_calls >= IDLE_CALLS {
                stopped = stopped.or(Some(Stopped::Budget));
            }
        }
        books.leave(&writing);
        tally.documents.pending += writing.batch.documents.len() as u64;
        stopped
    }

    fn count_report(&self, report: &Report, documents: &[String], tally: &mut Tally) {
        tally.documents.written += u64::from(report.written);
        tally.documents.unchanged += u64::from(report.unchanged);
        tally.documents.superseded += report.superseded.len() as u64;
        tally.documents.rejected += report.rejected.len() as u64;
        let counted = |name| counted(&report.counters, name);
        tally.effort.dynamodb_requests += whole(counted("dynamodb.requests"));
        tally.effort.dynamodb_retries += whole(counted("dynamodb.retries"));
        tally.effort.write_capacity += counted("dynamodb.write-capacity");
        for rejected in &report.rejected {
            let document = usize::try_from(rejected.index)
                .ok()
                .and_then(|index| documents.get(index));
            self.reject(Rejection::Document {
                document: raw(document.map_or("null", String::as_str)),
                path: rejected.path.clone(),
                reason: rejected.reason.clone(),
            });
        }
    }

    fn reject(&self, rejection: Rejection) {
        (self.observe)(Event::Rejected(Box::new(rejection)));
    }

    fn row_number(&self, request: Request) -> u64 {
        self.first_row + u64::from(request.row)
    }

    fn row(&self, request: Request) -> Box<RawValue> {
        raw(usize::try_from(request.row)
            .ok()
            .and_then(|row| self.rows.get(row))
            .map_or("null", String::as_str))
    }
}

/// An extraction's documents with the rows they're of.
fn batch(extraction: Extraction) -> Batch {
    let rows = extraction.done.iter().flat_map(|done| {
        let documents = usize::try_from(done.documents).unwrap_or_default();
        std::iter::repeat_n(done.request.row, documents)
    });
    Batch {
        rows: rows.collect(),
        documents: extraction.documents,
    }
}

/// A counter that counts whole things.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters are checked to be amounts, and a cast saturates"
)]
fn whole(counter: f64) -> u64 {
    counter as u64
}

/// A JSON text on one line; what isn't JSON, as a JSON string.
fn raw(text: &str) -> Box<RawValue> {
    let raw = RawValue::from_string(text.to_owned());
    let raw = raw.and_then(|raw| match one_line(raw.get()) {
        Cow::Borrowed(_) => Ok(raw),
        Cow::Owned(line) => RawValue::from_string(line),
    });
    raw.or_else(|_| serde_json::value::to_raw_value(text))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

pub fn combinations(source: &Source) -> u32 {
    let lengths = source
        .matrix
        .iter()
        .map(|axis| u32::try_from(axis.values.len()).unwrap_or(u32::MAX));
    lengths.fold(1, u32::saturating_mul)
}

/// The matrix values of a request by axis: the last axis changes fastest.
fn combination(source: &Source, request: Request) -> Vec<(String, String)> {
    let mut rest = usize::try_from(request.combination).unwrap_or(usize::MAX);
    let mut values = Vec::new();
    for axis in source.matrix.iter().rev() {
        let length = axis.values.len().max(1);
        let value = axis.values.get(rest % length).cloned().unwrap_or_default();
        values.push((axis.name.clone(), value));
        rest /= length;
    }
    values.reverse();
    values
}

/// The combination with these values by axis; the reverse of [`combination`].
pub fn combination_of(source: &Source, values: &[(String, String)]) -> Option<u32> {
    let mut number = 0_u32;
    if source.matrix.len() != values.len() {
        return None;
    }
    for (axis, (name, value)) in source.matrix.iter().zip(values) {
        let at = axis.values.iter().position(|known| known == value);
        let at = at.filter(|_| axis.name == *name)?;
        let length = u32::try_from(axis.values.len()).ok()?;
        number = number
            .checked_mul(length)?
            .checked_add(u32::try_from(at).ok()?)?;
    }
    Some(number)
}

/// Why the run should stop; a budget that ran out is no reason, for the next
/// call has a new one.
fn stop_reason(stop: Option<&Stop>, denial: Option<Denial>, by: Upstream) -> Option<Stopped> {
    let stopped = match stop? {
        Stop::Budget => return None,
        Stop::RateLimited(limit) => rate_limited(limit),
        Stop::Denied(stop) => Stopped::Denied {
            by,
            reason: stop.reason.clone(),
        },
        Stop::Unavailable(stop) => Stopped::Unavailable(stop.reason.clone()),
        Stop::Invalid(stop) => Stopped::Invalid(stop.reason.clone()),
    };
    Some(denial.map_or(stopped, Stopped::Policy))
}

/// Why a call that achieved nothing ended. `denial` is its
/// [`Called::denial`](crate::engine::Called::denial).
#[must_use]
pub fn call_stopped(error: CallError, denial: Option<Denial>, by: Upstream) -> Stopped {
    if let Some(denial) = denial {
        return Stopped::Policy(denial);
    }
    match error {
        CallError::Failure(Failure::Unavailable(problem)) => Stopped::Unavailable(problem.reason),
        CallError::Failure(Failure::RateLimited(limit)) => rate_limited(&limit),
        CallError::Failure(Failure::PermanentInvalid(problem)) => Stopped::Invalid(problem.reason),
        CallError::Failure(Failure::PermanentDenied(problem)) => Stopped::Denied {
            by,
            reason: problem.reason,
        },
        other => Stopped::Component(other),
    }
}

fn rate_limited(limit: &RateLimit) -> Stopped {
    let retry_after = Duration::from_millis(limit.retry_after_ms);
    let now = SystemTime::now();
    Stopped::RateLimited {
        retry_after,
        resume_at: now.checked_add(retry_after).unwrap_or(now),
        reason: limit.reason.clone(),
    }
}
