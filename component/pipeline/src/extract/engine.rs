//! A plan → requests, many at a time → outcomes: what becomes of each, and
//! what is repeated. [`send`] is the only place of this interface that sends.

use super::accounting::{Accounting, Balance, Unbalanced};
use super::auth::{Credentials, Renewal};
use super::budget::Budget;
use super::call_state::{CallState, Shared};
use super::pages::{PageFault, Pages};
use super::plan::{Plan, PreparedRequest};
use super::snippet;
use super::verdict::{Rejection, RetryReason, Verdict};
use crate::bindings::exports::rowcast::pipeline::extract::Extraction;
use crate::bindings::rowcast::pipeline::types::{Failure, RejectionKind, Stop};
use crate::document::{Document, Sink};
use crate::failure::{rate_limit, unavailable};
use crate::platform::Http;
use crate::settings::origin;
use futures_util::future::select;
use futures_util::stream::{self, StreamExt};
use send::Exchange;
use settle::Settlement;
use std::pin::pin;
use std::rc::Rc;

mod limited;
mod send;
mod settle;

/// A request that got 401 with so many tokens is refused for itself.
const MOST_UNAUTHORIZED: u32 = 5;

/// So many others must be answered well from the first to the last failure of a request
/// that is rejected at once.
const LEAST_BETWEEN: u32 = 5;

/// Nobody sleeps longer without a look at whether it is still worth it.
const LOOK_MS: u64 = 1_000;

/// Carries a plan out, at the pace that is `shared` with other plans; the
/// documents are beside the extraction, as the sink makes them.
pub async fn run<H: Http>(
    http: &H,
    plan: &Plan<'_>,
    budget: Budget,
    shared: Rc<Shared>,
    sink: &Sink<'_>,
) -> Result<(Extraction, Vec<Document>), Failure> {
    let call = Call {
        http,
        plan,
        sink,
        budget,
        whole_ms: budget.remaining_ms(http.now_ms()),
        credentials: Credentials::new(plan.checked.source),
        state: CallState::new(origin(&plan.checked.source.url), shared),
    };
    let balance = call.settle_all().await;
    // Whatever was counted wrongly, nothing of it may be believed.
    let balance = balance.map_err(|error| unavailable(error.to_string()))?;
    call.state.close(balance, call.credentials.requests())
}

struct Call<'c, H> {
    http: &'c H,
    plan: &'c Plan<'c>,
    sink: &'c Sink<'c>,
    budget: Budget,
    /// What there was of it at the start.
    whole_ms: u64,
    credentials: Credentials<'c>,
    state: CallState,
}

/// Why a request isn't done.
enum NotDone {
    Rejected(Rejection),
    Pending,
    /// Its attempts ran out; so many answers were good by then.
    Exhausted(RetryReason, u32),
}

/// What one request has been through on one page.
#[derive(Default)]
struct Tries {
    limited: u32,
    /// How often it was refused for their number since others were answered well.
    alone: u32,
    refused: u32,
    /// Refusals and good answers of all, when it was refused first.
    first: Option<(u32, u32)>,
    unauthorized: u32,
    /// The token that it was refused with first.
    token: Option<u32>,
    /// Good answers to others, when it was last refused for their number.
    others: u32,
    /// The same when it failed first.
    failed_first: Option<u32>,
    repeat: bool,
    /// It was asked to wait by a status that may be about this request.
    asked_to_wait: Option<RetryReason>,
}

