//! Documents on their way → which of them are written: not one whose key has a
//! later document already, and not one that the table holds as it is. What was
//! written goes into the ledger when its chunk ends.
//!
//! One for each run, shared by all its chunks. Its lock is held for decisions
//! only, never while the ledger or the table is asked.

mod call;

use super::order::{Order, Position, Turn, Written};
use crate::dynamodb::DynamoDb;
use crate::engine::{Admit, Decision, Table};
use crate::ledger::content::Entry;
use crate::ledger::{Hash, Known, LedgerError, LedgerRun, Place, TableToRead};
use crate::random::random;
use call::CallAdmission;
use rowcast_json::digest;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// A call all of whose keys are held by others waits so long for one of them
/// before it's answered.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

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
#[derive(Clone, Debug)]
struct Candidate {
    at: Position,
    entry: Entry,
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
    digest_key: digest::Digest,
}

/// One chunk's part in it. Dropping it lets go of the keys that it holds.
#[derive(Debug)]
pub struct ChunkAdmission {
    run: Arc<Admission>,
    chunk: u64,
    /// The number of its first row among all.
    first_row: u64,
    table: Option<Table>,
    state: Mutex<ChunkState>,
}

#[derive(Debug, Default)]
struct ChunkState {
    /// What may be written now.
    held: HashMap<Hash, Written>,
    /// What it wrote, to be recorded when it ends.
    written: HashMap<Hash, Written>,
    /// Write capacity units that unchanged documents would have taken.
    saved: f64,
    /// Why something could not be decided.
    failed: Option<LedgerError>,
}

impl Admission {
    pub fn new(ledger: Option<LedgerRun>, unchanged: Unchanged) -> Self {
        let unknown = || digest::Digest {
            high: random(),
            low: random(),
        };
        let digest_key = ledger.as_ref().map_or_else(unknown, LedgerRun::digest_key);
        Self {
            order: Mutex::default(),
            settled: watch::Sender::new(()),
            ledger,
            unchanged,
            digest_key,
        }
    }

    /// A chunk is on its way; they begin in the order of their numbers.
    pub fn begin(&self, chunk: u64) {
        self.order().begin(chunk);
    }

    /// That chunk's part, once it is worked on.
    pub fn chunk(
        self: &Arc<Self>,
        chunk: u64,
        first_row: u64,
        table: Option<&Table>,
    ) -> ChunkAdmission {
        ChunkAdmission {
            run: Arc::clone(self),
            chunk,
            first_row,
            table: table.cloned(),
            state: Mutex::default(),
        }
    }

