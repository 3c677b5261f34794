//! The command at default settings, over real sockets, against sources and
//! tables that have a capacity, break down, or have something that always
//! fails: it finishes what can be finished, at the speed that they allow.

use crate::support::command::Output;
use crate::support::dynamodb::table_name;
use crate::support::stage::{Stage, spotify_section, table_section};
use futures_util::future::join_all;
use rowcast_stand_ins::capacity::Limit;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::source::{
    FaultySource, Logged, Outage, Refusal, SourceFault, SourcePlan, TRACKS,
};
use rowcast_stand_ins::table::{Capacity, DynamoPlan, FaultyDynamo, Throttle, Write};
use serde_json::json;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Requests of each row: the preset asks for two countries.
const REQUESTS: usize = 2;
/// What finding out how much is allowed may take, beside 1.3 × the ideal time.
const START: Duration = Duration::from_secs(2);
/// And how many refused requests it may cost, beside a tenth of the good ones: three
/// of them to find out that refusals aren't by chance.
pub const START_REFUSED: usize = 8;
const OUTAGE: Duration = Duration::from_secs(2);

/// A run between such servers.
struct Trial {
    name: &'static str,
    rows: usize,
    source: SourcePlan,
    table: DynamoPlan,
    /// The exit code, and how many requests are rejected.
    ends: (i32, usize),
}

const QUIET: Trial = Trial {
    name: "quiet",
    rows: 20,
    source: SourcePlan {
        latency_ms: (5, 60),
        ..SourcePlan::QUIET
    },
    table: DynamoPlan::QUIET,
    ends: (0, 0),
};

fn limited(name: &'static str, rows: usize, limit: Limit, refusal: Refusal) -> Trial {
    let source = SourcePlan {
        limit: Some((limit, refusal)),
        ..QUIET.source
    };
    Trial {
        name,
        rows,
        source,
        ..QUIET
    }
}

fn throttled(name: &'static str, rows: usize, capacity: Capacity) -> Trial {
    let table = DynamoPlan {
        capacity: Some(capacity),
        ..DynamoPlan::QUIET
    };
    Trial {
        name,
        rows,
        table,
        ..QUIET
    }
}

