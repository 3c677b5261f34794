//! Rows → a report: chunks of rows through several component instances at
//! once. The next chunk is read only when an instance is free, so a slow
//! DynamoDB slows PostgreSQL down instead of filling memory.

mod admission;
mod answer;
mod chunk;
mod event;
mod loading;
mod order;
mod part;
mod patience;
mod recording;
mod replay;
mod requests;
mod stages;
mod state;
mod tally;
mod upstreams;
mod work;

pub use admission::Unchanged;
pub use chunk::call_stopped;
pub use event::{Event, Observe, OutputError, Rejection, Stopped, Upstream, clock};
pub use replay::{documents_again, rows_again};
pub use tally::{Documents, Effort, Records, Requests, Rows, Tally, Unbalanced};

use crate::config::{self, Share};
use crate::engine::{Hold, Pipeline, Source, Table};
use crate::ledger::{LedgerError, LedgerRun};
use crate::rows::{self, RowsError};
use admission::Admission;
use chunk::Chunk;
use futures_util::StreamExt;
use stages::Stages;
use state::State;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use upstreams::{LAST_STEPS, Upstreams};
use work::ChunkOutcome;

/// Rows in one call, where nobody says.
const CHUNK_ROWS: usize = 50;

/// Documents in one call, likewise. They are smaller than what a row becomes.
const CHUNK_DOCUMENTS: usize = 500;

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
    max_wait: Duration,
    max_rejected: Option<Share>,
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
    /// The whole pipeline.
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
        let default = config::Run::default();
        let chunk_rows = match &stages {
            Stages::All { .. } | Stages::Extract { .. } => CHUNK_ROWS,
            Stages::Load { .. } => CHUNK_DOCUMENTS,
        };
        Self {
            // A run that stops holds up no other one of the same host.
            pipeline: pipeline.apart(),
            stages: Arc::new(stages),
            chunk_rows,
            workers: usize::try_from(default.workers).unwrap_or(usize::MAX),
            stop,
            ledger: None,
            unchanged: Unchanged::default(),
            again: false,
            max_wait: default.max_wait.0,
            max_rejected: default.max_rejected,
        }
    }

    /// Rows per call of the component. Memory grows with it.
    #[must_use]
    pub fn chunk_rows(mut self, chunk_rows: usize) -> Self {
        self.chunk_rows = chunk_rows.max(1);
        self
    }

    /// How long it waits for an upstream that has answered in this run.
    #[must_use]
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// How much may be rejected before it stops; none: anything.
    #[must_use]
    pub fn max_rejected(mut self, max_rejected: Option<Share>) -> Self {
        self.max_rejected = max_rejected;
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

    /// Lets other processes use the ledger: to be called when the run has
    /// ended, or won't be started.
    pub async fn release(&self) {
        if let Some(ledger) = &self.ledger {
            ledger.release().await;
        }
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
        self.start_observed(rows, Arc::new(event::Closure(observe)))
            .await
    }

    /// The same with an observer that may be slower than the run, or fail.
    pub async fn start_observed(
        &self,
        mut rows: rows::Rows,
        observe: Arc<dyn Observe>,
    ) -> Result<RunReport, RunError> {
        let admission = Admission::new(self.ledger.clone(), self.unchanged.clone());
        let admission = Arc::new(admission);
        let mut stop = self.stop.subscribe();
        let upstreams = Upstreams::new(
            self.pipeline.clone(),
            Arc::clone(&observe),
            self.max_wait,
            stop.clone(),
        );
        let upstreams = Arc::new(upstreams);
        if matches!(*self.stages, Stages::All { .. } | Stages::Load { .. }) {
            // It was described before.
            upstreams.succeeded(Upstream::Table);
        }
        let mut state = State::default();
        let mut workers = JoinSet::new();
        let mut hold: Option<(Hold, Instant)> = None;
        let mut ends = LAST_STEPS.into_iter().peekable();
        loop {
            if *stop.borrow_and_update() && hold.is_none() {
                hold = Some((self.pipeline.hold(), Instant::now()));
            }
            let next = hold.as_ref().zip(ends.peek());
            let next = next.map(|((_, since), (after, _))| *since + *after);
            let stopping = state.stopped.is_some() || *stop.borrow();
            let room = workers.len() < self.workers && state.may_begin();
            if !stopping && room && state.has_chunk(self.chunk_rows) {
                let (number, first_row, lines) = state.take_chunk();
                admission.begin(number);
                let (admission, observe) = (Arc::clone(&admission), Arc::clone(&observe));
                let (run, upstreams) = (self.clone(), Arc::clone(&upstreams));
                workers.spawn(async move {
                    let shared = (&admission, &*upstreams, &*observe);
                    (number, run.work(shared, number, first_row, lines).await)
                });
                continue;
            }
            let reading = !stopping && !state.ended && !state.has_chunk(self.chunk_rows);
            if !reading && workers.is_empty() {
                break;
            }
            let due = state.due().filter(|_| reading && room);
            tokio::select! {
                Some(finished) = workers.join_next() => {
                    let (number, outcome): (u64, ChunkOutcome) = finished?;
                    state.finished(number, outcome);
                    state.stop(upstreams.denied(false));
                    state.limit(self.max_rejected);
                    let told = observe.event(Event::Progress(state.tally)).await;
                    state.stop(told.err().map(Stopped::Output));
                }
                _ = stop.changed(), if hold.is_none() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    if let (Some((hold, _)), Some((_, turn))) = (&mut hold, ends.next()) {
                        turn(hold);
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    state.wait_no_longer();
                }
                row = rows.next(), if reading => match row {
                    Some(Ok(row)) => state.push(row),
                    Some(Err(RowsError::Rejected { place, text, message })) => {
                        state.tally.rows.read += 1;
                        state.tally.rows.rejected += 1;
                        state.tally.rows.unreadable += 1;
                        let reason = message;
                        let rejection = Rejection::Row { place, text, reason };
                        let told = observe.event(Event::Rejected(Box::new(rejection))).await;
                        state.stop(told.err().map(Stopped::Output));
                        state.limit(self.max_rejected);
                    }
                    // The rows before it are as good as any.
                    Some(Err(error)) => state.end(Some(error)),
                    None => state.end(None),
                },
            }
        }
        self.stages.leave(&state.buffer, &mut state.tally);
        state.tally.rows.read += state.buffer.len() as u64;
        if state.stopped.is_none() && state.tally.requests.pending == 0 {
            state.stop(upstreams.denied(true));
        }
        drop(hold);
        // What was asked to stop when all was done has ended.
        let all_done = state.ended && !state.tally.has_pending();
        let requested = *stop.borrow() && !all_done;
        let failed = state.failed.take().map(Stopped::Rows);
        state.stop(failed.or(requested.then_some(Stopped::Requested)));
        // Whatever isn't put out leaves the run unfinished.
        state.stop(observe.finish().await.err().map(Stopped::Output));
        let ended = self.note_end(state.stopped.as_ref()).await;
        state.stop(ended.err().map(Stopped::Ledger));
        Ok(RunReport {
            tally: state.tally.close()?,
            stopped: state.stopped,
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
            // The table's own limit is nothing that the source asked for.
            (
                Some(ledger),
                Some(Stopped::RateLimited {
                    by: Upstream::Source,
                    resume_at,
                    ..
                }),
            ) => ledger.pause(*resume_at).await,
            _ => Ok(()),
        }
    }

    async fn work(
        self,
        (admission, upstreams, observe): (&Arc<Admission>, &Upstreams, &dyn Observe),
        number: u64,
        first_row: u64,
        lines: Vec<String>,
    ) -> ChunkOutcome {
        let again = match &*self.stages {
            Stages::All { source, .. } | Stages::Extract { source } if self.again => {
                Some(replay::asked(&lines, source))
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
            admission,
            upstreams,
            number,
            first_row,
            lines: &lines,
            rows,
            only,
            observe,
        };
        chunk.run().await
    }
}
