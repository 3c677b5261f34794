//! One [`HttpRequest`] → one exchange over `wasi:http` → the whole answer.

use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use crate::bindings::wasi::io::streams::StreamError;
use crate::clock::timer;
use crate::error_code::refused;
use crate::executor::Readiness;
use futures_util::future::{Either, select};
use rowcast_pipeline::message::{
    HttpError, HttpMethod, HttpRequest, HttpResponse, Parts, announced, is_refusal, target,
};
use std::pin::pin;

/// Bytes asked of a body at once.
const READ_BYTES: u64 = 64 * 1024;

/// How long the body of a refusal is waited for.
const REFUSAL_MS: u64 = 5_000;

/// How errors of JavaScript hosts begin, such as `Error: aborted` for a
/// connection that ends within a body. They have no code of WASI's: asked for
/// one, jco's preview2-shim 0.26 ends the component.
const JAVASCRIPT: &str = "Error: ";

/// Sends the request and reads the answer to its end, within its time.
pub async fn send(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let exchange = pin!(exchange(&request));
    let timeout = pin!(timer(request.timeout_ms));
    match select(exchange, timeout).await {
        Either::Left((Err(HttpError::Denied(words)), _)) => Err(HttpError::Denied(format!(
            "{words} ({}); allow that origin there",
            Parts::of(&request.url).map_or(request.url.as_str(), |parts| parts.origin)
        ))),
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => Err(HttpError::Timeout),
    }
}

// What is declared last is dropped first, which WASI asks for: a pollable goes
// before its stream, a stream before its body.
async fn exchange(request: &HttpRequest) -> Result<HttpResponse, HttpError> {
    let outgoing = outgoing(request)?;
    let body = (!request.body.is_empty())
        .then(|| outgoing.body())
        .transpose();
    let body = body.map_err(|()| invalid("the request takes no body"))?;
    let future = outgoing_handler::handle(outgoing, Some(options(request))).map_err(refused)?;
    if let Some(body) = body {
        write(body, &request.body).await?;
    }
    let response = response(&future).await?;
    let headers: Vec<(String, String)> = response
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| {
            (
                name.to_ascii_lowercase(),
                String::from_utf8_lossy(&value).into_owned(),
            )
        })
        .collect();
    let status = response.status();
    let mut body = Vec::new();
    let reading = read(&response, request.max_body_bytes, &mut body);
    if is_refusal(status) {
        select(pin!(reading), pin!(timer(REFUSAL_MS))).await;
    } else {
        reading.await?;
        // Not every host notices a body that ends early.
        let missing = |length: &usize| *length > body.len();
        if let Some(announced) = announced(status, &headers).filter(missing) {
            let length = body.len();
            return Err(broken(&format!(
                "the body ended after {length} of {announced} bytes"
            )));
        }
    }
    Ok(HttpResponse {
        status,
        headers,
        body,
    })
}

fn outgoing(request: &HttpRequest) -> Result<OutgoingRequest, HttpError> {
    let fields = Fields::new();
    for (name, value) in &request.headers {
        let appended = fields.append(name, value.as_bytes());
        appended
            .map_err(|_| invalid(&format!("the header `{name}` is not allowed or not valid")))?;
    }
    if !request.body.is_empty() {
        let length = request.body.len().to_string();
        let appended = fields.append("content-length", length.as_bytes());
        appended.map_err(|_| invalid("the header `content-length` is not allowed"))?;
    }
    let parts = Parts::of(&request.url).ok_or_else(|| invalid("the URL has no scheme"))?;
    let scheme = match parts.scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.to_owned()),
    };
    let path = target(parts.rest);
    let method = match request.method {
        HttpMethod::Get => Method::Get,
        HttpMethod::Post => Method::Post,
    };
    let outgoing = OutgoingRequest::new(fields);
    let set = outgoing
        .set_method(&method)
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(parts.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&path)));
    set.map_err(|()| {
        let length = path.len();
        invalid(&format!(
            "its path and query of {length} bytes are not valid, or too long"
        ))
    })?;
    Ok(outgoing)
}

/// The timer in [`send`] bounds the whole exchange; these let a host that
/// waits on our behalf give up as well. Hosts may not support them.
fn options(request: &HttpRequest) -> RequestOptions {
    let options = RequestOptions::new();
    let nanoseconds = request.timeout_ms.saturating_mul(1_000_000);
    let _ = options.set_connect_timeout(Some(nanoseconds));
    let _ = options.set_first_byte_timeout(Some(nanoseconds));
    let _ = options.set_between_bytes_timeout(Some(nanoseconds));
    options
}

async fn write(body: OutgoingBody, mut bytes: &[u8]) -> Result<(), HttpError> {
    {
        let stream = body
            .write()
            .map_err(|()| invalid("the request takes no body"))?;
        while !bytes.is_empty() {
            let room = match stream.check_write() {
                Ok(0) => {
                    Readiness::of(stream.subscribe()).await;
                    continue;
                }
                Ok(room) => usize::try_from(room).unwrap_or(usize::MAX),
                // The server may answer without reading: its answer says why.
                Err(StreamError::Closed) => return Ok(()),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(broken(&error.to_debug_string()));
                }
            };
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            match stream.write(now) {
                Ok(()) => bytes = later,
                Err(StreamError::Closed) => return Ok(()),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(broken(&error.to_debug_string()));
                }
            }
        }
        // After exactly `content-length` bytes the stream may be closed
        // already, so an error here is none: the answer tells.
        let _ = stream.flush();
    }
    OutgoingBody::finish(body, None).map_err(refused)
}

async fn response(future: &FutureIncomingResponse) -> Result<IncomingResponse, HttpError> {
    loop {
        match future.get() {
            Some(Ok(Ok(response))) => return Ok(response),
            Some(Ok(Err(code))) => return Err(refused(code)),
            Some(Err(())) => return Err(broken("the answer was taken twice")),
            None => Readiness::of(future.subscribe()).await,
        }
    }
}

async fn read(
    response: &IncomingResponse,
    max_bytes: u64,
    bytes: &mut Vec<u8>,
) -> Result<(), HttpError> {
    let body: IncomingBody = response
        .consume()
        .map_err(|()| broken("the answer has no body"))?;
    let stream = body
        .stream()
        .map_err(|()| broken("the answer has no body"))?;
    let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    loop {
        // Before each chunk, so that a body without end ends with its time.
        Readiness::of(stream.subscribe()).await;
        match stream.read(READ_BYTES) {
            Ok(chunk) if chunk.len() > max_bytes.saturating_sub(bytes.len()) => {
                return Err(HttpError::TooLarge);
            }
            // Often it is all of it.
            Ok(chunk) if bytes.is_empty() => *bytes = chunk,
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => {
                let said = error.to_debug_string();
                if said.starts_with(JAVASCRIPT) {
                    return Err(refused(ErrorCode::ConnectionTerminated));
                }
                let code = crate::bindings::wasi::http::types::http_error_code(&error);
                return Err(code.map_or_else(|| broken(&said), refused));
            }
        }
    }
}

fn invalid(reason: &str) -> HttpError {
    HttpError::Invalid(reason.to_owned())
}

fn broken(reason: &str) -> HttpError {
    HttpError::Unavailable(reason.to_owned())
}
