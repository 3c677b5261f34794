//! The pipeline as a component whose host provides `dynamodb`: WIT's calls →
//! the pipeline's, over WASI's HTTP and clocks.

#![cfg(target_arch = "wasm32")]

use rowcast_pipeline::bindings::rowcast::pipeline::{admission, dynamodb, pace};
use rowcast_pipeline::exports::World;
use rowcast_pipeline::pace::Observation;
use rowcast_pipeline::platform::{Dynamo, Http, HttpError, HttpRequest, HttpResponse, Platform};
use rowcast_wasi::{clock, executor, http};
use std::future::Future;
use std::time::SystemTime;

struct Plugin;

rowcast_pipeline::bindings::export!(Plugin with_types_in rowcast_pipeline::bindings);

impl World for Plugin {
    fn open() -> Self {
        Self
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        executor::block_on(future)
    }
}

impl Dynamo for Plugin {
    fn send(
        &self,
        requests: Vec<dynamodb::Request>,
    ) -> Vec<Result<dynamodb::Response, dynamodb::SendError>> {
        dynamodb::send(&requests)
    }

    fn sleep_ms(&self, duration: u64) {
        executor::block_on(clock::timer(duration));
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

impl Http for Plugin {
    fn send(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpError>> {
        http::send(request)
    }

    fn today(&self) -> SystemTime {
        clock::today()
    }

    fn sleep_ms(&self, duration: u64) -> impl Future<Output = ()> {
        clock::timer(duration)
    }
}

impl Platform for Plugin {
    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn random(&self) -> u64 {
        clock::random()
    }

    fn reserve(&self, upstream: &str, units: u32) -> Option<u64> {
        match pace::reserve(upstream, units) {
            pace::Turn::Go => None,
            pace::Turn::After(wait_ms) => Some(wait_ms),
        }
    }

    fn report(&self, upstream: &str, seen: &Observation) {
        let seen = pace::Observation {
            accepted: seen.accepted,
            refused: seen.refused,
            pause_ms: seen.pause_ms,
            remaining: seen.remaining,
            reset_ms: seen.reset_ms,
            held_ms: seen.held_ms,
        };
        pace::report(upstream, seen);
    }
}
