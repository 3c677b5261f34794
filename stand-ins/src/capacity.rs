//! What is asked for, and when → whether a limit lets it through, and else how
//! long it takes until it would. Knows nothing of servers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How much a server lets through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// A token bucket: so many units a second, and at most so many saved.
    Bucket {
        /// Units a second.
        per_second: f64,
        /// Units that it holds when nothing was asked for. It begins full.
        burst: f64,
    },
    /// At most so many in any span of that length.
    Window {
        /// Requests in a span.
        most: u32,
        /// The span's length.
        span: Duration,
    },
    /// At most so many from one reset to the next; the first request after a
    /// reset begins a span.
    Fixed {
        /// Requests in a span.
        most: u32,
        /// The span's length.
        span: Duration,
    },
}

impl Limit {
    /// So many requests a second; a second's worth of them may be saved.
    #[must_use]
    pub const fn per_second(rate: f64) -> Self {
        Self::Bucket {
            per_second: rate,
            burst: rate,
        }
    }

    /// At most so many in any span of so many seconds.
    #[must_use]
    pub const fn window(most: u32, seconds: u64) -> Self {
        Self::Window {
            most,
            span: Duration::from_secs(seconds),
        }
    }

    /// What a server says of it: requests in a span, or saved.
    #[must_use]
    pub fn most(&self) -> String {
        match self {
            Self::Bucket { burst, .. } => burst.to_string(),
            Self::Window { most, .. } | Self::Fixed { most, .. } => most.to_string(),
        }
    }

    /// The least time that so many units take.
    #[must_use]
    pub fn ideal(&self, units: f64) -> Duration {
        match *self {
            Self::Bucket { per_second, burst } => {
                Duration::from_secs_f64((units - burst).max(0.0) / per_second)
            }
            Self::Window { most, span } | Self::Fixed { most, span } => {
                let spans = ((units - 1.0).max(0.0) / f64::from(most)).floor();
                span.mul_f64(spans)
            }
        }
    }
}

/// A limit, and what of it is used.
#[derive(Clone, Debug)]
pub struct Meter {
    limit: Limit,
    /// Of a bucket: what it held, and when.
    level: f64,
    at: Option<Instant>,
    /// Of a window: when each of the last ones was let through.
    passed: VecDeque<Instant>,
}

