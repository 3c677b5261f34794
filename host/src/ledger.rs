//! What was durably written → which rows needn't be asked for again, and which
//! documents needn't be written again.
//!
//! The ledger is never ahead of the table: a row or a content is recorded only
//! after DynamoDB has acknowledged it, and what is known of a key is forgotten
//! before anything else is written under it. A process that ends in between
//! only leaves less known than there is.

pub(crate) mod content;
mod error;
mod file;
mod runs;
mod table;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod tests;

pub use content::{Entry, Hash};
pub use error::LedgerError;
pub use runs::{Begin, RunRecord, RunState};
pub use table::keys as table_keys;

use crate::config::Retry;
use crate::dynamodb::DynamoDb;
use file::FileStore;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use table::TableStore;
use tokio::sync::Mutex;

/// An open ledger. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    store: Store,
    /// Keys that are being written, by all runs of this process.
    in_flight: Arc<Mutex<HashMap<Hash, Holders>>>,
}

#[derive(Clone)]
enum Store {
    File(FileStore),
    Table(TableStore),
}

/// Who writes under a key now.
#[derive(Clone, Copy, Default)]
struct Holders {
    count: u32,
    /// There was more than one: which content stays isn't known.
    contended: bool,
}

/// The ledger's part in one run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LedgerRun {
    ledger: Ledger,
    /// The table's own; keys of different tables are different.
    scope: Hash,
    /// None where only contents are kept, not rows.
    record: Option<RunRecord>,
    resumed: bool,
}

/// One operation of either store.
macro_rules! stored {
    ($ledger:expr, $operation:ident ( $($argument:expr),* )) => {
        match &$ledger.store {
            Store::File(store) => store.$operation($($argument),*).await,
            Store::Table(store) => store.$operation($($argument),*).await,
        }
    };
}
pub(crate) use stored;

impl Ledger {
    /// A ledger in a file, which is made if it isn't there. Only one process
    /// can have it open.
    pub async fn open_file(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self::over(Store::File(FileStore::open(path).await?)))
    }

    /// A ledger in a DynamoDB table with [`table_keys`].
    pub async fn open_table(
        dynamodb: DynamoDb,
        name: &str,
        retry: Retry,
    ) -> Result<Self, LedgerError> {
        let store = TableStore::open(dynamodb, name, retry).await?;
        Ok(Self::over(Store::Table(store)))
    }

    fn over(store: Store) -> Self {
        Self {
            store,
            in_flight: Arc::default(),
        }
    }

    /// All runs that are known, the oldest first.
    pub async fn runs(&self) -> Result<Vec<RunRecord>, LedgerError> {
        stored!(self, runs())
    }

    /// The ledger's part in a run that keeps no rows, only contents.
    #[must_use]
    pub fn contents_only(&self, scope: Hash) -> LedgerRun {
        LedgerRun {
            ledger: self.clone(),
            scope,
            record: None,
            resumed: false,
        }
    }
}

impl LedgerRun {
    /// The run's name; none where no rows are kept.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.record.as_ref().map(|record| record.id.as_str())
    }

    /// Rows that were finished before, if this goes on with an earlier run.
    #[must_use]
    pub fn resumed(&self) -> Option<u64> {
        let record = self.record.as_ref().filter(|_| self.resumed)?;
        Some(record.rows)
    }

    /// Until when the earlier run was asked to be silent, where that isn't over.
    #[must_use]
    pub fn silent_until(&self, now: SystemTime) -> Option<SystemTime> {
        self.record.as_ref()?.silent_until(now)
    }

    pub(crate) fn scope(&self) -> Hash {
        self.scope
    }

    /// Which of these rows are finished already.
    pub(crate) async fn finished(&self, rows: &[String]) -> Result<Vec<bool>, LedgerError> {
        match &self.record {
            Some(record) if self.resumed => {
                let rows = rows.iter().map(|row| Hash::of(&[row])).collect();
                stored!(self.ledger, finished(&record.id, rows))
            }
            _ => Ok(vec![false; rows.len()]),
        }
    }

    /// Tells apart what must be written from what is in the table already, and
    /// holds the keys of what will be written until [`LedgerRun::close`].
    /// `known` is what's in the table under the keys; none to believe the
    /// ledger.
    pub(crate) async fn intend(
        &self,
        entries: &[&Entry],
        held: &mut HashMap<Hash, Option<Hash>>,
        known: Known,
    ) -> Result<Vec<bool>, LedgerError> {
        let mut in_flight = self.ledger.in_flight.lock().await;
        let keys: Vec<Hash> = entries.iter().map(|entry| entry.key).collect();
        let recorded = stored!(self.ledger, contents(keys))?;
        let (found, verified) = match known {
            Known::Recorded => (recorded.clone(), false),
            Known::Nothing => (vec![None; entries.len()], false),
            Known::Read(dynamodb, keys, table) => {
                let found = table::read(&dynamodb, entries, &keys, self.scope, &table).await?;
                (found, true)
            }
        };
        let mut forgotten = Vec::new();
        let mut unchanged = Vec::with_capacity(entries.len());
        for ((entry, recorded), found) in entries.iter().zip(recorded).zip(found) {
            // What this chunk wrote itself is newer than what is recorded.
            let own = held.get(&entry.key).copied();
            let same = own.unwrap_or(found) == Some(entry.content);
            unchanged.push(same);
            // What was read from the table is worth recording, if it wasn't.
            if same && (!verified || recorded == Some(entry.content)) {
                continue;
            }
            if own.is_none() {
                let holders = in_flight.entry(entry.key).or_default();
                holders.count += 1;
                holders.contended |= holders.count > 1;
            }
            held.insert(entry.key, same.then_some(entry.content));
            if recorded.is_some_and(|recorded| !same || recorded != entry.content) {
                forgotten.push(entry.key);
            }
        }
        if !forgotten.is_empty() {
            stored!(self.ledger, forget(forgotten))?;
        }
        Ok(unchanged)
    }

    /// Records finished rows and written contents at once, and lets go of the
    /// keys. What others wrote under the same key meanwhile is not recorded:
    /// nobody knows whose content stayed.
    pub(crate) async fn close(
        &self,
        rows: Vec<Hash>,
        held: HashMap<Hash, Option<Hash>>,
    ) -> Result<(), LedgerError> {
        let mut in_flight = self.ledger.in_flight.lock().await;
        let mut contents = Vec::with_capacity(held.len());
        for (key, content) in &held {
            let contended = in_flight.get(key).is_some_and(|holders| holders.contended);
            contents.extend(
                content
                    .filter(|_| !contended)
                    .map(|content| (*key, content)),
            );
        }
        let run = self.id();
        let recorded = if contents.is_empty() && (rows.is_empty() || run.is_none()) {
            Ok(())
        } else {
            stored!(self.ledger, record(run, rows, contents))
        };
        for key in held.keys() {
            if let Some(holders) = in_flight.get_mut(key) {
                holders.count = holders.count.saturating_sub(1);
                if holders.count == 0 {
                    in_flight.remove(key);
                }
            }
        }
        recorded
    }
}

/// Whom to believe about what is in the table.
pub(crate) enum Known {
    /// The ledger.
    Recorded,
    /// Nobody: everything is written.
    Nothing,
    /// The table itself.
    Read(DynamoDb, crate::engine::KeySchema, TableToRead),
}

/// The table that is read to verify, and how patiently.
pub(crate) struct TableToRead {
    pub name: String,
    pub retry: Retry,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ledger(…)")
    }
}
