//! Documents on their way → which of them are written: not one whose key has a
//! later document already, and not one that the table holds as it is. What was
//! written goes into the ledger when its chunk ends.
//!
//! One for each run, shared by all its chunks. Its lock is held for decisions
//! only, never while the ledger or the table is asked.

use super::order::{Order, Position, Turn, Written};
use crate::dynamodb::DynamoDb;
use crate::engine::Table;
use crate::ledger::content::Entry;
use crate::ledger::{Hash, Known, LedgerError, LedgerRun, Place, TableToRead};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

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

/// A document that wants to be written.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub at: Position,
    pub entry: &'a Entry,
}

/// What is to be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Write it, then settle its key.
    Write,
    /// The table holds it already.
    Unchanged,
    /// A later document with its key is in the table.
    Superseded,
    /// Another chunk is writing under its key: ask again.
    Later,
}

/// What the table has already of some keys.
#[derive(Debug, Default)]
struct Compared {
    /// Their last document, which is at that position.
    unchanged: HashMap<Hash, Position>,
    /// A document of a later row.
    passed: HashSet<Hash>,
}

/// Decides for all chunks of a run.
#[derive(Debug)]
pub struct Admission {
    order: Mutex<Order>,
    settled: watch::Sender<()>,
    ledger: Option<LedgerRun>,
    unchanged: Unchanged,
}

/// One chunk's part in it. Dropping it lets go of the keys that it holds.
#[derive(Debug)]
pub struct ChunkAdmission<'a> {
    admission: &'a Admission,
    chunk: u64,
    /// The number of its first row among all.
    first_row: u64,
    /// What it wrote, to be recorded when it ends.
    written: HashMap<Hash, Written>,
}

impl Admission {
    pub fn new(ledger: Option<LedgerRun>, unchanged: Unchanged) -> Self {
        Self {
            order: Mutex::default(),
            settled: watch::Sender::new(()),
            ledger,
            unchanged,
        }
    }

    /// A chunk is on its way; they begin in the order of their numbers.
    pub fn begin(&self, chunk: u64) {
        self.order().begin(chunk);
    }

