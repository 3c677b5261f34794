//! What the bodies of answers are.

use serde::Deserialize;

/// What a good answer's body is. Pointers see rows and lines as a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// One JSON value.
    #[default]
    Json,
    /// A JSON value on each line.
    Ndjson,
    /// Comma-separated values (RFC 4180), the names of the columns first. All
    /// values are texts.
    Csv,
    /// The same with tabs.
    Tsv,
}

impl Format {
    /// What an `Accept` header says that wants it. JSON in lines and tables have
    /// several names, so others are taken too.
    #[must_use]
    pub fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson, */*;q=0.5",
            Self::Csv => "text/csv, */*;q=0.5",
            Self::Tsv => "text/tab-separated-values, */*;q=0.5",
        }
    }
}

/// What the value at `records` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RecordsAs {
    /// A list of records, or an object that is one record.
    #[default]
    List,
    /// An object whose members are records by their ids, which go into
    /// `id_attribute`.
    ById,
    /// An object of lists of equal length: each is one member of all records.
    Columns,
}
