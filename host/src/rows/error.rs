//! Why rows can't be had, and what to do about it.

use crate::hint::Hint;
use std::error::Error;
use std::io;
use tokio_postgres::error::{DbError, SqlState};

/// Bytes of a rejected row that are kept with the reason.
const MOST_SHOWN: usize = 64 * 1024;

/// Why there are no rows, or no more of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowsError {
    /// The setting that says how to connect can't be used. The message has
    /// nothing of it but its scheme.
    #[error("`rows.postgres`: {message}")]
    Connection {
        /// What is wrong with it.
        message: String,
    },
    /// Certificates to verify the server by can't be loaded.
    #[error("load {what} to verify PostgreSQL by")]
    Certificates {
        /// Which certificates.
        what: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// PostgreSQL, or the way to it, failed.
    #[error("{act}")]
    Postgres {
        /// The failed act, such as `prepare the query (line 2, column 8)`.
        act: String,
        /// PostgreSQL's own message, or the driver's.
        source: Box<dyn Error + Send + Sync>,
    },
    /// PostgreSQL took too long.
    #[error("{act}: nothing came within {seconds} s")]
    Timeout {
        /// The failed act.
        act: String,
        /// How long was waited.
        seconds: u64,
        /// The setting of that bound.
        setting: &'static str,
    },
    /// The query's result can't become JSON objects.
    #[error("use the query's columns: {message}")]
    Columns {
        /// What is wrong with them.
        message: String,
        /// What to do.
        hint: &'static str,
    },
    /// One row can't be used; those after it can be read.
    #[error("read {place}: {message}")]
    Rejected {
        /// Where it stands, such as `rows.csv, line 3`.
        place: String,
        /// The row as it stands there, as far as it is text and short enough.
        text: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// The file can't be opened.
    #[error("open {name}")]
    Open {
        /// The file.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// The file can't be read on.
    #[error("read {name}, line {line}")]
    Read {
        /// The file.
        name: String,
        /// Counted from 1.
        line: u64,
        /// Why not.
        source: io::Error,
    },
    /// What is in the file isn't what it should be.
    #[error("read {name}, line {line}: {message}")]
    Malformed {
        /// The file.
        name: String,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
}

impl RowsError {
    /// An act that PostgreSQL, or the way to it, failed. Of an answer of
    /// PostgreSQL's the driver only says `db error`, so that is left out.
    pub(super) fn postgres(act: impl Into<String>, error: tokio_postgres::Error) -> Self {
        let source: Box<dyn Error + Send + Sync> = match error.as_db_error() {
            Some(answer) => Box::new(answer.clone()),
            None => error.into(),
        };
        Self::Postgres {
            act: act.into(),
            source,
        }
    }

    /// A row that can't be used.
    pub(super) fn rejected(place: String, raw: &[u8], message: impl Into<String>) -> Self {
        let shown = raw.len() <= MOST_SHOWN;
        let text = shown.then(|| String::from_utf8_lossy(raw).trim_end().to_owned());
        Self::Rejected {
            place,
            text,
            message: message.into(),
        }
    }

    /// Whether it is about one row only: further rows can be read.
    #[must_use]
    pub fn is_one_row(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Postgres { source, .. } => match source.downcast_ref::<DbError>() {
                Some(answer) => by_state(answer.code(), answer.message()).map(Hint::new),
                None => by_chain(source.as_ref()).map(Hint::new),
            },
            Self::Timeout { setting, .. } => Some(Hint::new(format!(
                "`{setting}` is the bound; raise it if this is expected"
            ))),
            Self::Columns { hint, .. } => Some(Hint::new(*hint)),
            Self::Connection { .. } => Some(Hint::new(
                "it is a URL, postgres://user:password@host:5432/database?sslmode=verify-full, \
                 or pairs, host=… user=… dbname=…",
            )),
            Self::Certificates { .. } => Some(Hint::new(
                "sslrootcert=… names a file of certificates in PEM",
            )),
            Self::Open { .. } => Some(Hint::new(
                "check the file's name; a relative one is looked for where the command is run",
            )),
            Self::Read { .. } | Self::Malformed { .. } | Self::Rejected { .. } => None,
        }
    }

    /// Whether PostgreSQL refuses the user, or what the user may do.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.state().is_some_and(|state| {
            *state == SqlState::INVALID_PASSWORD
                || *state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
                || *state == SqlState::INSUFFICIENT_PRIVILEGE
        })
    }

    /// Whether the server can't be reached, or not now: trying again later may
    /// help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Timeout { .. } => true,
            // What PostgreSQL says of the query is about the query.
            Self::Postgres { .. } => self.state().is_none_or(passes),
            _ => false,
        }
    }

    fn state(&self) -> Option<&SqlState> {
        let Self::Postgres { source, .. } = self else {
            return None;
        };
        source.downcast_ref::<DbError>().map(DbError::code)
    }
}

/// Whether it may pass: connections, transactions that met others, resources, what an
/// operator does, locks.
fn passes(state: &SqlState) -> bool {
    let class = state.code().get(..2).unwrap_or_default();
    matches!(class, "08" | "40" | "53" | "57") || *state == SqlState::LOCK_NOT_AVAILABLE
}

fn by_state(state: &SqlState, message: &str) -> Option<&'static str> {
    Some(match *state {
        SqlState::INVALID_PASSWORD => "check the user and the password in `rows.postgres`",
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION if message.contains("no encryption") => {
            "the server may want TLS: add sslmode=require to `rows.postgres`"
        }
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "the server doesn't let this user in from here: see its roles and pg_hba.conf"
        }
        SqlState::INVALID_CATALOG_NAME => "check the database's name in `rows.postgres`",
        SqlState::INSUFFICIENT_PRIVILEGE => {
            "GRANT SELECT on what the query reads to the user of `rows.postgres`"
        }
        SqlState::UNDEFINED_TABLE => {
            "check the name, its schema (the search_path), and the database connected to"
        }
        SqlState::UNDEFINED_COLUMN | SqlState::SYNTAX_ERROR | SqlState::UNDEFINED_FUNCTION => {
            "check `rows.query`"
        }
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            "rows are read in a read-only transaction: the query must not write"
        }
        SqlState::TOO_MANY_CONNECTIONS => "the server has no connection left: try again later",
        SqlState::CANNOT_CONNECT_NOW => "the server is starting or stopping: try again later",
        SqlState::QUERY_CANCELED => "the server's statement_timeout may be too short for it",
        _ => return None,
    })
}

fn by_chain(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(each) = cause {
        if let Some(io) = each.downcast_ref::<io::Error>()
            && let Some(hint) = by_io(io)
        {
            return Some(hint);
        }
        let text = each.to_string();
        if text.contains("failed to lookup address") {
            return Some("check the host's name in `rows.postgres`");
        }
        if text.contains("server does not support TLS") {
            return Some("the server has no TLS: sslmode=disable, if the network is trusted");
        }
        cause = each.source();
    }
    None
}

fn by_io(error: &io::Error) -> Option<&'static str> {
    if let Some(inner) = error.get_ref()
        && let Some(rustls::Error::InvalidCertificate(_)) = inner.downcast_ref()
    {
        return Some(
            "name the authority's certificate by sslrootcert=…, or connect by the name the \
             server's certificate has",
        );
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            Some("is PostgreSQL running there? check host and port in `rows.postgres`")
        }
        io::ErrorKind::TimedOut => Some("check host and port, and the firewalls on the way"),
        io::ErrorKind::NotFound => Some("there is no such socket: check host in `rows.postgres`"),
        _ => None,
    }
}
