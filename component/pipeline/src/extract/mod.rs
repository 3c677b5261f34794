//! Rows and a source → documents, every cell accounted for.
//!
//! [`plan`] checks everything before the first request; [`engine`] requests,
//! many at a time; [`verdict`] judges each outcome; [`cut`] and [`document`]
//! make documents of bodies; [`ledger`] sees that each cell ends once.

pub mod auth;
pub mod budget;
pub mod cut;
pub mod document;
pub mod engine;
pub mod excerpt;
pub mod json;
pub mod ledger;
pub mod matrix;
pub mod page;
pub mod plan;
pub mod pointer;
pub mod row;
#[cfg(test)]
pub(crate) mod script;
pub mod standing;
pub mod template;
pub mod verdict;

use crate::bindings::exports::rowcast::pipeline::extract::{Cell, Extraction, Source};
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::platform::Http;

/// Makes one request per row and combination, and cuts the answers into
/// documents; the contract is in `wit/extract.wit`.
pub async fn run<H: Http>(
    http: &H,
    source: &Source,
    rows: &[String],
    only: Option<&[Cell]>,
    budget_ms: Option<u64>,
) -> Result<Extraction, Failure> {
    let budget = budget::Budget::start(http.now_ms(), budget_ms);
    let plan = plan::Plan::check(source, rows, only)
        .map_err(|error| Failure::PermanentInvalid(excerpt::chain(&error)))?;
    engine::run(http, &plan, budget).await
}
