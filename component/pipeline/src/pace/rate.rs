//! Units per second: a measured rate, and how it rises until it is refused.

use crate::numbers::float;

/// A rate starts this much below what was measured.
const START_BELOW: f64 = 0.05;
/// Where a rate was refused soon, it was too high by more than a little.
const BELOW_EARLY: f64 = 0.92;
/// Where it was refused late, a little less is right.
const BELOW_LATE: f64 = 0.97;
/// In a cycle that ran for less than this share of its time, no more was
/// accepted than what its pause had saved.
const HIDDEN: f64 = 0.3;
/// A rate that was met before is given up after so many of these in a row.
pub(super) const HIDDEN_AGAIN: u32 = 3;
/// It isn't given up altogether.
const LEAST_SHARE: f64 = 1.0 / 32.0;
/// A rate that rests on so few answers is no more than a guess: it rises fast.
const GUESS: u64 = 3;
/// By how much the boldest guess rises with each answer.
const BOLDEST: f64 = 0.15;
/// By how much the most careful guess does.
const MOST_CAREFUL: f64 = 0.02;
/// Reservations in which a rate returns to what was measured, at least.
const RETURN: f64 = 30.0;
/// And at least so many times the pause that a refusal costs.
const PAUSES: f64 = 16.0;
/// How fast it rises from there.
const RISE: f64 = 0.3;
/// Where the upstream asks for no pause, the time of so many reservations is
/// enough: the rate was exceeded by little.
const PAUSE_RESERVATIONS: f64 = 3.0;
/// More than that isn't saved before it is spent: a large item would wait for
/// longer than a call lasts.
const MOST_SAVED_MS: f64 = 1_000.0;
/// No such pause is shorter.
const SHORTEST_PAUSE_MS: f64 = 50.0;

/// Units per second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    /// What was measured.
    measured: f64,
    /// Units accepted since then, while the rate was what held them back.
    accepted: f64,
    /// In how many of these it returns to what was measured.
    within: f64,
    /// Where it is a guess: how much it rises with each answer.
    guess: Option<f64>,
    /// When one unit may go.
    next_ms: f64,
    /// Cycles in a row in which no more than what a pause had saved was accepted.
    hidden: u32,
    /// Somebody had to wait for the rate.
    limits: bool,
}

/// From one refusal to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cycle {
    pub(super) started_ms: Option<u64>,
    pub(super) accepted: u64,
    /// When the first was accepted after the refusal that it began with.
    pub(super) resumed_ms: u64,
    /// When it ended by a refusal.
    pub(super) ended_ms: Option<u64>,
    /// Reservations in flight then.
    pub(super) risen: f64,
    /// The last refusal, where the upstream asked for no pause.
    pub(super) silent_ms: Option<u64>,
}

/// What a rate is set by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) now_ms: u64,
    /// From the refusal to the first answer after it.
    pub(super) dry_ms: u64,
    pub(super) latency_ms: f64,
    /// Units of a usual reservation.
    pub(super) batch: f64,
}

impl Rate {
    /// The first measurement: a reserve may have been used up, which takes as
    /// long as the pause to come back.
    pub(super) fn first(cycle: &Cycle, started_ms: u64, seen: Circumstances) -> Self {
        let time = float(seen.now_ms.saturating_sub(started_ms)).max(1.0);
        let units = float(cycle.accepted.max(1));
        let guess = (BOLDEST * float(GUESS) / units).clamp(MOST_CAREFUL, BOLDEST);
        Self::new(units * 1_000.0 / time, Some(guess), HIDDEN_AGAIN, seen)
    }

    fn new(measured: f64, guess: Option<f64>, hidden: u32, seen: Circumstances) -> Self {
        let pause = (float(seen.dry_ms) + seen.latency_ms) / 1_000.0;
        Self {
            per_second: measured * (1.0 - START_BELOW),
            measured,
            accepted: 0.0,
            within: (RETURN * seen.batch).max(PAUSES * measured * pause),
            guess,
            // The probe that was just answered was the first.
            next_ms: float(seen.now_ms) - seen.latency_ms + 1_000.0 / measured,
            hidden,
            limits: true,
        }
    }

