//! A page of a request → one exchange, as soon as the pace and the credentials
//! allow it.

use super::super::answer::Answer;
use super::super::coding::decoded;
use super::super::links::with_parameter;
use super::super::mask::mask;
use super::super::page::Page;
use super::super::plan::PreparedRequest;
use super::super::verdict::{RetryReason, Verdict, judge};
use super::{Call, NotDone, Tries};
use crate::bindings::rowcast::pipeline::types::Stop;
use crate::pace::{Observation, policies};
use crate::platform::{Http, HttpError, HttpMethod, HttpRequest};
use crate::settings::Method;

/// One request that was sent.
pub(super) struct Exchange {
    pub outcome: Result<Answer, HttpError>,
    pub verdict: Verdict,
    /// Which token it was sent with.
    pub token: u32,
}

/// Waiting for one's turn takes no longer, unless a budget is used up.
const LONGEST_TURN_MS: u64 = 2_000;

impl<H: Http> Call<'_, H> {
    /// Sends one request as soon as it may be sent.
    pub(super) async fn send(
        &self,
        page: &Page,
        prepared: &PreparedRequest<'_>,
        tries: &Tries,
    ) -> Result<Exchange, NotDone> {
        let (authorization, reserved_ms) = loop {
            self.check()?;
            let fetched = self.credentials.authorization(self.http, self.budget).await;
            let _ = fetched.map_err(|stop| self.stop(stop))?;
            self.admit().await?;
            let reserved_ms = self.http.now_ms();
            // Waiting takes time, in which a token may expire.
            if let Some(authorization) = self.credentials.present(self.http.now_ms()) {
                break (authorization, reserved_ms);
            }
            self.report(Observation::default(), reserved_ms);
        };
        let mut headers = prepared.headers.clone();
        headers.extend(authorization.header.clone());
        let source = self.plan.checked.source;
        let url = match &authorization.parameter {
            Some((name, value)) => with_parameter(&page.url, name, value),
            None => page.url.clone(),
        };
        let request = HttpRequest {
            method: match source.method {
                Method::Get => HttpMethod::Get,
                Method::Post => HttpMethod::Post,
            },
            url: url.into(),
            headers,
            body: self.body(page, prepared),
            timeout_ms: self.given_ms(),
            max_body_bytes: source.max_body_bytes,
        };
        let outcome = self.state.overload.during(self.http.send(request)).await;
        // What the host's policy refuses, or what can't be made, goes nowhere.
        if !matches!(outcome, Err(HttpError::Denied(_) | HttpError::Invalid(_))) {
            self.state.sent(tries.repeat);
        }
        let outcome = outcome.and_then(|response| decoded(response, source.max_body_bytes));
        let outcome = outcome.map(|mut response| {
            mask(&mut response, &source.auth, &authorization);
            Answer::new(response, source.format)
        });
        let (verdict, mut seen) = judge(&self.plan.checked, &page.url, &outcome, self.http.today());
        if !tries.repeat {
            self.state.first(matches!(verdict, Verdict::Retry(..)));
        }
        if let Verdict::Retry(RetryReason::Failed(502.., _), _) = verdict {
            // It counts as an attempt, and may lower the speed. It's no sign that there
            // may be so many.
            let refused = self.state.overload.goes_on(self.http.now_ms());
            (seen.accepted, seen.refused) = (0, refused.into());
        }
        self.report(seen, reserved_ms);
        let policy = outcome.as_ref().ok();
        if let Some(policy) = policy.and_then(|answer| answer.header("ratelimit-policy")) {
            self.state.learn(self.http.now_ms(), policies(policy));
        }
        Ok(Exchange {
            outcome,
            verdict,
            token: authorization.token,
        })
    }

    /// What became of a reservation that was made then.
    fn report(&self, seen: Observation, reserved_ms: u64) {
        let held_ms = self.http.now_ms().saturating_sub(reserved_ms);
        let seen = Observation {
            held_ms: Some(held_ms),
            ..seen
        };
        self.state.report(self.http, &seen);
    }

    /// The request's body for that page.
    fn body(&self, page: &Page, prepared: &PreparedRequest<'_>) -> Vec<u8> {
        let place = self.plan.checked.paging.body_place();
        let body = prepared.body.clone().map(|mut body| {
            if let (Some(place), Some(cursor)) = (place, &page.cursor) {
                body.put(place, cursor);
            }
            body.text().into_bytes()
        });
        body.unwrap_or_default()
    }

    /// Whether a request may be started at all.
    fn check(&self) -> Result<(), NotDone> {
        if self.state.is_halted() {
            return Err(NotDone::Pending);
        }
        if self.remaining_ms() == 0 {
            self.state.note(Stop::Budget);
            return Err(NotDone::Pending);
        }
        Ok(())
    }

    /// Waits until the pace allows a request.
    async fn admit(&self) -> Result<(), NotDone> {
        let mut waited = false;
        loop {
            self.check()?;
            match self.state.reserve(self.http, 1) {
                0 => {
                    self.state.overload.begins(waited);
                    return Ok(());
                }
                wait => {
                    waited = true;
                    self.check_pause("the upstream asked for a pause")?;
                    let most = self.plan.checked.source.retry.max_retry_after_ms;
                    if wait > most.max(LONGEST_TURN_MS) {
                        let reason = "the budget of requests is used up until then";
                        return Err(self.stop(self.rate_limited(wait, reason.to_owned())));
                    }
                    self.wait(wait).await?;
                }
            }
        }
    }

    /// A pause that can't be waited out here is the caller's to wait.
    pub(super) fn check_pause(&self, reason: &str) -> Result<(), NotDone> {
        let pause = self.state.reserve(self.http, 0);
        // The pace keeps a millisecond more, as the clock leaves out parts.
        let asked = pause.saturating_sub(1);
        let retry = &self.plan.checked.source.retry;
        if asked > retry.max_retry_after_ms || (pause > 0 && pause >= self.remaining_ms()) {
            return Err(self.stop(self.rate_limited(asked, reason.to_owned())));
        }
        Ok(())
    }

    /// The time that an attempt has.
    pub(super) fn given_ms(&self) -> u64 {
        let timeout = self.plan.checked.source.request_timeout_ms;
        self.remaining_ms().min(timeout.into())
    }
}
