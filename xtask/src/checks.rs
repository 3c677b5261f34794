//! Every check, one after the other; all failures are reported, not the first.

use crate::{cargo, integration, joined, run};
use std::num::NonZero;
use std::thread;

/// Formatting, lints, and the tests that need only Rust, PostgreSQL and the
/// DynamoDB that is built in.
pub fn quick() -> Result<(), String> {
    let formatting = step("formatting", &["fmt", "--all", "--check"], BOTH);
    // Tests first, lints later: what broke matters more than how it reads.
    let units = step("unit tests", UNITS, BOTH);
    let documentation = step("documentation's examples", DOCUMENTATION, BOTH);
    let integration = step("integration tests", INTEGRATION, DYNOXIDE);
    joined([
        formatting,
        units,
        documentation,
        integration,
        step("lints", LINTS, BOTH),
    ])
}

/// Every check: the quick ones, then those that hold times, and those that need
/// other hosts, Java, npm or Python. No test runs twice.
pub fn all() -> Result<(), String> {
    let quick = quick();
    let timed = step("timed tests", TIMED, DYNOXIDE);
    let others = step("tests with other programs", OTHERS, BOTH);
    let local = step("tests on DynamoDB Local", ON_LOCAL, LOCAL);
    // As an application embeds it, without the command and the demo.
    let library = step("the library alone", LIBRARY, BOTH);
    let python = integration::all().map_err(|reason| format!("integrations/python: {reason}"));
    joined([quick, timed, others, local, library, python])
}

/// Formatting and lints.
pub fn lints() -> Result<(), String> {
    joined([
        step("formatting", &["fmt", "--all", "--check"], BOTH),
        step("lints", LINTS, BOTH),
    ])
}

// Always the whole workspace: cargo builds dependencies anew for each choice of
// packages whose features differ.
const UNITS: &[&str] = &["test", "--workspace", "--lib", "--bins", "--no-fail-fast"];

const DOCUMENTATION: &[&str] = &["test", "--workspace", "--doc", "--no-fail-fast"];

/// All but [`TIMED`] and [`OTHERS`], on dynoxide.
const INTEGRATION: &[&str] = &[
    "test",
    "--workspace",
    "--test",
    "*",
    "--no-fail-fast",
    "--",
    "--skip",
    "capacity::",
    "--skip",
    "hosts::",
    "--skip",
    "python::",
    "--skip",
    "local_dynamo::",
];

/// They hold how long something takes against the ideal: nothing else may run
/// beside them.
const TIMED: &[&str] = &[
    "test",
    "--workspace",
    "--test",
    "rowcast",
    "--",
    "capacity::",
    "--test-threads=2",
];

/// They need hosts that others wrote, Python, or Java.
const OTHERS: &[&str] = &[
    "test",
    "--workspace",
    "--test",
    "rowcast",
    "--",
    "hosts::",
    "python::",
    "local_dynamo::",
];

/// What [`INTEGRATION`] ran on dynoxide alone.
const ON_LOCAL: &[&str] = &[
    "test",
    "--workspace",
    "--test",
    "rowcast",
    "--",
    "_on_each_dynamodb",
    "--skip",
    "python::",
];

/// What tests run on, see tests/support/dynamodb.rs.
const BOTH: &str = "";
const DYNOXIDE: &str = "dynoxide";
const LOCAL: &str = "local";

const LINTS: &[&str] = &[
    "clippy",
    "--workspace",
    "--all-targets",
    "--",
    "--deny",
    "warnings",
];

const LIBRARY: &[&str] = &[
    "check",
    "--package",
    "rowcast",
    "--lib",
    "--no-default-features",
];

fn step(name: &str, arguments: &[&str], dynamodb: &str) -> Result<(), String> {
    println!("xtask: {name}: cargo {}", arguments.join(" "));
    let mut command = cargo();
    command
        .args(arguments)
        .env("ROWCAST_TEST_DYNAMODB", dynamodb);
    if arguments == INTEGRATION {
        // Most of these wait for servers most of the time.
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        command.env("RUST_TEST_THREADS", (2 * cores + 1).to_string());
    }
    run(&mut command).map_err(|reason| format!("{name}: {reason}"))
}