    /// What a cycle that a refusal ended says of the rate: it was too high. As
    /// much as was accepted is allowed at least, and no more than that where
    /// pauses had filled a reserve that was used up at once, again and again.
    pub(super) fn measure(self, cycle: &Cycle, ended_ms: u64, seen: Circumstances) -> Self {
        let started = cycle.started_ms.unwrap_or(ended_ms);
        let all = float(ended_ms.saturating_sub(started)).max(1.0);
        let running = float(ended_ms.saturating_sub(cycle.resumed_ms));
        let least = float(cycle.accepted) * 1_000.0 / all;
        let is_hidden = running < all * HIDDEN;
        let hidden = if is_hidden {
            self.hidden.saturating_add(1)
        } else {
            0
        };
        if is_hidden && hidden >= HIDDEN_AGAIN {
            let guess = (cycle.accepted <= GUESS).then_some(BOLDEST);
            return Self::new(
                least.max(self.per_second * LEAST_SHARE),
                guess,
                hidden,
                seen,
            );
        }
        let share = match self.guess {
            // It has risen since what was refused was sent.
            Some(growth) => (1.0 + growth).powf(-cycle.risen).max(0.5) * BELOW_LATE,
            None if self.accepted < self.within / 2.0 => BELOW_EARLY,
            None => BELOW_LATE,
        };
        let most = self.per_second * BELOW_LATE;
        Self::new(
            least.clamp(self.per_second * share, most),
            None,
            hidden,
            seen,
        )
    }

    /// Whether it was refused before it had returned to what was measured.
    pub(super) fn is_early(&self) -> bool {
        self.guess.is_none() && self.accepted < self.within / 2.0
    }

    /// When that many units may go; none for now.
    pub(super) fn due(&mut self, now_ms: u64, units: u32) -> Option<f64> {
        let now = float(now_ms);
        // No more than these units' time is made up for.
        let time = f64::from(units) * 1_000.0 / self.per_second;
        self.next_ms = self.next_ms.max(now - time);
        // Saved first, spent then: an upstream that refused has nothing left.
        let more = time - 1_000.0 / self.per_second;
        let due = self.next_ms + more.min(MOST_SAVED_MS);
        let waits = due > now;
        self.limits |= waits;
        waits.then_some(due)
    }

    pub(super) fn take(&mut self, units: u32) {
        self.next_ms += self.between_ms(units);
    }

    /// They weren't used after all.
    pub(super) fn give_back(&mut self, units: u32) {
        self.next_ms -= self.between_ms(units);
    }

    /// The time of that many units.
    pub(super) fn between_ms(&self, units: u32) -> f64 {
        f64::from(units) * 1_000.0 / self.per_second
    }

    pub(super) fn accept(&mut self, units: u32, batch: f64) {
        // Only where it was the rate that held something back.
        if !std::mem::take(&mut self.limits) {
            return;
        }
        if let Some(growth) = self.guess {
            self.per_second *= 1.0 + growth * (f64::from(units) / batch).min(1.0);
            return;
        }
        self.accepted += f64::from(units);
        // Fast below what was measured, flat around it, faster again above.
        let way = self.accepted / self.within - 1.0;
        let bend = if way < 0.0 {
            START_BELOW * way * way * way
        } else {
            RISE * way * way
        };
        self.per_second = self.measured * (1.0 + bend);
    }

    /// The pause after a refusal that asks for none.
    pub(super) fn pause_ms(&self, batch: f64, longest_ms: f64) -> f64 {
        let few = PAUSE_RESERVATIONS * 1_000.0 * batch / self.measured;
        few.clamp(SHORTEST_PAUSE_MS, longest_ms)
    }
}
