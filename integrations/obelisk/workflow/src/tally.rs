//! What the calls returned → one account of a chunk, and of a run.

use crate::bindings::rowcast::obelisk::types::{Rejection, Tally};
use crate::bindings::rowcast::pipeline::extract::{Cell, Extraction};
use crate::bindings::rowcast::pipeline::types::Stop;

impl Tally {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            done: 0,
            documents: 0,
            written: 0,
            superseded: 0,
            refused: 0,
            undelivered: 0,
            rejected: Vec::new(),
            pending: Vec::new(),
            stopped: None,
            calls: 0,
            repeats: 0,
        }
    }

    /// Whether anything was achieved; being refused counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.written == 0 && self.done == 0 && self.rejected.is_empty()
    }

    /// Enters what an extraction did, but for its documents' fate.
    pub fn extracted(&mut self, extraction: &Extraction) {
        add(&mut self.done, extraction.done.len());
        add(&mut self.documents, extraction.documents.len());
        let cells = extraction
            .rejected
            .iter()
            .map(|cell| rejection(cell.cell, "", &cell.reason));
        self.rejected.extend(cells);
        let records = extraction
            .rejected_records
            .iter()
            .map(|record| rejection(record.cell, &record.path, &record.reason));
        self.rejected.extend(records);
    }

    /// Says why something is pending.
    pub fn stop(&mut self, pending: Vec<Cell>, stop: Stop) {
        self.pending = pending;
        self.stopped = Some(stop);
    }

    /// Makes rows count from the run's first instead of the chunk's.
    pub fn shift(&mut self, first_row: u32) {
        let rejected = self
            .rejected
            .iter_mut()
            .map(|rejection| &mut rejection.cell);
        for cell in rejected.chain(&mut self.pending) {
            cell.row = cell.row.saturating_add(first_row);
        }
    }

    /// Adds another account. The first reason for pending cells is kept.
    pub fn add(&mut self, other: Self) {
        for (sum, part) in [
            (&mut self.done, other.done),
            (&mut self.documents, other.documents),
            (&mut self.written, other.written),
            (&mut self.superseded, other.superseded),
            (&mut self.refused, other.refused),
            (&mut self.undelivered, other.undelivered),
            (&mut self.calls, other.calls),
            (&mut self.repeats, other.repeats),
        ] {
            *sum = sum.saturating_add(part);
        }
        self.rejected.extend(other.rejected);
        self.pending.extend(other.pending);
        self.stopped = self.stopped.take().or(other.stopped);
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

/// Adds a length to a count.
pub fn add(sum: &mut u32, length: usize) {
    *sum = sum.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
}

/// A rejection of its own words.
#[must_use]
pub fn rejection(cell: Cell, path: &str, reason: &str) -> Rejection {
    Rejection {
        cell,
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}
