//! Upstreams with a capacity, over virtual time: how long it takes against the
//! ideal, and how much is refused.

mod upstream;

use super::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use upstream::{Capacity, Refusal, Upstream};

#[derive(Clone, Copy, Debug)]
struct Trial {
    capacity: Capacity,
    refusal: Refusal,
    latency_ms: u64,
    total: u32,
    /// Units that are sent at once.
    batch: u32,
    workers: u64,
    seed: u64,
}

#[derive(Debug)]
struct Figures {
    took_ms: f64,
    ideal_ms: f64,
    accepted: u32,
    refused: u32,
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
    },
    Answered {
        accepted: u32,
        refused: u32,
        pause: Option<u64>,
        left: Option<(u64, u64)>,
    },
}

#[expect(clippy::too_many_lines, reason = "one match over a worker's events")]
fn drive(trial: Trial, mut pace: Pace) -> Figures {
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
        // Half of the latency each way, give or take a half.
        let leg = |seed: &mut u64| {
            let half = trial.latency_ms / 2;
            half / 2 + draw(seed) % (half + 1)
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
                            now + leg(&mut seed),
                            worker,
                            Event::Arrives { units },
                        )));
                    }
                    wait => events.push(Reverse((now + wait, worker, event))),
                }
            }
            Event::Arrives { units } => {
                let taken = upstream.take(now, units);
                let (left, reset) = upstream.left(now);
                let pause = match trial.refusal {
                    Refusal::Silent => None,
                    Refusal::RetryAfter | Refusal::Headers => {
                        (taken < units).then(|| reset.div_ceil(1_000).max(1) * 1_000)
                    }
                };
                let left = (trial.refusal == Refusal::Headers)
                    .then_some((left, reset.div_ceil(1_000) * 1_000));
                let event = Event::Answered {
                    accepted: taken,
                    refused: units - taken,
                    pause,
                    left,
                };
                events.push(Reverse((now + leg(&mut seed), worker, event)));
            }
            Event::Answered {
                accepted: good,
                refused: bad,
                pause,
                left,
            } => {
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

/// The time of somebody who knows everything.
fn ideal(trial: Trial) -> f64 {
    let total = f64::from(trial.total);
    let batches = (total / f64::from(trial.batch)).ceil();
    let latency = float(trial.latency_ms);
    let by_latency = (batches / float(trial.workers)).ceil() * latency;
    let by_capacity = match trial.capacity {
        Capacity::Unlimited | Capacity::Chance { .. } => 0.0,
        Capacity::Bucket { per_second, burst } => {
            (total - burst).max(0.0) / per_second * 1_000.0 + latency
        }
        Capacity::Rolling { most, per_ms } | Capacity::Fixed { most, per_ms } => {
            let windows = trial.total.div_ceil(u32::try_from(most).unwrap_or(1)) - 1;
            f64::from(windows) * float(per_ms) + latency
        }
    };
    by_latency.max(by_capacity)
}

fn bucket(per_second: f64, burst: f64) -> Capacity {
    Capacity::Bucket { per_second, burst }
}

fn rolling(most: usize, per_ms: u64) -> Capacity {
    Capacity::Rolling { most, per_ms }
}

fn fixed(most: usize, per_ms: u64) -> Capacity {
    Capacity::Fixed { most, per_ms }
}

/// The most that a trial may take: time against the ideal, and what is refused
/// against what is accepted.
const BOUNDS: (f64, f64) = (1.3, 0.1);

fn check(pace: &Pace, trial: Trial, bounds: (f64, f64)) {
    for seed in 0..3 {
        let trial = Trial { seed, ..trial };
        let figures = drive(trial, pace.clone());
        let time = figures.took_ms / figures.ideal_ms;
        let refused = f64::from(figures.refused) / f64::from(figures.accepted);
        if std::env::var_os("PACE_FIGURES").is_some() {
            println!(
                "{trial:?}: {time:.2} x ideal, {:.1} % refused",
                refused * 100.0
            );
        }
        let fits = time <= bounds.0 && refused <= bounds.1;
        assert!(fits, "{trial:?}: {time:.2} x ideal, {refused:.3} refused");
    }
}

/// An origin with that capacity, 32 requests at most in flight.
fn check_origin(capacity: Capacity, total: u32, refusal: Refusal, latency_ms: u64) {
    check_within(capacity, total, refusal, latency_ms, BOUNDS);
}

fn check_within(
    capacity: Capacity,
    total: u32,
    refusal: Refusal,
    latency_ms: u64,
    bounds: (f64, f64),
) {
    let trial = Trial {
        capacity,
        refusal,
        latency_ms,
        total,
        batch: 1,
        workers: 32,
        seed: 0,
    };
    check(&Pace::of_requests(None), trial, bounds);
}

const REFUSALS: [Refusal; 3] = [Refusal::RetryAfter, Refusal::Silent, Refusal::Headers];

#[test]
fn rates_are_found_and_kept() {
    for latency_ms in [5, 60, 300] {
        check_origin(Capacity::Unlimited, 2_000, Refusal::Silent, latency_ms);
        for refusal in REFUSALS {
            for (per_second, total) in [
                (1.0, 180),
                (2.0, 200),
                (5.0, 400),
                (10.0, 600),
                (30.0, 1_000),
            ] {
                check_origin(bucket(per_second, per_second), total, refusal, latency_ms);
            }
        }
    }
}

#[test]
fn windows_are_found_and_kept() {
    for refusal in REFUSALS {
        for latency_ms in [5, 60] {
            for (most, total) in [(2, 200), (5, 400), (10, 600), (30, 1_000)] {
                check_origin(rolling(most, 1_000), total, refusal, latency_ms);
                check_origin(fixed(most, 1_000), total, refusal, latency_ms);
            }
        }
        for latency_ms in [5, 60, 300] {
            // Where no pause is asked for, the window's length must be guessed.
            let guessed = refusal == Refusal::Silent && latency_ms == 300;
            let bounds = if guessed { (1.8, 0.12) } else { (1.36, 0.1) };
            check_within(rolling(100, 30_000), 600, refusal, latency_ms, bounds);
            check_within(fixed(100, 30_000), 600, refusal, latency_ms, bounds);
            check_within(rolling(50, 5_000), 600, refusal, latency_ms, bounds);
            check_within(fixed(50, 5_000), 600, refusal, latency_ms, bounds);
        }
    }
}

#[test]
fn jitter_that_hides_the_limit_costs_time() {
    // Windows of a second that forget what a pause could have saved.
    for (most, total) in [(5, 400), (10, 600), (30, 1_000)] {
        check_within(
            rolling(most, 1_000),
            total,
            Refusal::RetryAfter,
            300,
            (1.5, 0.1),
        );
    }
    // Requests overtake each other by more than the time between them.
    check_within(bucket(10.0, 1.0), 600, Refusal::RetryAfter, 60, (2.5, 0.1));
}

#[test]
fn tables_are_written_at_their_capacity() {
    for latency_ms in [4, 20, 100] {
        for (per_second, burst, total, refused) in [
            (5.0, 5.0, 600, 0.12),
            (25.0, 25.0, 3_000, 0.1),
            (100.0, 100.0, 10_000, 0.1),
            (300.0, 300.0, 20_000, 0.1),
            // What isn't used in five minutes is in reserve: the limit shows
            // at full speed.
            (5.0, 1_500.0, 2_500, 0.22),
            (25.0, 7_500.0, 12_000, 0.1),
            (100.0, 30_000.0, 50_000, 0.1),
            // Many batches are in flight when the limit is met.
            (4_000.0, 4_000.0, 60_000, 0.15),
        ] {
            let trial = Trial {
                capacity: bucket(per_second, burst),
                refusal: Refusal::Silent,
                latency_ms,
                total,
                batch: 25,
                workers: 16,
                seed: 0,
            };
            check(&Pace::of_units(), trial, (1.3, refused));
        }
    }
}

/// No rate is low enough to avoid these refusals: they cost a little time each,
/// and the speed doesn't collapse. Half of the runs have the first speed in units
/// a second at least, all of them the second.
#[test]
fn refusals_by_chance_cost_time_and_not_speed() {
    for (pace, batch, total) in [
        (Pace::of_units(), 25, 5_000),
        (Pace::of_requests(None), 1, 2_000),
    ] {
        for (percent, half, all) in [(5, 80.0, 40.0), (30, 40.0, 1.0)] {
            let speed = |seed| {
                let trial = Trial {
                    capacity: Capacity::Chance { percent },
                    refusal: Refusal::Silent,
                    latency_ms: 5,
                    total,
                    batch,
                    workers: 16,
                    seed,
                };
                f64::from(total) * 1_000.0 / drive(trial, pace.clone()).took_ms
            };
            let mut speeds: Vec<f64> = (0..11).map(speed).collect();
            speeds.sort_by(f64::total_cmp);
            let (worst, median) = (speeds.first(), speeds.get(speeds.len() / 2));
            let holds = worst >= Some(&all) && median >= Some(&half);
            assert!(holds, "{percent} % of {batch}: {speeds:.0?}");
        }
    }
}

#[test]
fn a_budget_is_kept_from_the_first_request_on() {
    for (requests, per_ms) in [(2, 1_000), (20, 5_000), (100, 60_000)] {
        let budget = Budget { requests, per_ms };
        let trial = Trial {
            capacity: Capacity::Unlimited,
            refusal: Refusal::Silent,
            latency_ms: 60,
            total: requests * 5,
            batch: 1,
            workers: 32,
            seed: 0,
        };
        let figures = drive(trial, Pace::of_requests(Some(budget)));
        let least = 4.0 * float(per_ms);
        assert!(figures.took_ms >= least, "{figures:?}");
        assert!(figures.took_ms <= least * 1.1 + 500.0, "{figures:?}");
    }
}

#[test]
fn a_pause_is_kept_by_all_and_ends_one_by_one() {
    let mut pace = Pace::of_requests(None);
    assert_eq!(pace.reserve(0, 1, 0), 0);
    let refused = Observation {
        refused: 1,
        pause_ms: Some(2_000),
        ..Observation::default()
    };
    pace.report(10, &refused);
    assert_eq!(pace.reserve(10, 0, 0), 2_001);
    let mut waits: Vec<u64> = (0..20).map(|_| pace.reserve(10, 1, 7)).collect();
    assert!(waits.iter().all(|&wait| wait >= 2_001), "{waits:?}");
    waits.dedup();
    assert_eq!(waits.len(), 20, "no two come back at once");
    assert_eq!(pace.reserve(2_010, 0, 0), 1);
    assert_eq!(pace.reserve(2_011, 1, 0), 0);
    assert!(pace.reserve(2_011, 1, 0) > 0, "one probe at a time");
}

#[test]
fn those_who_never_answer_are_forgotten() {
    let mut pace = Pace::of_requests(None);
    for _ in 0..4 {
        assert_eq!(pace.reserve(0, 1, 0), 0);
    }
    assert!(pace.reserve(1, 1, 0) > 0);
    assert_eq!(pace.reserve(FORGET_MS + 1, 1, 0), 0);
}
