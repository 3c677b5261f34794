//! Answers of one upstream → when the next request to it may be sent.
//!
//! An upstream is an origin, or a table. Pure: time and randomness are
//! arguments, so a call, a host with many instances and a test use the same
//! type. Requests count as one unit each, writes to a table as write units.
//!
//! Until something is refused, only what is in flight is bounded, and the bound
//! grows with what is accepted. After a refusal nothing is sent until the pause
//! is over; then one probe goes out at a time, until one is accepted. How much
//! was accepted, in which time, says what the upstream allows: a rate where
//! the pause was short, a number per window where it was long. The rate then
//! rises slowly, so that refusals stay rare; where hardly anything was in
//! reserve it is searched for first. What may be in flight stays bounded, for
//! upstreams that limit just that.

mod flight;
mod history;
mod learn;
mod luck;
mod quota;
mod rate;
mod search;
mod window;

use crate::numbers::{float, milliseconds, whole};
use flight::{Flight, MANY_REQUESTS};
use history::History;
use luck::Luck;
use quota::Quota;
use rate::{Cycle, Rate};
use std::collections::VecDeque;

pub use window::{Budget, Window, policies};

/// What may be in flight before anything was answered: few enough for an
/// upstream that allows one a second.
const START_REQUESTS: f64 = 4.0;
/// The same for a table: two full batches of items of 1 KB.
const START_UNITS: f64 = 50.0;
/// How much an accepted request adds to what may be in flight. When the limit
/// is met, about this share of all that was sent is refused at once.
const GROWTH_REQUESTS: f64 = 0.25;
/// The same for a table.
const GROWTH_UNITS: f64 = 0.15;
/// Answers that never came are forgotten after that time; no request takes
/// longer.
const FORGET_MS: u64 = 300_000;
/// Nobody is told to come back later than that after the first who may go: by
/// then the rate may have risen.
const LONGEST_HINT_MS: f64 = 250.0;
/// Refusals that go on however low the rate is are chance: after so many in a
/// row the rate is measured anew, and after twice as many the next time.
const PATIENCE: u32 = 8;
/// Where it is tried whether refusals are chance, so many times what a limit would
/// let through are in flight,
const PRESSED: f64 = 6.0;
/// but no more than so many usual reservations;
const MOST_TRIED: f64 = 4.0;
/// or than this part of what was accepted since the last refusal;
const TRIED_OF_ACCEPTED: f64 = 1.0 / 16.0;
/// and so many times of it are sent at once, at most.
const TELLING: f64 = 20.0;
/// What is in flight at a known rate, at most, as latency varies: so many times
/// what it is on average.
const NEEDS: f64 = 1.5;
/// Until it was measured: the latency.
const LATENCY_MS: f64 = 50.0;
/// Turns are spread by this part of the time between them.
const JITTER: f64 = 1.0 / 64.0;
/// Between those who wait for an answer to others.
const BETWEEN_MS: f64 = 2.0;

/// What became of one reservation. Nothing accepted and nothing refused: there
/// was no answer, or the request wasn't sent after all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// Units that were accepted.
    pub accepted: u32,
    /// Units that were refused because of their number.
    pub refused: u32,
    /// How long the upstream asks to be left alone.
    pub pause_ms: Option<u64>,
    /// How many requests the upstream still allows, as its headers say.
    pub remaining: Option<u64>,
    /// When that number is renewed, in milliseconds from now.
    pub reset_ms: Option<u64>,
    /// For how long the reservation was held, which tells it from others. Without
    /// that it is taken for the oldest.
    pub held_ms: Option<u64>,
}

/// The speed towards one upstream.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Its capacity fills up evenly: it has no windows.
    is_table: bool,
    budget: Option<Window>,
    /// When units were accepted.
    accepted: History,
    paused_until_ms: u64,
    /// What the upstream's headers leave, and until when.
    allowance: Option<(u64, u64)>,
    /// The reservations that have no observation yet.
    outstanding: VecDeque<Sent>,
    in_flight: u32,
    /// When the last was sent.
    sent_ms: u64,
    /// Reservations so far.
    reservations: u64,
    /// And at the last refusal: more refusals of these say nothing new.
    stale: u64,
    flight: Flight,
    limit: Limit,
    /// Refusals in a row that came soon after the rate was lowered.
    early: u32,
    /// So many of them have nothing to do with the rate.
    patience: u32,
    cycle: Cycle,
    /// When what was accepted last in it was sent.
    cycle_sent: VecDeque<u64>,
    /// The last pause was long, and nobody had asked for it.
    was_long: bool,
    /// Refusals since something was accepted.
    refusals: u32,
    latency_ms: f64,
    /// Units of a usual reservation.
    batch: f64,
    luck: Luck,
    /// The limit that was known before refusals were found to be chance.
    before: Option<Limit>,
    /// When the last of those who wait was told to come back.
    hinted_ms: f64,
}

