//! What a run does with its rows, and how rows are counted that it leaves.

use super::tally::Tally;
use super::{chunk, replay};
use crate::engine::{Source, Table};

/// What a run does with its rows.
#[derive(Clone, Debug)]
pub enum Stages {
    /// Rows → extract → load.
    All { source: Source, table: Table },
    /// Rows → extract → the observer.
    Extract { source: Source },
    /// Rows, which are documents already → load.
    Load { table: Table },
}

impl Stages {
    pub fn table(&self) -> Option<&Table> {
        match self {
            Self::All { table, .. } | Self::Load { table } => Some(table),
            Self::Extract { .. } => None,
        }
    }

    /// Rows that were read and then left because the run stopped are pending.
    pub fn leave(&self, rows: &[String], tally: &mut Tally) {
        let left = rows.len() as u64;
        match self {
            Self::All { source, .. } | Self::Extract { source } => {
                // One that is replayed is a single request.
                let single = replay::asked(rows, source).1.len() as u64;
                let requests = (left - single) * u64::from(chunk::combinations(source)) + single;
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
