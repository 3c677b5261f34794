//! Units per second: a measured rate, and how it rises until it is refused.

use super::search::Search;
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
const HIDDEN_AGAIN: u32 = 3;
/// It isn't given up altogether.
const LEAST_SHARE: f64 = 1.0 / 32.0;
/// A reserve of so many reservations comes back during a pause in a number that
/// tells the rate.
const TELLS: f64 = 4.5;
/// And a reserve of so many tells it well.
const TELLS_WELL: f64 = 8.0;
/// Less than this part of a rate doesn't use it.
const IDLE: f64 = 0.6;
/// In a cycle of so many times the reserve the rate rose by much.
const RISEN: f64 = 8.0;
/// A rate that rests on so few answers is no more than a guess: it rises fast.
const GUESS: u64 = 3;
/// By how much the boldest guess rises with each answer.
const BOLDEST: f64 = 0.15;
/// By how much the most careful guess does.
const CAREFUL: f64 = 0.01;
/// The same for a table: more is accepted at once, and a refusal costs less.
const CAREFUL_TABLE: f64 = 0.02;
/// Reservations in which a rate returns to what was measured, at least.
const RETURN: f64 = 40.0;
/// And at least so many times the pause that a refusal costs.
const PAUSES: f64 = 16.0;
/// The first time in a part of that: it rests on one pause alone.
const FIRST: f64 = 4.0;
/// One that was searched for is known well: it has that part of the way behind it.
const FOUND: f64 = 0.5;
/// How fast it rises from there.
const RISE: f64 = 0.3;
/// Where the upstream asks for no pause, the time of so many reservations is
/// enough: the rate was exceeded by little.
const PAUSE_RESERVATIONS: f64 = 3.0;
/// So many that were sent after a request that was refused.
const LONE: u64 = 8;
/// The clock leaves out parts of a millisecond.
const LITTLE_MS: f64 = 1.0;
/// More than that isn't saved before it is spent: a large item would wait for
/// longer than a call lasts.
const MOST_SAVED_MS: f64 = 1_000.0;
/// No such pause is longer.
const LONGEST_PAUSE_MS: f64 = 500.0;
/// Or shorter.
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
    rising: Rising,
    /// Units that the upstream saves, as far as is known.
    reserve: f64,
    /// When one unit may go.
    next_ms: f64,
    /// Cycles in a row in which no more than what a pause had saved was accepted.
    hidden: u32,
    /// Somebody had to wait for the rate.
    limits: bool,
}

/// How it rises.
#[derive(Clone, Copy, Debug)]
enum Rising {
    /// Slowly around what was measured.
    Measured,
    /// It is a guess, and rises by that part with each answer.
    Guessed(f64),
    /// It may be far too low.
    Searched(Search),
}

/// From one refusal to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cycle {
    pub(super) started_ms: Option<u64>,
    pub(super) accepted: u64,
    /// What of it was sent before the request that was refused.
    pub(super) reserve: u64,
    /// When that request was sent.
    pub(super) refused_ms: u64,
    /// When the first was accepted after the refusal that it began with.
    pub(super) resumed_ms: u64,
    /// When it ended by a refusal.
    pub(super) ended_ms: Option<u64>,
    /// Reservations in flight then.
    pub(super) risen: f64,
    /// The rate at which the refused one was sent.
    pub(super) sent_at: f64,
    /// It was more than the quota that was known.
    pub(super) beyond: bool,
    /// The highest rate at which more were accepted than what was in reserve.
    pub(super) proven: f64,
    /// It was the bound of what is in flight that was tried.
    pub(super) crowded: bool,
    /// The last refusal, where the upstream asked for no pause.
    pub(super) silent_ms: Option<u64>,
    /// More were refused than the one that ended it.
    pub(super) more: bool,
}

impl Cycle {
    /// One was refused, and all of so many that were sent after it were accepted: that was
    /// about this one, or about how many were in flight. No rate does that.
    pub(super) fn is_lone(&self) -> bool {
        let after = self.accepted.saturating_sub(self.reserve);
        !self.more && after >= LONE
    }
}

/// What a rate is set by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) now_ms: u64,
    /// When the probe was sent that was just answered: it was the first.
    pub(super) sent_ms: u64,
    /// From the refusal to the first answer after it.
    pub(super) dry_ms: u64,
    pub(super) latency_ms: f64,
    /// Units of a usual reservation.
    pub(super) batch: f64,
    /// It always saves some.
    pub(super) is_table: bool,
}

