//! What is to be done with a batch → what became of each of its puts, and what
//! is sent again.

use super::Load;
use super::accounting::DocumentOutcome;
use super::put::Put;
use super::verdict::{BatchVerdict, Cause, ServiceError};
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use crate::document::text_of;
use crate::platform::Dynamo;

/// Times that a put may be left unprocessed, while others are processed, and for how
/// long that must go on: in a table at its limit somebody is always left, and a
/// partition may be used by somebody else for a while.
const MOST_PASSED_OVER: u32 = 8;
const LONGEST_PASSED_OVER_MS: u64 = 30_000;

/// Where nothing was written, so many answers of no permission are about all.
const MOST_FORBIDDEN: u32 = 12;

const UNPROCESSED: &str = "DynamoDB returned the write unprocessed, which it does when the \
                           table's or a partition's throughput is exceeded";

/// What a round of batches came to.
#[derive(Default)]
pub struct Round {
    /// Something was acknowledged, refused or narrowed down.
    pub progress: bool,
    /// The highest count of attempts among the puts that are sent again.
    pub waiting: Option<u32>,
    /// A put ran out of attempts.
    pub exhausted: bool,
    pub refusal: Option<ServiceError>,
    /// A single put was refused.
    pub rejected: bool,
}

impl<D: Dynamo> Load<'_, D> {
    /// Carries a batch's verdict out.
    pub(super) fn apply(&mut self, verdict: BatchVerdict, puts: Vec<Put>, round: &mut Round) {
        match verdict {
            BatchVerdict::Done {
                capacity,
                unprocessed,
            } => {
                self.capacity += capacity;
                let others = self.accounting.acknowledged();
                round.progress |= unprocessed.len() < puts.len();
                let mut again = Vec::with_capacity(unprocessed.len());
                for (position, put) in puts.into_iter().enumerate() {
                    if unprocessed.contains(&position) {
                        again.push(put);
                    } else {
                        self.close(&put, DocumentOutcome::Written);
                    }
                }
                if !again.is_empty() {
                    self.pacing.note(UNPROCESSED);
                }
                self.pass_over(again, others);
            }
            BatchVerdict::Resend(Cause::Throttled(reason)) if is_hot(&reason) && puts.len() > 1 => {
                // One of them is of a hot partition, and it isn't known which.
                self.queue.halves.extend(by_partition(puts));
            }
            BatchVerdict::Resend(Cause::Throttled(_)) => {
                self.pass_over(puts, self.accounting.acknowledged());
            }
            BatchVerdict::Resend(Cause::Unavailable(reason)) => {
                self.resend(puts, &reason, round);
            }
            BatchVerdict::Split => {
                round.progress = true;
                self.split(puts);
            }
            BatchVerdict::Forbidden(reason) => {
                self.forbidden += 1;
                let written = self.accounting.acknowledged() > 0;
                if self.forbidden >= MOST_FORBIDDEN && !written {
                    let refusal = ServiceError::Denied(reason);
                    round.refusal.get_or_insert(refusal);
                    self.queue.puts.extend(puts);
                    return;
                }
                round.progress = true;
                if puts.len() > 1 {
                    self.split(puts);
                } else {
                    let alone = puts.into_iter().map(|put| (put, reason.clone()));
                    self.queue.forbidden.extend(alone);
                }
            }
            BatchVerdict::Reject(kind, reason) => {
                round.progress = true;
                round.rejected = true;
                for put in puts {
                    self.reject(put, kind, reason.clone());
                }
            }
            BatchVerdict::Stop(refusal) => {
                round.refusal.get_or_insert(refusal);
                self.queue.puts.extend(puts);
            }
        }
    }

    /// In front, so that the first culprit is found early and few halves wait.
    fn split(&mut self, mut puts: Vec<Put>) {
        let second = puts.split_off(puts.len() / 2);
        self.queue.halves.push_front(second);
        self.queue.halves.push_front(puts);
    }

    /// Nothing else waits: what these credentials may not write is rejected where they
    /// could write something else.
    pub(super) fn judge_forbidden(&mut self) -> Option<ServiceError> {
        let (_, reason) = self.queue.forbidden.first()?;
        if self.accounting.acknowledged() == 0 {
            return Some(ServiceError::Denied(reason.clone()));
        }
        for (put, reason) in std::mem::take(&mut self.queue.forbidden) {
            let reason = format!("DynamoDB answered {reason}");
            self.reject(put, RejectionKind::Item, reason);
        }
        None
    }

    /// Being throttled costs time and no attempts, but for a put that isn't
    /// processed again and again while others are. So many others were written
    /// before.
    fn pass_over(&mut self, puts: Vec<Put>, others: u32) {
        let written = self.accounting.acknowledged();
        let now = self.caller.dynamo().now_ms();
        // Where no others are left, what is known of its partition tells.
        let last = self.queue.is_empty() && puts.len() == 1;
        for mut put in puts.into_iter().rev() {
            if put.tries.throttled_ms.is_none() {
                put.tries.throttled_ms = Some(now);
                put.tries.others = others;
            }
            if written > put.tries.others || (last && self.pacing.knows_hot(&put)) {
                put.tries.others = written;
                put.tries.passed_over += 1;
            }
            let since = put.tries.throttled_ms.unwrap_or(now);
            let long = now.saturating_sub(since) >= LONGEST_PASSED_OVER_MS;
            if put.tries.passed_over >= MOST_PASSED_OVER && long {
                self.reject(put, RejectionKind::Exhausted, exhausted(UNPROCESSED));
            } else {
                self.queue.puts.push_front(put);
            }
        }
    }

    /// Puts that failed are sent again until their attempts run out. Where
    /// others were written meanwhile, the culprit among them is looked for, and
    /// rejected; where nothing was, they end as pending.
    fn resend(&mut self, puts: Vec<Put>, reason: &str, round: &mut Round) {
        let written = self.accounting.acknowledged();
        let alone = puts.len() == 1;
        let mut finished = Vec::new();
        for mut put in puts.into_iter().rev() {
            if put.tries.failed == 0 {
                put.tries.others = written;
            }
            put.tries.failed += 1;
            let others = written > put.tries.others;
            // One alone is given twice as many before it is called bad.
            let most = self.table.retry.max_attempts * if alone && others { 2 } else { 1 };
            if put.tries.failed >= most {
                finished.push(put);
            } else {
                round.waiting = round.waiting.max(Some(put.tries.failed));
                self.queue.puts.push_front(put);
            }
        }
        let (culprits, vain): (Vec<_>, Vec<_>) = finished
            .into_iter()
            .partition(|put| written > put.tries.others);
        for put in &vain {
            self.close(put, DocumentOutcome::Pending);
            self.exhausted = Some(reason.to_owned());
            round.exhausted = true;
        }
        round.progress |= !culprits.is_empty();
        for mut put in culprits {
            if alone {
                self.reject(put, RejectionKind::Exhausted, exhausted(reason));
            } else {
                put.tries.failed = 0;
                self.queue.halves.push_front(vec![put]);
            }
        }
    }

    /// DynamoDB doesn't take it. The latest of those that it superseded takes its
    /// place.
    fn reject(&mut self, put: Put, kind: RejectionKind, reason: String) {
        self.admission.settle(&put, false);
        let path = String::new();
        let outcome = DocumentOutcome::Rejected { kind, path, reason };
        self.accounting.settle(put.index, outcome);
        self.accounting.leave(put.index, || text_of(&put.item));
        let next = self.admission.succeed(put.successor());
        self.queue.puts.extend(next);
    }

    /// What became of a put is what became of all that it stands for.
    fn close(&mut self, put: &Put, outcome: DocumentOutcome) {
        let written = outcome == DocumentOutcome::Written;
        self.admission.settle(put, written);
        self.accounting.settle_all(put, outcome);
    }
}

/// It never succeeds while others do.
fn exhausted(reason: &str) -> String {
    format!("{reason}; its attempts ran out while other documents were written")
}

/// Whether throttling is about a partition, not about the table.
pub fn is_hot(reason: &str) -> bool {
    reason.contains("KeyRange")
}

fn by_partition(puts: Vec<Put>) -> Vec<Vec<Put>> {
    let mut groups: Vec<Vec<Put>> = Vec::new();
    for put in puts {
        let same = |group: &&mut Vec<Put>| {
            let first = group.first();
            first.is_some_and(|first| first.item.key.partition == put.item.key.partition)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(put),
            None => groups.push(vec![put]),
        }
    }
    groups
}
