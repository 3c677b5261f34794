//! What a call's requests tell each other: when the upstream may be asked
//! again, whether it may be asked at all, and how it did so far. Then: balance
//! and standing → extraction or failure.

use super::ledger::Balance;
use crate::bindings::exports::rowcast::pipeline::extract::Extraction;
use crate::bindings::rowcast::pipeline::types::{Failure, Stop, StopReason};
use crate::bindings::rowcast::pipeline::types::{RejectedRequest, RejectionKind};
use crate::failure::{counter, denied, stop_reason, unavailable, with_counters};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Refusals without any success, after which the credentials are at fault.
const MOST_REFUSALS: u32 = 3;

/// Cells in a row whose attempts ran out, after which the upstream is down.
const MOST_EXHAUSTED: u32 = 3;

/// The standing of the upstream within a call.
#[derive(Default)]
pub struct Standing {
    /// The source's origin.
    upstream: String,
    stop: RefCell<Option<Stop>>,
    halted: Cell<bool>,
    sleepers: RefCell<BTreeMap<u64, Waker>>,
    places: Cell<u64>,
    not_before_ms: Cell<u64>,
    succeeded: Cell<bool>,
    refusals: Cell<u32>,
    exhausted: Cell<u32>,
    requests: Cell<u32>,
    retries: Cell<u32>,
}

/// Somebody asleep, who is woken when the call is halted.
pub struct Halted<'s> {
    standing: &'s Standing,
    place: u64,
}

impl Future for Halted<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.standing.is_halted() {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        self.standing
            .sleepers
            .borrow_mut()
            .insert(self.place, waker);
        Poll::Pending
    }
}

impl Drop for Halted<'_> {
    fn drop(&mut self) {
        self.standing.sleepers.borrow_mut().remove(&self.place);
    }
}

impl Standing {
    /// Nothing has been sent to that origin yet.
    #[must_use]
    pub fn new(upstream: String) -> Self {
        Self {
            upstream,
            ..Self::default()
        }
    }

    /// That reason, of this upstream.
    #[must_use]
    pub fn reason(&self, reason: impl Into<String>) -> StopReason {
        stop_reason(&self.upstream, reason)
    }

    /// Whether nothing more may be started.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.halted.get()
    }

    /// Completes when nothing more may be started, so that nobody sleeps on.
    pub fn halted(&self) -> Halted<'_> {
        let place = self.places.get();
        self.places.set(place.wrapping_add(1));
        Halted {
            standing: self,
            place,
        }
    }

    /// Notes why a cell is pending; the gravest reason stays.
    pub fn note(&self, stop: Stop) {
        let mut present = self.stop.borrow_mut();
        if present
            .as_ref()
            .is_none_or(|present| gravity(&stop) > gravity(present))
        {
            *present = Some(stop);
        }
    }

    /// Starts nothing more.
    pub fn halt(&self, stop: Stop) {
        self.note(stop);
        self.halted.set(true);
        self.sleepers.take().into_values().for_each(Waker::wake);
    }

    /// The upstream asked for silence until then; it's for all requests.
    pub fn silence_until(&self, now_ms: u64) {
        self.not_before_ms.set(self.not_before_ms.get().max(now_ms));
    }

    /// How much of the silence is left.
    #[must_use]
    pub fn silence_ms(&self, now_ms: u64) -> u64 {
        self.not_before_ms.get().saturating_sub(now_ms)
    }

    /// A request went out.
    pub fn sent(&self, repeat: bool) {
        self.requests.set(self.requests.get().saturating_add(1));
        self.retries
            .set(self.retries.get().saturating_add(u32::from(repeat)));
    }

    /// The upstream answered well.
    pub fn succeeded(&self) {
        self.succeeded.set(true);
        self.answered();
    }

    /// The upstream answered, if only to refuse: it isn't down.
    pub fn answered(&self) {
        self.exhausted.set(0);
    }

    /// The upstream answered 403.
    pub fn refused(&self, reason: &str) {
        self.refusals.set(self.refusals.get().saturating_add(1));
        if !self.succeeded.get() && self.refusals.get() >= MOST_REFUSALS {
            self.halt(Stop::Denied(self.reason(reason)));
        }
    }

    /// A cell's attempts ran out.
    pub fn exhausted(&self, reason: String) {
        self.exhausted.set(self.exhausted.get().saturating_add(1));
        if self.exhausted.get() >= MOST_EXHAUSTED {
            self.halt(Stop::Unavailable(self.reason(reason)));
        } else {
            self.note(Stop::Unavailable(self.reason(reason)));
        }
    }

    /// The call's result. A failure is only for a call that achieved nothing;
    /// refusals to be asked at all are no achievement.
    pub fn close(self, balance: Balance, token_requests: u32) -> Result<Extraction, Failure> {
        let stop = self.stop.into_inner();
        let counters = vec![
            counter("source.requests", self.requests.get()),
            counter("source.retries", self.retries.get()),
            counter("token.requests", token_requests),
        ];
        if balance.done.is_empty() {
            let by_policy = |rejected: &RejectedRequest| rejected.kind == RejectionKind::Policy;
            if let Some(first) = balance.rejected.first()
                && balance.rejected.iter().all(by_policy)
            {
                return Err(with_counters(denied(&first.reason), counters));
            }
            let nothing = balance.rejected.is_empty();
            let refused =
                |rejected: &RejectedRequest| by_policy(rejected) || rejected.status == Some(403);
            match &stop {
                Some(Stop::Denied(stop)) if balance.rejected.iter().all(refused) => {
                    return Err(with_counters(denied(&stop.reason), counters));
                }
                Some(Stop::RateLimited(limit)) if nothing => {
                    return Err(with_counters(Failure::RateLimited(limit.clone()), counters));
                }
                Some(Stop::Unavailable(stop)) if nothing => {
                    return Err(with_counters(unavailable(&stop.reason), counters));
                }
                // A budget that ran out is the caller's own doing, no failure.
                Some(_) | None => {}
            }
        }
        Ok(Extraction {
            stopped: if balance.pending.is_empty() {
                None
            } else {
                stop
            },
            documents: balance.documents,
            done: balance.done,
            rejected: balance.rejected,
            rejected_records: balance.rejected_records,
            pending: balance.pending,
            counters,
        })
    }
}

/// Which reason a caller should act on; among rate limits the longest.
#[must_use]
pub fn gravity(stop: &Stop) -> (u8, u64) {
    match stop {
        Stop::Budget => (0, 0),
        Stop::Unavailable(_) => (1, 0),
        Stop::RateLimited(limit) => (2, limit.retry_after_ms),
        Stop::Denied(_) => (3, 0),
        Stop::Invalid(_) => (4, 0),
    }
}
