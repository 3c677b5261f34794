//! Why there is no host, run or table for a configuration, and what to do about it.

use crate::config::ConfigError;
use crate::dynamodb::admin::{TableError, TableStatus};
use crate::dynamodb::endpoint_hint;
use crate::engine::{DescribeError, EngineError};
use crate::hint::Hint;
use crate::http_out::authorizer::RuleError;
use crate::http_out::client::ClientError;
use crate::ledger::LedgerError;
use crate::plan::error::PlanError;
use crate::rows::RowsError;
use rowcast_aws::endpoint::EndpointError;
use std::path::PathBuf;

/// Why a configuration can't be made to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// A part of the configuration is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An origin can't be used, or isn't granted.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The component that the configuration names can't be read.
    #[error("read the component {}", path.display())]
    Component {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The component doesn't answer for its settings.
    #[error(transparent)]
    Describe(DescribeError),
    /// It isn't known where DynamoDB is.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The source's credentials can't be used.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The HTTP client can't be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The component can't be loaded.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The table can't be used.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The rows can't be had.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The table is there, but not ready.
    #[error("use the DynamoDB table `{name}`: it is {status}")]
    NotActive {
        /// The table.
        name: String,
        /// What it is instead.
        status: TableStatus,
    },
    /// The table has other keys than the configuration says.
    #[error(
        "write to the DynamoDB table `{name}`: its keys are {actual}, and `table.keys` says {configured}"
    )]
    Keys {
        /// The table.
        name: String,
        /// What it has, such as `artist_id (S), id (S)`.
        actual: String,
        /// What was expected.
        configured: String,
    },
}

impl HostError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Plan(error) => error.hint(),
            Self::Client(error) => error.hint(),
            Self::Rule(error) => error.hint(),
            Self::Endpoint(error) => Some(endpoint_hint(error)),
            Self::Engine(error) => error.hint(),
            Self::Describe(error) => error.hint(),
            Self::Component { .. } => None,
            Self::Table(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
            Self::Rows(error) => error.hint(),
            Self::NotActive { .. } => Some(Hint::new("try again in a minute")),
            Self::Keys { .. } => Some(Hint::new(
                "make `table.keys` the table's own (leave it out to take them as they are), or name another table",
            )),
        }
    }
}

impl From<DescribeError> for HostError {
    fn from(error: DescribeError) -> Self {
        match error {
            DescribeError::Engine(error) => Self::Engine(error),
            DescribeError::Call(_) => Self::Describe(error),
        }
    }
}

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub enum RowsOrConfigError {
    /// The section is missing.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// They can't be had.
    #[error(transparent)]
    Rows(#[from] RowsError),
}
