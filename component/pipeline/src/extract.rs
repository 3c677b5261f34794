//! Rows and a source → documents, every request accounted for.
//!
//! [`plan`] checks everything before the first request; [`engine`] requests,
//! many at a time; [`verdict`] judges each outcome; [`cut`] and [`document`]
//! make documents of bodies; [`accounting`] sees that each request ends once.

pub mod accounting;
pub mod announced;
pub mod answer;
pub mod auth;
pub mod body;
pub mod budget;
pub mod call_state;
pub mod checked;
pub mod coding;
pub mod document;
pub mod echo;
pub mod engine;
pub mod extracted;
pub mod format;
pub mod links;
pub mod mask;
pub mod matrix;
pub mod overload;
pub mod page;
pub mod pages;
pub mod paging;
pub mod plan;
pub mod pointer;
pub mod progress;
pub mod records;
pub mod row;
pub mod rules;
#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test stops at the first surprise")]
pub(crate) mod script;
pub mod snippet;
pub mod steps;
pub mod template;
pub mod verdict;

use crate::bindings::exports::rowcast::pipeline::extract::Extraction;
use crate::bindings::rowcast::pipeline::types::{Failure, PendingRequest};
use crate::document::{Document, Sink, with_texts};
use crate::failure::invalid;
use crate::platform::Http;
use crate::settings::Source;
use std::rc::Rc;

/// Makes one request per row and combination, and cuts the answers into
/// documents; the contract is in `wit/extract.wit`.
pub async fn run<H: Http>(
    http: &H,
    source: &Source,
    rows: &[String],
    only: Option<&[PendingRequest]>,
    budget_ms: Option<u64>,
) -> Result<Extraction, Failure> {
    let made = run_into(http, source, rows, only, budget_ms, &Sink::Texts).await?;
    Ok(with_texts(made))
}

/// The same, with the documents beside the extraction, as the sink makes them;
/// those of a source of several steps are texts.
pub async fn run_into<H: Http>(
    http: &H,
    source: &Source,
    rows: &[String],
    only: Option<&[PendingRequest]>,
    budget_ms: Option<u64>,
    sink: &Sink<'_>,
) -> Result<(Extraction, Vec<Document>), Failure> {
    let budget = budget::Budget::start(http.now_ms(), budget_ms);
    if !source.then.is_empty() {
        let mut extraction = steps::run(http, source, rows, only, budget).await?;
        let documents = std::mem::take(&mut extraction.documents);
        return Ok((
            extraction,
            documents.into_iter().map(Document::Text).collect(),
        ));
    }
    let plan =
        plan::Plan::check(source, rows, only).map_err(|error| invalid(snippet::chain(&error)))?;
    let shared = call_state::Shared::new(source.rate.map(|rate| rate.budget()));
    engine::run(http, &plan, budget, Rc::new(shared), sink).await
}
