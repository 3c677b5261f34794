//! The component's edge: WASI's requests → [`service`](crate::service) → WASI's
//! answers. Compiled for Wasm only.

use crate::calls::Calls;
use crate::http::{Body, BodyError, Request, Response};
use crate::input::{Explain, Extract, Load, Query, Transfer};
use crate::service::answer;
use bindings::exports::wasi::http::incoming_handler::Guest;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::Extraction;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::load::Report;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::query::{Explanation, Page};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::transfer::TransferReport;
use rowcast_pipeline::bindings::rowcast::pipeline::types::Failure;
use rowcast_pipeline::calls;
use rowcast_pipeline::exports::World;
use rowcast_standalone::Standalone;
use rowcast_wasi::bindings::wasi::cli::environment::get_environment;
use rowcast_wasi::bindings::wasi::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use rowcast_wasi::bindings::wasi::io::streams::{OutputStream, StreamError};

mod bindings {
    use rowcast_wasi::bindings::wasi;

    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package rowcast:http;

            world service {
              export wasi:http/incoming-handler@0.2.12;
            }
        ",
        world: "rowcast:http/service",
        with: {
            "wasi:clocks/monotonic-clock@0.2.12": wasi::clocks::monotonic_clock,
            "wasi:http/types@0.2.12": wasi::http::types,
            "wasi:io/error@0.2.12": wasi::io::error,
            "wasi:io/poll@0.2.12": wasi::io::poll,
            "wasi:io/streams@0.2.12": wasi::io::streams,
        },
    });
}

/// Bytes asked of a body at once.
const READ_BYTES: u64 = 64 * 1024;

struct Service;

bindings::export!(Service with_types_in bindings);

impl Guest for Service {
    fn handle(request: IncomingRequest, response: ResponseOutparam) {
        let environment = get_environment();
        let calls = Standalone::new(environment.clone());
        send(response, &answer(read(&request), &environment, &calls));
    }
}

impl Calls for Standalone {
    fn extract(&self, call: &Extract) -> Result<Extraction, Failure> {
        let (source, only) = (self.resolved(call.source.clone())?, call.only.as_deref());
        Self::block_on(calls::extract(
            self,
            &source,
            &call.rows,
            only,
            call.budget_ms,
        ))
    }

    fn load(&self, call: &Load) -> Result<Report, Failure> {
        calls::load(self, &call.table, &call.documents, call.budget_ms)
    }

    fn transfer(&self, call: &Transfer) -> Result<TransferReport, Failure> {
        let (source, remaining) = (self.resolved(call.source.clone())?, call.remaining.clone());
        let (table, rows) = (&call.table, &call.rows);
        let call = calls::transfer(self, &source, table, rows, remaining, call.budget_ms);
        Self::block_on(call)
    }

    fn query(&self, call: &Query) -> Result<Page, Failure> {
        calls::query(self, &call.query, call.cursor.as_deref(), call.budget_ms)
    }

    fn explain(&self, call: &Explain) -> Result<Explanation, Failure> {
        calls::explain(self, &call.query, call.budget_ms)
    }
}

fn read(request: &IncomingRequest) -> Request<Unread<'_>> {
    let headers = request.headers().entries().into_iter();
    Request {
        method: method(request.method()),
        target: request.path_with_query().unwrap_or_default(),
        headers: headers
            .map(|(name, value)| {
                (
                    name.to_ascii_lowercase(),
                    String::from_utf8_lossy(&value).into_owned(),
                )
            })
            .collect(),
        body: Unread(request),
    }
}

fn method(method: Method) -> String {
    let name = match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => return name,
    };
    name.to_owned()
}

struct Unread<'a>(&'a IncomingRequest);

impl Body for Unread<'_> {
    fn read(self, max_bytes: u64) -> Result<Vec<u8>, BodyError> {
        let body = self.0.consume().map_err(|()| BodyError::Broken)?;
        // Declared after its body, and so dropped before it, as WASI asks for.
        let stream = body.stream().map_err(|()| BodyError::Broken)?;
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        loop {
            match stream.blocking_read(READ_BYTES) {
                Ok(chunk) if chunk.len() > max_bytes.saturating_sub(bytes.len()) => {
                    return Err(BodyError::TooLong);
                }
                Ok(chunk) => bytes.extend_from_slice(&chunk),
                Err(StreamError::Closed) => return Ok(bytes),
                Err(StreamError::LastOperationFailed(_)) => return Err(BodyError::Broken),
            }
        }
    }
}

/// Sends an answer. That the client has gone away is nothing to fail for.
fn send(outparam: ResponseOutparam, response: &Response) {
    let fields = Fields::new();
    for (name, value) in &response.headers {
        // They are ours, and valid.
        let _ = fields.append(name, value.as_bytes());
    }
    let outgoing = OutgoingResponse::new(fields);
    let _ = outgoing.set_status_code(response.status);
    let Ok(body) = outgoing.body() else {
        return;
    };
    // Sent before the body is written: hosts read it while it's written.
    ResponseOutparam::set(outparam, Ok(outgoing));
    let Ok(stream) = body.write() else {
        return;
    };
    let written = write(&stream, &response.body);
    drop(stream);
    // An unfinished body tells the host that it's cut short.
    if written.is_ok() {
        let _ = OutgoingBody::finish(body, None);
    }
}

/// As many bytes at once as the host takes.
fn write(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let room = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        if room == 0 {
            stream.subscribe().block();
            continue;
        }
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now)?;
        bytes = later;
    }
    // After exactly `content-length` bytes the stream may be closed already,
    // so an error here is none.
    if stream.flush().is_ok() {
        stream.subscribe().block();
    }
    Ok(())
}
