//! WIT's calls → [`Standalone`]'s.

use crate::Standalone;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::{
    describe, extract, load, query, transfer,
};
use rowcast_pipeline::bindings::rowcast::pipeline::types::{Failure, PendingRequest};
use rowcast_wasi::bindings::wasi::cli::environment::get_environment;

struct Component;

rowcast_pipeline::bindings::export!(Component with_types_in rowcast_pipeline::bindings);

fn standalone() -> Standalone {
    Standalone::new(get_environment())
}

impl describe::Guest for Component {
    fn describe() -> describe::Description {
        rowcast_pipeline::describe::describe()
    }

    fn validate(kind: describe::Kind, settings: String) -> Vec<describe::Mistake> {
        rowcast_pipeline::describe::validate(kind, &settings)
    }

    fn origins(source: String) -> Result<Vec<String>, Vec<describe::Mistake>> {
        rowcast_pipeline::describe::origins(&source)
    }
}

impl extract::Guest for Component {
    fn extract(
        source: String,
        rows: Vec<String>,
        only: Option<Vec<PendingRequest>>,
        budget_ms: Option<u64>,
    ) -> Result<extract::Extraction, Failure> {
        standalone().extract(&source, &rows, only.as_deref(), budget_ms)
    }
}

impl load::Guest for Component {
    fn load(
        table: String,
        documents: Vec<String>,
        budget_ms: Option<u64>,
    ) -> Result<load::Report, Failure> {
        standalone().load(&table, documents, budget_ms)
    }
}

impl transfer::Guest for Component {
    fn transfer(
        source: String,
        table: String,
        rows: Vec<String>,
        remaining: Option<transfer::Remaining>,
        budget_ms: Option<u64>,
    ) -> Result<transfer::TransferReport, Failure> {
        standalone().transfer(&source, &table, &rows, remaining, budget_ms)
    }
}

impl query::Guest for Component {
    fn query(
        query: String,
        cursor: Option<String>,
        budget_ms: Option<u64>,
    ) -> Result<query::Page, Failure> {
        standalone().query(&query, cursor.as_deref(), budget_ms)
    }

    fn explain(query: String, budget_ms: Option<u64>) -> Result<query::Explanation, Failure> {
        standalone().explain(&query, budget_ms)
    }
}
