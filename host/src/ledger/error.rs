//! Why the ledger can't be used, and what to do about it.

use super::RunRecord;
use crate::dynamodb::admin::TableError;
use crate::hint::Hint;
use std::path::PathBuf;

/// Why the ledger can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process has the file open.
    #[error("open the ledger {}: another process is using it", .0.display())]
    InUse(PathBuf),
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
    /// A thread of the ledger's broke off.
    #[error("finish the ledger's work: its thread broke off")]
    Broken,
}

impl LedgerError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        let text = match self {
            Self::InUse(_) => {
                "wait until the other run has ended, or give this one its own `[ledger] file`"
                    .to_owned()
            }
            Self::Open { .. } => {
                "where there is no disk to write to: `[ledger] table = \"…\"` or `off = true`"
                    .to_owned()
            }
            Self::Table(error @ TableError::NotFound(_)) => {
                return Some(Hint::new(format!(
                    "`rowcast table create --ledger` makes it; {}",
                    error.hint()?
                )));
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
            Self::File { .. } | Self::Broken => return None,
        };
        Some(Hint::new(text))
    }
}
