//! The component's edge: WIT calls → the logic's entry points, and WASI → the
//! traits of [`platform`](crate::platform). Compiled for Wasm only.

use crate::bindings::exports::rowcast::pipeline::{extract, load, query};
use crate::bindings::rowcast::pipeline::dynamodb;
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::platform::{Dynamo, Http, HttpError, HttpRequest, HttpResponse};
use rowcast_guest::{clock, executor, http};
use std::future::Future;
use std::time::SystemTime;

struct Component;

crate::bindings::export!(Component with_types_in crate::bindings);

impl extract::Guest for Component {
    fn extract(
        source: extract::Source,
        rows: Vec<String>,
        only: Option<Vec<extract::Cell>>,
        budget_ms: Option<u64>,
    ) -> Result<extract::Extraction, Failure> {
        executor::block_on(crate::extract::run(
            &Wasi,
            &source,
            &rows,
            only.as_deref(),
            budget_ms,
        ))
    }
}

impl load::Guest for Component {
    fn load(
        table: load::Table,
        documents: Vec<String>,
        budget_ms: Option<u64>,
    ) -> Result<load::Report, Failure> {
        crate::load::run(&Wasi, &table, &documents, budget_ms)
    }
}

impl query::Guest for Component {
    fn query(
        question: query::Question,
        cursor: Option<String>,
        budget_ms: Option<u64>,
    ) -> Result<query::Answer, Failure> {
        crate::query::run(&Wasi, &question, cursor.as_deref(), budget_ms)
    }

    fn explain(
        question: query::Question,
        budget_ms: Option<u64>,
    ) -> Result<query::Explanation, Failure> {
        crate::query::explain(&Wasi, &question, budget_ms)
    }
}

struct Wasi;

impl Dynamo for Wasi {
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

impl Http for Wasi {
    fn send(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpError>> {
        http::send(request)
    }

    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn today(&self) -> SystemTime {
        clock::today()
    }

    fn sleep_ms(&self, duration: u64) -> impl Future<Output = ()> {
        clock::timer(duration)
    }

    fn random(&self) -> u64 {
        clock::random()
    }
}
