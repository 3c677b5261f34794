//! The component's DynamoDB requests → signed calls, under a policy on
//! operation, table and size. Answers keep the order of the requests.

use super::bindings::rowcast::pipeline::dynamodb::{Host, Request, Response, SendError};
use crate::dynamodb::{DynamoDb, SendError as Unsent};
use crate::hint::Hint;
use crate::http_out::denial::{Claim, Denial, Denials};
use crate::limits::Limits;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// What all calls share: policy, connections and slots.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) dynamodb: Option<DynamoDb>,
    pub(super) policy: Arc<Policy>,
    pub(super) slots: Arc<Semaphore>,
    pub(super) limits: Arc<Limits>,
}

/// Which tables the component may use.
#[derive(Clone, Debug, Default)]
pub(super) struct Policy {
    pub(super) tables: BTreeSet<String>,
}

/// The DynamoDB requests of one call.
pub(super) struct Calls {
    shared: Shared,
    denials: Denials,
    left: u32,
}

impl Calls {
    pub(super) fn new(shared: Shared, denials: Denials) -> Self {
        let left = shared.limits.dynamodb_per_call;
        Self {
            shared,
            denials,
            left,
        }
    }

    /// Decides before anything is sent.
    fn admit(&mut self, request: &Request) -> Result<(), SendError> {
        let limit = self.shared.limits.dynamodb_body_kib;
        if exceeds(&request.body, limit) {
            return Err(SendError::TooLarge(format!(
                "the request is longer than {limit} KiB, the setting `[limits] dynamodb_body_kib`"
            )));
        }
        let admitted = self.shared.policy.admit(&request.operation, &request.body);
        let admitted = admitted.and_then(|()| {
            self.left = self.left.checked_sub(1).ok_or_else(|| {
                let limit = self.shared.limits.dynamodb_per_call;
                Denial::new(
                    format!("policy refuses more than {limit} DynamoDB requests in one call"),
                    Some(Hint::new(
                        "raise `[limits] dynamodb_per_call` in rowcast.toml",
                    )),
                )
            })?;
            Ok(())
        });
        admitted.map_err(|denial| {
            self.denials.record(denial.clone());
            SendError::Denied(denial.to_string())
        })
    }
}

impl Host for Calls {
    async fn send(&mut self, requests: Vec<Request>) -> Vec<Result<Response, SendError>> {
        let admitted: Vec<_> = requests
            .into_iter()
            .map(|request| self.admit(&request).map(|()| request))
            .collect();
        // The slots bound what all calls have in flight; this bounds how much
        // of one call waits for them.
        let shared = &self.shared;
        // They go into the component's memory together, after the host's.
        let room = AtomicU64::new(shared.limits.memory_mib.saturating_mul(1024 * 1024));
        let at_once = usize::try_from(shared.limits.dynamodb_in_flight).unwrap_or(usize::MAX);
        stream::iter(admitted)
            .map(async |request| shared.send(request?, &room, &self.denials).await)
            .buffered(at_once.max(1))
            .collect()
            .await
    }
}

impl Shared {
    /// Answers longer than the room that's left take all of it.
    async fn send(
        &self,
        request: Request,
        room: &AtomicU64,
        denials: &Denials,
    ) -> Result<Response, SendError> {
        let Some(dynamodb) = &self.dynamodb else {
            return Err(SendError::Denied(
                "no DynamoDB table is configured".to_owned(),
            ));
        };
        let slot = self.slots.acquire().await;
        let _slot = slot.map_err(|_| SendError::Unavailable("the host is ending".to_owned()))?;
        let full = || {
            let limit = self.limits.memory_mib;
            SendError::TooLarge(format!(
                "the answers together are longer than {limit} MiB, the setting `[limits] memory_mib`"
            ))
        };
        if room.load(Ordering::Relaxed) == 0 {
            return Err(full());
        }
        match dynamodb.send(&request.operation, request.body).await {
            Ok((_, body)) if exceeds(&body, self.limits.dynamodb_body_kib) => {
                let limit = self.limits.dynamodb_body_kib;
                Err(SendError::TooLarge(format!(
                    "the answer is longer than {limit} KiB, the setting `[limits] dynamodb_body_kib`"
                )))
            }
            Ok((status, body)) => {
                // Its refusals have the status 400, like its throttling.
                if status >= 400 {
                    denials.trouble(Claim::Refused);
                    denials.trouble(Claim::Failed);
                }
                let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
                let before = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| {
                    Some(room.saturating_sub(length))
                });
                if before.unwrap_or_else(|room| room) < length {
                    return Err(full());
                }
                Ok(Response { status, body })
            }
            Err(Unsent::Denied(reason)) => {
                denials.record(Denial::new(&reason, None));
                Err(SendError::Denied(reason))
            }
            Err(Unsent::Credentials(reason)) => {
                denials.trouble(Claim::Refused);
                Err(SendError::Credentials(reason))
            }
            Err(Unsent::Unavailable(reason)) => {
                denials.trouble(Claim::Failed);
                Err(SendError::Unavailable(reason))
            }
            Err(Unsent::TooLarge(reason)) => Err(SendError::TooLarge(reason)),
        }
    }
}

fn exceeds(body: &str, kib: u64) -> bool {
    u64::try_from(body.len()).map_or(true, |length| length > kib.saturating_mul(1024))
}

impl Policy {
    /// Whether the component may send that body to that operation.
    fn admit(&self, operation: &str, body: &str) -> Result<(), Denial> {
        let tables = match operation {
            "DescribeTable" | "PutItem" | "Query" | "Scan" => {
                parse::<OneTable>(operation, body).map(|body| vec![body.table_name])
            }
            "BatchWriteItem" => parse::<Puts>(operation, body).map(|body| body.request_items.0),
            _ => Err(Denial::new(
                format!("policy refuses the DynamoDB operation {operation}"),
                None,
            )),
        }?;
        let refused = tables.iter().find(|table| !self.tables.contains(*table));
        match refused {
            None => Ok(()),
            Some(table) => Err(Denial::new(
                format!("policy refuses {operation} on the DynamoDB table {table:?}"),
                Some(Hint::new(
                    "the component may use only the tables that are configured",
                )),
            )),
        }
    }
}

/// What isn't understood can't be judged, so it's refused.
fn parse<Body: DeserializeOwned>(operation: &str, body: &str) -> Result<Body, Denial> {
    serde_json::from_str(body).map_err(|error| {
        Denial::new(
            format!("policy refuses a body of {operation} it can't judge: {error}"),
            None,
        )
    })
}

/// A member that occurs twice is an error, so that nobody can read another
/// table's name than this.
#[derive(Deserialize)]
struct OneTable {
    #[serde(rename = "TableName")]
    table_name: String,
}

#[derive(Deserialize)]
struct Puts {
    #[serde(rename = "RequestItems")]
    request_items: Tables,
}

/// A batch may put; it may not delete.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    #[serde(rename = "PutRequest")]
    _put: IgnoredAny,
}

/// The tables of a batch, each once.
struct Tables(Vec<String>);

impl<'de> Deserialize<'de> for Tables {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Tables;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with a table's name for each member")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tables, A::Error> {
                let mut names: Vec<String> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if names.contains(&name) {
                        return Err(serde::de::Error::custom("a table occurs twice"));
                    }
                    names.push(name);
                    map.next_value::<Vec<Put>>()?;
                }
                if names.is_empty() {
                    return Err(serde::de::Error::custom("no table"));
                }
                Ok(Tables(names))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests;
