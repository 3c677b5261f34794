//! The ledger in one file: an embedded store whose commits survive a crash.

mod damage;
mod holder;

use super::known::Kept;
use super::{Hash, LedgerError, RunRecord};
use damage::Guarded;
use redb::{
    Database, DatabaseError, Error, Range, ReadableDatabase, ReadableTable, ReadableTableMetadata,
};
use redb::{TableDefinition, TableError, Value};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

/// What this program keeps, and how.
const FORMAT: u64 = 1;
const ABOUT: TableDefinition<&str, u64> = TableDefinition::new("rowcast");
/// A content and its place for each key.
const CONTENTS: TableDefinition<&[u8; 16], (&[u8; 16], &[u8; 16])> =
    TableDefinition::new("contents");
const RUNS: TableDefinition<&str, &str> = TableDefinition::new("runs");
/// Bytes of the file kept in memory at most; the store's own default is
/// a gigabyte.
const CACHE: usize = 2 * 1024 * 1024;
/// Entries that are passed on the way to the next one that is looked for, before
/// it's looked for from the root.
const PASSED: usize = 8;

/// An open ledger file. No other process can open it meanwhile.
#[derive(Clone)]
pub struct FileStore {
    database: Arc<Guarded>,
    path: Arc<Path>,
}

impl FileStore {
    /// Opens the file, or makes it, and the folder that it's in.
    pub async fn open(path: &Path) -> Result<Self, LedgerError> {
        let (path, named) = (path.to_owned(), path.to_owned());
        let opening = tokio::task::spawn_blocking(move || open(&path));
        let damaged = |_| LedgerError::Damaged(named);
        opening.await.map_err(damaged)?
    }

    /// Which of these rows the run has finished.
    pub async fn finished(&self, run: &str, rows: Vec<Hash>) -> Result<Vec<bool>, LedgerError> {
        let name = rows_name(run);
        self.with("read finished rows", move |database| {
            let table = match database.begin_read()?.open_table(rows_table(&name)) {
                Ok(table) => table,
                Err(TableError::TableDoesNotExist(_)) => return Ok(vec![false; rows.len()]),
                Err(error) => return Err(error.into()),
            };
            let found = look_up(&table, &rows, |()| ())?;
            Ok(found.iter().map(Option::is_some).collect())
        })
        .await
    }

    /// What is known to be in the table under these keys.
    pub async fn contents(&self, keys: Vec<Hash>) -> Result<Vec<Option<Kept>>, LedgerError> {
        self.with("read what was written", move |database| {
            let table = match database.begin_read()?.open_table(CONTENTS) {
                Ok(table) => table,
                Err(TableError::TableDoesNotExist(_)) => return Ok(vec![None; keys.len()]),
                Err(error) => return Err(error.into()),
            };
            look_up(&table, &keys, |(content, at)| {
                let (content, at) = (Hash::from_bytes(*content), Hash::from_bytes(*at));
                Kept { content, at }
            })
        })
        .await
    }

