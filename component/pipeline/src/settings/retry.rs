//! How failed requests are repeated.

use super::mistakes::{Mistakes, within};
use crate::retry::Backoff;
use serde::Deserialize;

/// Bounds on repeating one upstream request. Waits between attempts are drawn
/// at random between zero and `base_delay_ms` doubled per attempt (full
/// jitter), never above `max_delay_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Attempts per request, the first included.
    #[cfg_attr(test, schemars(range(min = 1, max = 20)))]
    pub max_attempts: u32,
    /// Upper bound of the first wait, in milliseconds.
    pub base_delay_ms: u32,
    /// Upper bound of any drawn wait, in milliseconds.
    pub max_delay_ms: u32,
    /// The longest `Retry-After` that is waited out inside a call, in
    /// milliseconds. A longer one stops the call: what is done is returned, the
    /// rest is pending.
    pub max_retry_after_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base_delay_ms: 200,
            max_delay_ms: 20_000,
            max_retry_after_ms: 60_000,
        }
    }
}

impl Retry {
    /// The waits between attempts.
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        Backoff {
            base_ms: self.base_delay_ms.into(),
            longest_ms: self.max_delay_ms.into(),
        }
    }

    /// Adds what can't work.
    pub fn check(&self, mistakes: &mut Mistakes) {
        let attempts = u64::from(self.max_attempts);
        within(mistakes, "/retry/max_attempts", attempts, 1, 20);
        if self.base_delay_ms > self.max_delay_ms {
            mistakes.add("/retry/base_delay_ms", "is above max_delay_ms");
        }
    }
}
