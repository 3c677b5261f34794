//! What to read from which table.

use super::Retry;
use serde::Deserialize;

/// A query of a table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The table's name.
    #[cfg_attr(test, schemars(example = &"top_tracks"))]
    pub table: String,
    /// A secondary index to read instead of the table.
    #[serde(default)]
    pub index: Option<String>,
    /// DynamoDB's condition grammar with literals in place. Names that aren't
    /// plain identifiers go between backticks. Empty: every item.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"popularity > 90"))]
    pub filter: String,
    /// Paths to return, such as `name` or `album.images[0].url`; empty: whole
    /// documents.
    #[serde(default)]
    pub select: Vec<String>,
    /// Matches to return at most, over all pages; left out: all.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Segments that a scan is cut into, read at the same time.
    #[serde(default = "segments")]
    #[cfg_attr(test, schemars(range(min = 1, max = 64)))]
    pub segments: u32,
    /// Strongly consistent reads; not possible on a global secondary index.
    #[serde(default)]
    pub consistent: bool,
    /// How failed reads are repeated.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = {})))]
    pub retry: Retry,
}

fn segments() -> u32 {
    4
}
