//! What a call's requests tell each other: how fast the upstream may be asked,
//! whether it may be asked at all, and how it did so far. Then: balance and
//! call state → extraction or failure.

use super::accounting::Balance;
use super::overload::Overload;
use super::verdict::RetryReason;
use crate::bindings::exports::rowcast::pipeline::extract::Extraction;
use crate::bindings::rowcast::pipeline::types::{Failure, Stop, StopReason};
use crate::bindings::rowcast::pipeline::types::{RejectedRequest, RejectionKind};
use crate::document::Document;
use crate::failure::{counter, denied, graver, stop_reason, unavailable, with_counters};
use crate::numbers::float;
use crate::pace::{Budget, Observation, Pace, Window};
use crate::platform::Http;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Answers from the first on that were all refusals, after which the
/// credentials are at fault. Fewer may be private resources.
const MOST_REFUSALS: u32 = 20;

/// So many first attempts tell how many fail,
const LEAST_FIRSTS: u32 = 20;
/// and one of so many is few.
const MOST_FAILING: u32 = 10;
/// Requests in a row whose attempts ran out, after which the upstream is down.
const MOST_EXHAUSTED: u32 = 10;

/// Budgets that are kept at once; an upstream has one or two.
const MOST_BUDGETS: usize = 4;

/// How fast an upstream may be asked within a call, by all of its steps.
pub struct Shared {
    pace: RefCell<Pace>,
    /// Budgets of requests: the configured one, and those that the upstream
    /// states. They hold within the call whoever decides the pace.
    budgets: RefCell<Vec<Window>>,
}

impl Shared {
    /// Nothing has been sent to the upstream yet.
    #[must_use]
    pub fn new(budget: Option<Budget>) -> Self {
        Self {
            pace: RefCell::new(Pace::of_requests(budget)),
            budgets: RefCell::new(budget.map(Window::new).into_iter().collect()),
        }
    }
}

/// The state of the upstream within a call.
pub struct CallState {
    /// The source's origin.
    upstream: String,
    shared: Rc<Shared>,
    stop: RefCell<Option<Stop>>,
    halted: Cell<bool>,
    sleepers: RefCell<BTreeMap<u64, Waker>>,
    places: Cell<u64>,
    /// Requests that were sent for the first time, and those that failed then.
    firsts: Cell<u32>,
    first_failures: Cell<u32>,
    succeeded: Cell<u32>,
    refusals: Cell<u32>,
    limited: Cell<u32>,
    exhausted: Cell<u32>,
    /// Answers such as 503.
    pub overload: Overload,
    /// Whether there was any answer.
    answered: Cell<bool>,
    /// Since when every answer refuses the number of requests.
    limited_since_ms: Cell<Option<u64>>,
    requests: Cell<u32>,
    retries: Cell<u32>,
    waits_ms: Cell<u64>,
    bytes: Cell<u64>,
    empty: Cell<u32>,
    unfollowed: Cell<u32>,
}

/// Somebody asleep, who is woken when the call is halted.
pub struct Halted<'s> {
    state: &'s CallState,
    place: u64,
}

impl Future for Halted<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.state.is_halted() {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        self.state.sleepers.borrow_mut().insert(self.place, waker);
        Poll::Pending
    }
}

impl Drop for Halted<'_> {
    fn drop(&mut self) {
        self.state.sleepers.borrow_mut().remove(&self.place);
    }
}

impl CallState {
    /// Nothing has been sent to that origin yet.
    #[must_use]
    pub fn new(upstream: String, shared: Rc<Shared>) -> Self {
        Self {
            upstream,
            shared,
            stop: RefCell::default(),
            halted: Cell::default(),
            sleepers: RefCell::default(),
            places: Cell::default(),
            firsts: Cell::default(),
            first_failures: Cell::default(),
            succeeded: Cell::default(),
            refusals: Cell::default(),
            limited: Cell::default(),
            exhausted: Cell::default(),
            overload: Overload::default(),
            answered: Cell::default(),
            limited_since_ms: Cell::default(),
            requests: Cell::default(),
            retries: Cell::default(),
            waits_ms: Cell::default(),
            bytes: Cell::default(),
            empty: Cell::default(),
            unfollowed: Cell::default(),
        }
    }

