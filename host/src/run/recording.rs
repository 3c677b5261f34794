//! A chunk's rows → which of them are asked for, and, once they are, the chunk's
//! page in the ledger.

use super::admission::{Admission, ChunkAdmission};
use crate::engine::{Admit, Table};
use crate::ledger::{Hash, LedgerError};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The recording of one chunk.
pub struct Recording {
    admission: Arc<ChunkAdmission>,
    keeps_rows: bool,
    /// Rows that were finished before.
    resumed: Vec<bool>,
    /// Rows that something is left of, or was rejected of.
    unfinished: BTreeSet<u32>,
}

impl Recording {
    /// Looks up which of the rows are finished.
    pub async fn open(
        admission: &Arc<Admission>,
        (chunk, first_row): (u64, u64),
        rows: &[String],
        table: Option<&Table>,
    ) -> Result<Self, LedgerError> {
        let part = admission.chunk(chunk, first_row, table);
        let resumed = match admission.ledger() {
            Some(ledger) => ledger.finished(rows).await?,
            None => vec![false; rows.len()],
        };
        Ok(Self {
            admission: Arc::new(part),
            keeps_rows: admission
                .ledger()
                .is_some_and(|ledger| ledger.id().is_some()),
            resumed,
            unfinished: BTreeSet::new(),
        })
    }

    /// Whether a row was finished before.
    pub fn is_resumed(&self, row: u32) -> bool {
        usize::try_from(row)
            .ok()
            .and_then(|row| self.resumed.get(row))
            .is_some_and(|resumed| *resumed)
    }

    pub fn resumed(&self) -> u64 {
        self.resumed.iter().filter(|resumed| **resumed).count() as u64
    }

    /// Something of a row is left, or was rejected: another run asks again.
    pub fn unfinished(&mut self, row: u32) {
        self.unfinished.insert(row);
    }

    /// Decides for a call; `rows` are those that its documents are, where they
    /// aren't those of its requests.
    pub fn of_call(&self, rows: Option<Vec<u32>>) -> Arc<dyn Admit> {
        self.admission.of_call(rows)
    }

    /// To be called after each call: why it ended, where the ledger was that.
    pub fn call_ended(&self) -> Option<LedgerError> {
        self.admission.call_ended()
    }

    /// Write capacity units that unchanged documents would have taken.
    pub fn saved(&self) -> f64 {
        self.admission.saved()
    }

    /// Records what is finished and written; the last that a chunk does.
    pub async fn close(self, rows: &[String]) -> Result<(), LedgerError> {
        let numbered = (0_u32..).zip(rows).zip(&self.resumed);
        let finished = numbered
            .filter(|((index, _), resumed)| {
                self.keeps_rows && !**resumed && !self.unfinished.contains(index)
            })
            .map(|((_, row), _)| Hash::of(&[row]))
            .collect();
        self.admission.close(finished).await
    }
}
