//! What the logic needs of the world, as three traits: components implement them
//! by WASI, the tests by scripts. Time and randomness come in here and nowhere
//! else.

use crate::bindings::rowcast::pipeline::admission::{Candidate, Decision, Interest, Outcome};
use crate::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use crate::pace::Observation;
use std::future::Future;
use std::time::SystemTime;

pub use crate::message::{HttpError, HttpMethod, HttpRequest, HttpResponse};

/// A clock, random numbers, and the pace of all instances.
pub trait Platform {
    /// Milliseconds on a clock that never goes back.
    fn now_ms(&self) -> u64;
    /// A uniformly drawn number.
    fn random(&self) -> u64;
    /// A place among the requests of all instances to an upstream, as
    /// [`Pace::reserve`](crate::pace::Pace::reserve) has it; none where the
    /// host doesn't share it.
    fn reserve(&self, _upstream: &str, _units: u32) -> Option<u64> {
        None
    }
    /// What became of it.
    fn report(&self, _upstream: &str, _seen: &Observation) {}
}

/// Signed DynamoDB calls; everything blocks.
pub trait Dynamo: Platform {
    /// Sends every request; one result for each, in order.
    fn send(&self, requests: Vec<Request>) -> Vec<Result<Response, SendError>>;
    /// Returns after about that many milliseconds.
    fn sleep_ms(&self, duration: u64);
    /// What the host has to know of documents to decide which of them are
    /// written; none where it decides nothing, and everything is.
    fn wanted(&self) -> Option<Interest> {
        None
    }
    /// Its decision about each; what it admits must be settled.
    fn admit(&self, candidates: Vec<Candidate>) -> Vec<Decision> {
        candidates.iter().map(|_| Decision::Write).collect()
    }
    /// What became of what it admitted, each once.
    fn settle(&self, _outcomes: Vec<Outcome>) {}
}

/// HTTP to the source; nothing blocks.
pub trait Http: Platform {
    /// Sends one request and reads the answer to its end. Never repeats.
    fn send(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpError>>;
    /// The calendar's time, for `Retry-After` dates.
    fn today(&self) -> SystemTime;
    /// Completes after about that many milliseconds.
    fn sleep_ms(&self, duration: u64) -> impl Future<Output = ()>;
}
