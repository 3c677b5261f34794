//! A ledger table and a scope → the right to use them, for one process at a
//! time: an item that says who has it and until when, and that is renewed
//! while the run goes on.
//!
//! Times are those of DynamoDB's clock, as its answers tell, so that clocks of
//! machines may differ. A process trusts its lease for a shorter time than
//! others wait for it to end. What no lease can prevent: a process that was
//! suspended while it was sending a batch may still send it when it wakes.

use super::{Hash, LedgerError};
use crate::config::Retry;
use crate::dynamodb::DynamoDb;
use crate::dynamodb::admin::TableError;
use serde_json::{Map, Value, json};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;

/// So long the holder trusts it after it asked for it.
const TRUSTED: Duration = Duration::from_mins(1);
/// So long nobody else takes it: longer than an answer takes to tell the time.
const LASTS: Duration = Duration::from_secs(90);
/// How often it is renewed.
const RENEWED: Duration = Duration::from_secs(20);
/// Where all leases are.
const LEASES: &str = "lease";

/// A lease that this process holds. Dropping it ends its renewal; it ends by
/// itself then.
pub struct Lease {
    held: Arc<Held>,
    renewing: JoinHandle<()>,
}

struct Held {
    dynamodb: DynamoDb,
    table: String,
    retry: Retry,
    scope: Hash,
    /// Tells this process's lease from all others.
    token: String,
    /// When it was asked for last, successfully.
    asked: Mutex<Moment>,
}

/// A moment by both clocks: one stands still while a machine is suspended, the
/// other may be set.
#[derive(Clone, Copy)]
struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Lease {
    /// Takes the lease, or says who has it.
    pub async fn take(
        dynamodb: DynamoDb,
        table: &str,
        retry: Retry,
        scope: Hash,
    ) -> Result<Self, LedgerError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = now.unwrap_or_default().as_nanos().to_string();
        let held = Held {
            token: Hash::of(&[&holder(), &since]).to_string(),
            dynamodb,
            table: table.to_owned(),
            retry,
            scope,
            asked: Mutex::new(Moment::now()),
        };
        // The first answer of a process tells it the time.
        held.renew().await?;
        let held = Arc::new(held);
        let renewing = Arc::clone(&held);
        let renewing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWED).await;
                if let Err(error) = renewing.renew().await {
                    tracing::warn!(%error, "renew the ledger's lease");
                }
            }
        });
        Ok(Self { held, renewing })
    }

    /// Makes sure that it's still held.
    pub async fn check(&self) -> Result<(), LedgerError> {
        if self.held.asked().is_within(TRUSTED) {
            return Ok(());
        }
        self.held.renew().await
    }

    /// Lets go of it.
    pub async fn release(&self) {
        self.renewing.abort();
        let body = json!({
            "TableName": self.held.table,
            "Key": self.held.key(),
            "ConditionExpression": "#token = :mine",
            "ExpressionAttributeNames": { "#token": "token" },
            "ExpressionAttributeValues": { ":mine": { "S": self.held.token } },
        });
        let Held {
            dynamodb,
            table,
            retry,
            ..
        } = &*self.held;
        // If it can't be deleted now, it ends by itself.
        if let Err(error) = dynamodb.item("DeleteItem", table, &body, retry).await {
            tracing::debug!(%error, "release the ledger's lease");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

impl Held {
    /// Puts the item, if it's nobody else's or theirs has ended.
    async fn renew(&self) -> Result<(), LedgerError> {
        let asked = Moment::now();
        let now = self.dynamodb.now();
        let until = now + LASTS;
        let mut item = self.key();
        for (name, value) in [
            ("token", json!({ "S": self.token })),
            ("holder", json!({ "S": holder() })),
            ("until", json!({ "N": seconds(until) })),
            ("expires", json!({ "N": seconds(until) })),
        ] {
            item.insert(name.to_owned(), value);
        }
        let body = json!({
            "TableName": self.table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(id) OR #token = :mine OR #until < :now",
            "ExpressionAttributeNames": { "#token": "token", "#until": "until" },
            "ExpressionAttributeValues": {
                ":mine": { "S": self.token },
                ":now": { "N": seconds(now) },
            },
        });
        let put = self
            .dynamodb
            .item("PutItem", &self.table, &body, &self.retry);
        match put.await {
            Ok(_) => {
                *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
                Ok(())
            }
            Err(TableError::Condition(_)) => match self.taken().await? {
                Some(taken) => Err(taken),
                // Whoever had it has let go of it since.
                None => Box::pin(self.renew()).await,
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Who has it, if anybody has.
    async fn taken(&self) -> Result<Option<LedgerError>, LedgerError> {
        let body = json!({
            "TableName": self.table,
            "Key": self.key(),
            "ConsistentRead": true,
        });
        let answer = self
            .dynamodb
            .item("GetItem", &self.table, &body, &self.retry)
            .await?;
        let Some(item) = answer.get("Item") else {
            return Ok(None);
        };
        let member = |name: &str, kind: &str| {
            let value = item.get(name)?.get(kind)?.as_str()?;
            Some(value.to_owned())
        };
        let until = member("until", "N").and_then(|text| text.parse().ok());
        let until = UNIX_EPOCH.checked_add(Duration::from_secs(until.unwrap_or(0)));
        Ok(Some(LedgerError::Leased {
            name: self.table.clone(),
            holder: member("holder", "S").unwrap_or_else(|| "another process".to_owned()),
            until: until.unwrap_or(UNIX_EPOCH),
        }))
    }

    fn key(&self) -> Map<String, Value> {
        super::item_key::item_key(LEASES, &self.scope.to_string())
    }

    fn asked(&self) -> Moment {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moment {
    fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// Whether that long hasn't passed since, by either clock.
    fn is_within(self, duration: Duration) -> bool {
        let wall = self.wall.elapsed();
        self.steady.elapsed() < duration && wall.is_ok_and(|elapsed| elapsed < duration)
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Lease(…)")
    }
}

fn seconds(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().to_string()
}

/// What others are told of this process.
fn holder() -> String {
    let named = ["HOSTNAME", "COMPUTERNAME"];
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| named.iter().find_map(|name| std::env::var(name).ok()));
    let host = host.as_deref().map_or("an unnamed host", str::trim);
    format!("process {} on {host}", std::process::id())
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]
mod tests;
