//! Attempt number and a random number → how long to wait. Pure.

use crate::settings::Retry;

/// The wait before the attempt that follows attempt number `attempt` (the
/// first is 1): full jitter over an exponentially growing bound, in
/// milliseconds. `random` is any number, uniformly drawn.
#[must_use]
pub fn delay_ms(retry: &Retry, attempt: u32, random: u64) -> u64 {
    let doublings = attempt.saturating_sub(1).min(32);
    let bound = (u64::from(retry.base_delay_ms) << doublings).min(u64::from(retry.max_delay_ms));
    // The modulo's bias is below 2^-30 for any bound a `u32` can hold.
    random % (bound + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(attempt: u32, random: u64, expected: u64) {
        let retry = Retry {
            max_attempts: 5,
            base_delay_ms: 100,
            max_delay_ms: 1_000,
            max_retry_after_ms: 0,
        };
        assert_eq!(
            delay_ms(&retry, attempt, random),
            expected,
            "attempt {attempt}"
        );
    }

    #[test]
    fn waits_grow_up_to_the_bound_and_may_be_zero() {
        check(1, 0, 0);
        check(1, 100, 100);
        check(1, 101, 0);
        check(2, 200, 200);
        check(4, 800, 800);
        check(5, 1_000, 1_000);
        check(40, 1_000, 1_000);
        check(5, 1_001, 0);
    }
}
