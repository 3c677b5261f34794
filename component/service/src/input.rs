//! What the bodies of requests have. Settings, rows and documents stay text, as
//! they are written.

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;

use rowcast_pipeline::bindings::exports::rowcast::pipeline::describe::Kind;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::transfer::Remaining;
use rowcast_pipeline::bindings::rowcast::pipeline::types::PendingRequest;
use rowcast_pipeline::json::{text, texts};
use serde::Deserialize;

/// What `POST /extract` asks for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extract {
    /// The source's settings, as they are written in the body: what they mean
    /// is the call's to say.
    #[serde(deserialize_with = "text")]
    pub source: String,
    /// Rows, as they are written in the body. One that is not an object is
    /// rejected by the call itself, by its index.
    #[serde(deserialize_with = "texts")]
    pub rows: Vec<String>,
    /// The requests to make; none: all.
    pub only: Option<Vec<PendingRequest>>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /load` asks for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The table's settings.
    #[serde(deserialize_with = "text")]
    pub table: String,
    /// Documents, as they are written in the body.
    #[serde(deserialize_with = "texts")]
    pub documents: Vec<String>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /transfer` asks for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The source's settings.
    #[serde(deserialize_with = "text")]
    pub source: String,
    /// The table's settings.
    #[serde(deserialize_with = "text")]
    pub table: String,
    /// Rows, as they are written in the body.
    #[serde(deserialize_with = "texts")]
    pub rows: Vec<String>,
    /// What an earlier call left; none: nothing was done yet.
    pub remaining: Option<Remaining>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /query` asks for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The query's settings.
    #[serde(deserialize_with = "text")]
    pub query: String,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /explain` asks for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// The settings of the query that found nothing.
    #[serde(deserialize_with = "text")]
    pub query: String,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /validate` asks for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validate {
    /// Whose settings.
    pub kind: Kind,
    /// The settings.
    #[serde(deserialize_with = "text")]
    pub settings: String,
}
