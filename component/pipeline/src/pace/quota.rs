//! Units per moving window: used up at once, then waited for.

use super::history::History;
use super::rate::Cycle;
use crate::numbers::float;

/// Pauses are asked for in whole seconds, so that most are a part of one too
/// long; and windows are whole seconds long.
const ASKED_IN_MS: u64 = 1_000;
/// Beyond a quota that isn't sure no more are in flight.
const FEW: u32 = 2;
/// Where no pause was asked for, the window ended at some time after the last
/// refusal: at this part of what passed since.
const SOON: u64 = 4;
/// The windows that there are, in seconds.
const USUAL_S: [u64; 13] = [1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 900, 3_600];
/// Quotas are met by about this share of what was measured.
const NEARLY_ALL: f64 = 0.9;
/// So many refusals that it doesn't explain: there is none.
const MOST_WRONG: u32 = 4;
/// So many were accepted beyond a quota that isn't sure: there is none.
const MOST_BEYOND: u32 = 8;
/// One more than the quota is tried no more seldom than once in so many windows.
const SELDOM: u64 = 8;

/// Units per moving window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    units: f64,
    /// Before one more was tried since the last refusal.
    before: f64,
    period_ms: u64,
    /// When the last pause was over, if it was asked for.
    over_ms: Option<u64>,
    /// When one more than the quota may be tried.
    probe_at_ms: u64,
    /// How long the next try waits if this one is refused.
    probe_after_ms: u64,
    /// Refusals that it didn't explain.
    wrong: u32,
    /// It was refused again. Before that it may have been an outage.
    sure: bool,
    /// So many were accepted beyond it before.
    beyond: u32,
}

impl Quota {
    /// On average.
    pub(super) fn per_second(&self) -> f64 {
        self.units * 1_000.0 / float(self.period_ms.max(1))
    }

    /// The first answer after a long pause: what was accepted in which time? Where a pause
    /// was asked for, it was for until `asked_ms`.
    pub(super) fn learn(cycle: &Cycle, accepted: &History, now_ms: u64, asked_ms: u64) -> Self {
        let started = cycle.started_ms.unwrap_or(now_ms);
        let first = accepted.oldest_since(started).unwrap_or(started);
        let period_ms = match cycle.silent_ms {
            Some(silent) => {
                let least = silent.saturating_sub(first);
                let most = now_ms.saturating_sub(first);
                let soon = least.saturating_add(most.saturating_sub(least) / SOON);
                let usual = usual_window(least).filter(|&usual| usual <= most);
                usual.unwrap_or(soon).max(1)
            }
            None => whole_seconds(asked_ms.saturating_sub(first)),
        };
        // The answer that ended the pause is the next window's.
        let units = accepted.since(first) - accepted.since(now_ms);
        Self {
            units: units.max(1.0),
            before: units.max(1.0),
            period_ms,
            over_ms: cycle.silent_ms.is_none().then_some(asked_ms),
            probe_at_ms: now_ms,
            probe_after_ms: period_ms,
            wrong: 0,
            sure: false,
            beyond: 0,
        }
    }

