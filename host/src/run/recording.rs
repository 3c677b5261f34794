//! A chunk's rows and documents → what must be asked for and written of them,
//! and, once it is, the chunk's page in the ledger.

use super::admission::{Admission, Candidate, ChunkAdmission, Decision};
use super::order::{Position, Written};
use super::tally::Tally;
use crate::engine::{Report, Table};
use crate::ledger::content::{self, Entry};
use crate::ledger::{Hash, LedgerError};
use std::collections::{BTreeSet, HashMap};
use tokio::sync::watch;

/// A document on its way.
#[derive(Clone, Debug)]
pub struct Document {
    pub text: String,
    pub at: Position,
    /// What it is known by; none if it can't be an item, or isn't asked for.
    pub entry: Option<Entry>,
}

/// The recording of one chunk.
pub struct Recording<'a> {
    admission: ChunkAdmission<'a>,
    /// The table, for keys of documents; another where there is no ledger.
    scope: Hash,
    keeps_rows: bool,
    /// Rows that were finished before.
    resumed: Vec<bool>,
    /// Rows that something is left of, or was rejected of.
    unfinished: BTreeSet<u32>,
}

/// Documents by what is to be done with them.
#[derive(Default)]
pub struct Admitted {
    /// To be written now, then reported.
    pub now: Vec<Document>,
    /// Another chunk is writing under their keys.
    pub later: Vec<Document>,
}

impl<'a> Recording<'a> {
    /// Looks up which of the rows are finished.
    pub async fn open(
        admission: &'a Admission,
        (chunk, first_row): (u64, u64),
        rows: &[String],
    ) -> Result<Self, LedgerError> {
        let part = admission.chunk(chunk, first_row);
        let (resumed, scope) = match admission.ledger() {
            Some(ledger) => (ledger.finished(rows).await?, ledger.scope()),
            None => (vec![false; rows.len()], Hash::of(&[])),
        };
        Ok(Self {
            admission: part,
            scope,
            keeps_rows: admission.ledger().is_some(),
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

    /// Tells of keys that other chunks let go of.
    pub fn settled(&self) -> watch::Receiver<()> {
        self.admission.settled()
    }

    /// What documents are known by. Where there is no ledger, nobody compares
    /// their contents.
    pub fn know(&self, documents: &mut [Document], table: &Table) {
        let Some(keys) = &table.keys else { return };
        let entry = if self.keeps_rows {
            content::of_document
        } else {
            content::of_key
        };
        for document in documents {
            document.entry = entry(&document.text, keys, self.scope);
        }
    }

    /// Takes the documents apart: not to be written are those that the table
    /// has already, and those that a later document took the place of. Where
    /// that can't be told, all stay.
    pub async fn admit(
        &mut self,
        documents: &mut Vec<Document>,
        table: &Table,
        tally: &mut Tally,
    ) -> Result<Admitted, LedgerError> {
        let candidates: Vec<Candidate> = documents
            .iter()
            .filter_map(|document| {
                let (at, entry) = (document.at, document.entry.as_ref()?);
                Some(Candidate { at, entry })
            })
            .collect();
        let decisions = self.admission.admit(&candidates, table).await?;
        let mut decisions = decisions.into_iter();
        let mut admitted = Admitted::default();
        for document in std::mem::take(documents) {
            let capacity = document.entry.as_ref().map(|entry| entry.capacity);
            // What can't be an item is for DynamoDB's rules to reject.
            let decision = capacity.and_then(|_| decisions.next());
            match decision.unwrap_or(Decision::Write) {
                Decision::Write => admitted.now.push(document),
                Decision::Later => admitted.later.push(document),
                Decision::Superseded => tally.documents.superseded += 1,
                Decision::Unchanged => {
                    tally.documents.unchanged += 1;
                    tally.effort.write_capacity_saved += capacity.unwrap_or_default();
                }
            }
        }
        Ok(admitted)
    }

    /// Notes what DynamoDB acknowledged; what is left is to be written still.
    pub fn reported(&mut self, documents: Vec<Document>, report: &Report) -> Vec<Document> {
        let superseded: BTreeSet<u32> = report.superseded.iter().map(|each| each.index).collect();
        let rejected: BTreeSet<u32> = report.rejected.iter().map(|each| each.index).collect();
        let pending: BTreeSet<u32> = report.pending.iter().copied().collect();
        let mut left = Vec::new();
        let mut settled: HashMap<Hash, Option<Written>> = HashMap::new();
        for (index, document) in (0_u32..).zip(documents) {
            if let Some(entry) = &document.entry {
                let written = settled.entry(entry.key).or_default();
                if !(pending.contains(&index)
                    || rejected.contains(&index)
                    || superseded.contains(&index))
                {
                    *written = Some(Written {
                        at: document.at,
                        content: entry.content,
                    });
                }
            }
            if pending.contains(&index) {
                left.push(document);
            } else if rejected.contains(&index) {
                self.unfinished.insert(document.at.row);
            }
        }
        self.admission.settle(settled);
        left
    }

    /// Lets go of the keys of documents that aren't written now.
    pub fn release(&mut self, documents: &[Document]) {
        let keys = documents
            .iter()
            .filter_map(|document| Some((document.entry.as_ref()?.key, None)));
        self.admission.settle(keys);
    }

    /// Documents that are not written after all.
    pub fn leave(&mut self, documents: &[Document]) {
        self.release(documents);
        self.unfinished
            .extend(documents.iter().map(|document| document.at.row));
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
