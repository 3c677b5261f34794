//! Items' keys and contents → reads and writes of them, for the host's own
//! use. What DynamoDB leaves undone is sent again, writes at the pace that the table allows.

use super::DynamoDb;
use super::admin::TableError;
use crate::config::Retry;
use crate::limits::LONGEST_THROTTLED;
use crate::random::random;
use futures_util::{StreamExt, TryStreamExt, stream};
use rowcast_pipeline::pace::{Observation, Pace};
use serde_json::{Map, Value, json};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

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
        self.paced(operation, table, body, 0, retry).await
    }

    /// The same for so many writes, which have their turn. Being throttled costs time and no
    /// attempts.
    async fn paced(
        &self,
        operation: &str,
        table: &str,
        body: &Value,
        writes: u32,
        retry: &Retry,
    ) -> Result<Map<String, Value>, TableError> {
        let (begun, mut attempt, mut throttled) = (Instant::now(), 1, 1);
        loop {
            self.turn(writes).await;
            let answer = self.administer(operation, table, body).await;
            if answer.is_err() && writes > 0 {
                let refused = matches!(answer, Err(TableError::Throttled(_)));
                self.report(0, if refused { writes } else { 0 });
            }
            let wait = match answer {
                Ok(answer) => {
                    return serde_json::from_str(&answer).map_err(|error| {
                        TableError::Unavailable(format!("read the answer to {operation}: {error}"))
                    });
                }
                Err(TableError::Throttled(_)) if begun.elapsed() < LONGEST_THROTTLED => {
                    throttled += 1;
                    pause(retry, throttled)
                }
                Err(TableError::Unavailable(_)) if attempt < retry.max_attempts => {
                    attempt += 1;
                    pause(retry, attempt - 1)
                }
                Err(error) => return Err(error),
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits until so much may be written.
    async fn turn(&self, writes: u32) {
        loop {
            let wait = self.with_pace(|pace, now| match writes {
                0 => 0,
                _ => pace.reserve(now, writes, random()),
            });
            if wait == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    fn report(&self, accepted: u32, refused: u32) {
        let seen = Observation {
            accepted,
            refused,
            ..Observation::default()
        };
        self.with_pace(|pace, now| pace.report(now, &seen));
    }

    fn with_pace<T>(&self, act: impl FnOnce(&mut Pace, u64) -> T) -> T {
        let now = self.shared.started.elapsed().as_millis();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        let pace = self.shared.pace.lock();
        act(&mut pace.unwrap_or_else(PoisonError::into_inner), now)
    }

    async fn get_batch(
        &self,
        table: &str,
        mut keys: Vec<Value>,
        retry: &Retry,
    ) -> Result<Vec<Map<String, Value>>, TableError> {
        let mut found = Vec::new();
        let (mut since, mut attempt) = (Instant::now(), 1);
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
            if keys.is_empty() {
                break;
            }
            if keys.len() < before {
                (since, attempt) = (Instant::now(), 1);
            } else if since.elapsed() >= LONGEST_THROTTLED {
                return Err(unprocessed(table));
            }
            attempt += 1;
            tokio::time::sleep(pause(retry, attempt)).await;
        }
        Ok(found)
    }

    async fn write_batch(
        &self,
        table: &str,
        mut requests: Vec<Value>,
        retry: &Retry,
    ) -> Result<(), TableError> {
        let mut since = Instant::now();
        while !requests.is_empty() {
            let before = count(requests.len());
            let body = json!({ "RequestItems": { table: requests } });
            let answer = self.paced("BatchWriteItem", table, &body, before, retry);
            let answer = answer.await?;
            let left = answer.get("UnprocessedItems");
            let left = left.and_then(|left| left.get(table)?.as_array());
            requests = left.cloned().unwrap_or_default();
            let left = count(requests.len());
            self.report(before.saturating_sub(left), left);
            if left < before {
                since = Instant::now();
            } else if since.elapsed() >= LONGEST_THROTTLED {
                return Err(unprocessed(table));
            }
        }
        Ok(())
    }
}

fn unprocessed(table: &str) -> TableError {
    TableError::Throttled(format!(
        "use the DynamoDB table `{table}`: it keeps leaving items unprocessed"
    ))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn pause(retry: &Retry, attempt: u32) -> Duration {
    Duration::from_millis(retry.backoff().wait_ms(attempt, random()))
}
