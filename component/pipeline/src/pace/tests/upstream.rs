//! An upstream with a capacity, over virtual time.

use crate::numbers::{float, milliseconds, whole};
use std::collections::VecDeque;

/// What an upstream allows.
#[derive(Clone, Copy, Debug)]
pub enum Capacity {
    Unlimited,
    /// Refuses so many of a hundred calls, whatever their rate.
    Chance {
        percent: u64,
        /// Of those calls it takes every second unit.
        half: bool,
    },
    /// Refuses everything from the first time to the second, and nothing else.
    Outage {
        from_ms: u64,
        to_ms: u64,
    },
    /// So many a second, with that much in reserve.
    Bucket {
        per_second: f64,
        burst: f64,
    },
    /// So many in any such time.
    Rolling {
        most: usize,
        per_ms: u64,
    },
    /// So many at once.
    InFlight {
        most: u32,
    },
    /// So many in each such time, by the clock, which is in the midst of one at the
    /// start.
    Fixed {
        most: usize,
        per_ms: u64,
        phase_ms: u64,
    },
}

/// How it refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// With the time to wait, in whole seconds.
    RetryAfter,
    /// With the clock's second at which there is room again.
    Until,
    /// With the status alone.
    Silent,
    /// As the first, and all answers say how many are left until when.
    Headers,
}

pub struct Upstream {
    capacity: Capacity,
    tokens: f64,
    filled_ms: u64,
    taken: VecDeque<u64>,
    in_flight: u32,
    /// The last number that chance drew.
    drawn: u64,
}

impl Upstream {
    pub fn new(capacity: Capacity, seed: u64) -> Self {
        let tokens = match capacity {
            Capacity::Bucket { burst, .. } => burst,
            _ => 0.0,
        };
        Self {
            capacity,
            tokens,
            filled_ms: 0,
            taken: VecDeque::new(),
            in_flight: 0,
            drawn: seed,
        }
    }

    /// How many of these units it takes at that time.
    pub fn take(&mut self, now: u64, units: u32) -> u32 {
        if let Capacity::Chance { percent, half } = self.capacity {
            self.drawn = crate::extract::script::draw(self.drawn);
            return match self.drawn / 7 % 100 < percent {
                true if half => units / 2,
                true => 0,
                false => units,
            };
        }
        (0..units).map(|_| u32::from(self.take_one(now))).sum()
    }

    /// What it took was answered.
    pub fn answered(&mut self, units: u32) {
        self.in_flight -= units.min(self.in_flight);
    }

    fn take_one(&mut self, now: u64) -> bool {
        self.refresh(now);
        match self.capacity {
            Capacity::Unlimited | Capacity::Chance { .. } => true,
            Capacity::Outage { from_ms, to_ms } => !(from_ms..to_ms).contains(&now),
            Capacity::Bucket { .. } => {
                // What arithmetic lacks by rounding isn't lacking.
                let fits = self.tokens + 1e-9 >= 1.0;
                self.tokens -= f64::from(u8::from(fits));
                fits
            }
            Capacity::InFlight { most } => {
                let fits = self.in_flight < most;
                self.in_flight += u32::from(fits);
                fits
            }
            Capacity::Rolling { most, .. } | Capacity::Fixed { most, .. } => {
                let fits = self.taken.len() < most;
                if fits {
                    self.taken.push_back(now);
                }
                fits
            }
        }
    }

    fn refresh(&mut self, now: u64) {
        match self.capacity {
            Capacity::Unlimited
            | Capacity::Chance { .. }
            | Capacity::Outage { .. }
            | Capacity::InFlight { .. } => {}
            Capacity::Bucket { per_second, burst } => {
                let passed = float(now - self.filled_ms) / 1_000.0;
                self.tokens = (self.tokens + passed * per_second).min(burst);
                self.filled_ms = now;
            }
            Capacity::Rolling { per_ms, .. } => {
                while self.taken.front().is_some_and(|at| at + per_ms <= now) {
                    self.taken.pop_front();
                }
            }
            Capacity::Fixed {
                per_ms, phase_ms, ..
            } => {
                let window = |at: u64| (at + phase_ms) / per_ms;
                while self
                    .taken
                    .front()
                    .is_some_and(|&at| window(at) < window(now))
                {
                    self.taken.pop_front();
                }
            }
        }
    }

    /// What is left, and when there is more, in milliseconds from now.
    pub fn left(&mut self, now: u64) -> (u64, u64) {
        self.refresh(now);
        match self.capacity {
            Capacity::Unlimited
            | Capacity::Chance { .. }
            | Capacity::Outage { .. }
            | Capacity::InFlight { .. } => (u64::MAX, 0),
            Capacity::Bucket { per_second, .. } => {
                let wait = (1.0 - self.tokens).max(0.0) / per_second * 1_000.0;
                (u64::from(whole(self.tokens)), milliseconds(wait))
            }
            Capacity::Rolling { most, per_ms } => {
                let reset = self.taken.front().map_or(0, |at| at + per_ms - now);
                (u64::try_from(most - self.taken.len()).unwrap_or(0), reset)
            }
            Capacity::Fixed {
                most,
                per_ms,
                phase_ms,
            } => (
                u64::try_from(most - self.taken.len()).unwrap_or(0),
                per_ms - (now + phase_ms) % per_ms,
            ),
        }
    }
}
