//! The ledger in one file: an embedded store whose commits survive a crash.

use super::{Hash, LedgerError, RunRecord};
use redb::{
    Database, DatabaseError, Error, ReadableDatabase, ReadableTable, ReadableTableMetadata,
};
use redb::{TableDefinition, TableError};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const CONTENTS: TableDefinition<&[u8; 16], &[u8; 16]> = TableDefinition::new("contents");
const RUNS: TableDefinition<&str, &str> = TableDefinition::new("runs");
/// Bytes of the file kept in memory at most; the store's own default is
/// a gigabyte.
const CACHE: usize = 32 * 1024 * 1024;

/// An open ledger file. No other process can open it meanwhile.
#[derive(Clone)]
pub struct FileStore {
    database: Arc<Database>,
}

impl FileStore {
    /// Opens the file, or makes it, and the folder that it's in.
    pub async fn open(path: &Path) -> Result<Self, LedgerError> {
        let path = path.to_owned();
        let opening = tokio::task::spawn_blocking(move || open(&path));
        opening.await.map_err(|_| LedgerError::Broken)?
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
            rows.iter()
                .map(|row| Ok(table.get(row.bytes())?.is_some()))
                .collect()
        })
        .await
    }

    /// What is known to be in the table under these keys.
    pub async fn contents(&self, keys: Vec<Hash>) -> Result<Vec<Option<Hash>>, LedgerError> {
        self.with("read what was written", move |database| {
            let table = match database.begin_read()?.open_table(CONTENTS) {
                Ok(table) => table,
                Err(TableError::TableDoesNotExist(_)) => return Ok(vec![None; keys.len()]),
                Err(error) => return Err(error.into()),
            };
            let known = |key: &Hash| -> Result<_, Error> {
                let found = table.get(key.bytes())?;
                Ok(found.map(|content| Hash::from_bytes(*content.value())))
            };
            keys.iter().map(known).collect()
        })
        .await
    }

    /// What is under these keys isn't known any more.
    pub async fn forget(&self, keys: Vec<Hash>) -> Result<(), LedgerError> {
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
        rows: Vec<Hash>,
        contents: Vec<(Hash, Hash)>,
    ) -> Result<(), LedgerError> {
        let name = run.map(rows_name);
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
                for (key, content) in &contents {
                    table.insert(key.bytes(), content.bytes())?;
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
        let work = tokio::task::spawn_blocking(move || work(&database));
        let done = work.await.map_err(|_| LedgerError::Broken)?;
        done.map_err(|source| LedgerError::File {
            act,
            source: Box::new(source),
        })
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
    match Database::builder().set_cache_size(CACHE).create(path) {
        Ok(database) => Ok(FileStore {
            database: Arc::new(database),
        }),
        Err(DatabaseError::DatabaseAlreadyOpen) => Err(LedgerError::InUse(path.to_owned())),
        Err(error) => Err(unusable(Box::new(error.into()))),
    }
}

fn rows_name(run: &str) -> String {
    format!("rows {run}")
}

fn rows_table(name: &str) -> TableDefinition<'_, &'static [u8; 16], ()> {
    TableDefinition::new(name)
}
