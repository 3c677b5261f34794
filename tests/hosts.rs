//! The same component, byte for byte, in hosts that others wrote: every case
//! of `hosts/cases` on each of them, between the same servers.
//!
//! `cargo xtask hosts` runs all hosts and prints the table; the tests leave out
//! the one that must be compiled for minutes first.

mod case;
mod compare;
mod host;
mod installed;
mod lines;
mod rowcast_host;
mod shape;
mod station;
mod wash;
mod wasmtime_command;
mod wave;

use case::Case;
use host::{Call, Host};
use installed::{Installed, Kind};
use serde_json::Value;
use shape::Signature;
use station::Station;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// For a case's calls together; the longest takes seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// Arguments that a case can take from the result of the call before.
const CONTINUED: [(&str, &str); 3] = [
    ("cursor", "cursor"),
    ("only", "pending"),
    ("remaining", "remaining"),
];

/// What came of a case: nothing wrong, or what.
type Verdicts = BTreeMap<String, Vec<String>>;

#[tokio::test(flavor = "multi_thread")]
async fn every_host_gives_the_same_answers() {
    let installed = Installed::find();
    let signatures = shape::signatures(&installed.component_bytes());
    let mut columns = Vec::new();
    for kind in Installed::kinds() {
        let started = Instant::now();
        let station = Station::start().await;
        let mut host = installed.host(kind, &station.origins());
        let verdicts = run(&mut host, &station, &signatures).await;
        columns.push((kind, verdicts, started.elapsed()));
    }
    println!("{}", table(&installed, &columns));
    let mut wrong = 0;
    for (kind, verdicts, _) in &columns {
        for (case, faults) in verdicts {
            for fault in faults {
                let fault: String = fault.chars().take(1000).collect();
                println!("{}: {case}: {fault}", kind.name());
                wrong += 1;
            }
        }
    }
    assert_eq!(wrong, 0, "see above what is wrong");
}

async fn run(
    host: &mut Host,
    station: &Station,
    signatures: &BTreeMap<String, Signature>,
) -> Verdicts {
    let mut cases = case::read(&folder(), &station.places());
    if let Ok(wanted) = std::env::var("ROWCAST_HOSTS_CASE") {
        cases.retain(|case| case.name.contains(&wanted));
        assert!(!cases.is_empty(), "no case has {wanted} in its name");
    }
    // Cases of one environment together: some hosts start anew for another.
    cases.sort_by_key(|case| case.environment.clone());
    let mut verdicts = Verdicts::new();
    for mut case in cases {
        station.prepare(&mut case).await;
        let environment = station.environment(&case);
        let mut faults: Vec<String> = match host.ready(&environment).await {
            Ok(()) => {
                let calls = calls(host, &case, &environment, signatures);
                match tokio::time::timeout(PATIENCE, calls).await {
                    Ok(fault) => fault.into_iter().collect(),
                    Err(_) => vec![format!("not over within {} s", PATIENCE.as_secs())],
                }
            }
            Err(reason) => vec![reason],
        };
        // What was asked for says little where the answer is wrong already.
        if faults.is_empty() {
            faults.extend(station.faults(&case).await);
        }
        verdicts.insert(case.name, faults);
    }
    verdicts
}

/// The first thing that differs from what the case expects.
async fn calls(
    host: &mut Host,
    case: &Case,
    environment: &BTreeMap<String, String>,
    signatures: &BTreeMap<String, Signature>,
) -> Option<String> {
    let mut before = Value::Null;
    for (position, step) in case.calls.iter().enumerate() {
        let mut input = step.input.clone();
        for (argument, result) in CONTINUED {
            if input[argument] == format!("{{{result}}}") {
                input[argument] = before[result].take();
            }
        }
        let call = Call {
            environment,
            signature: &signatures[&step.function],
            input: &input,
        };
        let started = Instant::now();
        let given = match host.call(call).await {
            Ok(given) => given,
            Err(reason) => return Some(reason),
        };
        let took = started.elapsed();
        let at = format!("call {position}");
        let expected = step.expect.as_object().unwrap();
        if !expected
            .keys()
            .any(|key| key == "$any" || given.get(key).is_some())
        {
            return Some(format!("{at} gave {given}"));
        }
        if let Some(difference) = compare::difference(&step.expect, &given) {
            return Some(format!("{at}{difference}; it gave {given}"));
        }
        let limit = step.within_ms.map(Duration::from_millis);
        if limit.is_some_and(|limit| took > limit) {
            return Some(format!("{at} took {took:?}"));
        }
        before = given["ok"].clone();
    }
    None
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hosts/cases")
}

/// Markdown: host × case.
fn table(installed: &Installed, columns: &[(Kind, Verdicts, Duration)]) -> String {
    let mut text = String::from("| case |");
    for (kind, _, _) in columns {
        write!(text, " {} |", kind.name()).unwrap();
    }
    text.push_str("\n|---|");
    text.push_str(&":-:|".repeat(columns.len()));
    let row = |name: &str, cells: Vec<String>| format!("\n| {name} | {} |", cells.join(" | "));
    let cells = |of: &dyn Fn(&(Kind, Verdicts, Duration)) -> String| {
        columns.iter().map(of).collect::<Vec<_>>()
    };
    let names = columns.first().map(|(_, verdicts, _)| verdicts.keys());
    for name in names.into_iter().flatten() {
        let marks = cells(&|(_, verdicts, _)| {
            let passed = verdicts.get(name).is_some_and(Vec::is_empty);
            if passed { "✓" } else { "✗" }.to_owned()
        });
        text.push_str(&row(name, marks));
    }
    let passed = cells(&|(_, verdicts, _)| {
        let passed = verdicts.values().filter(|faults| faults.is_empty()).count();
        format!("{passed} of {}", verdicts.len())
    });
    text.push_str(&row("**passed**", passed));
    text.push_str(&row(
        "version",
        cells(&|(kind, _, _)| installed.version(*kind)),
    ));
    let took = cells(&|(_, _, took)| format!("{:.0} s", took.as_secs_f64()));
    text.push_str(&row("time", took));
    text
}
