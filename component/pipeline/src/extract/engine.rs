//! A plan → requests, many at a time → outcomes. The only place of this
//! interface that sends.

use super::auth::{Authorization, Credentials, Renewal};
use super::budget::Budget;
use super::checked::origin;
use super::cut::{self, BodyError};
use super::document;
use super::excerpt;
use super::ledger::{Balance, Harvest, Ledger, Outcome, Unbalanced};
use super::page::Trail;
use super::plan::{Order, Plan};
use super::standing::Standing;
use super::verdict::{Refusal, Trouble, Verdict, is_unsent, judge};
use crate::backoff;
use crate::bindings::exports::rowcast::pipeline::extract::Extraction;
use crate::bindings::rowcast::pipeline::types::{Failure, Stop};
use crate::bindings::rowcast::pipeline::types::{RejectedRecord, RejectionKind, Request};
use crate::failure::{rate_limit, unavailable};
use crate::platform::{Http, HttpError, HttpMethod, HttpRequest, HttpResponse};
use futures_util::future::select;
use futures_util::stream::{self, StreamExt};
use std::pin::pin;
use url::Url;

/// Carries a plan out.
pub async fn run<H: Http>(
    http: &H,
    plan: &Plan<'_>,
    budget: Budget,
) -> Result<Extraction, Failure> {
    let call = Call {
        http,
        plan,
        budget,
        credentials: Credentials::new(plan.checked.source),
        standing: Standing::new(origin(&plan.checked.source.url)),
    };
    let balance = call.settle_all().await;
    // Whatever was counted wrongly, nothing of it may be believed.
    let balance = balance.map_err(|error| unavailable(error.to_string()))?;
    call.standing.close(balance, call.credentials.requests())
}

struct Call<'c, H> {
    http: &'c H,
    plan: &'c Plan<'c>,
    budget: Budget,
    credentials: Credentials<'c>,
    standing: Standing,
}

/// Why a request isn't done.
enum End {
    Rejected(Refusal),
    Pending,
}

/// Why a good status's body isn't kept.
enum Spoiled {
    /// Cut short, perhaps on the way.
    Truncated(String),
    Other(String),
}

/// A request's outcome and the token it was sent with.
struct Sent {
    outcome: Result<HttpResponse, HttpError>,
    token: u32,
    /// The host answered itself, so it was neither a request nor an attempt.
    unsent: bool,
}

