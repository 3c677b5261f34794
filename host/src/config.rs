//! `rowcast.toml` and the environment → [`Config`], checked.

mod check;
mod error;
mod init;
pub(crate) mod interpolate;
mod ledger;
mod load;
pub mod openapi;
mod preset;
mod rows;
mod run;
mod schema;
mod table;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]
mod tests;
pub(crate) mod tree;
mod written;

pub use error::{ConfigError, Problem};
pub use init::{SCHEMA_FILE, commented, commented_proposal};
pub use ledger::LedgerSettings;
pub use load::{Draft, Section};
pub(crate) use rowcast_pipeline::settings::nearest;
pub use rowcast_pipeline::settings::{Auth, KeyAttribute, KeyType, Keys, Retry};
pub use rows::{FileRows, Format, Input, PostgresRows, Rows};
pub use run::{Run, Share, Span};
pub use schema::schema;
pub use table::Table;
pub(crate) use written::Written;

use crate::limits::Limits;
use serde::Deserialize;
use std::net::IpAddr;
use std::path::PathBuf;

/// What the configuration file is called where nothing else is said.
pub const FILE_NAME: &str = "rowcast.toml";

/// The whole configuration. Sections that not every command needs are
/// optional; the accessors of the same name insist. `[source]` is the
/// component's, and `[table]` but for what stands in [`Table`]: the host passes
/// them on.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// The component to run in place of the embedded one.
    pub component: Option<PathBuf>,
    /// Where rows come from.
    pub rows: Option<Rows>,
    /// The DynamoDB table that documents go to.
    pub table: Option<Table>,
    /// What the component may reach beyond the source and the table.
    pub egress: Egress,
    /// How work is cut and spread.
    pub run: Run,
    /// Where it is kept what was written.
    pub ledger: LedgerSettings,
    /// Bounds that the host keeps.
    pub limits: Limits,
    /// The component's sections.
    pub(crate) written: Written,
}

impl Config {
    /// Where rows come from, or which section is missing.
    pub fn rows(&self) -> Result<&Rows, ConfigError> {
        self.rows
            .as_ref()
            .ok_or_else(|| ConfigError::missing_section("rows"))
    }

    /// The DynamoDB table, or which section is missing.
    pub fn table(&self) -> Result<&Table, ConfigError> {
        self.table
            .as_ref()
            .ok_or_else(|| ConfigError::missing_section("table"))
    }
}

/// What the component may reach beyond the source's own origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Egress {
    /// Further origins, such as `https://cdn.example.com` or
    /// `http://localhost:8080`.
    pub origins: Vec<String>,
    /// Private, loopback or link-local addresses that origins may resolve to.
    pub addresses: Vec<IpAddr>,
    /// Origins of other machines that get credentials over plain http, such as
    /// `http://dynamodb-local:8000` in a network of containers.
    pub plain_http: Vec<String>,
}
