//! Rows → a report: chunks of rows through several component instances at
//! once. The next chunk is read only when an instance is free, so a slow
//! DynamoDB slows PostgreSQL down instead of filling memory.

mod again;
mod books;
mod chunk;
mod event;
mod tally;

pub use again::{documents_again, rows_again};
pub use books::Unchanged;
pub use chunk::call_stopped;
pub use event::{Event, Rejection, Stopped, Upstream, clock};
pub use tally::{Documents, Effort, Records, Requests, Rows, Tally, Unbalanced};

use crate::engine::{Pipeline, Source, Table};
use crate::ledger::{LedgerError, LedgerRun};
use crate::rows::{self, RowsError};
use chunk::{Chunk, Outcome};
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

/// A run of the pipeline over rows.
///
/// Dropping the future of [`Run::start`] ends it at once; what was written
/// stays written. To end it in order, use a [`StopHandle`].
#[derive(Clone, Debug)]
pub struct Run {
    pipeline: Pipeline,
    stages: Arc<Stages>,
    chunk_rows: usize,
    workers: usize,
    stop: watch::Sender<bool>,
    ledger: Option<LedgerRun>,
    unchanged: Unchanged,
    again: bool,
}

/// What a run does with its rows.
#[derive(Clone, Debug)]
enum Stages {
    /// Rows → extract → load.
    All { source: Source, table: Table },
    /// Rows → extract → the observer.
    Extract { source: Source },
    /// Rows, which are documents already → load.
    Load { table: Table },
}

/// Ends a run in order: chunks in flight are finished, no further is begun.
#[derive(Clone, Debug)]
pub struct StopHandle(watch::Sender<bool>);

impl StopHandle {
    /// Asks the run to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct RunReport {
    /// Counts, checked to balance.
    pub tally: Tally,
    /// Why it ended before its rows did, if it did.
    pub stopped: Option<Stopped>,
    /// The run's name in the ledger, to resume it by.
    pub run: Option<String>,
}

