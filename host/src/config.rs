//! `rowcast.toml` and the environment → [`Config`], checked.

mod check;
mod deserialize;
mod error;
mod init;
mod interpolate;
mod ledger;
mod load;
mod preset;
mod rows;
mod run;
mod source;
mod table;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]
mod tests;
mod tree;

pub(crate) use deserialize::nearest;
pub use error::ConfigError;
pub use init::commented;
pub use ledger::Ledger;
pub use load::Section;
pub use preset::PRESETS;
pub use rows::{FileRows, Format, Input, PostgresRows, Rows};
pub use run::{Run, Share, Span};
pub use source::{Attribute, Auth, AuthBy, AuthMethod, Axis, Header, Pagination, Retry, Source};
pub use table::{Credentials, Key, KeyType, Keys, Table};

use crate::limits::Limits;
use serde::Deserialize;
use std::net::IpAddr;

/// What the configuration file is called where nothing else is said.
pub const FILE_NAME: &str = "rowcast.toml";

/// The whole configuration. The first three sections are optional because not
/// every command needs them; the accessors of the same name insist.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Where rows come from.
    pub rows: Option<Rows>,
    /// The API that is asked for each row.
    pub source: Option<Source>,
    /// The DynamoDB table that documents go to.
    pub table: Option<Table>,
    /// What the component may reach beyond the source and the table.
    pub egress: Egress,
    /// How work is cut and spread.
    pub run: Run,
    /// Where it is kept what was written.
    pub ledger: Ledger,
    /// Bounds that the host keeps.
    pub limits: Limits,
}

impl Config {
    /// Where rows come from, or which section is missing.
    pub fn rows(&self) -> Result<&Rows, ConfigError> {
        self.rows
            .as_ref()
            .ok_or_else(|| ConfigError::missing_section("rows"))
    }

    /// The API that is asked for each row, or which section is missing.
    pub fn source(&self) -> Result<&Source, ConfigError> {
        self.source
            .as_ref()
            .ok_or_else(|| ConfigError::missing_section("source"))
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