    /// What is under these keys isn't known any more.
    pub async fn forget(&self, mut keys: Vec<Hash>) -> Result<(), LedgerError> {
        keys.sort_unstable();
        self.with("forget what is about to change", move |database| {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(CONTENTS)?;
                for key in &keys {
                    table.remove(key.bytes())?;
                }
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    /// These rows are finished and these contents written: all of it, or, if
    /// the process ends now, nothing.
    pub async fn record(
        &self,
        run: Option<&str>,
        mut rows: Vec<Hash>,
        mut contents: Vec<(Hash, Kept)>,
    ) -> Result<(), LedgerError> {
        let name = run.map(rows_name);
        // Neighbours go into one page, one after the other.
        rows.sort_unstable();
        contents.sort_unstable_by_key(|(key, _)| *key);
        self.with("record what was written", move |database| {
            let transaction = database.begin_write()?;
            if let Some(name) = &name {
                let mut table = transaction.open_table(rows_table(name))?;
                for row in &rows {
                    table.insert(row.bytes(), ())?;
                }
            }
            {
                let mut table = transaction.open_table(CONTENTS)?;
                for (key, kept) in &contents {
                    let kept = (kept.content.bytes(), kept.at.bytes());
                    table.insert(key.bytes(), kept)?;
                }
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    /// All runs, the oldest first.
    pub async fn runs(&self) -> Result<Vec<RunRecord>, LedgerError> {
        self.with("list the runs", |database| {
            let transaction = database.begin_read()?;
            let table = match transaction.open_table(RUNS) {
                Ok(table) => table,
                Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let mut runs = Vec::new();
            for entry in table.iter()? {
                let Ok(mut run) = serde_json::from_str::<RunRecord>(entry?.1.value()) else {
                    continue;
                };
                run.rows = match transaction.open_table(rows_table(&rows_name(&run.id))) {
                    Ok(rows) => rows.len()?,
                    Err(TableError::TableDoesNotExist(_)) => run.rows,
                    Err(error) => return Err(error.into()),
                };
                runs.push(run);
            }
            Ok(runs)
        })
        .await
    }

    /// Keeps what is said of a run; of one that has ended, its rows go.
    pub async fn put(&self, run: RunRecord) -> Result<(), LedgerError> {
        self.with("keep the run's state", move |database| {
            let transaction = database.begin_write()?;
            if !run.is_open() {
                transaction.delete_table(rows_table(&rows_name(&run.id)))?;
            }
            let text = serde_json::to_string(&run).unwrap_or_default();
            transaction
                .open_table(RUNS)?
                .insert(run.id.as_str(), text.as_str())?;
            Ok(transaction.commit()?)
        })
        .await
    }

    /// Forgets these runs.
    pub async fn remove(&self, runs: Vec<String>) -> Result<(), LedgerError> {
        self.with("forget old runs", move |database| {
            let transaction = database.begin_write()?;
            for run in &runs {
                transaction.delete_table(rows_table(&rows_name(run)))?;
                transaction.open_table(RUNS)?.remove(run.as_str())?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    async fn with<T: Send + 'static>(
        &self,
        act: &'static str,
        work: impl FnOnce(&Database) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let database = Arc::clone(&self.database);
        let path = self.path.clone();
        let work = tokio::task::spawn_blocking(move || database.with(&path, act, work));
        work.await
            .unwrap_or_else(|_| Err(LedgerError::Damaged(self.path.to_path_buf())))
    }
}

fn open(path: &Path) -> Result<FileStore, LedgerError> {
    let unusable = |source| LedgerError::Open {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent()
        && !folder.as_os_str().is_empty()
        && !folder.exists()
    {
        fs::create_dir_all(folder).map_err(|error| unusable(Box::new(error.into())))?;
        // The ledger is this machine's, not the project's.
        fs::write(folder.join(".gitignore"), "*\n")
            .map_err(|error| unusable(Box::new(error.into())))?;
    }
    begin_anew(path);
    let create = || Database::builder().set_cache_size(CACHE).create(path);
    let database = match damage::caught(create) {
        None => return Err(LedgerError::Damaged(path.to_owned())),
        Some(Ok(database)) => Guarded::new(database),
        Some(Err(DatabaseError::DatabaseAlreadyOpen)) => {
            return Err(LedgerError::InUse {
                path: path.to_owned(),
                process: holder::of(path),
            });
        }
        Some(Err(DatabaseError::UpgradeRequired(_) | DatabaseError::LockProtocolMismatch)) => {
            return Err(LedgerError::Version(path.to_owned()));
        }
        Some(Err(error)) => {
            let error = Error::from(error);
            return Err(match &error {
                // Its first bytes aren't a database's.
                Error::Io(cause) if cause.kind() == ErrorKind::InvalidData => {
                    LedgerError::Foreign(path.to_owned())
                }
                _ if damage::is(&error) => LedgerError::Damaged(path.to_owned()),
                _ => unusable(Box::new(error)),
            });
        }
    };
    let format = database.with(path, "open it", format)?;
    match format {
        Some(FORMAT) => {}
        Some(0) => return Err(LedgerError::Foreign(path.to_owned())),
        Some(_) => return Err(LedgerError::Version(path.to_owned())),
        None => database.with(path, "begin it", |database| {
            let transaction = database.begin_write()?;
            transaction.open_table(ABOUT)?.insert("format", FORMAT)?;
            Ok(transaction.commit()?)
        })?,
    }
    Ok(FileStore {
        database: Arc::new(database),
        path: path.into(),
    })
}

/// The store's magic number.
const MAGIC_BYTES: usize = 9;

/// A process that ended while it made the file has left one without magic number, which is
/// written last: nothing was kept in it yet.
fn begin_anew(path: &Path) {
    let mut first = [1; MAGIC_BYTES];
    let made = OpenOptions::new().read(true).write(true).open(path);
    if let Ok(mut file) = made
        && file.try_lock().is_ok()
        && file.read_exact(&mut first).is_ok()
        && first == [0; MAGIC_BYTES]
    {
        // If that fails, opening it says why.
        let _ = file.set_len(0);
    }
}

/// What the table has under these keys, in any order. Neighbours are read one after
/// the other.
fn look_up<V: Value + 'static, T: Copy>(
    table: &impl ReadableTable<&'static [u8; 16], V>,
    keys: &[Hash],
    value: impl Fn(V::SelfType<'_>) -> T,
) -> Result<Vec<Option<T>>, Error> {
    let mut found: Vec<_> = keys.iter().map(|key| (*key, None)).collect();
    let mut order: Vec<_> = found.iter_mut().collect();
    order.sort_unstable_by_key(|(key, _)| *key);
    let Some((first, _)) = order.first() else {
        return Ok(Vec::new());
    };
    let read = |entries: &mut Range<'_, &'static [u8; 16], V>| -> Result<_, Error> {
        let entry = entries.next().transpose()?;
        Ok(entry.map(|(key, kept)| (Hash::from_bytes(*key.value()), value(kept.value()))))
    };
    let mut entries = table.range::<&[u8; 16]>(first.bytes()..)?;
    let mut next = read(&mut entries)?;
    for (key, found) in order {
        let mut passed = 0;
        while next.is_some_and(|(at, _)| at < *key) {
            if passed == PASSED {
                entries = table.range::<&[u8; 16]>(key.bytes()..)?;
            }
            passed += 1;
            next = read(&mut entries)?;
        }
        let there = next.filter(|(at, _)| at == key);
        *found = there.map(|(_, value)| value);
    }
    Ok(found.into_iter().map(|(_, found)| found).collect())
}

/// The version of what is in the file: none where nothing is, 0 where it's
/// nothing of ours.
fn format(database: &Database) -> Result<Option<u64>, Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(ABOUT) {
        Ok(about) => Ok(Some(
            about.get("format")?.map_or(0, |format| format.value()),
        )),
        Err(TableError::TableDoesNotExist(_)) => {
            let tables = transaction.list_tables()?.count();
            Ok((tables > 0).then_some(0))
        }
        Err(TableError::Storage(error)) => Err(error.into()),
        Err(_) => Ok(Some(0)),
    }
}

fn rows_name(run: &str) -> String {
    format!("rows {run}")
}

fn rows_table(name: &str) -> TableDefinition<'_, &'static [u8; 16], ()> {
    TableDefinition::new(name)
}