/// A reservation.
#[derive(Clone, Copy, Debug)]
struct Sent {
    number: u64,
    at_ms: u64,
    units: u32,
    /// Units in flight beside it.
    others: u32,
    /// The rate that was kept to, or less.
    per_second: f64,
    /// It was more than the quota that was known.
    beyond: bool,
}

/// What is known of the upstream's limit.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// Nothing was refused so far, or only by chance.
    Unknown,
    Rate(Rate),
    Quota(Quota),
}

impl Pace {
    /// For an origin: the units are requests.
    #[must_use]
    pub fn of_requests(budget: Option<Budget>) -> Self {
        let flight = Flight::new(START_REQUESTS, GROWTH_REQUESTS, MANY_REQUESTS);
        Self::new(flight, false, budget)
    }

    /// For a table: the units are write units.
    #[must_use]
    pub fn of_units() -> Self {
        let flight = Flight::new(START_UNITS, GROWTH_UNITS, f64::INFINITY);
        Self::new(flight, true, None)
    }

    fn new(flight: Flight, is_table: bool, budget: Option<Budget>) -> Self {
        Self {
            is_table,
            budget: budget.map(Window::new),
            accepted: History::default(),
            paused_until_ms: 0,
            allowance: None,
            outstanding: VecDeque::new(),
            in_flight: 0,
            sent_ms: 0,
            reservations: 0,
            stale: 0,
            flight,
            limit: Limit::Unknown,
            early: 0,
            patience: PATIENCE,
            cycle: Cycle::default(),
            cycle_sent: VecDeque::new(),
            was_long: false,
            refusals: 0,
            latency_ms: LATENCY_MS,
            batch: 1.0,
            luck: Luck::new(),
            before: None,
            hinted_ms: 0.0,
        }
    }

    /// Zero: send now, and report what became of it. Otherwise: nothing is
    /// reserved; ask again after so many milliseconds. `random` is any number,
    /// uniformly drawn. With no units it only says how much of a pause is left.
    pub fn reserve(&mut self, now_ms: u64, units: u32, random: u64) -> u64 {
        let pause = self.pause_ms(now_ms);
        if units == 0 {
            return pause;
        }
        self.forget(now_ms);
        let earliest = if pause > 0 {
            Some(float(self.paused_until_ms))
        } else {
            self.earliest(now_ms, units)
        };
        match earliest {
            None => {
                self.take(now_ms, units);
                0
            }
            Some(earliest) => self.hint(now_ms, earliest, units, random),
        }
    }

    /// How much is left of the pause that the upstream asked for.
    #[must_use]
    pub fn pause_ms(&self, now_ms: u64) -> u64 {
        self.paused_until_ms.saturating_sub(now_ms)
    }

    /// The most units that are worth sending at once; at least one.
    #[must_use]
    pub fn most_units(&self) -> u32 {
        match self.limit {
            _ if let Some(per_second) = self.luck.trying() => {
                let telling = self.passes(per_second) * TELLING;
                whole(telling.min(self.batch).max(1.0))
            }
            _ if self.refusals > 0 => {
                whole((self.batch / f64::from(1 << self.refusals.min(8))).max(1.0))
            }
            Limit::Rate(rate) => whole((rate.per_second / 2.0).max(1.0)),
            Limit::Unknown | Limit::Quota(_) => u32::MAX,
        }
    }

    /// What such a limit lets through until an answer is there.
    fn passes(&self, per_second: f64) -> f64 {
        per_second * self.latency_ms / 1_000.0
    }

    /// Whether so many in flight are more than that rate needs.
    fn is_crowded(&self, rate: Rate, in_flight: u32) -> bool {
        f64::from(in_flight) > self.passes(rate.per_second) * NEEDS + 1.0
    }