    /// That chunk's part, once it is worked on.
    pub fn chunk(&self, chunk: u64, first_row: u64) -> ChunkAdmission<'_> {
        ChunkAdmission {
            admission: self,
            chunk,
            first_row,
            written: HashMap::new(),
        }
    }

    pub fn ledger(&self) -> Option<&LedgerRun> {
        self.ledger.as_ref()
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChunkAdmission<'_> {
    /// What tells of keys that were let go of; taken before asking.
    pub fn settled(&self) -> watch::Receiver<()> {
        self.admission.settled.subscribe()
    }

    /// Decides on documents, in their order. Of documents with one key the
    /// last one counts; those before it are written as well, in case that
    /// DynamoDB refuses it.
    pub async fn admit(
        &mut self,
        candidates: &[Candidate<'_>],
        table: &Table,
    ) -> Result<Vec<Decision>, LedgerError> {
        let turns: Vec<Turn> = {
            let mut order = self.admission.order();
            let turn = |candidate: &Candidate| order.admit(candidate.entry.key, candidate.at);
            candidates.iter().map(turn).collect()
        };
        let mut last: HashMap<Hash, (&Candidate, Option<Hash>)> = HashMap::new();
        for (candidate, turn) in candidates.iter().zip(&turns) {
            if let Turn::Now { there } = turn {
                last.insert(candidate.entry.key, (candidate, *there));
            }
        }
        let last: Vec<_> = last.into_values().collect();
        let Compared { unchanged, passed } = match self.compare(&last, table).await {
            Ok(compared) => compared,
            Err(error) => {
                self.settle(
                    last.iter()
                        .map(|(candidate, _)| (candidate.entry.key, None)),
                );
                return Err(error);
            }
        };
        let decide = |(candidate, turn): (&Candidate, &Turn)| match turn {
            Turn::Later => Decision::Later,
            Turn::Superseded => Decision::Superseded,
            Turn::Now { .. } if passed.contains(&candidate.entry.key) => Decision::Superseded,
            Turn::Now { .. } => match unchanged.get(&candidate.entry.key) {
                Some(at) if *at == candidate.at => Decision::Unchanged,
                Some(_) => Decision::Superseded,
                None => Decision::Write,
            },
        };
        Ok(candidates.iter().zip(&turns).map(decide).collect())
    }

    /// Compares the last document of each key with what is known to be in the
    /// table. What is known of those that will change is forgotten, durably.
    async fn compare(
        &mut self,
        last: &[(&Candidate<'_>, Option<Hash>)],
        table: &Table,
    ) -> Result<Compared, LedgerError> {
        let mut compared = Compared::default();
        let Some(ledger) = self.admission.ledger.as_ref().filter(|_| !last.is_empty()) else {
            return Ok(compared);
        };
        let keys = last.iter().map(|(candidate, _)| candidate.entry.key);
        let recorded = ledger.contents(keys.collect()).await?;
        let found = match (&self.admission.unchanged, &table.keys) {
            (Unchanged::Skip, _) => {
                let contents = recorded
                    .iter()
                    .map(|known| known.map(|known| known.content));
                contents.collect()
            }
            (Unchanged::Verify(dynamodb), Some(keys)) => {
                let entries: Vec<_> = last.iter().map(|(candidate, _)| candidate.entry).collect();
                let (name, retry) = (table.name.clone(), table.retry);
                let table = TableToRead { name, retry };
                ledger.read(dynamodb, &entries, keys, &table).await?
            }
            (Unchanged::Verify(_) | Unchanged::Write, _) => vec![None; last.len()],
        };
        let skips = !matches!(self.admission.unchanged, Unchanged::Write);
        let (mut forgotten, mut settled) = (Vec::new(), Vec::new());
        for (((candidate, there), recorded), found) in last.iter().zip(recorded).zip(found) {
            let Entry { key, content, .. } = *candidate.entry;
            let written = Written {
                at: candidate.at,
                content,
            };
            // A later row's, from before this run was stopped or killed.
            let place = recorded.and_then(|known| known.place);
            if there.is_none() && place.is_some_and(|place| place > self.place(candidate.at)) {
                compared.passed.insert(key);
                settled.push((key, None));
                continue;
            }
            let recorded = recorded.map(|known| known.content);
            if skips && there.or(found) == Some(content) {
                compared.unchanged.insert(key, candidate.at);
                settled.push((key, Some(written)));
                let earlier = place.is_some_and(|place| place < self.place(candidate.at));
                if recorded != Some(content) || earlier {
                    self.written.insert(key, written);
                }
            }
            let same = compared.unchanged.contains_key(&key);
            if recorded.is_some_and(|recorded| !same || recorded != content) {
                forgotten.push(key);
            }
        }
        if !forgotten.is_empty() {
            ledger.forget(forgotten).await?;
        }
        self.settle_written(settled);
        Ok(compared)
    }

    fn place(&self, at: Position) -> Place {
        Place {
            row: self.first_row + u64::from(at.row),
            number: u32::try_from(at.place).unwrap_or(u32::MAX),
        }
    }

    /// Lets go of keys, each with the last document that was written under it.
    pub fn settle(&mut self, outcomes: impl IntoIterator<Item = (Hash, Option<Written>)>) {
        let outcomes: Vec<_> = outcomes.into_iter().collect();
        for (key, written) in &outcomes {
            if let Some(written) = written {
                self.written.insert(*key, *written);
            }
        }
        self.settle_written(outcomes);
    }

    fn settle_written(&self, outcomes: Vec<(Hash, Option<Written>)>) {
        let mut order = self.admission.order();
        for (key, written) in outcomes {
            order.settle(self.chunk, key, written);
        }
        drop(order);
        self.admission.settled.send_replace(());
    }

    /// Records finished rows, and what was written and is still what is there,
    /// at once.
    pub async fn close(self, rows: Vec<Hash>) -> Result<(), LedgerError> {
        let Some(ledger) = &self.admission.ledger else {
            return Ok(());
        };
        // Held while they are recorded: whoever writes under them next forgets
        // what is recorded first.
        let own: Vec<(Hash, Known)> = {
            let mut order = self.admission.order();
            let own = self.written.iter();
            let own = own.filter(|(key, written)| order.hold_own(**key, **written));
            let known = |written: &Written| Known {
                content: written.content,
                place: Some(self.place(written.at)),
            };
            own.map(|(key, written)| (*key, known(written))).collect()
        };
        ledger.record(rows, own).await
    }
}

impl Drop for ChunkAdmission<'_> {
    fn drop(&mut self) {
        self.admission.order().finish(self.chunk);
        self.admission.settled.send_replace(());
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod tests;
