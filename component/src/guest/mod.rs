//! The component's edge: WIT calls → the logic's entry points, and WASI → the
//! traits of [`platform`](crate::platform). Compiled for Wasm only.

mod executor;
mod http;

use crate::bindings::exports::rowcast::pipeline::{extract, load, query};
use crate::bindings::rowcast::pipeline::dynamodb;
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::bindings::wasi::random::random;
use crate::platform::{Dynamo, Http, HttpError, HttpRequest, HttpResponse};
use std::future::Future;
use std::time::{Duration, SystemTime};

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

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

fn now_ms() -> u64 {
    monotonic_clock::now() / NANOSECONDS_PER_MILLISECOND
}

fn timer(duration_ms: u64) -> executor::Readiness {
    let nanoseconds = duration_ms.saturating_mul(NANOSECONDS_PER_MILLISECOND);
    executor::Readiness::of(monotonic_clock::subscribe_duration(nanoseconds))
}

impl Dynamo for Wasi {
    fn send(
        &self,
        requests: Vec<dynamodb::Request>,
    ) -> Vec<Result<dynamodb::Response, dynamodb::SendError>> {
        dynamodb::send(&requests)
    }

    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn sleep_ms(&self, duration: u64) {
        executor::block_on(timer(duration));
    }

    fn random(&self) -> u64 {
        random::get_random_u64()
    }
}

impl Http for Wasi {
    fn send(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpError>> {
        http::send(request)
    }

    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn today(&self) -> SystemTime {
        let now = wall_clock::now();
        SystemTime::UNIX_EPOCH + Duration::new(now.seconds, now.nanoseconds)
    }

    fn sleep_ms(&self, duration: u64) -> impl Future<Output = ()> {
        timer(duration)
    }

    fn random(&self) -> u64 {
        random::get_random_u64()
    }
}
