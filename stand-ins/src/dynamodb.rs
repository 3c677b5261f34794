//! Nothing → an in-memory DynamoDB in this process, over HTTP on 127.0.0.1.

#[cfg(test)]
mod tests;

use crate::StartError;
use crate::http::post;
use dynoxide::{Database, server};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// It wants one, and any will do.
const ANY_SIGNATURE: &str = "AWS4-HMAC-SHA256 \
    Credential=demo/20261123/us-east-1/dynamodb/aws4_request, \
    SignedHeaders=host;x-amz-date, Signature=00";

/// Requests take milliseconds, so whoever takes longer has stopped reading.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// A DynamoDB without tables. It wants requests signed, but accepts any key
/// and signature. Dropping it ends it.
pub struct TemporaryDynamoDb {
    address: SocketAddr,
    /// Ends the server by being dropped.
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), String>>,
}

impl TemporaryDynamoDb {
    /// Listens on a free port of 127.0.0.1 and answers from then on.
    pub async fn start() -> Result<Self, StartError> {
        let listen = |source| StartError::Listen {
            server: "DynamoDB",
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let database = Database::memory().map_err(|error| StartError::DynamoDb(error.into()))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server::serve_with_shutdown(listener, database, async {
            // An error means that the sender is gone, which is the signal.
            let _ = stopped.await;
        }));
        Ok(Self {
            address,
            stop,
            serving,
        })
    }

    /// The URL to send requests to.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Carries out an operation, signed by nobody: status and answer. What gives
    /// no answer is a status of 0.
    pub async fn call(&self, operation: &str, body: &Value) -> (u16, Value) {
        let target = format!("DynamoDB_20120810.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target.as_str()),
            ("x-amz-date", "20261123T000000Z"),
            ("authorization", ANY_SIGNATURE),
        ];
        match post(&self.endpoint(), &headers, body.to_string()).await {
            Ok((status, answer)) => (status, serde_json::from_slice(&answer).unwrap_or_default()),
            Err(error) => (0, json!({ "message": error.to_string() })),
        }
    }

    /// Makes a table with keys such as `artist_id S, country_track S`: status and
    /// answer.
    pub async fn create(&self, name: &str, keys: &str) -> (u16, Value) {
        let keys = keys.split(", ").filter_map(|key| key.split_once(' '));
        let schema: Vec<_> = keys
            .clone()
            .zip(["HASH", "RANGE"])
            .map(|((name, _), role)| json!({"AttributeName": name, "KeyType": role}))
            .collect();
        let attributes: Vec<_> = keys
            .map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind}))
            .collect();
        let table = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": schema, "AttributeDefinitions": attributes,
        });
        self.call("CreateTable", &table).await
    }

    /// Finishes the requests under way and returns once the port is free.
    pub async fn shutdown(self) {
        drop(self.stop);
        let mut serving = self.serving;
        if tokio::time::timeout(SHUTDOWN_PATIENCE, &mut serving)
            .await
            .is_err()
        {
            serving.abort();
        }
    }
}