impl<H: Http> Call<'_, H> {
    async fn settle_all(&self) -> Result<Balance, Unbalanced> {
        let requests = &self.plan.requests;
        let mut ledger = Ledger::open(requests);
        let concurrency = usize::try_from(self.plan.checked.source.concurrency).unwrap_or(1);
        let settling = requests
            .iter()
            .enumerate()
            .map(|(line, pending)| async move { (line, self.settle(pending.request).await) });
        let mut settled = stream::iter(settling).buffer_unordered(concurrency);
        while let Some((line, outcome)) = settled.next().await {
            ledger.settle(line, outcome)?;
        }
        ledger.close()
    }

    async fn settle(&self, request: Request) -> Outcome {
        let order = match self.plan.order(request) {
            Ok(order) => order,
            Err(error) => {
                let reason = excerpt::chain(&error);
                return Outcome::Rejected(Refusal {
                    kind: RejectionKind::Template,
                    status: None,
                    reason,
                });
            }
        };
        match self.read_pages(request, order).await {
            Ok(harvest) => Outcome::Done(harvest),
            Err(End::Rejected(refusal)) => Outcome::Rejected(refusal),
            Err(End::Pending) => Outcome::Pending,
        }
    }

    async fn read_pages(&self, request: Request, order: Order<'_>) -> Result<Harvest, End> {
        let mut trail = Trail::new(order.url.clone(), self.plan.checked.source.max_pages);
        let mut harvest = Harvest::default();
        while self
            .read_page(request, &order, &mut trail, &mut harvest)
            .await?
        {}
        Ok(harvest)
    }

    /// Asks for the present page until there is an answer to keep or a reason
    /// to give up.
    async fn read_page(
        &self,
        request: Request,
        order: &Order<'_>,
        trail: &mut Trail,
        harvest: &mut Harvest,
    ) -> Result<bool, End> {
        let mut attempt = 1;
        let mut repeat = false;
        loop {
            let url = trail.present();
            let Sent {
                outcome,
                token,
                unsent,
            } = self.send(url, &order.headers, repeat).await?;
            repeat |= !unsent;
            match judge(url, &outcome, self.http.today()) {
                Verdict::Done(response) => {
                    match self.keep(request, order, response, trail, harvest) {
                        Ok(more) => return Ok(more),
                        Err(Spoiled::Truncated(_)) if attempt < self.most_attempts() => {
                            self.back_off(attempt).await?;
                        }
                        Err(Spoiled::Truncated(reason) | Spoiled::Other(reason)) => {
                            let reason = format!("{}: {reason}", excerpt::url(trail.present()));
                            let (kind, status) = (RejectionKind::Body, Some(response.status));
                            return Err(End::Rejected(Refusal {
                                kind,
                                status,
                                reason,
                            }));
                        }
                    }
                }
                Verdict::Retry(trouble) => self.retry(trouble, attempt).await?,
                Verdict::Wait(wait, reason) if unsent => {
                    self.fall_silent(wait, reason, 0)?;
                    continue;
                }
                Verdict::Wait(wait, reason) => self.fall_silent(wait, reason, attempt)?,
                Verdict::Stop(reason) => {
                    let retry_after_ms = self.plan.checked.source.retry.max_delay_ms.into();
                    return Err(self.stop(self.rate_limited(retry_after_ms, reason)));
                }
                Verdict::RefreshToken(reason) => {
                    self.renew(token, reason).await?;
                    // It isn't the request's fault, and can happen only once.
                    continue;
                }
                Verdict::Reject(refusal) => {
                    if refusal.status == Some(403) {
                        self.standing.refused(&refusal.reason);
                    }
                    if refusal.status.is_some() {
                        self.standing.answered();
                    }
                    return Err(End::Rejected(refusal));
                }
            }
            attempt += 1;
        }
    }

    /// Sends one request as soon as it may be sent.
    async fn send(
        &self,
        url: &Url,
        headers: &[(String, String)],
        repeat: bool,
    ) -> Result<Sent, End> {
        let Authorization { value, token } = loop {
            self.admit().await?;
            let authorization = self.credentials.authorization(self.http, self.budget).await;
            let authorization = authorization.map_err(|stop| self.stop(stop))?;
            // Fetching a token takes time, in which the others go on.
            let now = self.http.now_ms();
            let silent = self.standing.silence_ms(now) > 0;
            if !silent && !self.standing.is_halted() && self.budget.remaining_ms(now) > 0 {
                break authorization;
            }
        };
        let mut headers = headers.to_vec();
        headers.extend(value.map(|value| ("authorization".to_owned(), value)));
        let source = self.plan.checked.source;
        let remaining = self.budget.remaining_ms(self.http.now_ms());
        let request = HttpRequest {
            method: HttpMethod::Get,
            url: url.as_str().to_owned(),
            headers,
            body: Vec::new(),
            timeout_ms: remaining.min(source.request_timeout_ms.into()),
            max_body_bytes: source.max_body_bytes,
        };
        let outcome = self.http.send(request).await;
        let unsent = is_unsent(&outcome);
        if !unsent {
            self.standing.sent(repeat);
        }
        Ok(Sent {
            outcome,
            token,
            unsent,
        })
    }

    /// Waits until a request may be started.
    async fn admit(&self) -> Result<(), End> {
        loop {
            if self.standing.is_halted() {
                return Err(End::Pending);
            }
            let now = self.http.now_ms();
            if self.budget.remaining_ms(now) == 0 {
                self.standing.note(Stop::Budget);
                return Err(End::Pending);
            }
            match self.standing.silence_ms(now) {
                0 => return Ok(()),
                silence => self.wait(silence).await?,
            }
        }
    }

    /// Reads an answer into documents, and takes the trail to the next page.
    fn keep(
        &self,
        request: Request,
        order: &Order<'_>,
        response: &HttpResponse,
        trail: &mut Trail,
        harvest: &mut Harvest,
    ) -> Result<bool, Spoiled> {
        self.standing.succeeded();
        let spoiled = |error: BodyError| match error {
            BodyError::Truncated(..) => Spoiled::Truncated(error.to_string()),
            // An empty body under 204 and 205 is whole.
            BodyError::Empty if !matches!(response.status, 204 | 205) => {
                Spoiled::Truncated(error.to_string())
            }
            other => Spoiled::Other(other.to_string()),
        };
        let root = cut::parse(&response.body).map_err(spoiled)?;
        let records = cut::records(root, &self.plan.checked.records, &self.plan.checked.require)
            .map_err(spoiled)?;
        for record in records {
            match document::build(&order.attributes, &self.plan.checked.require, record) {
                Ok(document) => harvest.documents.push(document),
                Err(error) => {
                    let index = harvest.documents.len() + harvest.rejected.len();
                    harvest.rejected.push(RejectedRecord {
                        request,
                        index: u32::try_from(index).unwrap_or(u32::MAX),
                        kind: error.kind(),
                        path: error.path(),
                        reason: error.to_string(),
                    });
                }
            }
        }
        let next = self
            .plan
            .checked
            .paging
            .next(trail.present(), root, &response.headers);
        match next.map_err(|error| Spoiled::Other(error.to_string()))? {
            None => Ok(false),
            Some(next) => match trail.advance(next) {
                Ok(()) => Ok(true),
                Err(error) => Err(Spoiled::Other(error.to_string())),
            },
        }
    }

    /// Waits for the next attempt, or gives the request up.
    async fn retry(&self, trouble: Trouble, attempt: u32) -> Result<(), End> {
        let exhausted = attempt >= self.most_attempts();
        match trouble {
            Trouble::Throttled(reason) => {
                let wait = self.draw(attempt);
                if exhausted || wait >= self.remaining_ms() {
                    let retry_after_ms = self.plan.checked.source.retry.max_delay_ms.into();
                    return Err(self.stop(self.rate_limited(retry_after_ms, reason)));
                }
                self.wait(wait).await
            }
            // Not the upstream's failure: it wasn't given the time.
            Trouble::Unavailable(_) if self.remaining_ms() == 0 => {
                self.standing.note(Stop::Budget);
                Err(End::Pending)
            }
            Trouble::Unavailable(reason) if exhausted => {
                self.standing.exhausted(reason);
                Err(End::Pending)
            }
            Trouble::Unavailable(_) => self.back_off(attempt).await,
        }
    }

    /// The upstream asked for silence. If it is worth waiting out, everybody
    /// does, in `admit`.
    fn fall_silent(&self, wait: u64, reason: String, attempt: u32) -> Result<(), End> {
        let too_long = wait > self.plan.checked.source.retry.max_retry_after_ms;
        if too_long || wait >= self.remaining_ms() || attempt >= self.most_attempts() {
            return Err(self.stop(self.rate_limited(wait, reason)));
        }
        // The clock leaves out parts of a millisecond; nobody is to be early.
        self.standing
            .silence_until(self.http.now_ms().saturating_add(wait).saturating_add(1));
        Ok(())
    }

    async fn renew(&self, token: u32, reason: String) -> Result<(), End> {
        match self.credentials.refused(token, self.http.now_ms()).await {
            Renewal::Repeat => Ok(()),
            Renewal::Expired => {
                let reason = format!("{reason}; two tokens expired within one call, call again");
                Err(self.stop(Stop::Unavailable(self.standing.reason(reason))))
            }
            Renewal::Refused => Err(self.stop(Stop::Denied(
                self.standing
                    .reason(format!("{reason}; check the source's credentials")),
            ))),
        }
    }

    async fn back_off(&self, attempt: u32) -> Result<(), End> {
        self.wait(self.draw(attempt)).await
    }

    fn draw(&self, attempt: u32) -> u64 {
        backoff::delay_ms(&self.plan.checked.source.retry, attempt, self.http.random())
    }

    /// Sleeps, unless the budget doesn't allow it or the call is halted.
    async fn wait(&self, wait: u64) -> Result<(), End> {
        if wait >= self.remaining_ms() {
            self.standing.note(Stop::Budget);
            return Err(End::Pending);
        }
        select(pin!(self.http.sleep_ms(wait)), pin!(self.standing.halted())).await;
        Ok(())
    }

    fn rate_limited(&self, retry_after_ms: u64, reason: String) -> Stop {
        let upstream = origin(&self.plan.checked.source.url);
        Stop::RateLimited(rate_limit(&upstream, retry_after_ms, reason))
    }

    fn stop(&self, stop: Stop) -> End {
        self.standing.halt(stop);
        End::Pending
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