/// A run whose report can't be trusted.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The counts do not add up.
    #[error("account for everything the run took in")]
    Unbalanced(#[from] Unbalanced),
    /// A worker panicked; its chunk is not accounted for.
    #[error("finish every chunk of rows")]
    Worker(#[from] JoinError),
}

impl Run {
    /// The whole pipeline, in chunks of 50 rows with 4 workers.
    #[must_use]
    pub fn new(pipeline: Pipeline, source: Source, table: Table) -> Self {
        Self::of(pipeline, Stages::All { source, table })
    }

    /// Only `extract`: the documents come as [`Event::Documents`].
    #[must_use]
    pub fn extract_only(pipeline: Pipeline, source: Source) -> Self {
        Self::of(pipeline, Stages::Extract { source })
    }

    /// Only `load`: the rows are the documents.
    #[must_use]
    pub fn load_only(pipeline: Pipeline, table: Table) -> Self {
        Self::of(pipeline, Stages::Load { table })
    }

    fn of(pipeline: Pipeline, stages: Stages) -> Self {
        let (stop, _) = watch::channel(false);
        Self {
            pipeline,
            stages: Arc::new(stages),
            chunk_rows: 50,
            workers: 4,
            stop,
            ledger: None,
            unchanged: Unchanged::default(),
            again: false,
        }
    }

    /// Rows per call of the component. Memory grows with it.
    #[must_use]
    pub fn chunk_rows(mut self, chunk_rows: usize) -> Self {
        self.chunk_rows = chunk_rows.max(1);
        self
    }

    /// Component instances that work at once.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Keeps a ledger: rows that it has as finished aren't asked for again, and
    /// documents that the table has already aren't written again. Without one,
    /// every run does everything.
    #[must_use]
    pub fn ledger(mut self, ledger: LedgerRun) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// What is done with documents that the table has already; needs a ledger.
    #[must_use]
    pub fn unchanged(mut self, unchanged: Unchanged) -> Self {
        self.unchanged = unchanged;
        self
    }

    /// Rows may be lines of a rejections file, see [`rows_again`].
    #[must_use]
    pub fn rejected_rows(mut self) -> Self {
        self.again = true;
        self
    }

    /// What ends this run in order.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(self.stop.clone())
    }

    /// Runs until the rows end, or something stops it. `observe` is told what
    /// happens; it is called from several threads and must not block.
    pub async fn start(
        &self,
        rows: rows::Rows,
        observe: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<RunReport, RunError> {
        let observe: Arc<dyn Fn(Event) + Send + Sync> = Arc::new(observe);
        let mut rows = rows;
        let mut stop = self.stop.subscribe();
        let mut state = State::default();
        let mut workers = JoinSet::new();
        loop {
            let stopping = state.stopped.is_some() || *stop.borrow();
            if !stopping && workers.len() < self.workers && state.has_chunk(self.chunk_rows) {
                let (first_row, chunk) = state.take_chunk();
                workers.spawn(self.clone().work(first_row, chunk, Arc::clone(&observe)));
                continue;
            }
            let reading = !stopping && !state.ended && !state.has_chunk(self.chunk_rows);
            if !reading && workers.is_empty() {
                break;
            }
            tokio::select! {
                Some(finished) = workers.join_next() => {
                    let outcome: Outcome = finished?;
                    state.tally.add(&outcome.tally);
                    state.stopped = state.stopped.take().or(outcome.stopped);
                    observe(Event::Progress(state.tally));
                }
                _ = stop.changed(), if reading => {}
                row = rows.next(), if reading => match row {
                    Some(Ok(row)) => state.buffer.push(row),
                    Some(Err(RowsError::Rejected { place, text, message })) => {
                        state.tally.rows.read += 1;
                        state.tally.rows.rejected += 1;
                        let reason = message;
                        let rejection = Rejection::Row { place, text, reason };
                        observe(Event::Rejected(Box::new(rejection)));
                    }
                    // The rows before it are as good as any.
                    Some(Err(error)) => state.end(Some(error)),
                    None => state.end(None),
                },
            }
        }
        self.stages
            .leave(state.buffer.len() as u64, &mut state.tally);
        state.tally.rows.read += state.buffer.len() as u64;
        let requested = *stop.borrow();
        let mut stopped = state
            .stopped
            .or(state.failed.map(Stopped::Rows))
            .or(requested.then_some(Stopped::Requested));
        if let Err(error) = self.note_end(stopped.as_ref()).await {
            stopped.get_or_insert(Stopped::Ledger(error));
        }
        Ok(RunReport {
            tally: state.tally.close()?,
            stopped,
            run: self
                .ledger
                .as_ref()
                .and_then(LedgerRun::id)
                .map(str::to_owned),
        })
    }

    async fn note_end(&self, stopped: Option<&Stopped>) -> Result<(), LedgerError> {
        match (&self.ledger, stopped) {
            (Some(ledger), None) => ledger.finish().await,
            (Some(ledger), Some(Stopped::RateLimited { resume_at, .. })) => {
                ledger.silence(*resume_at).await
            }
            _ => Ok(()),
        }
    }

    async fn work(
        self,
        first_row: u64,
        lines: Vec<String>,
        observe: Arc<dyn Fn(Event) + Send + Sync>,
    ) -> Outcome {
        let again = match &*self.stages {
            Stages::All { source, .. } | Stages::Extract { source } if self.again => {
                Some(again::asked(&lines, source))
            }
            _ => None,
        };
        let nothing = HashMap::new();
        let (rows, only) = again
            .as_ref()
            .map_or((&lines, &nothing), |(rows, only)| (rows, only));
        let chunk = Chunk {
            pipeline: &self.pipeline,
            stages: &self.stages,
            ledger: self.ledger.as_ref(),
            unchanged: &self.unchanged,
            first_row,
            lines: &lines,
            rows,
            only,
            observe: &*observe,
        };
        chunk.run().await
    }
}

/// Where a run stands.
#[derive(Default)]
struct State {
    tally: Tally,
    stopped: Option<Stopped>,
    /// Rows read, and not given to a worker yet: less than a chunk.
    buffer: Vec<String>,
    /// Rows given to workers.
    given: u64,
    /// No more rows come.
    ended: bool,
    /// Why, if that isn't their end.
    failed: Option<RowsError>,
}

impl State {
    fn end(&mut self, failed: Option<RowsError>) {
        self.ended = true;
        self.failed = failed;
    }

    fn has_chunk(&self, chunk_rows: usize) -> bool {
        self.buffer.len() >= chunk_rows || (self.ended && !self.buffer.is_empty())
    }

    fn take_chunk(&mut self) -> (u64, Vec<String>) {
        let chunk = std::mem::take(&mut self.buffer);
        let first_row = self.given;
        self.given += chunk.len() as u64;
        (first_row, chunk)
    }
}

impl Stages {
    /// Rows that were read and then left because the run stopped are pending.
    fn leave(&self, left: u64, tally: &mut Tally) {
        match self {
            Self::All { source, .. } | Self::Extract { source } => {
                let requests = left * u64::from(chunk::combinations(source));
                tally.rows.pending += left;
                tally.requests.planned += requests;
                tally.requests.pending += requests;
            }
            Self::Load { .. } => {
                tally.rows.done += left;
                tally.records.received += left;
                tally.records.documents += left;
                tally.documents.total += left;
                tally.documents.pending += left;
            }
        }
    }
}
