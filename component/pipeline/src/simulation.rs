//! A seed → a source and a table with limits and faults, rows, and a caller who
//! repeats `transfer` until nothing remains. Whatever happens, it ends, the
//! table equals the model, and the counts balance.
//!
//! `ROWCAST_SEED=7` runs one seed and shows it; `ROWCAST_SEEDS=100000` runs
//! more than the tests do.

mod dice;
mod faults;
mod record;
mod source;
mod table;
mod world;

use crate::bindings::exports::rowcast::pipeline::transfer::{Remaining, TransferReport};
use crate::bindings::rowcast::pipeline::types::{Failure, RejectionKind, Stop};
use crate::calls;
use crate::seeds::each_seed;
use faults::Faults;
use std::collections::BTreeMap;
use world::World;

/// Seeds that the tests run.
const SEEDS: u64 = 2_000;
/// Calls of one run at most.
const MOST_CALLS: u32 = 400;

/// What a run came to.
#[derive(Debug, Default)]
struct Run {
    done: u32,
    documents: u32,
    written: u32,
    unchanged: u32,
    superseded: u32,
    rejected: BTreeMap<u32, RejectionKind>,
    rejected_documents: Vec<String>,
    calls: u32,
    killed: u32,
}

fn seeds() -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("ROWCAST_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("ROWCAST_SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

/// Whether one seed is looked at.
fn replays() -> bool {
    std::env::var_os("ROWCAST_SEED").is_some()
}

#[test]
fn a_run_that_is_resumed_often_enough_ends() {
    each_seed(seeds(), simulate);
}

fn simulate(seed: u64) {
    let world = World::new(Faults::draw(seed));
    if replays() {
        println!("{:?}", world.faults);
    }
    let run = carry_out(&world);
    if replays() {
        println!("{run:#?}\n{} ms", world.now());
    }
    check(&world, &run);
}

/// Calls `transfer` until nothing remains.
fn carry_out(world: &World) -> Run {
    let (source, table) = (world.faults.source(), Faults::table());
    let rows = world.faults.rows();
    let mut run = Run::default();
    let mut remaining: Option<Remaining> = None;
    loop {
        run.calls += 1;
        assert!(run.calls <= MOST_CALLS, "it never ends: {run:?}");
        world.begin_call();
        let budget = Some(world.faults.budget_ms);
        let call = calls::transfer(world, &source, &table, &rows, remaining.clone(), budget);
        // A call that is killed leaves what it wrote, and nobody knows of it.
        let result = world.block_on(call);
        world.end_call();
        let Some(result) = result else {
            run.killed += 1;
            continue;
        };
        if replays() {
            println!("{} ms, call {}: {result:?}", world.now(), run.calls);
        }
        let wait = match result {
            Ok(report) => {
                let wait = pause(report.stopped.as_ref());
                add(&mut run, &report);
                remaining = report.remaining;
                if remaining.is_none() {
                    return run;
                }
                wait
            }
            Err(Failure::RateLimited(limit)) => limit.retry_after_ms,
            Err(Failure::Unavailable(_)) => 2_000,
            Err(other) => panic!("{other:?}"),
        };
        // A host waits longer each time in vain.
        world.advance(wait.max(u64::from(run.calls.min(30)) * 500));
    }
}

fn pause(stop: Option<&Stop>) -> u64 {
    match stop {
        Some(Stop::RateLimited(limit)) => limit.retry_after_ms,
        Some(Stop::Unavailable(_)) => 2_000,
        Some(Stop::Budget) | None => 0,
        Some(other @ (Stop::Denied(_) | Stop::Invalid(_))) => panic!("{other:?}"),
    }
}

fn add(run: &mut Run, report: &TransferReport) {
    let remaining = report.remaining.as_ref();
    let pending = remaining.map_or(0, |remaining| remaining.documents.len());
    let pending = u32::try_from(pending).unwrap_or(u32::MAX);
    let rejected = u32::try_from(report.rejected_documents.len()).unwrap_or(u32::MAX);
    assert_eq!(
        report.documents,
        report.written + report.superseded + report.unchanged + rejected + pending,
        "{report:?}"
    );
    assert_eq!(report.stopped.is_some(), remaining.is_some(), "{report:?}");
    run.done += report.done;
    run.documents += report.documents - pending;
    run.written += report.written;
    run.unchanged += report.unchanged;
    run.superseded += report.superseded;
    for rejected in &report.rejected {
        let twice = run.rejected.insert(rejected.request.row, rejected.kind);
        assert_eq!(twice, None, "{rejected:?}");
    }
    let documents = report.rejected_documents.iter();
    run.rejected_documents
        .extend(documents.map(|rejected| rejected.document.clone()));
}

fn check(world: &World, run: &Run) {
    let faults = &world.faults;
    assert_eq!(
        usize::try_from(run.done).unwrap_or_default() + run.rejected.len(),
        faults.rows().len(),
        "{run:?}"
    );
    let mut expected = BTreeMap::new();
    for row in 0..faults.row_count {
        let kind = run.rejected.get(&row);
        let bad = faults.poison.contains(&row) || faults.forbidden.contains(&row);
        // An outage looks like a bad request now and then; nothing else does.
        if kind.is_some() && !bad {
            assert!(faults.outage.is_some(), "row {row}: {kind:?}");
            let kind = kind.copied();
            let vain = matches!(kind, Some(RejectionKind::Exhausted | RejectionKind::Body));
            assert!(vain, "row {row}: {kind:?}");
        }
        assert!(!bad || kind.is_some(), "row {row} can't be done");
        if kind.is_none() {
            expected.extend(faults.items(row));
        }
    }
    let items = world.items();
    for (key, item) in &expected {
        let rejected = run
            .rejected_documents
            .iter()
            .any(|document| document.contains(&format!("\"id\":\"{key}\"")));
        assert!(rejected || items.get(key) == Some(item), "{key} of {run:?}");
        assert!(!rejected || faults.refused_items.contains(key), "{key}");
    }
    let unexpected = items.keys().find(|key| !expected.contains_key(*key));
    let of_rejected = |key: &String| {
        let row = key.split('-').next().and_then(|row| row.parse().ok());
        row.is_some_and(|row| run.rejected.contains_key(&row))
    };
    assert!(unexpected.is_none_or(of_rejected), "{unexpected:?}");
}