    /// That reason, of this upstream.
    #[must_use]
    pub fn reason(&self, reason: impl Into<String>) -> StopReason {
        stop_reason(&self.upstream, reason)
    }

    /// Its origin.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream
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
        Halted { state: self, place }
    }

    /// Notes why a request is pending; the gravest reason stays.
    pub fn note(&self, stop: Stop) {
        let mut present = self.stop.borrow_mut();
        *present = graver(present.take(), Some(stop));
    }

    /// The same where no reason is noted yet.
    pub fn explain(&self, stop: Stop) {
        self.stop.borrow_mut().get_or_insert(stop);
    }

    /// Starts nothing more.
    pub fn halt(&self, stop: Stop) {
        self.note(stop);
        self.halted.set(true);
        self.sleepers.take().into_values().for_each(Waker::wake);
    }

    /// Zero: one request may be sent now, and must be reported. Otherwise: ask
    /// again after so many milliseconds. A host that shares the upstream among
    /// its instances decides; where none does, this call's own pace.
    pub fn reserve<H: Http>(&self, http: &H, units: u32) -> u64 {
        let now_ms = http.now_ms();
        let mut budgets = self.shared.budgets.borrow_mut();
        let due = budgets.iter().filter_map(|it| it.due(now_ms, units)).max();
        if let Some(due) = due.filter(|_| units > 0) {
            return due.saturating_sub(now_ms).max(1);
        }
        let wait = http.reserve(&self.upstream, units).unwrap_or_else(|| {
            let mut pace = self.shared.pace.borrow_mut();
            pace.reserve(now_ms, units, http.random())
        });
        if wait == 0 && units > 0 {
            for budget in budgets.iter_mut() {
                budget.take(now_ms, units);
            }
        }
        wait
    }

    /// The upstream states budgets of its own. What was sent before counts as
    /// sent now.
    pub fn learn(&self, now_ms: u64, stated: Vec<Budget>) {
        let mut budgets = self.shared.budgets.borrow_mut();
        for budget in stated {
            if budgets.len() < MOST_BUDGETS && budgets.iter().all(|it| it.budget() != budget) {
                let mut window = Window::new(budget);
                window.take(now_ms, self.requests.get().min(budget.requests));
                budgets.push(window);
            }
        }
    }

    /// What became of a request that was reserved.
    pub fn report<H: Http>(&self, http: &H, seen: &Observation) {
        http.report(&self.upstream, seen);
        self.shared.pace.borrow_mut().report(http.now_ms(), seen);
        if seen.refused > 0 && self.limited_since_ms.get().is_none() {
            self.limited_since_ms.set(Some(http.now_ms()));
        }
        if seen.accepted > 0 {
            self.limited_since_ms.set(None);
        }
    }

    /// For how long every answer has refused the number of requests.
    #[must_use]
    pub fn limited_ms(&self, now_ms: u64) -> u64 {
        let since = self.limited_since_ms.get();
        since.map_or(0, |since| now_ms.saturating_sub(since))
    }

    /// Somebody waits that long.
    pub fn waits(&self, wait_ms: u64) {
        self.waits_ms
            .set(self.waits_ms.get().saturating_add(wait_ms));
    }

    /// A request went out.
    pub fn sent(&self, repeat: bool) {
        self.requests.set(self.requests.get().saturating_add(1));
        self.retries
            .set(self.retries.get().saturating_add(u32::from(repeat)));
    }

    /// That much of a body came.
    pub fn received(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }

    /// A rule says that there is nothing for so many requests.
    pub fn found_nothing(&self, requests: usize) {
        add(&self.empty, requests);
    }

    /// There is more for so many requests than their settings follow.
    pub fn left_more(&self, requests: usize) {
        add(&self.unfollowed, requests);
    }

    /// The upstream answered well.
    pub fn succeed(&self) {
        self.succeeded.set(self.succeeded.get().saturating_add(1));
        self.overload.ends();
        self.answer();
    }

    /// A request was sent for the first time, and failed or didn't.
    pub fn first(&self, failed: bool) {
        add(&self.firsts, 1);
        add(&self.first_failures, usize::from(failed));
    }

    /// Whether hardly any request fails at the first attempt: then it's hardly by chance
    /// that one fails again and again.
    pub fn fails_rarely(&self) -> bool {
        let (firsts, failed) = (self.firsts.get(), self.first_failures.get());
        firsts >= LEAST_FIRSTS && failed.saturating_mul(MOST_FAILING) <= firsts
    }

    /// How many answers were good.
    #[must_use]
    pub fn succeeded(&self) -> u32 {
        self.succeeded.get()
    }

    /// The upstream answered, if only to refuse: it isn't down.
    pub fn answer(&self) {
        self.exhausted.set(0);
        self.answered.set(true);
    }

    /// The upstream answered that there are too many requests. How often it did.
    pub fn limited(&self) -> u32 {
        self.answer();
        self.limited.set(self.limited.get().saturating_add(1));
        self.limited.get()
    }

    /// The upstream answered a status that may pass.
    pub fn answered_badly(&self) {
        self.answered.set(true);
    }

    /// The upstream answered 401 or 403.
    pub fn refused(&self, reason: &str) {
        self.refusals.set(self.refusals.get().saturating_add(1));
        if self.succeeded.get() == 0 && self.refusals.get() >= MOST_REFUSALS {
            self.halt(Stop::Denied(self.reason(reason)));
        }
    }

    /// A request's attempts ran out. One is one bad thing; many in a row are an
    /// upstream that is down.
    pub fn exhausted(&self, retry_reason: &RetryReason) {
        self.exhausted.set(self.exhausted.get().saturating_add(1));
        if self.exhausted.get() >= MOST_EXHAUSTED {
            self.halt(Stop::Unavailable(self.reason(retry_reason.reason())));
        }
    }

    /// Requests of this call were attempted in vain in an earlier one, in which
    /// there were answers: what is pending must go on counting.
    pub fn continues(&self) {
        self.answered.set(true);
    }

    /// The call's result. A failure is only for a call that achieved nothing;
    /// refusals to be asked at all are no achievement.
    pub fn close(
        self,
        balance: Balance,
        token_requests: u32,
    ) -> Result<(Extraction, Vec<Document>), Failure> {
        let stop = self.stop.into_inner();
        let counters = vec![
            counter("source.requests", self.requests.get()),
            counter("source.retries", self.retries.get()),
            counter("source.successes", self.succeeded.get()),
            counter("source.waits-ms", float(self.waits_ms.get())),
            counter("source.bytes", float(self.bytes.get())),
            counter("source.empty", self.empty.get()),
            counter("source.unfollowed", self.unfollowed.get()),
            counter("token.requests", token_requests),
        ];
        if balance.done.is_empty() {
            let by_policy = |rejected: &RejectedRequest| rejected.kind == RejectionKind::Policy;
            if let Some(first) = balance.rejected.first()
                && balance.rejected.iter().all(by_policy)
            {
                return Err(with_counters(denied(&first.reason), counters));
            }
            // What was attempted in vain is remembered in what is pending.
            let nothing = balance.rejected.is_empty() && !balance.tried;
            let refused = |rejected: &RejectedRequest| {
                by_policy(rejected) || matches!(rejected.status, Some(401 | 403))
            };
            // 401 is about credentials, unless others get through with them.
            let unauthorized = |rejected: &RejectedRequest| rejected.status == Some(401);
            if let Some(first) = balance.rejected.first()
                && balance.pending.is_empty()
                && self.succeeded.get() == 0
                && balance.rejected.iter().all(unauthorized)
            {
                return Err(with_counters(denied(&first.reason), counters));
            }
            match &stop {
                Some(Stop::Denied(stop)) if balance.rejected.iter().all(refused) => {
                    return Err(with_counters(denied(&stop.reason), counters));
                }
                Some(Stop::RateLimited(limit)) if nothing => {
                    return Err(with_counters(Failure::RateLimited(limit.clone()), counters));
                }
                Some(Stop::Unavailable(stop))
                    if balance.rejected.is_empty() && (nothing || !self.answered.get()) =>
                {
                    return Err(with_counters(unavailable(&stop.reason), counters));
                }
                // A budget that ran out is the caller's own doing, no failure.
                Some(_) | None => {}
            }
        }
        Ok(balance.into_extraction(stop, counters))
    }
}

fn add(counter: &Cell<u32>, more: usize) {
    let more = u32::try_from(more).unwrap_or(u32::MAX);
    counter.set(counter.get().saturating_add(more));
}
