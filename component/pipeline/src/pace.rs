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
mod luck;
mod quota;
mod rate;
mod search;
mod window;

use crate::numbers::{float, milliseconds, whole};
use flight::{Flight, MANY_REQUESTS};
use history::History;
use luck::{Lesson, Luck};
use quota::Quota;
use rate::{Circumstances, Cycle, Rate};
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
/// A pause from which on it isn't a rate that is exceeded but the quota of a
/// window: it is used up at once, and then waited for.
const LONG_PAUSE_MS: u64 = 3_000;
/// Where no pause was asked for, so many must have been accepted before it.
const LEAST_QUOTA: u64 = 8;
/// A number that is renewed this soon says no more than the refusals do: it
/// comes in whole seconds.
const SHORT_RESET_MS: u64 = 1_000;
/// Where the upstream asks for no pause: the first one.
const FIRST_PAUSE_MS: f64 = 500.0;
/// How much longer each further pause is that ended in another refusal.
const PAUSE_FACTOR: f64 = 1.5;
/// No such pause is longer.
const LONGEST_PAUSE_MS: f64 = 30_000.0;
/// Answers that never came are forgotten after that time; no request takes
/// longer.
const FORGET_MS: u64 = 300_000;
/// Nobody is told to come back later than that after the first who may go: by
/// then the rate may have risen.
const LONGEST_HINT_MS: f64 = 250.0;
/// In one latency an upstream with a limit lets through hardly any more than
/// this part of a unit.
const HARDLY_ANY: f64 = 0.2;
/// Refusals that go on however low the rate is are chance: after so many in a
/// row the rate is measured anew, and after twice as many the next time.
const PATIENCE: u32 = 8;
/// At the most.
const MOST_PATIENCE: u32 = 4 * PATIENCE;
/// What is used of a rate is counted over this time,
const USED_MS: f64 = 1_000.0;
/// or that of so many requests.
const USED_REQUESTS: f64 = 8.0;
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
    /// Units in flight at the last refusal: more refusals of these say nothing new.
    stale: u32,
    flight: Flight,
    limit: Limit,
    /// Refusals in a row that came soon after the rate was lowered.
    early: u32,
    /// So many of them have nothing to do with the rate.
    patience: u32,
    cycle: Cycle,
    /// Refusals since something was accepted.
    refusals: u32,
    latency_ms: f64,
    /// Units of a usual reservation.
    batch: f64,
    luck: Luck,
    /// When the last of those who wait was told to come back.
    hinted_ms: f64,
}