impl Rate {
    /// The first measurement: a reserve may have been used up, which takes as
    /// long as the pause to come back. Where little was in reserve, what came
    /// back during the pause may have been lost.
    pub(super) fn first(cycle: &Cycle, started_ms: u64, seen: Circumstances) -> Self {
        let accepted = cycle.accepted.max(1);
        let reserve = float(cycle.reserve.max(1));
        if reserve < TELLS && !seen.is_table {
            // The probe: what was in reserve says nothing.
            let least = per_second(1, seen.dry_ms);
            return Self::searched(Search::new(least, reserve), reserve, seen);
        }
        // A reserve that fills up evenly comes back in all of the time; a window's
        // number in that of the pause, which is too long by a part of a second.
        let ended = float(
            cycle
                .ended_ms
                .unwrap_or(seen.now_ms)
                .saturating_sub(started_ms),
        );
        let used = (ended - seen.latency_ms).max(0.0) / 4.0;
        let pause = (float(seen.dry_ms) - seen.latency_ms).max(1.0);
        let least = float(accepted) * 1_000.0 / (used + pause);
        // Too high a guess costs the pause that the upstream asks for.
        let asked = cycle.silent_ms.is_none();
        if asked && reserve >= TELLS_WELL {
            let mut rate = Self::new(least, Rising::Measured, 0, reserve, seen);
            rate.within = RETURN.max(rate.within / FIRST);
            return rate;
        }
        let careful = if seen.is_table {
            CAREFUL_TABLE
        } else {
            CAREFUL
        };
        let guess = (BOLDEST * float(GUESS) / float(accepted)).clamp(careful, BOLDEST);
        Self::new(least, Rising::Guessed(guess), HIDDEN_AGAIN, reserve, seen)
    }

    /// One that was found otherwise.
    pub(super) fn known(per_second: f64, seen: Circumstances) -> Self {
        Self::new(per_second, Rising::Measured, 0, 1.0, seen)
    }

    fn new(measured: f64, rising: Rising, hidden: u32, reserve: f64, seen: Circumstances) -> Self {
        let pause = (float(seen.dry_ms) + seen.latency_ms) / 1_000.0;
        Self {
            per_second: measured * (1.0 - START_BELOW),
            measured,
            accepted: 0.0,
            within: (RETURN * seen.batch).max(PAUSES * measured * pause),
            rising,
            reserve,
            next_ms: float(seen.sent_ms) + 1_000.0 / measured,
            hidden,
            limits: true,
        }
    }

    fn searched(search: Search, reserve: f64, seen: Circumstances) -> Self {
        Self {
            per_second: search.per_second,
            // The probe that was just answered says nothing of it.
            limits: false,
            ..Self::new(
                search.per_second,
                Rising::Searched(search),
                0,
                reserve,
                seen,
            )
        }
    }

    /// The same rate after a pause that has nothing to do with it.
    pub(super) fn resume(self, seen: Circumstances) -> Self {
        Self {
            next_ms: float(seen.sent_ms) + 1_000.0 / self.per_second,
            ..self
        }
    }

