//! Retries of requests to DynamoDB → how long each waits, by AWS's standard retry
//! of 2026. Pure.

use super::Backoff;

/// AWS's standard retry, 2026: the first wait after an error that passes.
const AWS_TRANSIENT_MS: u64 = 25;
/// The same after throttling.
const AWS_THROTTLED_MS: u64 = 1_000;
/// No wait of AWS's standard retry is longer.
const AWS_LONGEST_MS: u64 = 20_000;
/// By how much DynamoDB may lengthen a wait.
const AWS_ASKED_MS: u64 = 5_000;
/// DynamoDB isn't left alone for longer than the longest wait that it may ask for.
pub const AWS_LONGEST_ASKED_MS: u64 = AWS_LONGEST_MS + AWS_ASKED_MS;
/// Retries of all requests to DynamoDB draw on this.
const AWS_QUOTA: u32 = 500;
/// What a retry after an error that passes costs.
const AWS_TRANSIENT_COST: u32 = 14;
/// What a retry after throttling costs.
const AWS_THROTTLED_COST: u32 = 5;
/// What a request that succeeds gives back.
const AWS_REFUND: u32 = 1;

/// Why a request to DynamoDB is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No answer, or a failure on its side.
    Transient,
    /// It asks for fewer requests.
    Throttled,
}

/// The wait that was drawn, or what `x-amz-retry-after` asks for: never less, and
/// never more than five seconds beyond what would be waited anyway.
#[must_use]
pub fn heeded_ms(drawn_ms: u64, asked_ms: Option<u64>) -> u64 {
    let longest = drawn_ms.saturating_add(AWS_ASKED_MS);
    asked_ms.map_or(drawn_ms, |asked| asked.clamp(drawn_ms, longest))
}

/// What all requests to DynamoDB have in common: how many may be retried. AWS's
/// standard retry of 2026.
#[derive(Clone, Copy, Debug)]
pub struct RetryQuota(u32);

impl Default for RetryQuota {
    fn default() -> Self {
        Self(AWS_QUOTA)
    }
}

impl RetryQuota {
    /// The wait before the attempt that follows attempt number `attempt`.
    /// Where too many requests are retried, it is the longest: nothing is given
    /// up for that.
    pub fn wait_ms(&mut self, cause: Cause, attempt: u32, random: u64) -> u64 {
        let (base_ms, cost) = match cause {
            Cause::Transient => (AWS_TRANSIENT_MS, AWS_TRANSIENT_COST),
            Cause::Throttled => (AWS_THROTTLED_MS, AWS_THROTTLED_COST),
        };
        let backoff = Backoff {
            base_ms,
            longest_ms: AWS_LONGEST_MS,
        };
        match self.0.checked_sub(cost) {
            Some(left) => {
                self.0 = left;
                backoff.wait_ms(attempt, random)
            }
            None => AWS_LONGEST_MS / 2 + random % (AWS_LONGEST_MS / 2),
        }
    }

    /// A request succeeded.
    pub fn succeeded(&mut self) {
        self.0 = (self.0 + AWS_REFUND).min(AWS_QUOTA);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_retries_draw_on_a_quota() {
        let mut quota = RetryQuota::default();
        let most = |quota: &RetryQuota, cause, attempt| {
            let waits = (0..30_000).map(|random| {
                let mut copy = *quota;
                copy.wait_ms(cause, attempt, random)
            });
            waits.max()
        };
        assert_eq!(most(&quota, Cause::Transient, 1), Some(25));
        assert_eq!(most(&quota, Cause::Transient, 3), Some(100));
        assert_eq!(most(&quota, Cause::Throttled, 1), Some(1_000));
        assert_eq!(most(&quota, Cause::Throttled, 9), Some(20_000));
        for _ in 0..40 {
            let _ = quota.wait_ms(Cause::Transient, 1, 0);
        }
        assert_eq!(quota.wait_ms(Cause::Transient, 1, 0), 10_000);
        for _ in 0..500 {
            quota.succeeded();
        }
        assert_eq!(quota.wait_ms(Cause::Transient, 1, 3), 3);
    }

    #[test]
    fn what_dynamodb_asks_for_lengthens_a_wait() {
        assert_eq!(heeded_ms(7, None), 7);
        assert_eq!(heeded_ms(7, Some(3)), 7);
        assert_eq!(heeded_ms(7, Some(300)), 300);
        assert_eq!(heeded_ms(7, Some(90_000)), 5_007);
        assert_eq!(heeded_ms(20_000, Some(u64::MAX)), AWS_LONGEST_ASKED_MS);
    }
}
