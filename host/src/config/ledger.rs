//! `[ledger]`: where it is kept what was written.

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where a file is kept where nothing else is said, beside the configuration.
const FILE: &str = ".rowcast/ledger.redb";

/// Where it is kept what was written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Settings")]
pub enum LedgerSettings {
    /// In a file.
    File(PathBuf),
    /// In a DynamoDB table, where `[table]` is.
    Table(String),
    /// Nowhere.
    Off,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self::File(FILE.into())
    }
}

impl LedgerSettings {
    /// The file of a configuration that is in that folder.
    pub(super) fn beside(self, folder: &Path) -> Self {
        match self {
            Self::File(file) => Self::File(folder.join(file)),
            other => other,
        }
    }
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    file: Option<PathBuf>,
    table: Option<String>,
    #[serde(default)]
    off: bool,
}

impl TryFrom<Settings> for LedgerSettings {
    type Error = &'static str;

    fn try_from(settings: Settings) -> Result<Self, Self::Error> {
        match settings {
            Settings {
                file: None,
                table: None,
                off: true,
            } => Ok(Self::Off),
            Settings { off: true, .. } => Err("has `off`, which excludes `file` and `table`"),
            Settings {
                file: Some(_),
                table: Some(_),
                ..
            } => Err("has both `file` and `table`, which exclude each other"),
            Settings {
                file: Some(file), ..
            } if file.as_os_str().is_empty() => Err("has an empty `file`"),
            Settings {
                file: Some(file), ..
            } => Ok(Self::File(file)),
            Settings {
                table: Some(table), ..
            } => Ok(Self::Table(table)),
            Settings { .. } => Ok(Self::default()),
        }
    }
}
