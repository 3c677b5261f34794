//! What became of a reservation → what is known of the upstream's limit.

use super::luck::{Answer, Lesson};
use super::quota::{Quota, usual_window};
use super::rate::{Circumstances, Cycle, Rate};
use super::{Limit, Observation, PATIENCE, Pace, Sent};
use crate::numbers::{float, milliseconds, whole};
use std::collections::VecDeque;

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
const LONGEST_PAUSE_MS: f64 = 20_000.0;
/// But where a usual window is over in about that time, it ends then: between these
/// parts of it.
const LEAST_SNAPPED: f64 = 0.6;
const MOST_SNAPPED: f64 = 1.5;
/// More refusals in a row than that are hardly chance.
const MOST_IN_A_ROW: u32 = 3;
/// So many times what a limit lets through must fit into what may be in flight.
const TELLS: f64 = 2.0;
/// At the most.
const MOST_PATIENCE: u32 = 4 * PATIENCE;
/// So many accepted requests are compared with those before them.
const MOST_SENT: usize = 32;
/// What is used of a rate is counted over this time,
const USED_MS: f64 = 1_000.0;
/// or that of so many requests.
const USED_REQUESTS: f64 = 8.0;

impl Pace {
    /// Learns from what became of a reservation.
    pub fn report(&mut self, now_ms: u64, seen: &Observation) {
        let units = seen.accepted.saturating_add(seen.refused);
        let (fresh, sent) = self.settle(now_ms, seen);
        self.heed(now_ms, seen);
        let tried = self.luck.trying().is_some();
        if fresh && units > 0 {
            let answer = Answer {
                now_ms,
                sent_ms: sent.map_or(now_ms, |sent| sent.at_ms),
                accepted: seen.accepted,
                refused: seen.refused,
            };
            let lesson = self.luck.learn(answer);
            self.take_lesson(lesson, now_ms);
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
    pub(super) fn settle(&mut self, now_ms: u64, seen: &Observation) -> (bool, Option<Sent>) {
        let Some(sent) = self.sent(now_ms, seen.held_ms) else {
            return (true, None);
        };
        let fresh = sent.number > self.stale;
        let reserved = sent.units;
        self.in_flight = self.in_flight.saturating_sub(reserved);
        if seen.accepted.saturating_add(seen.refused) == 0 {
            if let Limit::Rate(rate) = &mut self.limit {
                rate.give_back(reserved);
            }
        } else {
            let latency = float(now_ms.saturating_sub(sent.at_ms));
            self.latency_ms += (latency - self.latency_ms) / 8.0;
        }
        (fresh, Some(sent))
    }

    /// The reservation that was made so long ago, or nearest to it, as clocks differ
    /// by a part of a millisecond.
    fn sent(&mut self, now_ms: u64, held_ms: Option<u64>) -> Option<Sent> {
        let place = held_ms.and_then(|held| {
            let at_ms = now_ms.saturating_sub(held);
            let places = 0..self.outstanding.len();
            places.min_by_key(|&place| {
                let sent = self.outstanding.get(place);
                sent.map_or(u64::MAX, |sent| sent.at_ms.abs_diff(at_ms))
            })
        });
        self.outstanding.remove(place.unwrap_or(0))
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
        if self.cycle_sent.len() == MOST_SENT {
            self.cycle_sent.pop_front();
        }
        self.cycle_sent.extend(sent.map(|sent| sent.at_ms));
        if !fresh {
            if sent.is_some_and(|sent| sent.at_ms <= self.cycle.refused_ms) {
                self.cycle.reserve = self.cycle.reserve.saturating_add(units.into());
            }
            self.cycle.accepted = self.cycle.accepted.saturating_add(units.into());
            return;
        }
        if self.luck.trying().is_none() {
            if self.cycle.ended_ms.is_some() {
                if self.luck.is_chance() {
                    self.cycle = Cycle::default();
                } else {
                    self.measure(now_ms, sent);
                }
            }
            self.refusals = 0;
        }
        self.cycle.accepted = self.cycle.accepted.saturating_add(units.into());
        self.flight
            .accept(units, sent.map_or(0, |sent| sent.others));
        match &mut self.limit {
            Limit::Rate(_) if self.luck.is_checking() => {}
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
            Limit::Quota(quota) => match quota.accept(&self.accepted, now_ms, units) {
                Some(in_flight) => self.flight.allow(in_flight),
                None => self.limit = Limit::Unknown,
            },
            Limit::Unknown => {}
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
        let trying = self.luck.trying().is_some();
        let sent_at = sent.map_or(f64::INFINITY, |sent| sent.per_second);
        if self.cycle.ended_ms.is_some() {
            self.cycle.more = true;
            if !fresh {
                self.cycle.sent_at = self.cycle.sent_at.min(sent_at);
            }
        }
        if !fresh || (pause.is_none() && (trying || self.luck.is_chance())) {
            return;
        }
        self.stale = self.reservations;
        // A try was expected to be refused, and says nothing about the limit.
        if !tried || self.refusals == 0 {
            self.refusals = self.refusals.saturating_add(1);
        }
        if self.cycle.ended_ms.is_none() {
            self.cycle.ended_ms = Some(now_ms);
            self.cycle.reserve = self.cycle.accepted;
            self.cycle.refused_ms = sent.map_or(now_ms, |sent| sent.at_ms);
            self.cycle.risen = f64::from(self.in_flight) / self.batch;
            self.cycle.sent_at = sent_at;
            self.cycle.beyond = sent.is_some_and(|sent| sent.beyond);
            self.cycle.crowded = sent.is_some_and(|sent| {
                let crowded = match self.limit {
                    Limit::Rate(rate) => self.is_crowded(rate, sent.others.saturating_add(1)),
                    Limit::Unknown | Limit::Quota(_) => true,
                };
                self.flight.refuse(sent.others, self.cycle.accepted) && crowded
            });
        }
        self.cycle.silent_ms = pause.is_none().then_some(now_ms);
        if pause.is_some() {
            self.luck.asked_to_wait();
        } else {
            let own = if !tried && self.tries(now_ms, sent) {
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

    /// Whether more is sent at once, to find out whether the refusal was chance:
    /// only where the limit would let much less through.
    fn tries(&mut self, now_ms: u64, sent: Option<Sent>) -> bool {
        let per_second = match self.limit {
            _ if self.refusals > MOST_IN_A_ROW => return false,
            Limit::Unknown => {
                let started = self.cycle.started_ms.unwrap_or(now_ms);
                let time_ms = now_ms.saturating_sub(started).max(1);
                float(self.cycle.accepted.max(1)) * 1_000.0 / float(time_ms)
            }
            // One that is wrong is given up.
            Limit::Quota(_) => return false,
            Limit::Rate(rate) if rate.is_late() => return false,
            Limit::Rate(rate) => rate.per_second,
        };
        let tells = self.passes(per_second) * TELLS <= self.most_tried();
        let sent_ms = sent.map_or(now_ms, |sent| sent.at_ms);
        tells && self.luck.tries(now_ms, sent_ms, per_second)
    }

    fn take_lesson(&mut self, lesson: Lesson, now_ms: u64) {
        match lesson {
            Lesson::Nothing => return,
            Lesson::StillChance => self.limit = Limit::Unknown,
            Lesson::Chance => {
                self.before = Some(self.limit);
                self.forget_limit();
            }
            Lesson::Limit(None) => {
                self.forget_limit();
                self.limit = match self.before {
                    Some(Limit::Rate(rate)) => {
                        Limit::Rate(rate.resume(self.circumstances(now_ms, 0, None)))
                    }
                    other => other.unwrap_or(Limit::Unknown),
                };
            }
            Lesson::Check(per_second) | Lesson::Limit(Some(per_second)) => {
                let known = match (lesson, self.before) {
                    (Lesson::Limit(_), Some(Limit::Rate(rate))) => per_second.max(rate.per_second),
                    _ => per_second,
                };
                let seen = self.circumstances(now_ms, 0, None);
                self.limit = Limit::Rate(Rate::known(known, seen));
            }
        }
        self.cycle = Cycle::default();
        self.refusals = 0;
    }

    /// What is known of the limit was chance: only what is in flight is bounded.
    fn forget_limit(&mut self) {
        self.limit = Limit::Unknown;
        self.early = 0;
        self.patience = PATIENCE;
        self.cycle = Cycle::default();
        self.flight.reset();
    }

    /// The pause after a refusal that asks for none.
    fn own_pause(&self, now_ms: u64) -> u64 {
        let first = match &self.limit {
            Limit::Rate(rate) => rate.pause_ms(self.batch, self.latency_ms),
            Limit::Quota(quota) if self.refusals == 1 => {
                quota.pause_ms(&self.accepted, now_ms).max(FIRST_PAUSE_MS)
            }
            Limit::Unknown | Limit::Quota(_) => FIRST_PAUSE_MS,
        };
        let factor = PAUSE_FACTOR.powf(f64::from(self.refusals.saturating_sub(1)));
        let pause = (first * factor).min(LONGEST_PAUSE_MS);
        let first_ms = self.cycle.started_ms.unwrap_or(now_ms);
        let first_ms = self.accepted.oldest_since(first_ms).unwrap_or(first_ms);
        let since = now_ms.saturating_sub(first_ms);
        let usual = usual_window(since + milliseconds(pause * LEAST_SNAPPED))
            .map(|usual| float(usual.saturating_sub(since)))
            .filter(|&usual| self.refusals > 1 && usual <= pause * MOST_SNAPPED);
        milliseconds(match self.limit {
            Limit::Unknown if !self.is_table => usual.unwrap_or(pause),
            _ => pause,
        })
    }

    fn circumstances(&self, now_ms: u64, dry_ms: u64, sent: Option<Sent>) -> Circumstances {
        let usual = now_ms.saturating_sub(milliseconds(self.latency_ms));
        Circumstances {
            now_ms,
            sent_ms: sent.map_or(usual, |sent| sent.at_ms),
            dry_ms,
            latency_ms: self.latency_ms,
            batch: self.batch,
            is_table: self.is_table,
        }
    }

    /// The first answer after a refusal: what was accepted in which time?
    fn measure(&mut self, now_ms: u64, sent: Option<Sent>) {
        let mut cycle = std::mem::take(&mut self.cycle);
        let reserve = match self.limit {
            Limit::Rate(rate) => rate.reserve(),
            Limit::Unknown | Limit::Quota(_) => 1.0,
        };
        cycle.proven = proven(std::mem::take(&mut self.cycle_sent), reserve);
        let ended = cycle.ended_ms.unwrap_or(now_ms);
        self.cycle.started_ms = Some(ended);
        self.cycle.resumed_ms = now_ms;
        let dry_ms = now_ms.saturating_sub(ended);
        let seen = self.circumstances(now_ms, dry_ms, sent);
        let is_long = dry_ms >= LONG_PAUSE_MS && cycle.silent_ms.is_some() && !self.is_table;
        // The probe may have come later than was asked for.
        let over_ms = self.paused_until_ms.min(now_ms);
        self.limit = match self.limit {
            Limit::Quota(quota) => {
                let corrected = quota.correct(&cycle, &self.accepted, now_ms, over_ms);
                corrected.map_or(Limit::Unknown, Limit::Quota)
            }
            Limit::Unknown | Limit::Rate(_)
                if dry_ms >= LONG_PAUSE_MS
                    && !self.is_table
                    && (cycle.silent_ms.is_none() || cycle.reserve >= LEAST_QUOTA) =>
            {
                self.flight.reset();
                let asked_ms = over_ms.saturating_sub(milliseconds(self.latency_ms));
                Limit::Quota(Quota::learn(&cycle, &self.accepted, now_ms, asked_ms))
            }
            // One more in flight was tried: that says nothing about the rate.
            Limit::Unknown if cycle.crowded || cycle.is_lone() => Limit::Unknown,
            Limit::Unknown => {
                let started = cycle.started_ms.unwrap_or(now_ms);
                Limit::Rate(Rate::first(&cycle, started, seen))
            }
            Limit::Rate(rate) if cycle.crowded => Limit::Rate(rate.resume(seen)),
            // The first time it may have been an outage.
            Limit::Rate(rate) if is_long && !self.was_long => Limit::Rate(rate.resume(seen)),
            Limit::Rate(rate) => {
                self.early = if rate.is_early() { self.early + 1 } else { 0 };
                if self.early < self.patience {
                    Limit::Rate(rate.measure(&cycle, ended, seen))
                } else {
                    self.early = 0;
                    self.patience = self.patience.saturating_mul(2).min(MOST_PATIENCE);
                    self.flight.reset();
                    if cycle.silent_ms.is_some() {
                        self.luck.chance(now_ms);
                        self.before = Some(Limit::Rate(rate.measure(&cycle, ended, seen)));
                    }
                    Limit::Unknown
                }
            }
        };
        self.was_long = is_long;
    }
}

/// The highest rate at which more were accepted than what was in reserve, by when
/// they were sent: answers overtake each other.
fn proven(sent_ms: VecDeque<u64>, reserve: f64) -> f64 {
    let mut sent_ms = Vec::from(sent_ms);
    sent_ms.sort_unstable();
    let reserve = usize::try_from(whole(reserve.ceil())).unwrap_or(usize::MAX);
    let from = |first: usize| {
        let start_ms = sent_ms.get(first).copied().unwrap_or(0);
        let later = sent_ms.iter().skip(first.saturating_add(reserve));
        (1_u32..).zip(later).map(move |(more, &end_ms)| {
            f64::from(more) * 1_000.0 / float(end_ms.saturating_sub(start_ms).max(1))
        })
    };
    (0..sent_ms.len()).flat_map(from).fold(0.0, f64::max)
}
