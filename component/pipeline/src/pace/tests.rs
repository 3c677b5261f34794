//! Upstreams with a capacity, over virtual time: how long it takes against the
//! ideal, and how much is refused.

mod drive;
mod matrix;
mod upstream;

use super::*;
use drive::{Trial, drive};
use upstream::{Capacity, Refusal};

fn bucket(per_second: f64, burst: f64) -> Capacity {
    Capacity::Bucket { per_second, burst }
}

fn rolling(most: usize, per_ms: u64) -> Capacity {
    Capacity::Rolling { most, per_ms }
}

fn fixed(most: usize, per_ms: u64) -> Capacity {
    Capacity::Fixed {
        most,
        per_ms,
        phase_ms: 0,
    }
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
        there_percent: 50,
        jitter_percent: 50,
        total,
        batch: 1,
        workers: 32,
        seed: 0,
    };
    for there_percent in [0, 50] {
        let trial = Trial {
            there_percent,
            ..trial
        };
        check(&Pace::of_requests(None), trial, bounds);
    }
}

const REFUSALS: [Refusal; 4] = [
    Refusal::RetryAfter,
    Refusal::Until,
    Refusal::Silent,
    Refusal::Headers,
];

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
                // Whether it's chance is tried as well, where no pause is asked for.
                let refused = if refusal == Refusal::Silent {
                    0.12
                } else {
                    0.1
                };
                let capacity = bucket(per_second, per_second);
                check_within(capacity, total, refusal, latency_ms, (BOUNDS.0, refused));
            }
        }
    }
}

#[test]
fn windows_are_found_and_kept() {
    for refusal in REFUSALS {
        for latency_ms in [5, 60, 300] {
            // Where no pause is asked for, the window's length must be guessed.
            let guessed = refusal == Refusal::Silent && latency_ms == 300;
            let silent = refusal == Refusal::Silent;
            let refused = if silent { 0.12 } else { 0.1 };
            let bounds = (if guessed { 1.8 } else { 1.36 }, refused);
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
            (5.0, 5.0, 600, 0.125),
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
                there_percent: 50,
                jitter_percent: 50,
                total,
                batch: 25,
                workers: 16,
                seed: 0,
            };
            check(&Pace::of_units(), trial, (1.3, refused));
        }
    }
}

/// No rate is low enough to avoid these refusals: they cost time, and neither the
/// speed nor what is in flight collapses. What half of the runs take at most,
/// and all of them: so many times the ideal time, and so many seconds.
#[test]
fn refusals_by_chance_cost_time_and_not_speed() {
    for (percent, half_of, all) in [
        (1, (2.0, 5.0), (3.0, 40.0)),
        (5, (2.0, 12.0), (3.0, 40.0)),
        (10, (2.0, 12.0), (3.0, 40.0)),
        (30, (3.0, 15.0), (6.0, 150.0)),
        (50, (4.0, 30.0), (10.0, 400.0)),
    ] {
        for latency_ms in [5, 60] {
            for (pace, batch, half) in [
                (Pace::of_units(), 25, false),
                (Pace::of_units(), 25, true),
                (Pace::of_requests(None), 1, false),
            ] {
                let time = |seed| {
                    let trial = Trial {
                        capacity: Capacity::Chance { percent, half },
                        refusal: Refusal::Silent,
                        latency_ms,
                        there_percent: 50,
                        jitter_percent: 50,
                        total: if batch == 1 { 2_000 } else { 6_000 },
                        batch,
                        workers: 8,
                        seed,
                    };
                    let figures = drive(trial, pace.clone());
                    (figures.took_ms, figures.ideal_ms)
                };
                let mut times: Vec<(f64, f64)> = (0..21).map(time).collect();
                times.sort_by(|one, other| one.0.total_cmp(&other.0));
                let within = |(times_ideal, seconds), &(took, ideal): &(f64, f64)| {
                    took <= times_ideal * ideal + seconds * 1_000.0
                };
                let (median, worst) = (times.get(10), times.last());
                let name = format!("{percent} % of {batch}, {latency_ms} ms");
                if std::env::var_os("PACE_FIGURES").is_some() {
                    println!("{name}: half {median:.0?}, all {worst:.0?}");
                }
                let holds = median.is_some_and(|it| within(half_of, it));
                assert!(holds, "{name}: half take {median:.0?}");
                let holds = worst.is_some_and(|it| within(all, it));
                assert!(holds, "{name}: one takes {worst:.0?}");
            }
        }
    }
}

/// Whatever is taken for a limit at first: it's tried again, and doubted.
#[test]
fn no_chance_is_taken_for_a_limit_for_long() {
    for (percent, latency_ms) in [(20, 5), (50, 5), (30, 60)] {
        for seed in 0..250 {
            let trial = Trial {
                capacity: Capacity::Chance {
                    percent,
                    half: false,
                },
                refusal: Refusal::Silent,
                latency_ms,
                there_percent: 0,
                jitter_percent: 50,
                total: 2_000,
                batch: 1,
                workers: 8,
                seed,
            };
            let figures = drive(trial, Pace::of_requests(None));
            assert!(figures.took_ms < 600_000.0, "{trial:?}: {figures:?}");
        }
    }
}

/// Nothing is known of the limit afterwards: the speed comes back.
#[test]
fn an_outage_is_not_taken_for_a_limit() {
    for latency_ms in [5, 60, 300] {
        for lasting_ms in [1_000, 2_500, 5_000, 10_000, 60_000] {
            let total = 1_500 + 240_000 / u32::try_from(latency_ms).unwrap_or(1);
            let trial = Trial {
                capacity: Capacity::Outage {
                    from_ms: 2_000,
                    to_ms: 2_000 + lasting_ms,
                },
                refusal: Refusal::Silent,
                latency_ms,
                there_percent: 50,
                jitter_percent: 50,
                total,
                batch: 1,
                workers: 8,
                seed: 1,
            };
            check(&Pace::of_requests(None), trial, BOUNDS);
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
            there_percent: 50,
            jitter_percent: 50,
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
fn answers_that_overtake_each_other_are_told_apart() {
    let mut pace = Pace::of_requests(None);
    for at in [0, 100, 200] {
        assert_eq!(pace.reserve(at, 1, 0), 0);
    }
    let mut report = |now: u64, held_ms| {
        let seen = Observation {
            accepted: 1,
            held_ms,
            ..Observation::default()
        };
        pace.report(now, &seen);
        pace.outstanding.iter().map(|sent| sent.at_ms).collect()
    };
    // The host's clock and the component's differ by a part of a millisecond.
    let left: Vec<u64> = report(250, Some(149));
    assert_eq!(left, [0, 200]);
    let left: Vec<u64> = report(260, None);
    assert_eq!(left, [200], "the oldest, where nothing tells it");
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
