//! Why the ledger can't be used, and what to do about it.

use super::RunRecord;
use crate::dynamodb::admin::TableError;
use crate::hint::Hint;
use crate::run::clock;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::SystemTime;

/// Why the ledger can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process has the file open.
    #[error(
        "open the ledger {}: {} is using it",
        path.display(),
        process.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"))
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// Which process, where that can be told.
        process: Option<u32>,
    },
    /// Another process has the lease on a ledger in a table.
    #[error(
        "use the DynamoDB table `{name}` as the ledger: {holder} is using it, until {} at least",
        clock(*until)
    )]
    Leased {
        /// The ledger's table.
        name: String,
        /// Who has it.
        holder: String,
        /// When it ends, if it isn't renewed.
        until: SystemTime,
    },
    /// The file is damaged; nothing of it is trusted, and it stays as it is.
    #[error("read the ledger {}: it is damaged", .0.display())]
    Damaged(PathBuf),
    /// The file is something else; it stays as it is.
    #[error("open the ledger {}: it is not a ledger", .0.display())]
    Foreign(PathBuf),
    /// The file is of another version; it stays as it is.
    #[error("open the ledger {}: it is of another version of rowcast", .0.display())]
    Version(PathBuf),
    /// The file can't be opened or made.
    #[error("open the ledger {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<redb::Error>,
    },
    /// The file can't be read or written.
    #[error("{act} in the ledger")]
    File {
        /// What was to be done.
        act: &'static str,
        /// Why it failed.
        source: Box<redb::Error>,
    },
    /// The ledger's table can't be used.
    #[error("use the ledger's table")]
    Table(#[source] TableError),
    /// The table isn't a ledger's.
    #[error("use the DynamoDB table `{name}` as the ledger: its keys are {actual}")]
    Keys {
        /// The table.
        name: String,
        /// What it has.
        actual: String,
    },
    /// There is no run of that name, or it can't be continued.
    #[error("resume the run {id}: {reason}")]
    Run {
        /// The run asked for.
        id: String,
        /// Why not.
        reason: &'static str,
        /// Runs that could be resumed.
        open: Vec<RunRecord>,
    },
}

impl LedgerError {
    /// Whether there was no room for it.
    #[must_use]
    pub fn is_full_disk(&self) -> bool {
        let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
        match self {
            Self::Open { source, .. } | Self::File { source, .. } => {
                matches!(&**source, redb::Error::Io(cause) if full.contains(&cause.kind()))
            }
            _ => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        let text = match self {
            Self::Leased { until, .. } => format!(
                "wait until the other run has ended; if it was killed, that is free from {} on",
                clock(*until)
            ),
            Self::Damaged(path) => format!(
                "move it away: mv {0} {0}.damaged; the next run asks for all rows and writes all \
                 documents again, and what is in the table stays",
                path.display()
            ),
            Self::Foreign(path) => format!(
                "give `[ledger] file` a name of its own; if this was a ledger and is damaged, move \
                 it away: mv {0} {0}.damaged",
                path.display()
            ),
            Self::Version(path) => format!(
                "use the rowcast that wrote it, or move it away: mv {0} {0}.old; the next run writes \
                 all documents again",
                path.display()
            ),
            Self::InUse { .. } => {
                "wait until the other run has ended, or give this one its own `[ledger] file`"
                    .to_owned()
            }
            Self::Open { .. } => {
                "where there is no disk to write to: `[ledger] table = \"…\"` or `off = true`"
                    .to_owned()
            }
            Self::Table(TableError::NotFound(_)) => {
                "`rowcast table create --ledger` makes it; or correct `[ledger] table`".to_owned()
            }
            Self::Table(error) => return error.hint(),
            Self::Keys { .. } => {
                "`rowcast table create --ledger` makes one: id (S), part (S)".into()
            }
            Self::Run { open, .. } if open.is_empty() => {
                "there is no run to resume: leave out `--resume`".to_owned()
            }
            Self::Run { open, .. } => {
                let runs = open
                    .iter()
                    .map(|run| format!("{} ({} rows)", run.id, run.rows));
                format!("open runs: {}", runs.collect::<Vec<_>>().join(", "))
            }
            Self::File { .. } => {
                "make room, or see to the disk: nothing is recorded that isn't so".to_owned()
            }
        };
        Some(Hint::new(text))
    }
}
