//! What can go wrong while servers start, and what to do about it.

use std::io;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No folder holds PostgreSQL's programs.
    #[error("find PostgreSQL's programs: none of these folders has them: {searched}")]
    PostgresMissing {
        /// The folders, with commas.
        searched: String,
    },
    /// The superuser may not run PostgreSQL, and nobody else is there for it.
    #[error("find the user postgres, which runs PostgreSQL in place of the superuser")]
    PostgresUser,
    /// A folder for PostgreSQL's data can't be made.
    #[error("make a temporary folder for PostgreSQL")]
    PostgresFolder(#[source] io::Error),
    /// A program can't be run at all.
    #[error("run {program}")]
    Program {
        /// Its name.
        program: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("{program} failed: {output}")]
    Refused {
        /// Its name.
        program: &'static str,
        /// What it wrote.
        output: String,
    },
    /// PostgreSQL runs, but can't be reached.
    #[error("connect to the temporary PostgreSQL within {seconds} s")]
    PostgresSilent {
        /// How long it was tried.
        seconds: u64,
        /// The last attempt's error.
        source: tokio_postgres::Error,
    },
    /// The table can't be made.
    #[error("fill the table artists")]
    PostgresFill(#[source] tokio_postgres::Error),
    /// No port can be opened.
    #[error("listen on 127.0.0.1 for {server}")]
    Listen {
        /// Which server.
        server: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The in-process DynamoDB can't be made.
    #[error("make an in-memory DynamoDB")]
    DynamoDb(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A thread of this program ended early.
    #[error("wait for a thread that starts PostgreSQL")]
    Thread(#[source] tokio::task::JoinError),
}

impl StartError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::PostgresMissing { .. } => Some(
                "install PostgreSQL, on Debian and Ubuntu by `apt-get install postgresql`, \
                 or run `cargo xtask setup`",
            ),
            Self::PostgresUser => Some(
                "run the demo as a user other than root, or add the user by \
                 `useradd --system postgres`",
            ),
            Self::PostgresFolder(_) => {
                Some("set TMPDIR to a folder with free space that every user may enter")
            }
            Self::Refused { output, .. } if output.contains("ermission denied") => {
                Some("set TMPDIR to a folder that the user postgres may enter, such as /var/tmp")
            }
            Self::Refused { .. }
            | Self::Program { .. }
            | Self::PostgresSilent { .. }
            | Self::PostgresFill(_)
            | Self::Listen { .. }
            | Self::DynamoDb(_)
            | Self::Thread(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints() {
        let refused = |output: &str| StartError::Refused {
            program: "initdb",
            output: output.into(),
        };
        for (error, part) in [
            (
                StartError::PostgresMissing {
                    searched: "/bin".to_owned(),
                },
                "apt-get install postgresql",
            ),
            (StartError::PostgresUser, "useradd"),
            (
                refused("initdb: could not access directory: Permission denied"),
                "TMPDIR",
            ),
            (refused("initdb: something else"), ""),
        ] {
            let hint = error.hint().unwrap_or_default();
            assert!(
                hint.contains(part) && hint.is_empty() == part.is_empty(),
                "{error}: {hint}"
            );
        }
    }
}
