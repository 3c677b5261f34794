//! Rows read, and outcomes of chunks → the next chunk, and why the run stops.

use super::event::{OutputError, Stopped};
use super::tally::Tally;
use super::work::ChunkOutcome;
use crate::config::Share;
use crate::rows::RowsError;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// How many chunks may be on their way beyond the oldest that isn't finished:
/// what is known of the keys of all of them is in memory.
const CHUNKS_AHEAD: u64 = 64;

/// Bytes of rows, or of documents to load, that make a chunk full.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;

/// Rows that come slowly aren't held back for longer than that, where somebody is free.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Where a run stands.
#[derive(Default)]
pub struct State {
    pub tally: Tally,
    pub stopped: Option<Stopped>,
    /// Rows read, and not given to a worker yet: less than a chunk.
    pub buffer: Vec<String>,
    pub bytes: usize,
    /// When the first of them came.
    since: Option<Instant>,
    /// They have waited for long enough.
    overdue: bool,
    /// Rows given to workers.
    pub given: u64,
    /// Chunks given to workers.
    pub begun: u64,
    pub unfinished: BTreeSet<u64>,
    /// No more rows come.
    pub ended: bool,
    /// Why, if that isn't their end.
    pub failed: Option<RowsError>,
}

impl State {
    pub fn end(&mut self, failed: Option<RowsError>) {
        self.ended = true;
        self.failed = failed;
    }

    pub fn push(&mut self, row: String) {
        self.bytes += row.len();
        self.buffer.push(row);
        self.since.get_or_insert_with(Instant::now);
    }

    /// When rows that came wait no longer for others.
    pub fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + LONGEST_WAIT)
    }

    /// It is that time.
    pub fn wait_no_longer(&mut self) {
        self.overdue = true;
    }

    pub fn has_chunk(&self, chunk_rows: usize) -> bool {
        let full = self.buffer.len() >= chunk_rows || self.bytes >= CHUNK_BYTES;
        full || ((self.ended || self.overdue) && !self.buffer.is_empty())
    }

    /// Whether the next chunk is near enough to the oldest unfinished one.
    pub fn may_begin(&self) -> bool {
        let oldest = self.unfinished.first().unwrap_or(&self.begun);
        self.begun - oldest < CHUNKS_AHEAD
    }

    /// A chunk's number, its first row's number, and its rows.
    pub fn take_chunk(&mut self) -> (u64, u64, Vec<String>) {
        let chunk = std::mem::take(&mut self.buffer);
        self.bytes = 0;
        (self.since, self.overdue) = (None, false);
        let (number, first_row) = (self.begun, self.given);
        self.unfinished.insert(number);
        self.begun += 1;
        self.given += chunk.len() as u64;
        (number, first_row, chunk)
    }

    pub fn finished(&mut self, number: u64, outcome: ChunkOutcome) {
        self.unfinished.remove(&number);
        self.tally.add(&outcome.tally);
        self.stop(outcome.stopped);
    }

    /// Stops where more is rejected than may be.
    pub fn limit(&mut self, limit: Option<Share>) {
        if let Some(limit) = limit.filter(|limit| self.tally.exceeds(*limit)) {
            self.stop(Some(Stopped::Rejections(limit)));
        }
    }

    /// The first reason counts. That nobody reads is none where there's another.
    pub fn stop(&mut self, reason: Option<Stopped>) {
        if let None | Some(Stopped::Output(OutputError::NobodyReads)) = self.stopped {
            self.stopped = reason.or(self.stopped.take());
        }
    }
}
