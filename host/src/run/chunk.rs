//! A chunk of rows → its records in DynamoDB: `extract` until no request is
//! left that time alone would resolve, `load` likewise.

use super::Stages;
use super::admission::Admission;
use super::books::{Books, Document};
use super::event::{Event, Observe, Rejection, Stopped, Upstream};
use super::order::Position;
use super::tally::Tally;
use crate::document::one_line;
use crate::engine::{
    CallError, Cell, Extraction, Failure, Pipeline, RateLimit, Report, Source, Stop, Table,
};
use crate::http_out::denial::Denial;
use crate::ledger::LedgerError;
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
    pub admission: &'a Admission,
    /// Its number in the run.
    pub number: u64,
    /// The first row's number in the run.
    pub first_row: u64,
    /// As they were read: what a row is known by.
    pub lines: &'a [String],
    /// As they are asked for.
    pub rows: &'a [String],
    /// Combinations that a row is restricted to, by its index.
    pub only: &'a HashMap<u32, u32>,
    pub observe: &'a dyn Observe,
}

impl Chunk<'_> {
    /// Does all of it. Whatever stops it, the tally says where everything is.
    pub async fn run(&self) -> Outcome {
        let mut tally = Tally::default();
        tally.rows.read = self.rows.len() as u64;
        let mut books = match Books::open(self.admission, self.number, self.lines).await {
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
        let document = |(row, text): (u32, &String)| self.document(row, 0, text.clone());
        let documents = (0..).zip(self.rows).map(document);
        self.deliver(documents.collect(), books, tally).await
    }

    async fn extract(
        &self,
        source: &Source,
        books: &mut Books<'_>,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let mut stopped = None;
        let mut rejected_rows = BTreeSet::new();
        let mut pending = self.cells(combinations(source), books);
        tally.requests.planned = pending.len() as u64;
        let mut idle_calls = 0;
        while !pending.is_empty() && stopped.is_none() {
            let before = pending.len();
            let called = self
                .pipeline
                .extract(source, self.rows, Some(&pending), None)
                .await;
            match called.result {
                Ok(extraction) => {
                    pending.clone_from(&extraction.pending);
                    rejected_rows
                        .extend(extraction.rejected.iter().map(|rejected| rejected.cell.row));
                    let incomplete = extraction.rejected_records.iter();
                    incomplete.for_each(|rejected| books.unfinished(rejected.cell.row));
                    stopped =
                        stop_reason(extraction.stopped.as_ref(), called.denial, Upstream::Source);
                    let rejected = self.count(source, &extraction, tally);
                    stopped = stopped.or(self.tell(rejected).await);
                    let documents = self.documents(extraction);
                    let load_stopped = self.deliver(documents, books, tally).await;
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
        let pending_rows: BTreeSet<u32> = pending.iter().map(|cell| cell.row).collect();
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
    fn cells(&self, combinations: u32, books: &Books<'_>) -> Vec<Cell> {
        let rows = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        (0..rows)
            .filter(|row| !books.is_resumed(*row))
            .flat_map(|row| (0..combinations).map(move |combination| Cell { row, combination }))
            .filter(|cell| {
                let only = self.only.get(&cell.row);
                only.is_none_or(|only| *only == cell.combination)
            })
            .collect()
    }

    fn count(&self, source: &Source, extraction: &Extraction, tally: &mut Tally) -> Vec<Rejection> {
        tally.requests.done += extraction.done.len() as u64;
        tally.requests.rejected += extraction.rejected.len() as u64;
        let documents = extraction.documents.len() as u64;
        tally.records.documents += documents;
        tally.records.rejected += extraction.rejected_records.len() as u64;
        tally.records.received += documents + extraction.rejected_records.len() as u64;
        tally.effort.source_requests += u64::from(extraction.requests);
        tally.effort.source_retries += u64::from(extraction.retries);
        let requests = extraction
            .rejected
            .iter()
            .map(|rejected| Rejection::Request {
                row_number: self.row_number(rejected.cell),
                row: self.row(rejected.cell),
                combination: combination(source, rejected.cell),
                status: rejected.status,
                reason: rejected.reason.clone(),
            });
        let records = extraction
            .rejected_records
            .iter()
            .map(|rejected| Rejection::Record {
                row_number: self.row_number(rejected.cell),
                row: self.row(rejected.cell),
                combination: combination(source, rejected.cell),
                index: rejected.index,
                path: rejected.path.clone(),
                reason: rejected.reason.clone(),
            });
        requests.chain(records).collect()
    }

    async fn deliver(
        &self,
        documents: Vec<Document>,
        books: &mut Books<'_>,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        tally.documents.total += documents.len() as u64;
        match self.stages {
            Stages::All { table, .. } | Stages::Load { table } => {
                self.load(table, documents, books, tally).await
            }
            Stages::Extract { .. } => {
                tally.documents.handed_over += documents.len() as u64;
                let texts = documents.into_iter().map(|document| document.text);
                let told = self.observe.event(Event::Documents(texts.collect()));
                told.await.err().map(Stopped::Output)
            }
        }
    }

    /// Loads documents, again for those that only ran out of time, and those
    /// whose keys other chunks were writing under.
    async fn load(
        &self,
        table: &Table,
        mut documents: Vec<Document>,
        books: &mut Books<'_>,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        books.know(&mut documents, table);
        let mut idle_calls = 0;
        let mut stopped = None;
        while !documents.is_empty() && stopped.is_none() {
            let mut settled = books.settled();
            let admitted = match books.admit(&mut documents, table, tally).await {
                Ok(admitted) => admitted,
                Err(error) => {
                    stopped = Some(Stopped::Ledger(error));
                    break;
                }
            };
            documents = admitted.later;
            if admitted.now.is_empty() {
                if !documents.is_empty() && settled.changed().await.is_err() {
                    break;
                }
                continue;
            }
            let now = admitted.now;
            let texts: Vec<String> = now.iter().map(|document| document.text.clone()).collect();
            let called = self.pipeline.load(table, &texts, None).await;
            let report = match called.result {
                Ok(report) => report,
                Err(error) => {
                    books.leave(&now);
                    documents.extend(now);
                    stopped = Some(call_stopped(error, called.denial, Upstream::Table));
                    break;
                }
            };
            let rejected = self.count_report(&report, &texts, tally);
            stopped = stop_reason(report.stopped.as_ref(), called.denial, Upstream::Table);
            stopped = stopped.or(self.tell(rejected).await);
            let left = books.reported(now, &report);
            idle_calls = if left.len() < texts.len() {
                0
            } else {
                idle_calls + 1
            };
            documents.extend(left);
            documents.sort_by_key(|document| document.at);
            if idle_calls >= IDLE_CALLS {
                stopped = stopped.or(Some(Stopped::Budget));
            }
        }
        books.leave(&documents);
        tally.documents.pending += documents.len() as u64;
        stopped
    }

    fn count_report(
        &self,
        report: &Report,
        documents: &[String],
        tally: &mut Tally,
    ) -> Vec<Rejection> {
        tally.documents.written += u64::from(report.written);
        tally.documents.superseded += report.superseded.len() as u64;
        tally.documents.rejected += report.rejected.len() as u64;
        tally.effort.dynamodb_requests += u64::from(report.requests);
        tally.effort.dynamodb_retries += u64::from(report.retries);
        tally.effort.write_capacity += report.capacity;
        let rejections = report.rejected.iter().map(|rejected| {
            let document = usize::try_from(rejected.index)
                .ok()
                .and_then(|index| documents.get(index));
            Rejection::Document {
                document: raw(document.map_or("null", String::as_str)),
                path: rejected.path.clone(),
                reason: rejected.reason.clone(),
            }
        });
        rejections.collect()
    }

    /// Hands rejections to whoever keeps them.
    async fn tell(&self, rejections: Vec<Rejection>) -> Option<Stopped> {
        for rejection in rejections {
            let event = Event::Rejected(Box::new(rejection));
            if let Err(error) = self.observe.event(event).await {
                return Some(Stopped::Output(error));
            }
        }
        None
    }

    /// An extraction's documents in their order.
    fn documents(&self, extraction: Extraction) -> Vec<Document> {
        let places = extraction.done.iter().flat_map(|done| {
            let first = u64::from(done.cell.combination) << 32;
            (0..u64::from(done.documents)).map(move |index| (done.cell.row, first | index))
        });
        let documents = places.zip(extraction.documents);
        documents
            .map(|((row, place), text)| self.document(row, place, text))
            .collect()
    }

    fn document(&self, row: u32, place: u64, text: String) -> Document {
        let at = Position {
            chunk: self.number,
            row,
            place,
        };
        let entry = None;
        Document { text, at, entry }
    }

    fn row_number(&self, cell: Cell) -> u64 {
        self.first_row + u64::from(cell.row)
    }

    fn row(&self, cell: Cell) -> Box<RawValue> {
        raw(usize::try_from(cell.row)
            .ok()
            .and_then(|row| self.rows.get(row))
            .map_or("null", String::as_str))
    }
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

/// The matrix values of a cell by axis: the last axis changes fastest.
fn combination(source: &Source, cell: Cell) -> Vec<(String, String)> {
    let mut rest = usize::try_from(cell.combination).unwrap_or(usize::MAX);
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
        Stop::Denied(reason) => Stopped::Denied {
            by,
            reason: reason.clone(),
        },
        Stop::Unavailable(reason) => Stopped::Unavailable(reason.clone()),
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
        CallError::Failure(Failure::Unavailable(reason)) => Stopped::Unavailable(reason),
        CallError::Failure(Failure::RateLimited(limit)) => rate_limited(&limit),
        CallError::Failure(Failure::PermanentInvalid(reason)) => Stopped::Invalid(reason),
        CallError::Failure(Failure::PermanentDenied(reason)) => Stopped::Denied { by, reason },
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
