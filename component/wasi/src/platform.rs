//! WASI → what the pipeline needs of a source's side of the world.

use crate::{clock, http};
use rowcast_pipeline::platform::{Http, HttpError, HttpRequest, HttpResponse};
use std::future::Future;
use std::time::SystemTime;

/// HTTP, clocks and random numbers of this component's host.
pub struct Wasi;

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
