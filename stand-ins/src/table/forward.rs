//! A call → the answer of the DynamoDB behind.

use super::error;
use crate::http::{Reply, Seen};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// Headers that belong to one connection, not to the call.
const OF_THE_CONNECTION: [&str; 3] = ["content-length", "connection", "host"];

pub(super) struct Behind {
    /// `http://127.0.0.1:port`
    endpoint: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Behind {
    pub fn new(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub async fn forward(&self, seen: &Seen) -> Reply {
        self.send(seen, seen.body.clone()).await
    }

    /// Forwards the puts that are to be written; the others are returned.
    pub async fn forward_some(&self, seen: &Seen, written: &[bool]) -> Reply {
        let mut request: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        let mut returned = serde_json::Map::new();
        let mut written_to = written.iter();
        let tables = request
            .get_mut("RequestItems")
            .and_then(Value::as_object_mut);
        for (table, puts) in tables.into_iter().flatten() {
            let all = puts.as_array_mut().map(std::mem::take).unwrap_or_default();
            let (kept, back): (Vec<_>, Vec<_>) = all
                .into_iter()
                .partition(|_| written_to.next().copied().unwrap_or(true));
            *puts = kept.into();
            if !back.is_empty() {
                returned.insert(table.clone(), back.into());
            }
        }
        if !written.contains(&true) {
            return Reply::json(json!({ "UnprocessedItems": returned }).to_string());
        }
        match self.send(seen, request.to_string().into()).await {
            Reply::Answer(200, headers, answer) => {
                let mut answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
                if let Some(answer) = answer.as_object_mut() {
                    answer.insert("UnprocessedItems".to_owned(), returned.into());
                }
                Reply::Answer(200, headers, answer.to_string().into())
            }
            other => other,
        }
    }

    async fn send(&self, seen: &Seen, body: Bytes) -> Reply {
        match self.exchange(seen, body).await {
            Ok(reply) => reply,
            Err(cause) => {
                let members = json!({ "message": format!("nobody is behind: {cause}") });
                error(500, "InternalServerError", members)
            }
        }
    }

    async fn exchange(
        &self,
        seen: &Seen,
        body: Bytes,
    ) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
        let uri = format!("{}{}", self.endpoint, seen.target);
        let request = http::Request::builder()
            .method(seen.method.as_str())
            .uri(uri);
        let headers = seen.headers.iter();
        let headers = headers.filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()));
        let request = headers.fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        let answer = self.client.request(request.body(Full::new(body))?).await?;
        let (head, body) = answer.into_parts();
        Ok(Reply::status(
            head.status.as_u16(),
            body.collect().await?.to_bytes(),
        ))
    }
}
