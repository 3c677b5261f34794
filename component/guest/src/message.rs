//! HTTP requests and answers as plain values, for every target.

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
