//! A request → its answer, over a connection of its own.

use bytes::Bytes;
use http::Request;
use http::request::Builder;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::io;

/// Posts a body: status and answer.
pub async fn post(
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> io::Result<(u16, Bytes)> {
    let request = headers
        .iter()
        .fold(Request::post(url), |request, (name, value)| {
            request.header(*name, *value)
        });
    send(request, body.into()).await
}

/// Gets what is there: status and answer.
pub async fn get(url: &str) -> io::Result<(u16, Bytes)> {
    send(Request::get(url), Bytes::new()).await
}

async fn send(request: Builder, body: Bytes) -> io::Result<(u16, Bytes)> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = request.body(Full::new(body)).map_err(io::Error::other)?;
    let answer = client.request(request).await.map_err(io::Error::other)?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok((head.status.as_u16(), body))
}
