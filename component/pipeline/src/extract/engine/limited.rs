//! A request was refused as if there were too many → whether it waits, is refused
//! for itself, or the call ends.

use super::super::verdict::{Rejection, RetryReason};
use super::{Call, NotDone, Tries};
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use crate::platform::Http;

/// A request that was refused so often, as if there were too many, while others
/// were accepted, is refused for itself.
const MOST_LIMITED: u32 = 16;

/// The same where nobody else was refused since the first time, and so many others
/// were accepted: then it's hardly their number.
const MOST_ONLY: u32 = 5;
const LEAST_OTHERS: u32 = 20;

/// Refusals of one request while nobody else is answered, after which the caller is
/// to find out whether others would be.
const MOST_ALONE: u32 = 5;

/// A request that was refused lets others go first for that long, longer each
/// time.
const LET_GO_MS: u64 = 20;

impl<H: Http> Call<'_, H> {
    /// There are too many requests. That costs time and no attempts, unless it
    /// is this request that is refused while others are accepted.
    pub(super) fn limited(
        &self,
        rejection: Rejection,
        certain: bool,
        tries: &mut Tries,
    ) -> Result<(), NotDone> {
        let others = self.state.succeeded();
        let limited = self.state.limited();
        let (refused_before, before) = *tries
            .first
            .get_or_insert((limited.saturating_sub(1), others));
        if others > tries.others {
            tries.others = others;
            tries.limited += 1;
            tries.alone = 0;
        } else {
            tries.alone += 1;
        }
        tries.refused += 1;
        let attempts = self.most_attempts();
        let only = certain
            && limited - refused_before == tries.refused
            && others - before >= LEAST_OTHERS
            && tries.refused >= MOST_ONLY.max(attempts);
        let most = if certain {
            MOST_LIMITED.max(attempts)
        } else {
            attempts
        };
        if only || tries.limited >= most {
            let reason = rejection.reason;
            return Err(NotDone::Rejected(Rejection {
                kind: RejectionKind::Exhausted,
                reason: format!("{reason} repeatedly while other requests were accepted"),
                ..rejection
            }));
        }
        let uncertain = rejection.status.filter(|_| !certain);
        tries.asked_to_wait =
            uncertain.map(|status| RetryReason::Limited(status, rejection.reason.clone()));
        let retry = &self.plan.checked.source.retry;
        let stopped = self.check_pause(&rejection.reason);
        let too_long = self.state.limited_ms(self.http.now_ms()) > retry.max_retry_after_ms;
        // The caller can find out whether it's this request.
        let alone = tries.alone >= MOST_ALONE;
        if stopped.is_ok() && (too_long || alone) && certain {
            let pause = self.state.reserve(self.http, 0);
            let least = if alone { 0 } else { retry.max_delay_ms.into() };
            let wait = pause.saturating_sub(1).max(least);
            return Err(self.stop(self.rate_limited(wait, rejection.reason)));
        }
        // Other statuses may be about this request, however often it is asked
        // to wait. It remembers that.
        if let Some(status) = rejection.status.filter(|_| !certain)
            && (stopped.is_err() || too_long || tries.refused >= MOST_LIMITED)
        {
            let retry_reason = RetryReason::Limited(status, rejection.reason);
            tries.asked_to_wait = None;
            self.state.exhausted(&retry_reason);
            return Err(NotDone::Exhausted(retry_reason, self.state.succeeded()));
        }
        stopped
    }

    /// The first to be sent after a pause is somebody else: it may be this
    /// request that is refused, and not the number of all.
    pub(super) async fn let_others_go(&self, tries: &Tries) -> Result<(), NotDone> {
        let turns = u64::from(tries.refused.min(MOST_LIMITED));
        let pause = self.state.reserve(self.http, 0);
        let jitter = self.http.random() % LET_GO_MS;
        self.wait(pause + turns * LET_GO_MS + jitter).await
    }
}
