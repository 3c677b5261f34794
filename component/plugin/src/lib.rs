//! The pipeline as a component whose host provides `dynamodb`: WIT's calls →
//! the pipeline's, over WASI's HTTP and clocks.

#![cfg(target_arch = "wasm32")]

use rowcast_pipeline::bindings::exports::rowcast::pipeline::{
    describe, extract, load, query, transfer,
};
use rowcast_pipeline::bindings::rowcast::pipeline::types::{Failure, PendingRequest};
use rowcast_pipeline::bindings::rowcast::pipeline::{admission, dynamodb, pace};
use rowcast_pipeline::calls;
use rowcast_pipeline::pace::Observation;
use rowcast_pipeline::platform::{Dynamo, Http, HttpError, HttpRequest, HttpResponse};
use rowcast_wasi::{Wasi, clock, executor};
use std::future::Future;
use std::time::SystemTime;

struct Plugin;

rowcast_pipeline::bindings::export!(Plugin with_types_in rowcast_pipeline::bindings);

impl describe::Guest for Plugin {
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

impl extract::Guest for Plugin {
    fn extract(
        source: String,
        rows: Vec<String>,
        only: Option<Vec<PendingRequest>>,
        budget_ms: Option<u64>,
    ) -> Result<extract::Extraction, Failure> {
        let call = calls::extract(&Plugin, &source, &rows, only.as_deref(), budget_ms);
        executor::block_on(call)
    }
}

impl load::Guest for Plugin {
    fn load(
        table: String,
        documents: Vec<String>,
        budget_ms: Option<u64>,
    ) -> Result<load::Report, Failure> {
        calls::load(&Plugin, &table, documents, budget_ms)
    }
}

impl transfer::Guest for Plugin {
    fn transfer(
        source: String,
        table: String,
        rows: Vec<String>,
        remaining: Option<transfer::Remaining>,
        budget_ms: Option<u64>,
    ) -> Result<transfer::TransferReport, Failure> {
        let call = calls::transfer(&Plugin, &source, &table, &rows, remaining, budget_ms);
        executor::block_on(call)
    }
}

impl query::Guest for Plugin {
    fn query(
        query: String,
        cursor: Option<String>,
        budget_ms: Option<u64>,
    ) -> Result<query::Page, Failure> {
        calls::query(&Plugin, &query, cursor.as_deref(), budget_ms)
    }

    fn explain(query: String, budget_ms: Option<u64>) -> Result<query::Explanation, Failure> {
        calls::explain(&Plugin, &query, budget_ms)
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

    fn reserve(&self, upstream: &str, units: u32) -> Option<u64> {
        reserve(upstream, units)
    }

    fn report(&self, upstream: &str, seen: &Observation) {
        report(upstream, seen);
    }

    fn wanted(&self) -> Option<admission::Interest> {
        admission::wanted()
    }

    fn admit(&self, candidates: Vec<admission::Candidate>) -> Vec<admission::Decision> {
        admission::admit(&candidates)
    }

    fn settle(&self, outcomes: Vec<admission::Outcome>) {
        admission::settle(&outcomes);
    }
}

/// As WASI has it; a transfer needs both of one value.
impl Http for Plugin {
    fn send(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpError>> {
        Wasi.send(request)
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

    fn reserve(&self, upstream: &str, units: u32) -> Option<u64> {
        reserve(upstream, units)
    }

    fn report(&self, upstream: &str, seen: &Observation) {
        report(upstream, seen);
    }
}

fn reserve(upstream: &str, units: u32) -> Option<u64> {
    match pace::reserve(upstream, units) {
        pace::Turn::Go => None,
        pace::Turn::After(wait_ms) => Some(wait_ms),
    }
}

fn report(upstream: &str, seen: &Observation) {
    let seen = pace::Observation {
        accepted: seen.accepted,
        refused: seen.refused,
        pause_ms: seen.pause_ms,
        remaining: seen.remaining,
        reset_ms: seen.reset_ms,
    };
    pace::report(upstream, seen);
}