    /// What may be in flight to find out whether refusals are chance.
    fn most_tried(&self) -> f64 {
        let few = MOST_TRIED * self.batch;
        let most = if self.luck.is_rare() {
            few.max(float(self.cycle.accepted) * TRIED_OF_ACCEPTED)
        } else {
            few
        };
        self.flight.most().clamp(self.batch, most)
    }

    /// The rate that is kept to, if one is known; otherwise no bound.
    fn per_second(&self) -> f64 {
        match &self.limit {
            Limit::Unknown => f64::INFINITY,
            Limit::Rate(rate) => rate.per_second,
            Limit::Quota(quota) => quota.per_second(),
        }
    }

    /// When the next may be sent; none for now.
    fn earliest(&mut self, now_ms: u64, units: u32) -> Option<f64> {
        let now = float(now_ms);
        if let Some((left, until)) = self.allowance
            && now_ms < until
            && left < u64::from(units)
        {
            return Some(float(until));
        }
        let budget = self.budget.as_ref();
        if let Some(due) = budget.and_then(|budget| budget.due(now_ms, units)) {
            return Some(float(due));
        }
        let answered = now + (self.latency_ms / 4.0).clamp(1.0, 100.0);
        let in_flight = self.in_flight > 0;
        if let Some(per_second) = self.luck.trying() {
            let pressed = self.passes(per_second) * PRESSED;
            let most = pressed.min(self.most_tried()).max(f64::from(units));
            let full = f64::from(self.in_flight.saturating_add(units)) > most;
            return (in_flight && full).then_some(answered);
        }
        if self.refusals > 0 {
            return in_flight.then_some(answered);
        }
        let due = match &mut self.limit {
            Limit::Unknown => None,
            Limit::Rate(rate) => rate.due(now_ms, units),
            Limit::Quota(quota) => {
                quota.due(&self.accepted, now_ms, units, self.in_flight, answered)
            }
        };
        if due.is_some() {
            return due;
        }
        let together = self.in_flight.saturating_add(units);
        let full = match &self.limit {
            Limit::Rate(rate) if self.is_table || !self.is_crowded(*rate, together) => false,
            _ => self.flight.is_full(self.in_flight, units),
        };
        full.then_some(answered)
    }

    fn take(&mut self, now_ms: u64, units: u32) {
        let since = float(now_ms.saturating_sub(self.sent_ms)).max(1.0);
        let beyond = match &self.limit {
            Limit::Quota(quota) => quota.is_full(&self.accepted, now_ms, units, self.in_flight),
            Limit::Unknown | Limit::Rate(_) => false,
        };
        self.sent_ms = now_ms;
        self.reservations += 1;
        self.outstanding.push_back(Sent {
            number: self.reservations,
            at_ms: now_ms,
            units,
            others: self.in_flight,
            per_second: self.per_second().min(f64::from(units) * 1_000.0 / since),
            beyond,
        });
        self.in_flight = self.in_flight.saturating_add(units);
        self.batch += (f64::from(units) - self.batch) / 8.0;
        self.cycle.started_ms.get_or_insert(now_ms);
        if let Some(budget) = &mut self.budget {
            budget.take(now_ms, units);
        }
        if let Some((left, _)) = &mut self.allowance {
            *left = left.saturating_sub(units.into());
        }
        if let Limit::Rate(rate) = &mut self.limit {
            rate.take(units);
        }
    }

    /// When somebody who can't go now should ask again: one after the other.
    fn hint(&mut self, now_ms: u64, earliest: f64, units: u32, random: u64) -> u64 {
        let between = match &self.limit {
            Limit::Rate(rate) => rate.between_ms(units),
            Limit::Unknown | Limit::Quota(_) => BETWEEN_MS,
        };
        let latest = earliest + LONGEST_HINT_MS;
        let turn = if self.hinted_ms < earliest || self.hinted_ms >= latest {
            earliest
        } else {
            self.hinted_ms + between
        };
        self.hinted_ms = turn.min(latest);
        let jitter = float(random % 1_024) / 1_024.0 * between.min(100.0) * JITTER;
        milliseconds(self.hinted_ms + jitter - float(now_ms)).max(1)
    }

    /// Instances end without a word; what they had in flight must not count
    /// for ever.
    fn forget(&mut self, now_ms: u64) {
        while let Some(sent) = self.outstanding.front()
            && sent.at_ms.saturating_add(FORGET_MS) < now_ms
        {
            self.settle(now_ms, &Observation::default());
        }
    }
}

#[cfg(test)]
mod tests;
