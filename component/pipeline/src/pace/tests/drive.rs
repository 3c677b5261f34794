//! Workers that ask a pace and an upstream, over virtual time → how long they
//! take against the ideal, and how much is refused.

use super::upstream::{Capacity, Refusal, Upstream};
use crate::numbers::{float, whole};
use crate::pace::{Observation, Pace};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub capacity: Capacity,
    pub refusal: Refusal,
    pub latency_ms: u64,
    /// So much of it passes before the upstream decides.
    pub there_percent: u64,
    /// So much of it is drawn anew for each request, up or down.
    pub jitter_percent: u64,
    pub total: u32,
    /// Units that are sent at once.
    pub batch: u32,
    pub workers: u64,
    pub seed: u64,
}

#[derive(Debug)]
pub struct Figures {
    pub took_ms: f64,
    pub ideal_ms: f64,
    pub accepted: u32,
    pub refused: u32,
}

fn draw(seed: &mut u64) -> u64 {
    *seed = crate::extract::script::draw(*seed);
    *seed
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A worker asks.
    Ask {
        units: u32,
    },
    Arrives {
        units: u32,
        sent: u64,
    },
    Answered {
        sent: u64,
        accepted: u32,
        refused: u32,
        pause: Option<u64>,
        left: Option<(u64, u64)>,
    },
}

#[expect(clippy::too_many_lines, reason = "one match over a worker's events")]
pub fn drive(trial: Trial, mut pace: Pace) -> Figures {
    let mut seed = trial.seed;
    let mut upstream = Upstream::new(trial.capacity, trial.seed);
    let mut waiting = trial.total;
    let (mut accepted, mut refused) = (0, 0);
    let mut events = BinaryHeap::new();
    for worker in 0..trial.workers {
        events.push(Reverse((0, worker, Event::Ask { units: 0 })));
    }
    let mut paused_until = 0;
    let mut took = 0;
    while let Some(Reverse((now, worker, event))) = events.pop() {
        assert!(now < 100_000_000, "{trial:?} never ends: {pace:?}");
        let leg = |back: bool, seed: &mut u64| {
            let there = match trial.capacity {
                // All of it on the way back, while that is in flight.
                Capacity::InFlight { .. } => 0.0,
                _ => float(trial.there_percent) / 100.0,
            };
            let part = if back { 1.0 - there } else { there };
            let mean = float(trial.latency_ms) * part;
            let drawn = float(draw(seed) / 7 % 1_001) / 500.0 - 1.0;
            u64::from(whole(
                mean * (1.0 + drawn * float(trial.jitter_percent) / 100.0) + 0.5,
            ))
        };
        match event {
            Event::Ask { units: held } => {
                let units = if held > 0 {
                    held
                } else {
                    trial.batch.min(pace.most_units()).min(waiting)
                };
                if units == 0 {
                    continue;
                }
                match pace.reserve(now, units, draw(&mut seed)) {
                    0 => {
                        assert!(now >= paused_until, "{trial:?}: sent inside a pause");
                        if held == 0 {
                            waiting -= units;
                        }
                        events.push(Reverse((
                            now + leg(false, &mut seed),
                            worker,
                            Event::Arrives { units, sent: now },
                        )));
                    }
                    wait => events.push(Reverse((now + wait, worker, event))),
                }
            }
            Event::Arrives { units, sent } => {
                let taken = upstream.take(now, units);
                let (left, reset) = upstream.left(now);
                let pause = match trial.refusal {
                    Refusal::Silent => None,
                    Refusal::RetryAfter | Refusal::Headers => {
                        (taken < units).then(|| reset.div_ceil(1_000).max(1) * 1_000)
                    }
                    Refusal::Until => (taken < units).then(|| {
                        // The clock's seconds don't begin with the trial.
                        let at = now + trial.seed * 137 % 1_000;
                        (at + reset) / 1_000 * 1_000 + 1_000 - at
                    }),
                };
                let left = (trial.refusal == Refusal::Headers)
                    .then_some((left, reset.div_ceil(1_000) * 1_000));
                let event = Event::Answered {
                    sent,
                    accepted: taken,
                    refused: units - taken,
                    pause,
                    left,
                };
                events.push(Reverse((now + leg(true, &mut seed), worker, event)));
            }
            Event::Answered {
                sent,
                accepted: good,
                refused: bad,
                pause,
                left,
            } => {
                upstream.answered(good);
                accepted += good;
                refused += bad;
                took = now;
                if let Some(pause) = pause {
                    paused_until = paused_until.max(now + pause);
                }
                pace.report(
                    now,
                    &Observation {
                        accepted: good,
                        refused: bad,
                        pause_ms: pause,
                        remaining: left.map(|left| left.0),
                        reset_ms: left.map(|left| left.1),
                        held_ms: Some(now - sent),
                    },
                );
                waiting += bad;
                events.push(Reverse((now, worker, Event::Ask { units: 0 })));
                // Those who found nothing to do come back.
                if bad > 0 {
                    for other in (0..trial.workers).filter(|&other| other != worker) {
                        if !events.iter().any(|Reverse(entry)| entry.1 == other) {
                            events.push(Reverse((now, other, Event::Ask { units: 0 })));
                        }
                    }
                }
            }
        }
    }
    assert_eq!(accepted, trial.total);
    Figures {
        took_ms: float(took),
        ideal_ms: ideal(trial),
        accepted,
        refused,
    }
}

/// How many windows of so many must have passed before the last.
fn windows(total: u32, most: usize) -> f64 {
    f64::from(total.div_ceil(u32::try_from(most).unwrap_or(1)) - 1)
}

/// The time of somebody who knows everything.
pub fn ideal(trial: Trial) -> f64 {
    let total = f64::from(trial.total);
    let batches = (total / f64::from(trial.batch)).ceil();
    let latency = float(trial.latency_ms);
    let by_latency = (batches / float(trial.workers)).ceil() * latency;
    let by_capacity = match trial.capacity {
        Capacity::InFlight { most } => (total / f64::from(most)).ceil() * latency,
        Capacity::Unlimited | Capacity::Chance { .. } => 0.0,
        Capacity::Outage { from_ms, to_ms } => by_latency + float(to_ms - from_ms),
        Capacity::Bucket { per_second, burst } => {
            (total - burst).max(0.0) / per_second * 1_000.0 + latency
        }
        Capacity::Rolling { most, per_ms } => windows(trial.total, most) * float(per_ms) + latency,
        Capacity::Fixed {
            most,
            per_ms,
            phase_ms,
        } => windows(trial.total, most) * float(per_ms) - float(phase_ms) + latency,
    };
    by_latency.max(by_capacity)
}
