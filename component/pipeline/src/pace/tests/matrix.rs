//! Every kind of limit × how much it allows × latency × how it refuses: where
//! the bounds hold, and where they can't.
//!
//! `PACE_FIGURES=1 cargo test -p rowcast-pipeline matrix -- --nocapture` prints the
//! table.

use super::drive::{Trial, drive};
use super::upstream::{Capacity, Refusal};
use super::{BOUNDS, bucket, fixed, rolling};
use crate::pace::Pace;

const SEEDS: u64 = 2;

/// The worst of some runs: time against the ideal, and refused against good.
fn worst(trial: Trial) -> (f64, f64) {
    let figures = (0..SEEDS).map(|seed| {
        let figures = drive(Trial { seed, ..trial }, Pace::of_requests(None));
        let refused = f64::from(figures.refused) / f64::from(figures.accepted);
        (figures.took_ms / figures.ideal_ms, refused)
    });
    figures.fold((0.0, 0.0), |(time, refused), one| {
        (one.0.max(time), one.1.max(refused))
    })
}

/// Where the bounds can't be held, and what holds.
fn bounds(trial: Trial) -> (f64, f64) {
    match (trial.capacity, trial.refusal) {
        // One refusal costs a second, in which all that may be in flight could
        // be answered many times over.
        (Capacity::InFlight { .. }, Refusal::RetryAfter | Refusal::Headers) => (3.0, 0.1),
        // What was answered isn't what has left the upstream.
        (Capacity::InFlight { most: 16 }, Refusal::Silent) => (1.6, 0.1),
        (Capacity::InFlight { .. }, Refusal::Silent) => (1.5, 0.1),
        // The first window had begun, nobody says when, and what was accepted in it
        // and the next is taken for one.
        (Capacity::Fixed { most: 50, .. }, Refusal::Silent) => (1.65, 0.23),
        (Capacity::Fixed { most: 50, .. }, _) if trial.latency_ms == 300 => (1.45, 0.12),
        (Capacity::Fixed { most: 50, .. }, _) => (BOUNDS.0, 0.12),
        // What is tried again right before a reset is accepted, which looks like chance.
        (Capacity::Fixed { most: 2..=10, .. }, Refusal::Silent) => (1.5, 0.25),
        (Capacity::Fixed { most: 1, .. }, Refusal::Silent) => (BOUNDS.0, 0.13),
        // One refusal costs what would have been accepted in two seconds.
        (Capacity::Bucket { burst: ..2.0, .. }, _)
            if trial.latency_ms == 300 && trial.there_percent == 0 =>
        {
            (1.35, BOUNDS.1)
        }
        // A window loses what a pause could have saved, and latency hides when
        // it began.
        (Capacity::Rolling { .. }, _) if trial.latency_ms == 300 => (1.4, BOUNDS.1),
        _ => BOUNDS,
    }
}

/// What is over its bounds.
fn row(name: &str, trial: Trial) -> Option<String> {
    let (time, refused) = worst(trial);
    let line = format!(
        "{name:13} {:3} ms, {:2} % there, ±{:2} %, {:4} requests, {:10} {time:5.2} {refused:6.3}",
        trial.latency_ms,
        trial.there_percent,
        trial.jitter_percent,
        trial.total,
        format!("{:?}", trial.refusal),
    );
    if std::env::var_os("PACE_FIGURES").is_some() {
        println!("{line}");
    }
    let most = bounds(trial);
    (time > most.0 || refused > most.1).then_some(line)
}

/// Runs a limit at all latencies and with all ways of refusing.
fn rows(
    name: &str,
    capacity: Capacity,
    total: u32,
    there_percent: u64,
    jitter_percent: u64,
) -> Vec<String> {
    let mut over = Vec::new();
    for latency_ms in [5, 60, 300] {
        for refusal in [Refusal::RetryAfter, Refusal::Silent, Refusal::Headers] {
            let trial = Trial {
                capacity,
                refusal,
                latency_ms,
                there_percent,
                jitter_percent,
                total,
                batch: 1,
                workers: 32,
                seed: 0,
            };
            over.extend(row(name, trial));
        }
    }
    over
}

fn check(over: &[String]) {
    assert!(over.is_empty(), "over the bounds:\n{}", over.join("\n"));
}

const RATES: [(u32, u32); 5] = [(1, 200), (2, 200), (5, 400), (10, 600), (30, 1_000)];

#[test]
fn matrix_of_buckets() {
    let mut over = Vec::new();
    for (rate, total) in RATES {
        let rate = f64::from(rate);
        for there in [0, 50] {
            let capacity = bucket(rate, rate);
            over.extend(rows(&format!("{rate}/s"), capacity, total, there, 20));
        }
    }
    check(&over);
}

/// One token, and no reserve: the time between two requests must be kept, so
/// what the network adds to it at random on the way there is at the expense of the rate.
#[test]
fn matrix_of_strict_buckets() {
    let mut over = Vec::new();
    for (rate, total) in RATES {
        let rate = f64::from(rate);
        let name = format!("{rate}/s strict");
        for (there, jitter) in [(50, 0), (0, 50)] {
            over.extend(rows(&name, bucket(rate, 1.0), total, there, jitter));
        }
    }
    check(&over);
}

/// Nobody can know when the clock's window began: the first says nothing of its length.
#[test]
fn matrix_of_windows_of_the_clock() {
    let mut over = Vec::new();
    for phase_ms in [0, 1_250, 2_500, 3_750, 4_375] {
        let capacity = Capacity::Fixed {
            most: 50,
            per_ms: 5_000,
            phase_ms,
        };
        over.extend(rows(&format!("50, {phase_ms} ms"), capacity, 400, 0, 50));
    }
    check(&over);
}

#[test]
fn matrix_of_windows_of_a_second() {
    let mut over = Vec::new();
    for (rate, total) in RATES {
        let most = usize::try_from(rate).unwrap_or(1);
        over.extend(rows(
            &format!("{rate} rolling"),
            rolling(most, 1_000),
            total,
            50,
            20,
        ));
        over.extend(rows(
            &format!("{rate} fixed"),
            fixed(most, 1_000),
            total,
            50,
            20,
        ));
    }
    check(&over);
}

#[test]
fn matrix_of_what_is_in_flight() {
    let mut over = Vec::new();
    for most in [1, 2, 4, 8, 16] {
        for (latency_ms, total) in [(60, 2_000), (300, 600)] {
            for refusal in [Refusal::RetryAfter, Refusal::Silent] {
                let trial = Trial {
                    capacity: Capacity::InFlight { most },
                    refusal,
                    latency_ms,
                    there_percent: 50,
                    jitter_percent: 20,
                    total,
                    batch: 1,
                    workers: 32,
                    seed: 0,
                };
                over.extend(row(&format!("{most} in flight"), trial));
            }
        }
    }
    check(&over);
}
