//! Units per moving window: used up at once, then waited for.

use super::history::History;
use super::rate::Cycle;
use crate::numbers::{float, milliseconds};

/// Pauses are asked for in whole seconds, so that most are a part of one too
/// long, by half of one on average.
const ASKED_IN_MS: u64 = 1_000;
/// Where no pause was asked for, the window ended at some time after the last
/// refusal: at this part of what passed since.
const SOON: u64 = 4;
/// Quotas are met by about this share of what was measured.
const NEARLY_ALL: f64 = 0.9;
/// So many refusals in a row that it doesn't explain: there is none.
const MOST_WRONG: u32 = 4;
/// So many times a quota that isn't sure: there is none.
const EXCEEDED: f64 = 1.5;
/// One more than the quota is tried no more seldom than once in so many windows.
const SELDOM: u64 = 8;

/// Units per moving window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    units: f64,
    period_ms: u64,
    /// When one more than the quota may be tried.
    probe_at_ms: u64,
    /// How long the next try waits if this one is refused.
    probe_after_ms: u64,
    /// Refusals in a row that it doesn't explain.
    wrong: u32,
    /// It was refused again. Before that it may have been an outage.
    sure: bool,
}

impl Quota {
    /// On average.
    pub(super) fn per_second(&self) -> f64 {
        self.units * 1_000.0 / float(self.period_ms.max(1))
    }

    /// The first answer after a long pause: what was accepted in which time?
    pub(super) fn learn(cycle: &Cycle, accepted: &History, now_ms: u64, latency_ms: f64) -> Self {
        let started = cycle.started_ms.unwrap_or(now_ms);
        let first = accepted.oldest_since(started).unwrap_or(started);
        let over = match cycle.silent_ms {
            Some(silent) => silent.saturating_add(now_ms.saturating_sub(silent) / SOON),
            None => now_ms.saturating_sub(ASKED_IN_MS / 2 + milliseconds(latency_ms)),
        };
        let period_ms = over.saturating_sub(first).max(1);
        // The answer that ended the pause is the next window's.
        let units = accepted.since(first) - accepted.since(now_ms);
        Self {
            units: units.max(1.0),
            period_ms,
            probe_at_ms: now_ms,
            probe_after_ms: period_ms,
            wrong: 0,
            sure: false,
        }
    }

    /// It was refused. Where it was used up, or tried with one more, it is
    /// right. Otherwise its window is longer, or it is smaller; and if that goes on,
    /// there is none.
    pub(super) fn correct(self, accepted: &History, ended_ms: u64, now_ms: u64) -> Option<Self> {
        let dry_ms = now_ms.saturating_sub(ended_ms);
        let used = |ms: u64| {
            let since = ended_ms.saturating_sub(ms);
            accepted.since(since) - accepted.since(ended_ms.saturating_add(1))
        };
        let period = self.period_ms;
        if used(period) >= self.units * NEARLY_ALL {
            return Some(Self {
                wrong: 0,
                sure: true,
                ..self
            });
        }
        let wrong = self.wrong + 1;
        let explained = used(period.saturating_add(dry_ms + ASKED_IN_MS));
        let explained = explained >= self.units * NEARLY_ALL;
        if wrong >= MOST_WRONG || !(self.sure || explained) {
            return None;
        }
        let kept = Self {
            wrong,
            sure: true,
            ..self
        };
        Some(if explained {
            let period_ms = period.saturating_add(dry_ms * 3 / 4);
            Self { period_ms, ..kept }
        } else {
            let units = used(period).clamp(1.0, self.units);
            Self { units, ..kept }
        })
    }

    /// When that many units fit, beside those in flight; none for now.
    pub(super) fn due(
        &self,
        accepted: &History,
        now_ms: u64,
        units: u32,
        in_flight: u32,
    ) -> Option<f64> {
        if !self.sure {
            return None;
        }
        let since = (now_ms + 1).saturating_sub(self.period_ms);
        // Counted from the answer on, which is never before the upstream's own
        // count.
        let used = accepted.since(since) + f64::from(in_flight);
        if used + f64::from(units) <= self.units.max(f64::from(units)) {
            return None;
        }
        if in_flight == 0 && now_ms >= self.probe_at_ms {
            return None;
        }
        let oldest = accepted.oldest_since(since).unwrap_or(now_ms);
        Some(float(oldest.saturating_add(self.period_ms)).max(float(now_ms + 1)))
    }

    /// What was accepted in its window.
    fn used(&self, accepted: &History, now_ms: u64) -> f64 {
        accepted.since(now_ms.saturating_sub(self.period_ms))
    }

    /// Whether it is kept to.
    pub(super) fn is_sure(&self) -> bool {
        self.sure
    }

    /// Whether much more was accepted than it allows: it was an outage.
    pub(super) fn is_exceeded(&self, accepted: &History, now_ms: u64) -> bool {
        !self.sure && self.used(accepted, now_ms) > self.units * EXCEEDED
    }

    /// How many units may be in flight after one was accepted.
    pub(super) fn accept(&mut self, accepted: &History, now_ms: u64) -> f64 {
        let used = self.used(accepted, now_ms);
        if used > self.units {
            // One more was tried, and accepted.
            self.units = used;
            self.probe_after_ms = self.period_ms;
        }
        self.units / 2.0
    }

    pub(super) fn refuse(&mut self, now_ms: u64) {
        let seldom = self.period_ms.saturating_mul(SELDOM);
        self.probe_after_ms = self.probe_after_ms.saturating_mul(2).min(seldom);
        self.probe_at_ms = now_ms.saturating_add(self.probe_after_ms);
    }

    /// How long until the oldest unit leaves the window.
    pub(super) fn pause_ms(&self, accepted: &History, now_ms: u64) -> f64 {
        let oldest = accepted.oldest_since(now_ms.saturating_sub(self.period_ms));
        let free = oldest.map_or(now_ms, |oldest| oldest.saturating_add(self.period_ms));
        float(free.saturating_sub(now_ms))
    }
}
