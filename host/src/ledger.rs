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
mod item_key;
mod known;
mod lease;
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
pub use known::{Known, Place};
pub use runs::{Begin, RunRecord, RunState};
pub use table::keys as table_keys;

use crate::config::{Keys, Retry};
use crate::dynamodb::DynamoDb;
use file::FileStore;
use known::Tag;
use lease::Lease;
use rowcast_json::digest::Digest;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use table::TableStore;

/// An open ledger. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    store: Store,
}

#[derive(Clone)]
enum Store {
    File(FileStore),
    Table(TableStore),
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
    /// A run of the same work that is too old to be continued.
    outdated: Option<RunRecord>,
    /// None where the store itself can't be opened twice.
    lease: Option<Arc<Lease>>,
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

    /// Whether a file that isn't there could be made.
    pub fn check_new_file(path: &Path) -> Result<(), LedgerError> {
        let folders = path.ancestors().skip(1);
        let mut folders = folders.map(|it| {
            if it == Path::new("") {
                Path::new(".")
            } else {
                it
            }
        });
        let folder = folders.find(|it| it.exists());
        let made = tempfile::tempfile_in(folder.unwrap_or(Path::new(".")));
        made.map(drop).map_err(|error| LedgerError::Open {
            path: path.to_owned(),
            source: Box::new(error.into()),
        })
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
        Self { store }
    }

    /// All runs that are known, the oldest first.
    pub async fn runs(&self) -> Result<Vec<RunRecord>, LedgerError> {
        stored!(self, runs())
    }

    /// The ledger's part in a run that keeps no rows, only contents.
    pub async fn contents_only(&self, scope: Hash) -> Result<LedgerRun, LedgerError> {
        Ok(LedgerRun {
            lease: self.lease(scope).await?,
            ledger: self.clone(),
            scope,
            record: None,
            resumed: false,
            outdated: None,
        })
    }

    /// No two processes may write to one table by one ledger: a file is one
    /// process's as long as it's open, and in a table that is a lease.
    async fn lease(&self, scope: Hash) -> Result<Option<Arc<Lease>>, LedgerError> {
        Ok(match &self.store {
            Store::File(_) => None,
            Store::Table(store) => Some(Arc::new(store.lease(scope).await?)),
        })
    }
}

impl LedgerRun {
    /// The run's name; none where no rows are kept.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.record.as_ref().map(|record| record.id.as_str())
    }

    /// Rows that were finished before, if this continues an earlier run.
    #[must_use]
    pub fn resumed(&self) -> Option<u64> {
        let record = self.record.as_ref().filter(|_| self.resumed)?;
        Some(record.rows)
    }

    /// When the run was begun.
    #[must_use]
    pub fn started(&self) -> Option<SystemTime> {
        self.record.as_ref().map(RunRecord::started)
    }

    /// A run of the same work that wasn't finished, and is too old to be
    /// continued.
    #[must_use]
    pub fn outdated(&self) -> Option<&RunRecord> {
        self.outdated.as_ref()
    }

    /// Until when the earlier run was asked to be silent, where that isn't over.
    #[must_use]
    pub fn silent_until(&self, now: SystemTime) -> Option<SystemTime> {
        self.record.as_ref()?.silent_until(now)
    }

    /// What digests of its keys and contents are keyed by. DynamoDB's own id of
    /// the table is in it, which no source knows.
    pub(crate) fn digest_key(&self) -> Digest {
        let key = Hash::of(&["digests", &self.scope.to_string()]);
        let number = u128::from_be_bytes(*key.bytes());
        let low = u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default();
        let high = u64::try_from(number >> 64).unwrap_or_default();
        Digest { high, low }
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

    /// What is known to be in the table under these keys.
    pub(crate) async fn contents(
        &self,
        keys: Vec<Hash>,
    ) -> Result<Vec<Option<Known>>, LedgerError> {
        self.check_lease().await?;
        let kept = stored!(self.ledger, contents(keys))?;
        let (kept, run) = (kept.into_iter(), self.id().map(Tag::of));
        Ok(kept.map(|kept| Some(kept?.known(run))).collect())
    }

    /// What is in the table under the keys of these documents.
    pub(crate) async fn read(
        &self,
        dynamodb: &DynamoDb,
        entries: &[&Entry],
        keys: &Keys,
        table: &TableToRead,
    ) -> Result<Vec<Option<Hash>>, LedgerError> {
        table::read(dynamodb, entries, keys, self.digest_key(), table).await
    }

    /// What is under these keys is about to change: it isn't known any more.
    pub(crate) async fn forget(&self, keys: Vec<Hash>) -> Result<(), LedgerError> {
        self.check_lease().await?;
        stored!(self.ledger, forget(keys))
    }

    /// Records finished rows and written contents at once.
    pub(crate) async fn record(
        &self,
        rows: Vec<Hash>,
        contents: Vec<(Hash, Known)>,
    ) -> Result<(), LedgerError> {
        let run = self.id();
        if contents.is_empty() && (rows.is_empty() || run.is_none()) {
            return Ok(());
        }
        self.check_lease().await?;
        let (contents, tag) = (contents.into_iter(), run.map(Tag::of));
        let contents = contents
            .map(|(key, known)| (key, known.keep(tag)))
            .collect();
        stored!(self.ledger, record(run, rows, contents))
    }

    /// Lets other processes use the ledger; the last thing to do.
    pub async fn release(&self) {
        if let Some(lease) = &self.lease {
            lease.release().await;
        }
    }

    async fn check_lease(&self) -> Result<(), LedgerError> {
        match &self.lease {
            Some(lease) => lease.check().await,
            None => Ok(()),
        }
    }
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
