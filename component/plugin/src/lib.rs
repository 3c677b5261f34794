//! The pipeline as a component whose host provides `dynamodb`: WIT's calls →
//! the pipeline's, over WASI's HTTP and clocks.

#![cfg(target_arch = "wasm32")]

use rowcast_pipeline::bindings::exports::rowcast::pipeline::{extract, load, query};
use rowcast_pipeline::bindings::rowcast::pipeline::dynamodb;
use rowcast_pipeline::bindings::rowcast::pipeline::types::Failure;
use rowcast_pipeline::platform::Dynamo;
use rowcast_wasi::{Wasi, clock, executor};

struct Plugin;

rowcast_pipeline::bindings::export!(Plugin with_types_in rowcast_pipeline::bindings);

impl extract::Guest for Plugin {
    fn extract(
        source: extract::Source,
        rows: Vec<String>,
        only: Option<Vec<extract::Cell>>,
        budget_ms: Option<u64>,
    ) -> Result<extract::Extraction, Failure> {
        let only = only.as_deref();
        executor::block_on(rowcast_pipeline::extract::run(
            &Wasi, &source, &rows, only, budget_ms,
        ))
    }
}

impl load::Guest for Plugin {
    fn load(
        table: load::Table,
        documents: Vec<String>,
        budget_ms: Option<u64>,
    ) -> Result<load::Report, Failure> {
        rowcast_pipeline::load::run(&Plugin, &table, &documents, budget_ms)
    }
}

impl query::Guest for Plugin {
    fn query(
        question: query::Question,
        cursor: Option<String>,
        budget_ms: Option<u64>,
    ) -> Result<query::Answer, Failure> {
        rowcast_pipeline::query::run(&Plugin, &question, cursor.as_deref(), budget_ms)
    }

    fn explain(
        question: query::Question,
        budget_ms: Option<u64>,
    ) -> Result<query::Explanation, Failure> {
        rowcast_pipeline::query::explain(&Plugin, &question, budget_ms)
    }
}

impl Dynamo for Plugin {
    fn send(
        &self,
        requests: Vec<dynamodb::Request>,
    ) -> Vec<Result<dynamodb::Response, dynamodb::SendError>> {
        dynamodb::send(&requests)
    }

    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn sleep_ms(&self, duration: u64) {
        executor::block_on(clock::timer(duration));
    }

    fn random(&self) -> u64 {
        clock::random()
    }
}
