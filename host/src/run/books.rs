//! A chunk's documents → what must be written of them, and, once it is, the
//! chunk's page in the ledger.

use super::tally::Tally;
use crate::dynamodb::DynamoDb;
use crate::engine::{Report, Table};
use crate::ledger::content::{self, Entry};
use crate::ledger::{Hash, Known, LedgerError, LedgerRun, TableToRead};
use std::collections::{BTreeSet, HashMap};

/// What is done with documents that the table has already.
#[derive(Clone, Debug, Default)]
pub enum Unchanged {
    /// The ledger says which they are; they aren't written.
    #[default]
    Skip,
    /// The table says which they are; they aren't written.
    Verify(DynamoDb),
    /// They're written again.
    Write,
}

/// Documents on their way, each with the index of its row in the chunk.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub documents: Vec<String>,
    pub rows: Vec<u32>,
}

/// The books of one chunk.
pub struct Books<'a> {
    ledger: Option<&'a LedgerRun>,
    unchanged: &'a Unchanged,
    /// Rows that were finished before.
    resumed: Vec<bool>,
    /// Rows that something is left of, or was rejected of.
    unfinished: BTreeSet<u32>,
    /// Keys that this chunk writes under, and what is there now, where DynamoDB
    /// has said so.
    held: HashMap<Hash, Option<Hash>>,
}

/// Documents that must be written.
pub struct Writing {
    pub batch: Batch,
    /// The same documents', in their order.
    entries: Vec<Option<Entry>>,
}

impl<'a> Books<'a> {
    /// Looks up which of the rows are finished.
    pub async fn open(
        ledger: Option<&'a LedgerRun>,
        unchanged: &'a Unchanged,
        rows: &[String],
    ) -> Result<Self, LedgerError> {
        let resumed = match ledger {
            Some(ledger) => ledger.finished(rows).await?,
            None => vec![false; rows.len()],
        };
        Ok(Self {
            ledger,
            unchanged,
            resumed,
            unfinished: BTreeSet::new(),
            held: HashMap::new(),
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

    /// Takes out what is in the table already. Of documents with one key the
    /// last one counts, as in a call of `load`.
    pub async fn intend(
        &mut self,
        batch: Batch,
        table: &Table,
        tally: &mut Tally,
    ) -> Result<Writing, LedgerError> {
        let (Some(ledger), Some(keys)) = (self.ledger, &table.keys) else {
            let entries = vec![None; batch.documents.len()];
            return Ok(Writing { batch, entries });
        };
        let documents = batch.documents.iter();
        let entries: Vec<Option<Entry>> = documents
            .map(|document| content::of_document(document, keys, ledger.scope()))
            .collect();
        let mut last: HashMap<Hash, &Entry> = HashMap::new();
        for entry in entries.iter().flatten() {
            last.insert(entry.key, entry);
        }
        let last: Vec<&Entry> = last.into_values().collect();
        let known = match self.unchanged {
            Unchanged::Skip => Known::Recorded,
            Unchanged::Write => Known::Nothing,
            Unchanged::Verify(dynamodb) => {
                let (name, retry) = (table.name.clone(), crate::plan::retry_of(&table.retry));
                Known::Read(dynamodb.clone(), keys.clone(), TableToRead { name, retry })
            }
        };
        let same = ledger.intend(&last, &mut self.held, known).await?;
        let there = last.iter().zip(same).filter(|(_, same)| *same);
        let there: HashMap<Hash, f64> = there
            .map(|(entry, _)| (entry.key, entry.capacity))
            .collect();
        let mut writing = Writing {
            batch: Batch::default(),
            entries: Vec::new(),
        };
        let mut settled = 0;
        let each = batch.documents.into_iter().zip(batch.rows).zip(entries);
        for ((document, row), entry) in each {
            if entry
                .as_ref()
                .is_some_and(|entry| there.contains_key(&entry.key))
            {
                settled += 1;
            } else {
                writing.batch.documents.push(document);
                writing.batch.rows.push(row);
                writing.entries.push(entry);
            }
        }
        let unchanged = there.len() as u64;
        tally.documents.unchanged += unchanged;
        tally.documents.superseded += settled - unchanged;
        tally.effort.write_capacity_saved += there.values().sum::<f64>();
        Ok(writing)
    }

    /// Notes what DynamoDB acknowledged; what is left is to be written still.
    pub fn reported(&mut self, writing: Writing, report: &Report) -> Writing {
        let superseded: BTreeSet<u32> = report.superseded.iter().map(|each| each.index).collect();
        let rejected: BTreeSet<u32> = report.rejected.iter().map(|each| each.index).collect();
        let pending: BTreeSet<u32> = report.pending.iter().copied().collect();
        let mut left = Writing {
            batch: Batch::default(),
            entries: Vec::new(),
        };
        let Writing { batch, entries } = writing;
        let each = batch.documents.into_iter().zip(batch.rows).zip(entries);
        for (index, ((document, row), entry)) in (0_u32..).zip(each) {
            if pending.contains(&index) {
                left.batch.documents.push(document);
                left.batch.rows.push(row);
                left.entries.push(entry);
            } else if rejected.contains(&index) {
                self.unfinished.insert(row);
            } else if !superseded.contains(&index)
                && let Some(entry) = entry
            {
                self.held.insert(entry.key, Some(entry.content));
            }
        }
        left
    }

    /// Documents that are not written after all.
    pub fn leave(&mut self, writing: &Writing) {
        self.unfinished.extend(&writing.batch.rows);
    }

    /// Records what is finished and written; the last that a chunk does.
    pub async fn close(self, rows: &[String]) -> Result<(), LedgerError> {
        let Some(ledger) = self.ledger else {
            return Ok(());
        };
        let numbered = (0_u32..).zip(rows).zip(&self.resumed);
        let finished = numbered
            .filter(|((index, _), resumed)| !**resumed && !self.unfinished.contains(index))
            .map(|((_, row), _)| Hash::of(&[row]));
        ledger.close(finished.collect(), self.held).await
    }
}