    /// What a cycle that a refusal ended says of the rate: it was too high. As
    /// much as was accepted is allowed at least, and no more than that where
    /// pauses had filled a reserve that was used up at once, again and again.
    pub(super) fn measure(self, cycle: &Cycle, ended_ms: u64, seen: Circumstances) -> Self {
        let started = cycle.started_ms.unwrap_or(ended_ms);
        let all = ended_ms.saturating_sub(started).max(1);
        let running = float(ended_ms.saturating_sub(cycle.resumed_ms));
        let least = per_second(cycle.accepted, all);
        let most = self.per_second * BELOW_LATE;
        let share = match self.rising {
            Rising::Searched(search) => {
                return match search.narrow(least, cycle.proven, cycle.sent_at) {
                    Ok(search) => Self::searched(search, self.reserve, seen),
                    Err(found) => Self::new(found, Rising::Measured, 0, self.reserve, seen),
                };
            }
            // It has risen since what was refused was sent.
            Rising::Guessed(growth) => (1.0 + growth).powf(-cycle.risen).max(0.5) * BELOW_LATE,
            Rising::Measured if self.is_early() => BELOW_EARLY,
            Rising::Measured => BELOW_LATE,
        };
        let is_hidden = running < float(all) * HIDDEN;
        let hidden = if is_hidden {
            self.hidden.saturating_add(1)
        } else {
            0
        };
        if is_hidden && hidden >= HIDDEN_AGAIN {
            let measured = least.max(self.per_second * LEAST_SHARE);
            let rising = if cycle.accepted <= GUESS {
                Rising::Guessed(BOLDEST)
            } else {
                Rising::Measured
            };
            return Self::new(measured, rising, hidden, self.reserve, seen);
        }
        // On average no more than that was accepted, whatever had been saved:
        // the rate may have been met while it rose.
        let accepted = float(cycle.accepted);
        let tells = self.reserve >= TELLS
            && accepted >= TELLS * seen.batch
            && accepted <= RISEN * self.reserve;
        let average = if tells {
            accepted * 1_000.0 / running.max(1.0)
        } else {
            f64::INFINITY
        };
        let measured = least
            .clamp(self.per_second * share, most)
            .min(average.max(self.per_second / 2.0));
        Self::new(measured, Rising::Measured, hidden, self.reserve, seen)
    }

    /// Units that the upstream saves, as far as is known.
    pub(super) fn reserve(&self) -> f64 {
        self.reserve.max(1.0)
    }

    /// Whether it was refused before it had returned to what was measured.
    pub(super) fn is_early(&self) -> bool {
        matches!(self.rising, Rising::Measured) && self.accepted < self.within / 2.0
    }

    /// Whether a refusal was to be expected: it has risen above what was measured.
    pub(super) fn is_late(&self) -> bool {
        matches!(self.rising, Rising::Measured) && self.accepted >= self.within
    }

    /// When that many units may go; none for now.
    pub(super) fn due(&mut self, now_ms: u64, units: u32) -> Option<f64> {
        let now = float(now_ms);
        // Saved first, spent then: an upstream that refused has nothing left.
        let time = self.between_ms(units);
        let more = time - self.between_ms(1);
        // No more than these units' time is made up for, and of one unit hardly
        // any where the upstream saves hardly any.
        let made_up = if self.reserve < 2.0 {
            more + LITTLE_MS
        } else {
            time
        };
        self.next_ms = self.next_ms.max(now - made_up);
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

    /// Units were accepted that were sent at that rate. What is hardly used
    /// doesn't rise.
    pub(super) fn accept(&mut self, units: u32, sent_at: f64, used: f64, batch: f64) {
        // Only where it was the rate that held something back.
        if !std::mem::take(&mut self.limits) {
            return;
        }
        let units = f64::from(units);
        let idle = used < self.per_second * IDLE;
        match &mut self.rising {
            Rising::Guessed(_) | Rising::Measured if idle => {}
            Rising::Guessed(growth) => {
                self.per_second *= 1.0 + *growth * (units / batch).min(1.0);
            }
            Rising::Searched(search) => {
                let found = search.accept(sent_at);
                self.per_second = search.per_second;
                if found {
                    self.measured = self.per_second;
                    self.accepted = self.within * FOUND;
                    self.rising = Rising::Measured;
                }
            }
            Rising::Measured => {
                self.accepted += units;
                // Fast below what was measured, flat around it, faster again above.
                let way = self.accepted / self.within - 1.0;
                let bend = if way < 0.0 {
                    START_BELOW * way * way * way
                } else {
                    RISE * way * way
                };
                self.per_second = self.measured * (1.0 + bend);
            }
        }
    }

    /// The pause after a refusal that asks for none.
    pub(super) fn pause_ms(&self, batch: f64, latency_ms: f64) -> f64 {
        let few = PAUSE_RESERVATIONS * 1_000.0 * batch / self.measured;
        let pause = few.clamp(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS);
        match self.rising {
            // No more comes in less than the time of one.
            Rising::Searched(search) => pause.max(search.between_ms() - latency_ms),
            Rising::Guessed(_) | Rising::Measured => pause,
        }
    }
}

fn per_second(units: u64, time_ms: u64) -> f64 {
    float(units) * 1_000.0 / float(time_ms.max(1))
}