impl<H: Http> Call<'_, H> {
    async fn settle_all(&self) -> Result<Balance, Unbalanced> {
        let requests = &self.plan.requests;
        let mut accounting = Accounting::open(requests);
        let concurrency = usize::try_from(self.plan.checked.source.concurrency).unwrap_or(1);
        let settling = self.groups().into_iter().map(|group| self.settle(group));
        let mut settled = stream::iter(settling).buffer_unordered(concurrency);
        let mut suspects = Vec::new();
        while let Some(outcomes) = settled.next().await {
            for (place, settlement) in outcomes {
                match settlement {
                    Settlement::Known(outcome) => accounting.settle(place, outcome)?,
                    Settlement::Suspect(suspect) => suspects.push((place, suspect)),
                }
            }
        }
        // It may have been an outage that is over: they are asked for once more
        // where others were answered well since.
        let (again, vain): (Vec<_>, Vec<_>) = suspects
            .into_iter()
            .partition(|(_, suspect)| suspect.others < self.state.succeeded());
        let again = again.into_iter().filter_map(|(place, suspect)| {
            let request = requests.get(place)?.request;
            Some(self.settle(vec![suspect.again(place, request)]))
        });
        let mut settled = stream::iter(again).buffer_unordered(concurrency);
        while let Some(outcomes) = settled.next().await {
            for (place, settlement) in outcomes {
                let outcome = match settlement {
                    Settlement::Known(outcome) => outcome,
                    Settlement::Suspect(suspect) => self.judge_suspect(suspect, true),
                };
                accounting.settle(place, outcome)?;
            }
        }
        for (place, suspect) in vain {
            accounting.settle(place, self.judge_suspect(suspect, false))?;
        }
        accounting.close()
    }

    /// Asks for the present page until there is an answer to keep or a reason
    /// to give up. Attempts count for one page.
    async fn read_page(
        &self,
        prepared: &PreparedRequest<'_>,
        pages: &mut Pages,
    ) -> Result<bool, NotDone> {
        let mut tries = Tries {
            repeat: pages.is_repeated(),
            ..Tries::default()
        };
        let read = self.try_page(prepared, pages, &mut tries).await;
        match (read, tries.asked_to_wait) {
            // Its time ran out while it was asked to wait, perhaps for itself: it
            // remembers that. What others did since says nothing.
            (Err(NotDone::Pending), Some(retry_reason)) if !self.state.is_halted() => {
                Err(NotDone::Exhausted(retry_reason, u32::MAX))
            }
            (read, _) => read,
        }
    }

    async fn try_page(
        &self,
        prepared: &PreparedRequest<'_>,
        pages: &mut Pages,
        tries: &mut Tries,
    ) -> Result<bool, NotDone> {
        loop {
            let given_ms = self.given_ms();
            let exchange = self.send(pages.present(), prepared, tries).await?;
            let token = exchange.token;
            tries.repeat = true;
            pages.ask();
            match exchange.verdict {
                Verdict::Nothing => {
                    self.succeed(&exchange);
                    if pages.is_first() {
                        self.state.found_nothing(prepared.rows.len());
                    }
                    return Ok(false);
                }
                Verdict::Records => {
                    self.succeed(&exchange);
                    let Ok(answer) = &exchange.outcome else {
                        continue;
                    };
                    match pages.keep(self.plan, prepared, answer, self.sink) {
                        Ok(more) => return Ok(more),
                        Err(PageFault::Truncated(_)) if pages.fail() < self.most_attempts() => {
                            self.back_off(pages.failed(), 0).await?;
                        }
                        Err(PageFault::Truncated(reason) | PageFault::Other(reason)) => {
                            return Err(NotDone::Rejected(Rejection {
                                kind: RejectionKind::Body,
                                status: Some(answer.response.status),
                                reason: format!("{}: {reason}", snippet::url(&pages.present().url)),
                            }));
                        }
                    }
                }
                Verdict::Retry(retry_reason, asked_ms) => {
                    self.retry(retry_reason, given_ms, asked_ms, tries, pages)
                        .await?;
                }
                Verdict::Limited(rejection, certain) => {
                    self.limited(rejection, certain, tries)?;
                    self.let_others_go(tries).await?;
                }
                Verdict::Stop(reason, Some(wait)) => {
                    return Err(self.stop(self.rate_limited(wait, reason)));
                }
                Verdict::Stop(reason, None) => {
                    return Err(self.stop(Stop::Denied(self.state.reason(reason))));
                }
                Verdict::Renew(rejection) => self.renew(token, rejection, tries)?,
                Verdict::Reject(rejection) => {
                    if rejection.status == Some(403) {
                        self.state.refused(&rejection.reason);
                    } else if rejection.status.is_some() {
                        self.credentials.worked(token);
                    }
                    if rejection.status.is_some() {
                        self.state.answer();
                    }
                    return Err(NotDone::Rejected(rejection));
                }
            }
        }
    }

    /// An answer is good.
    fn succeed(&self, exchange: &Exchange) {
        self.state.succeed();
        if let Ok(answer) = &exchange.outcome {
            self.state.received(answer.bytes().len());
        }
        self.credentials.worked(exchange.token);
    }

    /// Waits for the next attempt, or gives the request up.
    async fn retry(
        &self,
        retry_reason: RetryReason,
        given_ms: u64,
        asked_ms: u64,
        tries: &mut Tries,
        pages: &mut Pages,
    ) -> Result<(), NotDone> {
        let good = self.state.succeeded();
        let others = good.saturating_sub(*tries.failed_first.get_or_insert(good));
        if matches!(retry_reason, RetryReason::Failed(..)) {
            self.state.answered_badly();
        }
        let ended = self.remaining_ms() == 0;
        // Not the upstream's failure where it wasn't given the time.
        if ended && given_ms < self.fair_ms() {
            self.state.note(Stop::Budget);
            return Err(NotDone::Pending);
        }
        let failed = pages.fail();
        // Cut short by the budget: it counts from the next call on, once more
        // than it would otherwise.
        if ended && failed <= self.most_attempts() {
            self.state.note(Stop::Budget);
            return Err(NotDone::Pending);
        }
        if failed >= self.most_attempts() {
            // Others were answered meanwhile, and hardly any failed: it is this one.
            let reached = !matches!(retry_reason, RetryReason::Unreached(_));
            if reached && others >= LEAST_BETWEEN && self.state.fails_rarely() {
                return Err(NotDone::Rejected(settle::exhausted(&retry_reason)));
            }
            self.state.exhausted(&retry_reason);
            return Err(NotDone::Exhausted(retry_reason, self.state.succeeded()));
        }
        self.back_off(pages.failed(), asked_ms).await
    }

    /// The time that an attempt must have to count as one: half of what it may
    /// have at most.
    fn fair_ms(&self) -> u64 {
        let timeout = self.plan.checked.source.request_timeout_ms;
        self.whole_ms.min(timeout.into()) / 2
    }

    /// The token was refused: it has expired, or the request isn't allowed.
    fn renew(&self, token: u32, rejection: Rejection, tries: &mut Tries) -> Result<(), NotDone> {
        self.state.answer();
        tries.unauthorized += 1;
        let first = *tries.token.get_or_insert(token);
        let renewal = self.credentials.refused(token, first);
        if renewal == Renewal::Repeat && tries.unauthorized < MOST_UNAUTHORIZED {
            return Ok(());
        }
        self.state.refused(&rejection.reason);
        Err(NotDone::Rejected(rejection))
    }

    async fn back_off(&self, attempt: u32, asked_ms: u64) -> Result<(), NotDone> {
        let retry = &self.plan.checked.source.retry;
        let asked_ms = asked_ms.min(retry.max_retry_after_ms);
        let drawn = retry.backoff().wait_ms(attempt, self.http.random());
        self.wait(drawn.max(asked_ms)).await
    }

    /// Sleeps, unless the budget doesn't allow it or the call is halted. Who shares
    /// out turns may meanwhile send nobody any more.
    async fn wait(&self, wait: u64) -> Result<(), NotDone> {
        if wait >= self.remaining_ms() {
            self.state.note(Stop::Budget);
            return Err(NotDone::Pending);
        }
        self.state.waits(wait);
        let until = self.http.now_ms().saturating_add(wait);
        loop {
            let rest = until.saturating_sub(self.http.now_ms());
            let sleep = self.http.sleep_ms(rest.min(LOOK_MS));
            select(pin!(sleep), pin!(self.state.halted())).await;
            if rest <= LOOK_MS || self.state.is_halted() {
                return Ok(());
            }
            self.check_pause("the upstream asked for a pause")?;
        }
    }

    fn rate_limited(&self, retry_after_ms: u64, reason: String) -> Stop {
        Stop::RateLimited(rate_limit(self.state.upstream(), retry_after_ms, reason))
    }

    fn stop(&self, stop: Stop) -> NotDone {
        self.state.halt(stop);
        NotDone::Pending
    }

    fn remaining_ms(&self) -> u64 {
        self.budget.remaining_ms(self.http.now_ms())
    }

    fn most_attempts(&self) -> u32 {
        self.plan.checked.source.retry.max_attempts
    }
}

#[cfg(test)]
mod tests;