    pub fn ledger(&self) -> Option<&LedgerRun> {
        self.ledger.as_ref()
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChunkAdmission {
    /// What a call asks; see [`CallAdmission`].
    pub fn of_call(self: &Arc<Self>, rows: Option<Vec<u32>>) -> Arc<dyn Admit> {
        let chunk = Arc::clone(self);
        Arc::new(CallAdmission { chunk, rows })
    }

    /// Lets go of keys that a call left without a word, and says why it ended
    /// where that was because something could not be decided.
    pub fn call_ended(&self) -> Option<LedgerError> {
        let mut state = self.state();
        state.held.clear();
        let failed = state.failed.take();
        drop(state);
        // Also those that a decision had taken that was given up on the way.
        self.run.order().release(self.chunk);
        self.run.settled.send_replace(());
        failed
    }

    /// Write capacity units that unchanged documents would have taken.
    pub fn saved(&self) -> f64 {
        self.state().saved
    }

    fn state(&self) -> MutexGuard<'_, ChunkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for other chunks where they hold all of the keys.
    async fn decide_in_time(&self, candidates: &[Candidate]) -> Result<Vec<Decision>, LedgerError> {
        let until = tokio::time::Instant::now() + LONGEST_WAIT;
        loop {
            let mut settled = self.run.settled.subscribe();
            let decisions = self.decide(candidates).await?;
            let waits = decisions.iter().all(|each| *each == Decision::Later);
            if decisions.is_empty() || !waits {
                return Ok(decisions);
            }
            let changed = tokio::time::timeout_at(until, settled.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                return Ok(decisions);
            }
        }
    }

    /// Decides on documents, in their order.
    async fn decide(&self, candidates: &[Candidate]) -> Result<Vec<Decision>, LedgerError> {
        let turns: Vec<Turn> = {
            let mut order = self.run.order();
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
        let Compared { unchanged, passed } = match self.compare(&last).await {
            Ok(compared) => compared,
            Err(error) => {
                let keys = last.iter().map(|(candidate, _)| candidate.entry.key);
                self.settle(keys.map(|key| (key, None)).collect());
                return Err(error);
            }
        };
        let mut state = self.state();
        let mut decide = |(candidate, turn): (&Candidate, &Turn)| {
            let Candidate { at, entry } = candidate;
            match turn {
                Turn::Later => Decision::Later,
                Turn::Superseded => Decision::Superseded,
                Turn::Now { .. } if passed.contains(&entry.key) => Decision::Superseded,
                Turn::Now { .. } => match unchanged.get(&entry.key) {
                    Some(last) if last == at => {
                        state.saved += entry.capacity;
                        Decision::Unchanged
                    }
                    Some(_) => Decision::Superseded,
                    None => {
                        let (at, content) = (*at, entry.content);
                        state.held.insert(entry.key, Written { at, content });
                        Decision::Write
                    }
                },
            }
        };
        Ok(candidates.iter().zip(&turns).map(&mut decide).collect())
    }

    /// Compares the last document of each key with what is known to be in the
    /// table. What is known of those that will change is forgotten, durably.
    async fn compare(&self, last: &[(&Candidate, Option<Hash>)]) -> Result<Compared, LedgerError> {
        let mut compared = Compared::default();
        let Some(ledger) = self.run.ledger.as_ref().filter(|_| !last.is_empty()) else {
            return Ok(compared);
        };
        let keys = last.iter().map(|(candidate, _)| candidate.entry.key);
        let recorded = ledger.contents(keys.collect()).await?;
        let keyed = self.table.as_ref();
        let keyed = keyed.and_then(|table| Some((table, table.keys.as_ref()?)));
        let found = match (&self.run.unchanged, keyed) {
            (Unchanged::Skip, _) => {
                let contents = recorded
                    .iter()
                    .map(|known| known.map(|known| known.content));
                contents.collect()
            }
            (Unchanged::Verify(dynamodb), Some((table, keys))) => {
                let entries: Vec<_> = last.iter().map(|(candidate, _)| &candidate.entry).collect();
                let (name, retry) = (table.name.clone(), table.retry);
                let table = TableToRead { name, retry };
                ledger.read(dynamodb, &entries, keys, &table).await?
            }
            (Unchanged::Verify(_) | Unchanged::Write, _) => vec![None; last.len()],
        };
        let skips = !matches!(self.run.unchanged, Unchanged::Write);
        let (mut forgotten, mut settled) = (Vec::new(), Vec::new());
        for (((candidate, there), recorded), found) in last.iter().zip(recorded).zip(found) {
            let Entry { key, content, .. } = candidate.entry;
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
                    self.state().written.insert(key, written);
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
        self.settle(settled);
        Ok(compared)
    }

    fn place(&self, at: Position) -> Place {
        Place {
            row: self.first_row + u64::from(at.row),
            number: u32::try_from(at.place).unwrap_or(u32::MAX),
        }
    }

    /// Lets go of keys, each with the last document that was written under it.
    fn settle(&self, outcomes: Vec<(Hash, Option<Written>)>) {
        let mut order = self.run.order();
        for (key, written) in outcomes {
            order.settle(self.chunk, key, written);
        }
        drop(order);
        self.run.settled.send_replace(());
    }

    /// Records finished rows, and what was written and is still what is there,
    /// at once.
    pub async fn close(&self, rows: Vec<Hash>) -> Result<(), LedgerError> {
        let Some(ledger) = &self.run.ledger else {
            return Ok(());
        };
        // Held while they are recorded: whoever writes under them next forgets
        // what is recorded first.
        let own: Vec<(Hash, Known)> = {
            let state = self.state();
            let mut order = self.run.order();
            let own = state.written.iter();
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

impl Drop for ChunkAdmission {
    fn drop(&mut self) {
        self.run.order().finish(self.chunk);
        self.run.settled.send_replace(());
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod tests;
