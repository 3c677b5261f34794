//! A body → the answer to a POST of it.

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

pub struct Answer {
    pub status: u16,
    pub body: String,
}

pub type Unanswered = Box<dyn std::error::Error + Send + Sync>;

pub async fn post(url: &str, headers: &[(&str, &str)], body: String) -> Result<Answer, Unanswered> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut request = Request::post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, body) = client
        .request(request.body(body.into())?)
        .await?
        .into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Answer {
        status: parts.status.as_u16(),
        body: String::from_utf8(body.to_vec())?,
    })
}