/// A reservation.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at_ms: u64,
    units: u32,
    /// Units in flight beside it.
    others: u32,
    /// The rate that was kept to, or less.
    per_second: f64,
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
        Self::new(flight, false, budget, Luck::of_requests())
    }

    /// For a table: the units are write units.
    #[must_use]
    pub fn of_units() -> Self {
        let flight = Flight::new(START_UNITS, GROWTH_UNITS, f64::INFINITY);
        Self::new(flight, true, None, Luck::of_units())
    }

    fn new(flight: Flight, is_table: bool, budget: Option<Budget>, luck: Luck) -> Self {
        Self {
            is_table,
            budget: budget.map(Window::new),
            accepted: History::default(),
            paused_until_ms: 0,
            allowance: None,
            outstanding: VecDeque::new(),
            in_flight: 0,
            sent_ms: 0,
            stale: 0,
            flight,
            limit: Limit::Unknown,
            early: 0,
            patience: PATIENCE,
            cycle: Cycle::default(),
            refusals: 0,
            latency_ms: LATENCY_MS,
            batch: 1.0,
            luck,
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
            _ if self.refusals > 0 => {
                whole((self.batch / f64::from(1 << self.refusals.min(8))).max(1.0))
            }
            Limit::Rate(rate) => whole((rate.per_second / 2.0).max(1.0)),
            Limit::Unknown | Limit::Quota(_) => u32::MAX,
        }
    }

    /// Learns from what became of a reservation.
    pub fn report(&mut self, now_ms: u64, seen: &Observation) {
        let units = seen.accepted.saturating_add(seen.refused);
        let (fresh, sent) = self.settle(now_ms, units);
        self.heed(now_ms, seen);
        let tried = self.luck.is_trying();
        if fresh && units > 0 {
            match self.luck.learn(seen.refused > 0) {
                Lesson::Nothing => {}
                Lesson::Chance => self.forget_limit(),
                Lesson::Limit => {
                    self.forget_limit();
                    self.refusals = 0;
                }
            }
        }
        if seen.accepted > 0 {
            self.accept(now_ms, seen.accepted, fresh, sent);
        }
        if seen.refused > 0 {
            self.refuse(now_ms, seen.pause_ms, fresh, tried, sent);
        }
    }

    /// Takes a reservation off what is in flight. Whether it was made after
    /// the last refusal.
    fn settle(&mut self, now_ms: u64, units: u32) -> (bool, Option<Sent>) {
        let fresh = self.stale == 0;
        let Some(sent) = self.outstanding.pop_front() else {
            return (fresh, None);
        };
        let reserved = sent.units;
        self.in_flight = self.in_flight.saturating_sub(reserved);
        self.stale = self.stale.saturating_sub(reserved);
        if units == 0 {
            if let Limit::Rate(rate) = &mut self.limit {
                rate.give_back(reserved);
            }
        } else {
            let latency = float(now_ms.saturating_sub(sent.at_ms));
            self.latency_ms += (latency - self.latency_ms) / 8.0;
        }
        (fresh, Some(sent))
    }

    /// What the headers say, whatever the status.
    fn heed(&mut self, now_ms: u64, seen: &Observation) {
        if let Some(pause) = seen.pause_ms {
            // The clock leaves out parts of a millisecond; nobody is to be early.
            let until = now_ms.saturating_add(pause).saturating_add(1);
            self.paused_until_ms = self.paused_until_ms.max(until);
        }
        if let (Some(remaining), Some(reset)) = (seen.remaining, seen.reset_ms)
            && reset > SHORT_RESET_MS
        {
            // Of those in flight about half were counted already.
            let left = remaining.saturating_sub(u64::from(self.in_flight / 2));
            let until = now_ms.saturating_add(reset).saturating_add(1);
            self.allowance = Some((left, until));
        }
    }

    fn accept(&mut self, now_ms: u64, units: u32, fresh: bool, sent: Option<Sent>) {
        self.accepted.add(now_ms, units);
        if !fresh {
            if sent.is_some_and(|sent| sent.at_ms <= self.cycle.refused_ms) {
                self.cycle.reserve = self.cycle.reserve.saturating_add(units.into());
            }
            self.cycle.accepted = self.cycle.accepted.saturating_add(units.into());
            return;
        }
        if self.cycle.ended_ms.is_some() {
            if self.luck.is_chance() {
                self.cycle = Cycle::default();
            } else {
                self.measure(now_ms);
            }
        }
        self.refusals = 0;
        self.cycle.accepted = self.cycle.accepted.saturating_add(units.into());
        self.flight
            .accept(units, sent.map_or(0, |sent| sent.others));
        match &mut self.limit {
            Limit::Unknown => {}
            Limit::Rate(rate) => {
                let at = sent.map_or(rate.per_second, |sent| sent.per_second);
                let used = if self.is_table {
                    f64::INFINITY
                } else {
                    let over = (USED_REQUESTS * 1_000.0 / rate.per_second).max(USED_MS);
                    let since = now_ms.saturating_sub(milliseconds(over));
                    self.accepted.since(since) * 1_000.0 / over
                };
                rate.accept(units, at, used, self.batch);
            }
            Limit::Quota(quota) => {
                let units = quota.accept(&self.accepted, now_ms);
                self.flight.allow(units);
            }
        }
    }

    fn refuse(
        &mut self,
        now_ms: u64,
        pause: Option<u64>,
        fresh: bool,
        tried: bool,
        sent: Option<Sent>,
    ) {
        if !fresh {
            return;
        }
        self.stale = self.in_flight;
        // A try was expected to be refused, and says nothing about the limit.
        if !tried || self.refusals == 0 {
            self.refusals = self.refusals.saturating_add(1);
        }
        if self.cycle.ended_ms.is_none() {
            self.cycle.ended_ms = Some(now_ms);
            self.cycle.reserve = self.cycle.accepted;
            self.cycle.refused_ms = sent.map_or(now_ms, |sent| sent.at_ms);
            self.cycle.risen = f64::from(self.in_flight) / self.batch;
            self.cycle.sent_at = sent.map_or(f64::INFINITY, |sent| sent.per_second);
            self.cycle.crowded = sent.is_some_and(|sent| {
                let accepted = self.cycle.accepted;
                self.flight.refuse(sent.others, accepted)
            });
        }
        self.cycle.silent_ms = pause.is_none().then_some(now_ms);
        if pause.is_some() {
            self.luck.asked_to_wait();
        } else {
            let tells = self.per_second() * self.latency_ms / 1_000.0 < HARDLY_ANY;
            let own = if !tried && self.luck.tries(now_ms, self.refusals, tells) {
                0
            } else {
                self.own_pause(now_ms)
            };
            self.paused_until_ms = self.paused_until_ms.max(now_ms.saturating_add(own));
        }
        if let Limit::Quota(quota) = &mut self.limit {
            quota.refuse(now_ms);
        }
    }

    /// What is known of the limit was chance: only what is in flight is bounded.
    fn forget_limit(&mut self) {
        self.limit = Limit::Unknown;
        self.early = 0;
        self.patience = PATIENCE;
        self.cycle = Cycle::default();
        self.flight.reset();
    }

    /// The rate that is kept to, if one is known; otherwise no bound.
    fn per_second(&self) -> f64 {
        match &self.limit {
            Limit::Unknown => f64::INFINITY,
            Limit::Rate(rate) => rate.per_second,
            Limit::Quota(quota) => quota.per_second(),
        }
    }

    /// The pause after a refusal that asks for none.
    fn own_pause(&self, now_ms: u64) -> u64 {
        let first = match &self.limit {
            Limit::Rate(rate) => rate.pause_ms(self.batch),
            Limit::Quota(quota) if self.refusals == 1 => {
                quota.pause_ms(&self.accepted, now_ms).max(FIRST_PAUSE_MS)
            }
            Limit::Unknown | Limit::Quota(_) => FIRST_PAUSE_MS,
        };
        let factor = PAUSE_FACTOR.powf(f64::from(self.refusals.saturating_sub(1)));
        milliseconds((first * factor).min(LONGEST_PAUSE_MS))
    }

    /// The first answer after a refusal: what was accepted in which time?
    fn measure(&mut self, now_ms: u64) {
        let cycle = std::mem::take(&mut self.cycle);
        let ended = cycle.ended_ms.unwrap_or(now_ms);
        self.cycle.started_ms = Some(ended);
        self.cycle.resumed_ms = now_ms;
        let dry_ms = now_ms.saturating_sub(ended);
        let seen = Circumstances {
            now_ms,
            dry_ms,
            latency_ms: self.latency_ms,
            batch: self.batch,
            is_table: self.is_table,
        };
        self.limit = match self.limit {
            Limit::Quota(quota) => Limit::Quota(quota.correct(&self.accepted, ended, now_ms)),
            Limit::Unknown | Limit::Rate(_)
                if dry_ms >= LONG_PAUSE_MS
                    && !self.is_table
                    && (cycle.silent_ms.is_none() || cycle.accepted >= LEAST_QUOTA) =>
            {
                Limit::Quota(Quota::learn(
                    &cycle,
                    &self.accepted,
                    now_ms,
                    self.latency_ms,
                ))
            }
            // One more in flight was tried: that says nothing about the rate.
            Limit::Unknown if cycle.crowded => Limit::Unknown,
            Limit::Unknown => {
                let started = cycle.started_ms.unwrap_or(now_ms);
                Limit::Rate(Rate::first(&cycle, started, seen))
            }
            Limit::Rate(rate) if cycle.crowded => Limit::Rate(rate.resume(seen)),
            Limit::Rate(rate) => {
                self.early = if rate.is_early() { self.early + 1 } else { 0 };
                if self.early < self.patience {
                    Limit::Rate(rate.measure(&cycle, ended, seen))
                } else {
                    self.early = 0;
                    self.patience = self.patience.saturating_mul(2).min(MOST_PATIENCE);
                    self.flight.reset();
                    Limit::Unknown
                }
            }
        };
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
        if self.refusals > 0 || self.luck.is_trying() {
            return in_flight.then_some(answered);
        }
        let due = match &mut self.limit {
            Limit::Unknown => None,
            Limit::Rate(rate) => rate.due(now_ms, units),
            Limit::Quota(quota) => quota.due(&self.accepted, now_ms, units, self.in_flight),
        };
        let bound = !(self.is_table && matches!(self.limit, Limit::Rate(_)));
        let held = due.is_none() && bound && self.flight.is_full(self.in_flight, units);
        due.or(held.then_some(answered))
    }

    fn take(&mut self, now_ms: u64, units: u32) {
        let since = float(now_ms.saturating_sub(self.sent_ms)).max(1.0);
        self.sent_ms = now_ms;
        self.outstanding.push_back(Sent {
            at_ms: now_ms,
            units,
            others: self.in_flight,
            per_second: self.per_second().min(f64::from(units) * 1_000.0 / since),
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
            self.settle(now_ms, 0);
        }
    }
}

#[cfg(test)]
mod tests;
