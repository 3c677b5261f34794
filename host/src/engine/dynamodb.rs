//! The component's DynamoDB requests → signed calls, under a policy on
//! operation, table and size. Answers keep the order of the requests.

use super::bindings::rowcast::pipeline::dynamodb::{Host, Request, Response, SendError};
use crate::dynamodb::{DynamoDb, SendError as Unsent, with_causes};
use crate::hint::Hint;
use crate::hold::{Holds, Step};
use crate::http_out::client::Repeats;
use crate::http_out::violation::{UpstreamFailure, Violation, Violations};
use crate::limits::Limits;
use futures_util::{StreamExt, stream};
use rowcast_aws::policy::{PolicyViolation, Tables};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// What all calls share: policy, connections and slots.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) dynamodb: Option<DynamoDb>,
    pub(super) policy: Arc<Tables>,
    pub(super) slots: Arc<Semaphore>,
    pub(super) limits: Arc<Limits>,
}

/// The DynamoDB requests of one call.
pub(super) struct Calls {
    shared: Shared,
    violations: Violations,
    repeats: Repeats,
    holds: Holds,
    left: u32,
}

impl Calls {
    pub(super) fn new(
        shared: Shared,
        violations: Violations,
        repeats: Repeats,
        holds: Holds,
    ) -> Self {
        let left = shared.limits.dynamodb_per_call;
        Self {
            shared,
            violations,
            repeats,
            holds,
            left,
        }
    }

    /// Decides before anything is sent.
    fn admit(&mut self, request: &Request) -> Result<(), SendError> {
        let limit = self.shared.limits.dynamodb_body_kib;
        if exceeds(&request.body, limit) {
            return Err(SendError::TooLarge(format!(
                "the request is longer than {limit} KiB, and DynamoDB takes less"
            )));
        }
        let admitted = self.shared.policy.admit(&request.operation, &request.body);
        let admitted = admitted
            .map_err(|refusal| violation(&refusal))
            .and_then(|()| {
                self.left = self.left.checked_sub(1).ok_or_else(|| {
                    let limit = self.shared.limits.dynamodb_per_call;
                    Violation::too_many(
                        format!("policy refuses more than {limit} DynamoDB requests in one call"),
                        Hint::new("lower `run.chunk_rows` in rowcast.toml"),
                    )
                })?;
                Ok(())
            });
        admitted.map_err(|violation| {
            self.violations.record(violation.clone());
            SendError::Denied(violation.to_string())
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
            .map(async |request| {
                tokio::select! {
                    answer = shared.send(request?, &room, self) => answer,
                    () = self.holds.clone().until(Step::Tables) => Err(SendError::Unavailable(
                        "the run ends, and waits for no answer".to_owned(),
                    )),
                }
            })
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
        call: &Calls,
    ) -> Result<Response, SendError> {
        let violations = &call.violations;
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
        match dynamodb
            .send_counted(&request.operation, request.body, &call.repeats)
            .await
        {
            Ok(answer) if exceeds(&answer.body, self.limits.dynamodb_body_kib) => {
                let limit = self.limits.dynamodb_body_kib;
                Err(SendError::TooLarge(format!(
                    "the answer is longer than {limit} KiB, which DynamoDB's aren't"
                )))
            }
            Ok(answer) => {
                // Its refusals have the status 400, like its throttling.
                if answer.status >= 400 {
                    violations.failure(UpstreamFailure::Refused);
                    violations.failure(UpstreamFailure::Failed);
                }
                let length = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
                let before = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| {
                    Some(room.saturating_sub(length))
                });
                if before.unwrap_or_else(|room| room) < length {
                    return Err(full());
                }
                Ok(Response {
                    status: answer.status,
                    body: answer.body,
                    retry_after_ms: answer.retry_after_ms,
                })
            }
            Err(Unsent::Denied(reason)) => {
                violations.record(Violation::new(&reason, None));
                Err(SendError::Denied(reason))
            }
            Err(Unsent::Credentials(reason)) => {
                violations.failure(UpstreamFailure::Refused);
                Err(SendError::Credentials(reason))
            }
            Err(Unsent::Unavailable(reason)) => {
                violations.failure(UpstreamFailure::Failed);
                Err(SendError::Unavailable(reason))
            }
            Err(Unsent::TooLarge(reason)) => Err(SendError::TooLarge(reason)),
        }
    }
}

fn exceeds(body: &str, kib: u64) -> bool {
    u64::try_from(body.len()).map_or(true, |length| length > kib.saturating_mul(1024))
}

fn violation(refusal: &PolicyViolation) -> Violation {
    let hint = match refusal {
        PolicyViolation::Table { .. } => Some(Hint::new(
            "the component may use only the tables that are configured",
        )),
        PolicyViolation::Operation(_) | PolicyViolation::Unreadable { .. } => None,
    };
    Violation::new(with_causes(refusal), hint)
}

#[cfg(test)]
mod tests;