fn failing(name: &'static str, always: &'static [(&'static str, SourceFault)]) -> Trial {
    let source = SourcePlan {
        always,
        ..QUIET.source
    };
    Trial {
        name,
        source,
        ends: (5, always.len() * REQUESTS),
        ..QUIET
    }
}

/// Runs all of them at once, as they mostly wait, and says all that is wrong. What
/// was wrong is tried once more: the machine may have been busy.
async fn check(trials: Vec<Trial>) {
    let storage = TemporaryDynamoDb::start().await.unwrap();
    let first = join_all(trials.iter().map(|trial| run(trial, &storage))).await;
    let wrong = trials
        .iter()
        .zip(&first)
        .filter(|(_, wrong)| !wrong.is_empty());
    print!("{}", first.concat());
    let again = wrong.map(|(trial, _)| run(trial, &storage));
    let again = join_all(again).await.concat();
    assert!(
        again.is_empty(),
        "{}and once more:\n{again}",
        first.concat()
    );
}

async fn run(trial: &Trial, storage: &TemporaryDynamoDb) -> String {
    let source = FaultySource::start(trial.source).await;
    let table = FaultyDynamo::start(trial.table, &storage.endpoint()).await;
    let name = table_name();
    storage.create(&name, "artist_id S, country_track S").await;
    let stage = Stage::new(
        &[
            "[rows]\nfile = \"rows.jsonl\"\nformat = \"jsonl\"\n".to_owned(),
            spotify_section(&source.origin()),
            table_section(&table.endpoint(), &name),
        ]
        .concat(),
    );
    let rows = (0..trial.rows).fold(String::new(), |mut rows, row| {
        writeln!(rows, r#"{{"id":"artist-{row:03}"}}"#).unwrap();
        rows
    });
    std::fs::write(stage.path().join("rows.jsonl"), rows).unwrap();
    let output = stage.rowcast(&["run"]).await;
    let scan = json!({"TableName": name, "Select": "COUNT"});
    let stored = storage.call("Scan", &scan).await.1["Count"].as_u64();
    judge(trial, &output, &source, &table, stored.unwrap())
}

/// What is wrong.
fn judge(
    trial: &Trial,
    output: &Output,
    source: &FaultySource,
    table: &FaultyDynamo,
    stored: u64,
) -> String {
    let (mut wrong, mut timeline) = (String::new(), String::new());
    let mut hold = |holds: bool, what: String| {
        if !holds {
            writeln!(wrong, "{}: {what}", trial.name).unwrap();
        }
    };
    let (code, rejected) = trial.ends;
    hold(
        output.code == Some(code),
        format!("exit {:?}: {}", output.code, output.stderr),
    );
    let (good, refused) = (source.count(Logged::Good), source.count(Logged::Refused));
    let expected = trial.rows * REQUESTS - rejected;
    // What was answered when the port was closed is asked for again, and what was
    // answered before is, to find out whether one request is bad or the source.
    let lost = trial.source.outage.is_some() || rejected > 0;
    hold(
        good == expected || (lost && good > expected),
        format!("{good} good answers instead of {expected}"),
    );
    let items = (expected * TRACKS) as u64;
    hold(
        stored == items,
        format!("{stored} items instead of {items}"),
    );
    hold(
        refused <= START_REFUSED + good / 10,
        format!("{refused} requests refused, {good} good"),
    );
    hold(
        source.inside_pauses() == 0,
        format!("{} requests inside a pause", source.inside_pauses()),
    );
    if let Some((limit, _)) = trial.source.limit {
        let times = source.log().into_iter().map(|asked| asked.at);
        let ideal = limit.ideal(f64::from(u32::try_from(good).unwrap()));
        hold_time("the source", span(times), ideal, &mut hold);
        let each = source.log().into_iter();
        let each = each.map(|asked| (asked.at, asked.outcome == Logged::Good));
        timeline = per_second(each.collect());
    }
    if let Some(capacity) = trial.table.capacity {
        let writes = table.writes();
        let refused = writes.iter().filter(|write| write.written == 0).count();
        let good = writes.len() - refused;
        hold(
            refused <= START_REFUSED + good / 10,
            format!("{refused} batches refused, {good} good"),
        );
        let units: f64 = writes.iter().map(|write| write.units).sum();
        let ideal = capacity.limit().ideal(units);
        let times = writes.iter().map(|write: &Write| write.at);
        hold_time("the table", span(times), ideal, &mut hold);
        let each = writes.iter().map(|write| (write.at, write.written > 0));
        timeline = per_second(each.collect());
    }
    if !wrong.is_empty() {
        writeln!(wrong, "  good and refused in each second:{timeline}").unwrap();
    }
    wrong
}

/// How many were good and refused in each second.
fn per_second(each: Vec<(Instant, bool)>) -> String {
    let first = each.iter().map(|(at, _)| *at).min();
    let mut counts: Vec<(u32, u32)> = Vec::new();
    for (at, good) in each {
        let second = first.map_or(0, |first| (at - first).as_secs());
        let second = usize::try_from(second).unwrap();
        counts.resize(counts.len().max(second + 1), (0, 0));
        let count = &mut counts[second];
        *(if good { &mut count.0 } else { &mut count.1 }) += 1;
    }
    let counts = counts.iter();
    counts.fold(String::new(), |mut line, (good, refused)| {
        write!(line, " {good}-{refused}").unwrap();
        line
    })
}

fn hold_time(what: &str, took: Duration, ideal: Duration, hold: &mut impl FnMut(bool, String)) {
    let most = ideal.mul_f64(1.3) + START;
    hold(
        took <= most,
        format!("{what} took {took:?}, ideal is {ideal:?}"),
    );
}

/// From the first to the last: starting the process isn't counted.
fn span(times: impl Iterator<Item = Instant>) -> Duration {
    let times: Vec<_> = times.collect();
    match (times.iter().min(), times.iter().max()) {
        (Some(first), Some(last)) => *last - *first,
        _ => Duration::ZERO,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_sets_the_pace() {
    check(vec![
        limited("5/s", 70, Limit::per_second(5.0), Refusal::RetryAfter),
        limited("5/s, 503", 70, Limit::per_second(5.0), Refusal::Unavailable),
        limited(
            "5/s, 503 alone",
            70,
            Limit::per_second(5.0),
            Refusal::Overloaded,
        ),
        limited("10/s", 80, Limit::per_second(10.0), Refusal::TooMany),
        limited("10/s, 403", 80, Limit::per_second(10.0), Refusal::Forbidden),
        limited("30/s", 200, Limit::per_second(30.0), Refusal::RetryAfter),
        limited(
            "30/s, 403 until",
            200,
            Limit::per_second(30.0),
            Refusal::ForbiddenUntil,
        ),
        limited("50 per 5 s", 80, Limit::window(50, 5), Refusal::RetryAfter),
        limited(
            "50 per 5 s, 429 until",
            80,
            Limit::window(50, 5),
            Refusal::TooManyUntil,
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_sets_the_pace() {
    let on_demand = Capacity {
        throttle: Throttle::OnDemand,
        ..Capacity::of(100.0)
    };
    let unprocessed = Capacity {
        throttle: Throttle::Unprocessed,
        ..Capacity::of(25.0)
    };
    let saved = Capacity {
        burst: true,
        ..Capacity::of(25.0)
    };
    check(vec![
        throttled("25 units", 50, Capacity::of(25.0)),
        throttled("25 units, unprocessed", 50, unprocessed),
        throttled("25 units, five minutes saved", 50, saved),
        throttled("100 units", 200, Capacity::of(100.0)),
        throttled("100 units, on demand", 200, on_demand),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outages_are_waited_out() {
    let outage = |at| {
        Some(Outage {
            at,
            lasting: OUTAGE,
        })
    };
    let source = Trial {
        name: "the source is gone",
        rows: 60,
        source: SourcePlan {
            outage: outage(30),
            ..QUIET.source
        },
        ..QUIET
    };
    let table = Trial {
        name: "the table is gone",
        rows: 60,
        table: DynamoPlan {
            outage: outage(3),
            ..DynamoPlan::QUIET
        },
        ..QUIET
    };
    let tokens = Trial {
        name: "a token dies every 40 requests",
        rows: 100,
        source: SourcePlan {
            requests_per_token: Some(40),
            ..QUIET.source
        },
        ..QUIET
    };
    check(vec![source, table, tokens]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_thing_is_one_bad_thing() {
    check(vec![
        failing(
            "one always fails",
            &[("artist-001", SourceFault::Status(500))],
        ),
        failing("one is always reset", &[("artist-001", SourceFault::Reset)]),
        failing(
            "the last always asks to wait",
            &[("artist-019", SourceFault::RetryAfter(1))],
        ),
        failing(
            "the first three are forbidden",
            &[
                ("artist-000", SourceFault::Status(403)),
                ("artist-001", SourceFault::Status(403)),
                ("artist-002", SourceFault::Status(403)),
            ],
        ),
    ])
    .await;
}
