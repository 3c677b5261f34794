//! A method, a URL, headers and a kind of body → what `wasi:http` said.

use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use crate::bindings::wasi::io::streams::StreamError;
use std::mem::forget;

/// A request's body.
pub enum Upload {
    /// It isn't even opened.
    None,
    Bytes(&'static [u8]),
    /// Never ends.
    Endless,
}

/// The answer's status and length, or the first refusal.
pub fn exchange(method: &Method, url: &str, headers: &[(&str, &str)], upload: Upload) -> String {
    send(method, url, headers, upload)
        .and_then(|future| read(&future, |_| ()))
        .unwrap_or_else(|refusal| refusal)
}

/// The text of an answer.
pub fn text(url: &str) -> String {
    let mut text = Vec::new();
    let answer = send(&Method::Get, url, &[], Upload::None)
        .and_then(|future| read(&future, |bytes| text.extend_from_slice(bytes)));
    match answer {
        Ok(_) => String::from_utf8_lossy(&text).into_owned(),
        Err(refusal) => refusal,
    }
}

/// As many requests as there may be, none of them awaited.
pub fn in_flight(url: &str) -> String {
    for number in 1_u32.. {
        match send(&Method::Get, url, &[], Upload::None) {
            Ok(future) => {
                if let Some(Ok(Err(code))) = future.get() {
                    return format!("request {number}: {code:?}");
                }
                forget(future);
            }
            Err(refusal) => return format!("request {number}: {refusal}"),
        }
    }
    String::new()
}

fn send(
    method: &Method,
    url: &str,
    headers: &[(&str, &str)],
    upload: Upload,
) -> Result<FutureIncomingResponse, String> {
    let fields = Fields::new();
    for (name, value) in headers {
        let appended = fields.append(name, value.as_bytes());
        appended.map_err(|error| format!("{} {error:?}", name.escape_default()))?;
    }
    let (scheme, rest) = url.split_once("://").ok_or("no URL")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(fields);
    let scheme = if scheme == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let refused = |()| "the host refuses the URL".to_owned();
    request.set_method(method).map_err(refused)?;
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(authority)).map_err(refused)?;
    request.set_path_with_query(Some(path)).map_err(refused)?;
    let body = match upload {
        Upload::None => None,
        _ => Some(request.body().map_err(|()| "the host refuses a body")?),
    };
    let future = outgoing_handler::handle(request, None).map_err(|code| said(&code))?;
    match (body, upload) {
        (Some(body), Upload::Bytes(bytes)) => {
            if let Ok(stream) = body.write() {
                let _ = stream.blocking_write_and_flush(bytes);
            }
            let _ = OutgoingBody::finish(body, None);
        }
        (Some(body), Upload::Endless) => {
            if let Ok(stream) = body.write() {
                while stream.blocking_write_and_flush(&[b'x'; 4096]).is_ok() {}
            }
            // Left open: an end would be an answer to the host's refusal.
            forget(body);
        }
        _ => {}
    }
    Ok(future)
}

fn read(future: &FutureIncomingResponse, mut each: impl FnMut(&[u8])) -> Result<String, String> {
    future.subscribe().block();
    let response = match future.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(code))) => return Err(said(&code)),
        _ => return Err("no answer".into()),
    };
    let status = response.status();
    let body = response.consume().map_err(|()| "no body")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    let mut length = 0;
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(bytes) => {
                length += bytes.len();
                each(&bytes);
            }
            Err(StreamError::Closed) => return Ok(format!("{status}, {length} bytes")),
            Err(StreamError::LastOperationFailed(error)) => {
                // `http-error-code` knows nothing of a body's error in wasmtime 48.
                return Err(format!("{status}, then {}", error.to_debug_string()));
            }
        }
    }
}

fn said(code: &ErrorCode) -> String {
    format!("{code:?}").replace("ErrorCode::", "")
}
