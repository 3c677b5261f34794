//! What happens during a run, as values for whoever watches it.

use super::tally::Tally;
use crate::config::Share;
use crate::hint::Hint;
use crate::http_out::violation::Violation;
use futures_util::future::BoxFuture;
use serde::Serialize;
use std::fmt;
use std::time::{Duration, SystemTime};

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
    /// A worker waits for an upstream.
    Waiting {
        /// For whom.
        by: Upstream,
        /// Until when.
        until: SystemTime,
        /// Why.
        reason: String,
    },
}

/// Takes in what happens during a run, and puts out what must not be lost.
pub trait Observe: Send + Sync {
    /// Takes an event, and lets its sender wait while it can take no more. An
    /// error stops the run.
    fn event(&self, event: Event) -> BoxFuture<'_, Result<(), OutputError>>;

    /// Returns once all that it took is where it belongs. An error leaves the
    /// run unfinished.
    fn finish(&self) -> BoxFuture<'_, Result<(), OutputError>>;
}

/// What a run puts out can't be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// Whoever read the documents reads no further.
    #[error("nobody reads the documents any more")]
    NobodyReads,
    /// Anything else.
    #[error("{act}")]
    Write {
        /// What was to be done.
        act: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// There is more than the output can hold.
    #[error("{reason}")]
    TooMuch {
        /// How much it can hold.
        reason: String,
        /// What can hold more.
        hint: Hint,
    },
}

/// An observer that can take everything at once.
pub(super) struct Closure<F>(pub(super) F);

impl<F: Fn(Event) + Send + Sync> Observe for Closure<F> {
    fn event(&self, event: Event) -> BoxFuture<'_, Result<(), OutputError>> {
        (self.0)(event);
        Box::pin(std::future::ready(Ok(())))
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), OutputError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Something that was refused for good, with all that's needed to give it in
/// again once the cause is fixed. As JSON it is a line of the rejections file.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rejection {
    /// A row of the input that can't be read. Nothing was asked for it.
    Row {
        /// Where it stands, such as `rows.csv, line 3`.
        place: String,
        /// The row as it stands there, as far as it is text and short enough.
        text: Option<String>,
        /// Why.
        reason: String,
    },
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
            Self::Row { reason, .. }
            | Self::Request { reason, .. }
            | Self::Record { reason, .. }
            | Self::Document { reason, .. } => reason,
        }
    }
}

/// Who answers a call's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Upstream {
    /// The REST API, or its token endpoint.
    Source,
    /// DynamoDB.
    Table,
}

impl fmt::Display for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Source => "the source",
            Self::Table => "DynamoDB",
        })
    }
}

/// Why a run ended before its rows did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// Somebody asked it to.
    #[error("stopped on request")]
    Requested,
    /// An upstream asks to be left alone for longer than the run waits.
    #[error("{reason}; it asks to wait {}", span(*retry_after))]
    RateLimited {
        /// Which.
        by: Upstream,
        /// How long.
        retry_after: Duration,
        /// When that has passed.
        resume_at: SystemTime,
        /// The upstream's reason.
        reason: String,
    },
    /// An upstream refuses these credentials or this use.
    #[error("{reason}")]
    Denied {
        /// Who.
        by: Upstream,
        /// The upstream's reason.
        reason: String,
    },
    /// The host's own policy refuses a request.
    #[error("{0}")]
    Policy(Violation),
    /// The configuration or the input is wrong.
    #[error("{0}")]
    Invalid(String),
    /// More was rejected than `[run] max_rejected` allows.
    #[error("more was rejected than `[run] max_rejected` = {0} allows")]
    Rejections(Share),
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
    /// Documents or rejections can't be put out.
    #[error(transparent)]
    Output(OutputError),
}

impl Stopped {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Requested => Some(Hint::new(
                "run again: writing a document twice leaves it as writing it once",
            )),
            Self::RateLimited { resume_at, .. } => Some(Hint::new(format!(
                "run again at or after {}",
                clock(*resume_at)
            ))),
            Self::Denied { by, .. } => Some(Hint::new(match by {
                Upstream::Source => {
                    "check [source.auth] in rowcast.toml, and what the source lets these credentials do"
                }
                Upstream::Table => {
                    "check the AWS credentials; to load, they need dynamodb:BatchWriteItem and \
                     dynamodb:PutItem on the table; to query, dynamodb:Query, dynamodb:Scan and \
                     dynamodb:DescribeTable"
                }
            })),
            Self::Policy(violation) => violation.hint(),
            Self::Output(OutputError::TooMuch { hint, .. }) => Some(hint.clone()),
            Self::Invalid(_) | Self::Output(_) => None,
            Self::Rejections(_) => Some(Hint::new(
                "the reasons are above, and all of them in the file of `--rejected`",
            )),
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

/// A duration in its two largest units, such as `1 day 2 h`; rounded up.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let units = [
        (
            seconds / 86_400,
            if seconds / 86_400 == 1 { "day" } else { "days" },
        ),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let from = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let parts = units.iter().skip(from).take(2);
    let parts: Vec<_> = parts
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if parts.is_empty() {
        "a moment".to_owned()
    } else {
        parts.join(" ")
    }
}

/// A moment as people read it, to the second and never too early.
#[must_use]
pub fn clock(time: SystemTime) -> String {
    // A second later rather than early.
    match jiff::Timestamp::try_from(time + Duration::from_millis(999)) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => "a time that no calendar has".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (seconds, expected) in [
            (0, "a moment"),
            (1, "1 s"),
            (60, "1 min"),
            (3_605, "1 h"),
            (5_400, "1 h 30 min"),
            (86_400, "1 day"),
            (200_000, "2 days 7 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(span(Duration::from_millis(1_001)), "2 s");
    }

    #[test]
    fn times_of_day() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(86_400_001);
        assert_eq!(clock(time), "1970-01-02 00:00:01 UTC");
    }
}
