//! What the logic needs of the world, as two traits: the guest implements them
//! by WASI, the tests by scripts. Time and randomness come in here and nowhere
//! else.

use crate::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use std::future::Future;
use std::time::SystemTime;

/// Signed DynamoDB calls, a clock and random numbers; everything blocks.
pub trait Dynamo {
    /// Sends every request; one result for each, in order.
    fn send(&self, requests: Vec<Request>) -> Vec<Result<Response, SendError>>;
    /// Milliseconds on a clock that never goes back.
    fn now_ms(&self) -> u64;
    /// Returns after about that many milliseconds.
    fn sleep_ms(&self, duration: u64);
    /// A uniformly drawn number.
    fn random(&self) -> u64;
}

/// One HTTP request.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// Absolute URL, encoded.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty for GET.
    pub body: Vec<u8>,
    /// Time for the whole exchange, in milliseconds.
    pub timeout_ms: u64,
    /// Bytes of the answer's body at the most.
    pub max_body_bytes: u64,
}

/// The methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// Source requests.
    Get,
    /// Token requests.
    Post,
}

/// A complete answer.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

/// Why there is no complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// Not connected, reset, or cut short.
    Unavailable(String),
    /// The time for the exchange ran out.
    Timeout,
    /// The body is longer than `max_body_bytes`.
    TooLarge,
    /// The host's policy refuses the request.
    Denied(String),
    /// The request itself can't be made: a bad URL or header.
    Invalid(String),
}

/// HTTP to the source, clocks and random numbers; nothing blocks.
pub trait Http {
    /// Sends one request and reads the answer to its end. Never repeats.
    fn send(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpError>>;
    /// Milliseconds on a clock that never goes back.
    fn now_ms(&self) -> u64;
    /// The calendar's time, for `Retry-After` dates.
    fn today(&self) -> SystemTime;
    /// Completes after about that many milliseconds.
    fn sleep_ms(&self, duration: u64) -> impl Future<Output = ()>;
    /// A uniformly drawn number.
    fn random(&self) -> u64;
}
