//! What is accepted and refused → how many units may be in flight at once.
//!
//! Before the first refusal the bound grows with what is accepted. When the
//! limit is met, what is in flight is refused at once: so it grows fast while
//! that is little, and then no faster than what was accepted. A refusal sets it
//! to what was in flight beside the request that was refused. From there it
//! grows while it is what holds requests back, more slowly each time that one
//! more was refused.

use crate::numbers::float;

/// Requests in flight up to which the bound grows fast.
pub(super) const MANY_REQUESTS: f64 = 16.0;
/// Beyond that it grows by this part.
const SLOWER: f64 = 0.25;
/// By how much more has to be accepted before one more is tried again.
const RARER: f64 = 8.0;
/// One more is tried after so many accepted units at the latest.
const RAREST: f64 = 512.0;

/// What has left the upstream isn't what was answered: one more may be accepted
/// by chance.
const PROVEN: f64 = 1.0;

/// The bound of what is in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    most: f64,
    start: f64,
    growth: f64,
    many: f64,
    /// Units that must be accepted before one more is tried; none before the
    /// first refusal.
    after: Option<f64>,
    accepted: f64,
    /// One more is tried since the last refusal: how often it must be accepted
    /// before that is no longer what a refusal is about.
    tried: f64,
    /// Somebody had to wait for the bound.
    holds: bool,
}

impl Flight {
    pub(super) fn new(start: f64, growth: f64, many: f64) -> Self {
        Self {
            most: start,
            start,
            growth,
            many,
            after: None,
            accepted: 0.0,
            tried: 0.0,
            holds: false,
        }
    }

    /// Nothing is known of it.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.start, self.growth, self.many);
    }

    /// Whether so many more are too many.
    pub(super) fn is_full(&mut self, in_flight: u32, units: u32) -> bool {
        let full = in_flight > 0 && f64::from(in_flight.saturating_add(units)) > self.most;
        self.holds |= full;
        full
    }

    /// Units were accepted that were sent while so many others were in flight.
    pub(super) fn accept(&mut self, units: u32, others: u32) {
        let units = f64::from(units);
        if f64::from(others) + 1.0 >= self.most.floor() {
            self.tried -= 1.0;
        }
        let Some(after) = self.after else {
            let part = if self.most < self.many { 1.0 } else { SLOWER };
            self.most += self.growth * part * units;
            return;
        };
        if std::mem::take(&mut self.holds) {
            self.accepted += units;
            if self.accepted >= after {
                self.most += self.accepted / after;
                self.accepted = 0.0;
                self.tried = self.most * PROVEN;
            }
        }
    }

    /// The bound.
    pub(super) fn most(&self) -> f64 {
        self.most
    }

    /// At least that much may be in flight.
    pub(super) fn allow(&mut self, units: f64) {
        self.most = self.most.max(units);
    }

    /// It was refused while so many others were in flight, after so many units
    /// were accepted. Whether the bound is the reason: it was just raised,
    /// and that request was one more.
    pub(super) fn refuse(&mut self, others: u32, accepted: u64) -> bool {
        let others = f64::from(others);
        let tried = self.tried > 0.0 && others >= 1.0 && others + 1.0 >= self.most.floor();
        let after = match self.after {
            None => Some(float(accepted)),
            Some(after) => tried.then_some(after * RARER),
        };
        if let Some(after) = after {
            self.after = Some(after.clamp(1.0, RAREST));
            self.most = others.max(1.0);
        }
        self.accepted = 0.0;
        self.tried = 0.0;
        tried
    }
}
