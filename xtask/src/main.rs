//! `cargo xtask COMMAND`: what a fresh machine needs, the demo, and all checks.

mod checks;
mod hosts;
mod hygiene;
mod integration;
mod machine;
mod python;
mod setup;
#[path = "../../build/src/toolchain.rs"]
mod toolchain;

use std::env;
use std::process::{Command, ExitCode};

const HELP: &str = "\
cargo xtask COMMAND

  setup        install what is missing to build and run: a Wasm target, PostgreSQL
  demo [ARGS]  set up, then run `rowcast demo` with these arguments
  test         set up, then run every check: formatting, lints, all tests
  test --quick  of these, what needs only Rust and PostgreSQL
  hostile      run the components that misbehave, and print what stopped each
  check        formatting and lints only
  faults       set up, then run the pipeline through every mix of faults, and
               print what came of each as a table
  python       the checks of integrations/python alone, which `test` runs too
  airflow      of these, its pipeline on a whole Airflow, with faults and a
               killed worker
  wasmcloud    install what integrations/wasmcloud needs, run the service on
               one, two and four hosts, kill one, and print the figures
  hosts [light]  install the hosts that others wrote, run every case of
               tests/hosts on each, and print the table; `light` leaves out
               the one that is compiled for minutes
  simulate [--seeds N] [--seed S]  transfer rows through a source and a table
               with limits and faults, 10,000 times; or the run of one seed
  deny         licences, duplicates and sources of all dependencies
  fuzz [SECONDS]  run every fuzzer, 60 seconds each; needs rustup
  bench [ARGS] build everything for release, then compare CPU, time and memory
               with native programs: see docs/performance.md
  profile [ARGS]  sample one run of that work by `perf`, with names also in Wasm,
               and write target/profile.txt
  component    build, and say where the component is
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let command = arguments.first().map(String::as_str);
    let result = match command {
        Some("setup") => setup::for_running(),
        Some("demo") => {
            setup::for_running().and_then(|()| demo(arguments.get(1..).unwrap_or_default()))
        }
        Some("test") if arguments.len() == 1 => setup::for_testing().and_then(|()| checks::all()),
        Some("test") if arguments.get(1).is_some_and(|which| which == "--quick") => {
            setup::for_running().and_then(|()| checks::quick())
        }
        Some("hostile") => setup::for_running().and_then(|()| hostile()),
        Some("check") => setup::for_running().and_then(|()| checks::lints()),
        Some("faults") => setup::for_running().and_then(|()| faults()),
        Some("python") => setup::for_testing().and_then(|()| integration::all()),
        Some("airflow") => setup::for_testing().and_then(|()| integration::airflow()),
        Some("wasmcloud") => setup::for_running().and_then(|()| integration::wasmcloud()),
        Some("hosts") if arguments.len() == 1 => {
            setup::for_running().and_then(|()| hosts::conformance(true))
        }
        Some("hosts") if arguments.get(1).is_some_and(|which| which == "light") => {
            setup::for_running().and_then(|()| hosts::conformance(false))
        }
        Some("simulate") => simulate(arguments.get(1..).unwrap_or_default()),
        Some("deny") => hygiene::deny(),
        Some("fuzz") => hygiene::fuzz(arguments.get(1)),
        Some("bench") => {
            setup::for_testing().and_then(|()| bench(arguments.get(1..).unwrap_or_default()))
        }
        Some("profile") => {
            setup::for_testing().and_then(|()| profile(arguments.get(1..).unwrap_or_default()))
        }
        Some("component") => setup::for_running().and_then(|()| component()),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => {
            println!("xtask: done");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The tests' simulation with other seeds than theirs.
fn simulate(arguments: &[String]) -> Result<(), String> {
    let (variable, value) = match arguments {
        [] => ("ROWCAST_SEEDS", "10000"),
        [name, value] if name == "--seeds" => ("ROWCAST_SEEDS", value.as_str()),
        [name, value] if name == "--seed" => ("ROWCAST_SEED", value.as_str()),
        _ => return Err("simulate takes `--seeds N` or `--seed S`".to_owned()),
    };
    value
        .parse::<u64>()
        .map_err(|_| format!("`{value}` is not a whole number"))?;
    let mut test = cargo();
    test.args([
        "test",
        "--release",
        "--package",
        "rowcast-pipeline",
        "--lib",
    ]);
    test.args(["simulation", "--", "--nocapture"]);
    run(test.env(variable, value))
}

/// The cargo that runs this.
fn cargo() -> Command {
    Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
}

fn demo(arguments: &[String]) -> Result<(), String> {
    run(cargo()
        .args([
            "run",
            "--package",
            "rowcast",
            "--bin",
            "rowcast",
            "--",
            "demo",
        ])
        .args(arguments))
}

/// The test of the mixes, all of them, with its table shown.
fn faults() -> Result<(), String> {
    run(integration_tests().env("ROWCAST_FAULT_MIXES", "all").args([
        "faults::matrix",
        "--",
        "--nocapture",
    ]))
}

/// The integration tests, built as `cargo xtask test` builds them: cargo makes
/// dependencies anew for each choice of packages whose features differ.
fn integration_tests() -> Command {
    let mut tests = cargo();
    tests.args(["test", "--quiet", "--workspace", "--test", "rowcast"]);
    tests
}

fn hostile() -> Result<(), String> {
    run(integration_tests().args([
        "hostile::",
        "--",
        "--nocapture",
        // One table after the other.
        "--test-threads=1",
    ]))
}

/// The command and the programs that it's compared with, then all of them in
/// turns.
fn bench(arguments: &[String]) -> Result<(), String> {
    benchmark(&["--features", "sdk"], arguments)
}

/// One run under `perf`. The component is the same but for the names of its
/// functions, which a development build is asked to keep.
fn profile(arguments: &[String]) -> Result<(), String> {
    const NAMED: &str = "target/profile.wasm";
    let write = ["run", "--package", "rowcast", "--", "component", "--output"];
    run(cargo()
        .args(write)
        .arg(NAMED)
        .env("ROWCAST_COMPONENT_NAMES", "1"))?;
    let mut all = vec!["--profile".to_owned(), NAMED.to_owned()];
    all.extend_from_slice(arguments);
    benchmark(&[], &all)
}

/// Builds the command and the programs of `bench` for release, and runs them.
fn benchmark(features: &[&str], arguments: &[String]) -> Result<(), String> {
    let release = [
        "build",
        "--release",
        "--package",
        "rowcast",
        "--bin",
        "rowcast",
    ];
    run(cargo().args(release))?;
    let manifest = ["--release", "--manifest-path", "bench/Cargo.toml"];
    run(cargo().arg("build").args(manifest).args(features))?;
    run(cargo()
        .arg("run")
        .args(manifest)
        .args(features)
        .args(["--bin", "bench", "--", "rowcast=target/release/rowcast"])
        .args(arguments))
}

fn component() -> Result<(), String> {
    run(cargo().args(["run", "--quiet", "--package", "rowcast", "--", "component"]))
}

/// Runs a command with its output shown; an error says what failed.
fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| format!("start {command:?}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} failed ({status})"))
    }
}

/// Every failure, a line each.
fn joined(outcomes: impl IntoIterator<Item = Result<(), String>>) -> Result<(), String> {
    let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} failed:\n  {}",
        failed.len(),
        failed.join("\n  ")
    ))
}
