//! What happens during a run, as values for whoever watches it.

use super::tally::Tally;
use crate::hint::Hint;
use serde::Serialize;
use std::time::Duration;

/// Something that happened. Events come in no particular order between chunks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A chunk of rows was finished; these are the run's counts by now.
    Progress(Tally),
    /// Something was refused for good.
    Rejected(Box<Rejection>),
    /// Documents of a run that has no table to write them to.
    Documents(Vec<String>),
}

/// Something that was refused for good, with all that's needed to give it in
/// again once the cause is mended. As JSON it is a line of the rejections file.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rejection {
    /// A request: a row and a combination of matrix values.
    Request {
        /// The row's number in the run, from 0.
        row_number: u64,
        /// The row.
        row: Box<serde_json::value::RawValue>,
        /// The matrix values by axis.
        combination: Vec<(String, String)>,
        /// The HTTP status, where there was one.
        status: Option<u16>,
        /// Why.
        reason: String,
    },
    /// A record of an answer.
    Record {
        /// The row's number in the run, from 0.
        row_number: u64,
        /// The row.
        row: Box<serde_json::value::RawValue>,
        /// The matrix values by axis.
        combination: Vec<(String, String)>,
        /// The record's index in the answer.
        index: u32,
        /// JSON Pointer to what was wrong.
        path: String,
        /// Why.
        reason: String,
    },
    /// A document that DynamoDB can't hold or refused.
    Document {
        /// The document.
        document: Box<serde_json::value::RawValue>,
        /// JSON Pointer to what was wrong.
        path: String,
        /// Why.
        reason: String,
    },
}

impl Rejection {
    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Request { reason, .. }
            | Self::Record { reason, .. }
            | Self::Document { reason, .. } => reason,
        }
    }
}

/// Why a run ended before its rows did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// Somebody asked it to.
    #[error("stopped on request")]
    Requested,
    /// An upstream asked for silence.
    #[error("{reason}; it asks to wait {} s", retry_after.as_secs().max(1))]
    RateLimited {
        /// How long.
        retry_after: Duration,
        /// The upstream's reason.
        reason: String,
    },
    /// An upstream or a policy refuses these credentials or this use.
    #[error("{0}")]
    Denied(String),
    /// The configuration or the input is wrong.
    #[error("{0}")]
    Invalid(String),
    /// An upstream stayed unavailable.
    #[error("{0}")]
    Unavailable(String),
    /// The budget of calls ran out again and again.
    #[error("calls into the component run out of time without getting on")]
    Budget,
    /// The component was ended: it trapped, took too long or too much memory.
    #[error("the component was ended")]
    Component(#[source] crate::engine::CallError),
    /// Rows could not be read to their end.
    #[error("read the rows to their end")]
    Rows(#[source] crate::rows::RowsError),
    /// The ledger can't be read or written on.
    #[error("keep the ledger")]
    Ledger(#[source] crate::ledger::LedgerError),
}

impl Stopped {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Requested => Some(Hint::new(
                "run again: writing a document twice leaves it as writing it once",
            )),
            Self::RateLimited { .. } => Some(Hint::new("run again when that time has passed")),
            Self::Denied(_) | Self::Invalid(_) => None,
            Self::Unavailable(_) => Some(Hint::new("run again later, or see `rowcast check`")),
            Self::Budget => Some(Hint::new(
                "raise `limits.call_seconds`, or lower `run.chunk_rows`",
            )),
            Self::Component(error) => error.hint(),
            Self::Rows(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
        }
    }
}
