//! The component's edge: WIT calls → the logic's entry points, and WASI → the
//! traits of [`platform`](crate::platform). Compiled for Wasm only.

use crate::bindings::exports::rowcast::pipeline::{describe, extract, load, query, transfer};
use crate::bindings::rowcast::pipeline::dynamodb;
use crate::bindings::rowcast::pipeline::types::{Failure, PendingRequest};
use crate::calls;
use crate::platform::{Dynamo, Http, HttpError, HttpRequest, HttpResponse};
use rowcast_guest::{clock, executor, http};
use std::future::Future;
use std::time::SystemTime;

struct Component;

crate::bindings::export!(Component with_types_in crate::bindings);

impl describe::Guest for Component {
    fn describe() -> describe::Description {
        crate::describe::describe()
    }

    fn validate(kind: describe::Kind, settings: String) -> Vec<describe::Mistake> {
        crate::describe::validate(kind, &settings)
    }

    fn origins(source: String) -> Result<Vec<String>, Vec<describe::Mistake>> {
        crate::describe::origins(&source)
    }
}

impl extract::Guest for Component {
    fn extract(
        source: String,
        rows: Vec<String>,
        only: Option<Vec<PendingRequest>>,
        budget_ms: Option<u64>,
    ) -> Result<extract::Extraction, Failure> {
        let call = calls::extract(&Wasi, &source, &rows, only.as_deref(), budget_ms);
        executor::block_on(call)
    }
}

impl load::Guest for Component {
    fn load(
        table: String,
        documents: Vec<String>,
        budget_ms: Option<u64>,
    ) -> Result<load::Report, Failure> {
        calls::load(&Wasi, &table, &documents, budget_ms)
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
        let call = calls::transfer(&Wasi, &source, &table, &rows, remaining, budget_ms);
        executor::block_on(call)
    }
}

impl query::Guest for Component {
    fn query(
        query: String,
        cursor: Option<String>,
        budget_ms: Option<u64>,
    ) -> Result<query::Page, Failure> {
        calls::query(&Wasi, &query, cursor.as_deref(), budget_ms)
    }

    fn explain(query: String, budget_ms: Option<u64>) -> Result<query::Explanation, Failure> {
        calls::explain(&Wasi, &query, budget_ms)
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
