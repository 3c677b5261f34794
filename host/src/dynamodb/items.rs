//! Items' keys and contents → reads and writes of them, for the host's own
//! use. What DynamoDB leaves undone is sent again, with growing pauses.

use super::DynamoDb;
use super::admin::TableError;
use crate::config::Retry;
use crate::random::random;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// `BatchGetItem`'s bound.
const GETS: usize = 100;
/// `BatchWriteItem`'s bound.
const WRITES: usize = 25;
/// Batches at once.
const AT_ONCE: usize = 8;

impl DynamoDb {
    /// The items with these keys, in no order; keys without an item are left
    /// out. No key may be named twice.
    pub async fn get_items(
        &self,
        table: &str,
        keys: Vec<Value>,
        retry: &Retry,
    ) -> Result<Vec<Map<String, Value>>, TableError> {
        let batches = keys.chunks(GETS).map(<[Value]>::to_vec).collect::<Vec<_>>();
        let found = stream::iter(batches)
            .map(|batch| self.get_batch(table, batch, retry))
            .buffer_unordered(AT_ONCE);
        let found: Vec<_> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Puts and deletes, as `BatchWriteItem` has them.
    pub async fn write_items(
        &self,
        table: &str,
        requests: Vec<Value>,
        retry: &Retry,
    ) -> Result<(), TableError> {
        let batches = requests.chunks(WRITES).map(<[Value]>::to_vec);
        let batches = batches.collect::<Vec<_>>();
        stream::iter(batches)
            .map(|batch| self.write_batch(table, batch, retry))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// One operation, sent again while DynamoDB is unavailable or throttles.
    pub async fn item(
        &self,
        operation: &str,
        table: &str,
        body: &Value,
        retry: &Retry,
    ) -> Result<Map<String, Value>, TableError> {
        let mut attempt = 1;
        loop {
            match self.administer(operation, table, body).await {
                Ok(answer) => {
                    return serde_json::from_str(&answer).map_err(|error| {
                        TableError::Unavailable(format!("read the answer to {operation}: {error}"))
                    });
                }
                Err(TableError::Unavailable(_)) if attempt < retry.max_attempts => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause(retry, attempt)).await;
            attempt += 1;
        }
    }

    async fn get_batch(
        &self,
        table: &str,
        mut keys: Vec<Value>,
        retry: &Retry,
    ) -> Result<Vec<Map<String, Value>>, TableError> {
        let mut found = Vec::new();
        let mut attempt = 1;
        while !keys.is_empty() {
            let before = keys.len();
            let body =
                json!({ "RequestItems": { table: { "Keys": keys, "ConsistentRead": true } } });
            let answer = self.item("BatchGetItem", table, &body, retry).await?;
            let items = answer.get("Responses").and_then(|items| items.get(table));
            let items = items.and_then(Value::as_array).into_iter().flatten();
            found.extend(items.filter_map(Value::as_object).cloned());
            let left = answer.get("UnprocessedKeys");
            let left = left.and_then(|left| left.get(table)?.get("Keys"));
            keys = left.and_then(Value::as_array).cloned().unwrap_or_default();
            attempt = self.left(table, before, keys.len(), attempt, retry).await?;
        }
        Ok(found)
    }

    async fn write_batch(
        &self,
        table: &str,
        mut requests: Vec<Value>,
        retry: &Retry,
    ) -> Result<(), TableError> {
        let mut attempt = 1;
        while !requests.is_empty() {
            let before = requests.len();
            let body = json!({ "RequestItems": { table: requests } });
            let answer = self.item("BatchWriteItem", table, &body, retry).await?;
            let left = answer.get("UnprocessedItems");
            let left = left.and_then(|left| left.get(table)?.as_array());
            requests = left.cloned().unwrap_or_default();
            attempt = self
                .left(table, before, requests.len(), attempt, retry)
                .await?;
        }
        Ok(())
    }

    /// Pauses for what was left undone; the next attempt's number.
    async fn left(
        &self,
        table: &str,
        before: usize,
        left: usize,
        attempt: u32,
        retry: &Retry,
    ) -> Result<u32, TableError> {
        if left == 0 {
            return Ok(1);
        }
        let attempt = if left < before { 1 } else { attempt + 1 };
        if attempt > retry.max_attempts {
            return Err(TableError::Unavailable(format!(
                "use the DynamoDB table `{table}`: it keeps leaving items unprocessed"
            )));
        }
        tokio::time::sleep(pause(retry, attempt)).await;
        Ok(attempt)
    }
}

fn pause(retry: &Retry, attempt: u32) -> Duration {
    Duration::from_millis(retry.backoff().wait_ms(attempt, random()))
}