    /// It was refused. Where it was used up, or tried with one more, it is
    /// right. Otherwise its window is longer, or it is smaller; and if that goes on,
    /// there is none.
    pub(super) fn correct(
        self,
        cycle: &Cycle,
        accepted: &History,
        now_ms: u64,
        over_ms: u64,
    ) -> Option<Self> {
        let ended_ms = cycle.ended_ms.unwrap_or(now_ms);
        let asked = cycle.silent_ms.is_none();
        let dry_ms = over_ms.saturating_sub(ended_ms);
        // All that was in flight was answered since; the probe is the next window's.
        let used = |ms: u64| {
            let since = ended_ms.saturating_sub(ms);
            accepted.since(since) - accepted.since(now_ms)
        };
        let period = self.period_ms;
        let met = |units: f64| used(period) >= units * NEARLY_ALL;
        let right = cycle.beyond || self.units > self.before;
        // What was tried may have been accepted by chance: another window had begun.
        let confirmed = [self.units, self.before].into_iter().find(|&it| met(it));
        if let Some(units) = confirmed.filter(|_| right) {
            return Some(Self {
                units,
                before: units,
                sure: true,
                ..self
            });
        }
        let wrong = self.wrong + 1;
        let longer = used(period.saturating_add(dry_ms + ASKED_IN_MS));
        // Where all of a window must pass again it's the number that is wrong.
        let explained = longer >= self.units * NEARLY_ALL
            && !(met(self.units) && (dry_ms > period / 2 || longer > self.units / NEARLY_ALL));
        if wrong >= MOST_WRONG || !(self.sure || explained) {
            return None;
        }
        let kept = Self {
            wrong,
            sure: true,
            over_ms: asked.then_some(over_ms),
            ..self
        };
        if let Some(begun_ms) = self.over_ms.filter(|_| asked) {
            // From the end of one window to that of the next.
            let whole = over_ms.saturating_sub(begun_ms);
            let units = accepted.since(begun_ms) - accepted.since(now_ms);
            if units >= self.units / 2.0 && whole < period + dry_ms {
                return Some(Self {
                    units,
                    before: units,
                    period_ms: nearest_window(whole),
                    ..kept
                });
            }
        }
        Some(if explained && asked {
            let period_ms = whole_seconds(period.saturating_add(dry_ms));
            Self { period_ms, ..kept }
        } else if explained {
            let period_ms = period.saturating_add(dry_ms * 3 / 4);
            Self { period_ms, ..kept }
        } else {
            let units = used(period).clamp(1.0, self.units);
            Self {
                units,
                before: units,
                ..kept
            }
        })
    }

    /// When that many units fit, beside those in flight; none for now. While it isn't
    /// sure, few at a time find out whether more do, and the next one may when another is
    /// `answered`.
    pub(super) fn due(
        &self,
        accepted: &History,
        now_ms: u64,
        units: u32,
        in_flight: u32,
        answered: f64,
    ) -> Option<f64> {
        if !self.is_full(accepted, now_ms, units, in_flight) {
            return None;
        }
        if !self.sure {
            return (in_flight >= FEW).then_some(answered);
        }
        if in_flight == 0 && now_ms >= self.probe_at_ms {
            return None;
        }
        let since = (now_ms + 1).saturating_sub(self.period_ms);
        let oldest = accepted.oldest_since(since).unwrap_or(now_ms);
        Some(float(oldest.saturating_add(self.period_ms)).max(float(now_ms + 1)))
    }

    /// Whether that many units are more than fit, beside those in flight.
    pub(super) fn is_full(
        &self,
        accepted: &History,
        now_ms: u64,
        units: u32,
        in_flight: u32,
    ) -> bool {
        let since = (now_ms + 1).saturating_sub(self.period_ms);
        // Counted from the answer on, which is never before the upstream's own
        // count.
        let used = accepted.since(since) + f64::from(in_flight);
        used + f64::from(units) > self.units.max(f64::from(units))
    }

    /// Units were accepted: how many may be in flight; none where much more was than
    /// it allows before it was sure: it was an outage.
    pub(super) fn accept(&mut self, accepted: &History, now_ms: u64, units: u32) -> Option<f64> {
        let used = accepted.since(now_ms.saturating_sub(self.period_ms));
        if !self.sure {
            if used > self.units {
                self.beyond = self.beyond.saturating_add(units);
            }
            return (self.beyond < MOST_BEYOND).then_some(0.0);
        }
        if used > self.units {
            // One more was tried, and accepted.
            self.units = used;
            self.probe_after_ms = self.period_ms;
        }
        Some(self.units / 2.0)
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

/// The shortest window of whole seconds that ends where a pause of whole seconds
/// ended, that long after it began.
fn whole_seconds(over_ms: u64) -> u64 {
    let shortest = over_ms.saturating_sub(ASKED_IN_MS).max(1);
    shortest.div_ceil(1_000) * 1_000
}

/// The window of about that time, by two ends that were told in whole seconds.
fn nearest_window(time_ms: u64) -> u64 {
    let near = usual_windows().find(|usual| usual.abs_diff(time_ms) < ASKED_IN_MS);
    near.unwrap_or((time_ms + 500) / 1_000 * 1_000).max(1_000)
}

/// The shortest usual window that is longer.
pub(super) fn usual_window(over_ms: u64) -> Option<u64> {
    usual_windows().find(|&usual| usual > over_ms)
}

fn usual_windows() -> impl Iterator<Item = u64> {
    USUAL_S.iter().map(|seconds| seconds * 1_000)
}
