//! The contract's calls: settings as text → settings as types → the logic.

use crate::bindings::exports::rowcast::pipeline::extract::Extraction;
use crate::bindings::exports::rowcast::pipeline::load::Report;
use crate::bindings::exports::rowcast::pipeline::query::{Explanation, Page};
use crate::bindings::exports::rowcast::pipeline::transfer::{Remaining, TransferReport};
use crate::bindings::rowcast::pipeline::types::{Failure, PendingRequest};
use crate::failure::invalid;
use crate::platform::{Dynamo, Http};
use crate::settings::{self, Mistakes};
use std::borrow::Cow;

/// Rows → documents, see `wit/extract.wit`.
pub async fn extract<H: Http>(
    http: &H,
    source: &str,
    rows: &[String],
    only: Option<&[PendingRequest]>,
    budget_ms: Option<u64>,
) -> Result<Extraction, Failure> {
    let source = read("source", source, settings::source)?;
    crate::extract::run(http, &source, rows, only, budget_ms).await
}

/// Documents → DynamoDB, see `wit/load.wit`.
pub fn load<'d, D: Dynamo>(
    dynamo: &D,
    table: &str,
    documents: impl Into<Cow<'d, [String]>>,
    budget_ms: Option<u64>,
) -> Result<Report, Failure> {
    let table = read("table", table, settings::table)?;
    crate::load::run(dynamo, &table, documents, budget_ms)
}

/// Rows → DynamoDB, see `wit/transfer.wit`.
pub async fn transfer<W: Http + Dynamo>(
    world: &W,
    source: &str,
    table: &str,
    rows: &[String],
    remaining: Option<Remaining>,
    budget_ms: Option<u64>,
) -> Result<TransferReport, Failure> {
    let source = read("source", source, settings::source)?;
    let table = read("table", table, settings::table)?;
    crate::transfer::run(world, &source, &table, rows, remaining, budget_ms).await
}

/// Conditions → documents, see `wit/query.wit`.
pub fn query<D: Dynamo>(
    dynamo: &D,
    query: &str,
    cursor: Option<&str>,
    budget_ms: Option<u64>,
) -> Result<Page, Failure> {
    let query = read("query", query, settings::query)?;
    crate::query::run(dynamo, &query, cursor, budget_ms)
}

/// Why nothing matches, see `wit/query.wit`.
pub fn explain<D: Dynamo>(
    dynamo: &D,
    query: &str,
    budget_ms: Option<u64>,
) -> Result<Explanation, Failure> {
    let query = read("query", query, settings::query)?;
    crate::query::explain(dynamo, &query, budget_ms)
}

fn read<T>(
    kind: &str,
    text: &str,
    read: impl FnOnce(&str, &mut Mistakes) -> Option<T>,
) -> Result<T, Failure> {
    let mut mistakes = Mistakes::default();
    match read(text, &mut mistakes) {
        Some(settings) if mistakes.is_empty() => Ok(settings),
        _ => Err(invalid(format!("{kind}: {mistakes}"))),
    }
}
