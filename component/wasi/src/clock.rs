//! WASI's clocks and random numbers → plain values.

use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::bindings::wasi::random::random as wasi;
use crate::executor::Timer;
use std::time::{Duration, SystemTime};

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// Milliseconds on a clock that never goes back.
#[must_use]
pub fn now_ms() -> u64 {
    monotonic_clock::now() / NANOSECONDS_PER_MILLISECOND
}

/// The calendar's time.
#[must_use]
pub fn today() -> SystemTime {
    let now = wall_clock::now();
    let since = Duration::new(now.seconds, now.nanoseconds);
    SystemTime::UNIX_EPOCH
        .checked_add(since)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Completes after about that many milliseconds.
#[must_use]
pub fn timer(duration_ms: u64) -> Timer {
    let nanoseconds = duration_ms.saturating_mul(NANOSECONDS_PER_MILLISECOND);
    Timer::at(monotonic_clock::now().saturating_add(nanoseconds))
}

/// A uniformly drawn number.
#[must_use]
pub fn random() -> u64 {
    wasi::get_random_u64()
}