impl Meter {
    /// Nothing is used yet.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        let level = match limit {
            Limit::Bucket { burst, .. } => burst,
            Limit::Window { .. } | Limit::Fixed { .. } => 0.0,
        };
        Self {
            limit,
            level,
            at: None,
            passed: VecDeque::new(),
        }
    }

    /// Takes so many units, or says after what time that could be tried again.
    ///
    /// More units than a bucket ever holds are let through when it is full, and
    /// leave it in debt: what is too large for a second takes several.
    pub fn take(&mut self, units: f64, now: Instant) -> Result<(), Duration> {
        match self.limit {
            Limit::Bucket { per_second, burst } => {
                self.fill(per_second, burst, now);
                let needed = units.min(burst);
                // What arithmetic lacks by rounding isn't lacking.
                if self.level + 1e-9 >= needed {
                    self.level -= units;
                    Ok(())
                } else {
                    Err(Duration::from_secs_f64((needed - self.level) / per_second))
                }
            }
            Limit::Window { most, span } | Limit::Fixed { most, span } => {
                self.forget(span, now);
                if self.passed.len() >= most as usize {
                    return Err(self.reset(span, now));
                }
                self.passed.push_back(now);
                Ok(())
            }
        }
    }

    /// How many requests are left, and after what time there are more; none for
    /// a bucket.
    pub fn left(&mut self, now: Instant) -> Option<(u32, Duration)> {
        let (Limit::Window { most, span } | Limit::Fixed { most, span }) = self.limit else {
            return None;
        };
        self.forget(span, now);
        let passed = u32::try_from(self.passed.len()).unwrap_or(u32::MAX);
        Some((most.saturating_sub(passed), self.reset(span, now)))
    }

    fn reset(&self, span: Duration, now: Instant) -> Duration {
        let first = self.passed.front();
        let since = |first: &Instant| now.saturating_duration_since(*first);
        first.map_or(span, |first| span.saturating_sub(since(first)))
    }

    fn forget(&mut self, span: Duration, now: Instant) {
        let over = |passed: &Instant| now.saturating_duration_since(*passed) >= span;
        while self.passed.front().is_some_and(over) {
            self.passed.pop_front();
            if matches!(self.limit, Limit::Fixed { .. }) {
                self.passed.clear();
            }
        }
    }

    fn fill(&mut self, per_second: f64, burst: f64, now: Instant) {
        let passed = self
            .at
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.level = (self.level + passed.as_secs_f64() * per_second).min(burst);
        self.at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks every so many milliseconds; the milliseconds at which it was let
    /// through.
    fn passed(limit: Limit, every: u64, until: u64) -> Vec<u64> {
        let (begun, mut meter) = (Instant::now(), Meter::new(limit));
        let steps = (0..=until).step_by(usize::try_from(every).unwrap_or(1));
        steps
            .filter(|at| meter.take(1.0, begun + Duration::from_millis(*at)).is_ok())
            .collect()
    }

    #[test]
    fn a_bucket_lets_through_its_rate() {
        assert_eq!(
            passed(Limit::per_second(5.0), 50, 1000),
            [0, 50, 100, 150, 200, 250, 400, 600, 800, 1000]
        );
        let burst = Limit::Bucket {
            per_second: 2.0,
            burst: 3.0,
        };
        assert_eq!(
            passed(burst, 100, 2000),
            [0, 100, 200, 500, 1000, 1500, 2000]
        );
    }

    #[test]
    fn a_window_counts_any_span() {
        let limit = Limit::window(3, 1);
        assert_eq!(
            passed(limit, 100, 2200),
            [0, 100, 200, 1000, 1100, 1200, 2000, 2100, 2200]
        );
        assert_eq!(
            passed(limit, 400, 2400),
            [0, 400, 800, 1200, 1600, 2000, 2400]
        );
    }

    #[test]
    fn a_fixed_span_ends_at_once() {
        let limit = Limit::Fixed {
            most: 3,
            span: Duration::from_secs(1),
        };
        assert_eq!(
            passed(limit, 200, 2400),
            [0, 200, 400, 1000, 1200, 1400, 2000, 2200, 2400]
        );
        let (begun, mut meter) = (Instant::now(), Meter::new(limit));
        assert_eq!(meter.left(begun), Some((3, Duration::from_secs(1))));
        assert_eq!(meter.take(1.0, begun), Ok(()));
        let at = begun + Duration::from_millis(300);
        assert_eq!(meter.left(at), Some((2, Duration::from_millis(700))));
    }

    #[test]
    fn a_refusal_says_when() {
        let begun = Instant::now();
        for limit in [Limit::per_second(4.0), Limit::window(1, 3)] {
            let mut meter = Meter::new(limit);
            let burst = match limit {
                Limit::Bucket { burst, .. } => burst,
                Limit::Window { most, .. } | Limit::Fixed { most, .. } => f64::from(most),
            };
            assert_eq!(meter.take(burst, begun), Ok(()));
            let wait = meter.take(1.0, begun).err().unwrap_or_default();
            assert_eq!(wait, limit.ideal(burst + 1.0), "{limit:?}");
            assert!(meter.take(1.0, begun + wait / 2).is_err(), "{limit:?}");
            assert_eq!(meter.take(1.0, begun + wait), Ok(()), "{limit:?}");
        }
    }

    #[test]
    fn what_is_too_large_leaves_a_debt() {
        let (begun, mut meter) = (Instant::now(), Meter::new(Limit::per_second(10.0)));
        assert_eq!(meter.take(30.0, begun), Ok(()));
        let debt = Duration::from_millis(2_100);
        assert_eq!(meter.take(1.0, begun), Err(debt));
        assert_eq!(meter.take(1.0, begun + debt), Ok(()));
    }

    #[test]
    fn ideal_times() {
        let seconds = |limit: Limit, units| limit.ideal(f64::from(units)).as_secs_f64();
        assert!((seconds(Limit::per_second(10.0), 110) - 10.0).abs() < 1e-9);
        assert!((seconds(Limit::window(50, 5), 50)).abs() < 1e-9);
        assert!((seconds(Limit::window(50, 5), 51) - 5.0).abs() < 1e-9);
        let saved = Limit::Bucket {
            per_second: 5.0,
            burst: 1500.0,
        };
        assert!((seconds(saved, 1000)).abs() < 1e-9);
    }
}
