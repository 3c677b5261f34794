//! Programs and servers → the CPU, time and memory that each program takes for
//! the same work, in interleaved rounds: medians and ratios as a table, and all
//! figures as JSON in `target/bench.json`.
//!
//! Arguments: `LABEL=PROGRAM` for each `rowcast` to measure, and `--artists`,
//! `--rounds`, `--source-ms`, `--dynamodb-ms`, `--in-flight` with a number. `--scale` measures
//! more and more rows instead, `--start` the time to the first request and an empty
//! call, `--query` a whole table, `--instructions` the hot functions, and `--profile COMPONENT` samples one run with that
//! component, with `--ledger` one that has a ledger, with `--unchanged` a second one over the
//! same data, see `docs/performance.md`.

mod instructions;
mod postgres;
mod program;
mod servers;

use anyhow::{Context as _, ensure};
use postgres::Postgres;
use program::{Kind, Program};
use rowcast_bench::{COUNTRIES, IN_FLIGHT, SCANNED};
use servers::Servers;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Calls that send nothing.
const CALLS: u64 = 2_000;

/// Records in an answer.
const RECORDS: u64 = 10;

/// What is measured.
enum Part {
    Work,
    Scale,
    Start,
    Query,
    Instructions,
    /// With the component in that file.
    Profile(PathBuf),
}

struct Options {
    part: Part,
    rowcast: Vec<(String, PathBuf)>,
    artists: u64,
    rounds: usize,
    source_ms: u64,
    dynamodb_ms: u64,
    /// Requests to the source at once.
    in_flight: usize,
    /// The ledger of a run that is sampled.
    ledger: Kind,
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    match &options.part {
        Part::Work => work(&options),
        Part::Scale => scale(&options),
        Part::Start => start(&options),
        Part::Query => query(&options),
        Part::Instructions => {
            let folder = std::env::current_exe()?;
            instructions::compare(folder.parent().context("no folder of programs")?)
        }
        Part::Profile(component) => profile(&options, component),
    }
}

/// Samples a run: `target/profile.data`, and what took how much of
/// it as `target/profile.txt`.
fn profile(options: &Options, component: &Path) -> anyhow::Result<()> {
    let servers = Servers::start(RECORDS, options.source_ms, options.dynamodb_ms)?;
    let postgres = Postgres::start(options.artists)?;
    let (_, path) = options.rowcast.first().context("LABEL=PROGRAM is needed")?;
    std::fs::create_dir_all("target")?;
    let component = std::path::absolute(component)?.display().to_string();
    let data = std::path::absolute("target/profile.data")?;
    let data = data.display().to_string();
    let mut program = Program::new("profile".to_owned(), path, options.ledger);
    program.with = vec!["--component".to_owned(), component];
    // Compiles the component, which is kept.
    program.measure(&servers, &postgres, tracks(options.artists))?;
    let perf = ["perf", "record", "-F", "2999", "-e", "cpu-clock", "-o"];
    program.by = perf.map(str::to_owned).to_vec();
    program.by.extend([data.clone(), "--".to_owned()]);
    program.measure(&servers, &postgres, tracks(options.artists))?;
    let report = |sort: &str| {
        let mut report = Command::new("perf");
        report.args(["report", "--stdio", "-i", &data, "--sort", sort]);
        report.stderr(Stdio::null()).output()
    };
    let mut text = report("dso")?.stdout;
    text.extend(report("dso,symbol")?.stdout);
    std::fs::write("target/profile.txt", text)?;
    println!("target/profile.txt, and target/profile.data for `perf report`");
    Ok(())
}

/// The same work by every program.
fn work(options: &Options) -> anyhow::Result<()> {
    let servers = Servers::start(RECORDS, options.source_ms, options.dynamodb_ms)?;
    let postgres = Postgres::start(options.artists)?;
    let folder = std::env::current_exe()?;
    let folder = folder.parent().context("no folder of programs")?;
    let mut programs = natives(folder);
    // With latency it takes minutes: it has one request at once.
    if options.source_ms == 0 && python_has("boto3, requests") {
        let mut script = Program::new("Python".to_owned(), Path::new("python3"), Kind::Native);
        script.with = vec![concat!(env!("CARGO_MANIFEST_DIR"), "/script.py").to_owned()];
        programs.push(script);
    }
    for (label, path) in &options.rowcast {
        for (kind, what) in [
            (Kind::NoLedger, "ledger off"),
            (Kind::NewLedger, "ledger on"),
            (Kind::Unchanged, "second run"),
        ] {
            programs.push(Program::new(format!("{label}, {what}"), path, kind));
        }
        // On this host the standalone component has no settings to write with.
        let standalone = std::path::absolute("target/standalone.wasm")?
            .display()
            .to_string();
        let write = ["component", "--standalone", "--output", &standalone];
        ensure!(Command::new(path).args(write).status()?.success());
        for (with, what) in [
            (None, "extract"),
            (Some(&standalone), "extract, standalone"),
        ] {
            let mut program = Program::new(format!("{label}, {what}"), path, Kind::Extract);
            let file = with.map(|file| ["--component".to_owned(), file.clone()]);
            program.with = file.into_iter().flatten().collect();
            programs.push(program);
        }
    }
    let tracks = tracks(options.artists);
    for _ in 0..options.rounds {
        for program in &mut programs {
            program.in_flight = options.in_flight;
            program.measure(&servers, &postgres, tracks)?;
        }
    }
    let requests = options.artists * COUNTRIES.len() as u64;
    if options.source_ms > 0 {
        let in_flight = options.in_flight;
        let bound = requests as f64 * options.source_ms as f64 / 1e3 / in_flight as f64;
        println!("{requests} requests, {in_flight} at once: {bound:.2} s at least\n");
    }
    report(&programs, tracks)
}

/// What Rowcast is compared with, as far as it was built.
fn natives(folder: &Path) -> Vec<Program> {
    let native = |name| {
        let path = folder.join(name);
        let program = Program::new(format!("native, {name}"), &path, Kind::Native);
        path.exists().then_some(program)
    };
    ["lean", "plain"].into_iter().filter_map(native).collect()
}

fn python_has(modules: &str) -> bool {
    let mut python = Command::new("python3");
    let tried = python
        .args(["-c", &format!("import {modules}")])
        .stderr(Stdio::null());
    tried.status().is_ok_and(|status| status.success())
}

/// A Scan of the whole table.
fn query(options: &Options) -> anyhow::Result<()> {
    let servers = Servers::start(RECORDS, options.source_ms, options.dynamodb_ms)?;
    let postgres = Postgres::start(1)?;
    let folder = std::env::current_exe()?;
    let mut programs = natives(folder.parent().context("no folder of programs")?);
    programs.retain(|program| program.path.ends_with("plain"));
    for program in &mut programs {
        program.with = vec!["scan".to_owned()];
    }
    let rowcast = options.rowcast.iter();
    programs.extend(rowcast.map(|(label, path)| Program::new(label.clone(), path, Kind::Scan)));
    for _ in 0..options.rounds {
        for program in &mut programs {
            program.measure(&servers, &postgres, SCANNED)?;
        }
    }
    report(&programs, SCANNED)
}

/// More and more rows: time and memory of each.
fn scale(options: &Options) -> anyhow::Result<()> {
    let servers = Servers::start(RECORDS, 0, 0)?;
    println!("| program | rows | CPU a track | wall a row | peak memory |");
    println!("|---|---|---|---|---|");
    for artists in [1_000, 10_000, 100_000, 1_000_000] {
        let artists = artists.min(options.artists);
        let postgres = Postgres::start(artists)?;
        for (label, path) in &options.rowcast {
            for kind in [Kind::NoLedger, Kind::NewLedger] {
                let mut program = Program::new(format!("{label}, {kind:?}"), path, kind);
                program.measure(&servers, &postgres, tracks(artists))?;
                println!(
                    "| {} | {artists} | {:.1} µs | {:.0} µs | {:.0} MB |",
                    program.label,
                    program.median(|taken| taken.cpu) / tracks(artists) as f64 * 1e6,
                    program.median(|taken| taken.wall) / artists as f64 * 1e6,
                    program.median(|taken| taken.memory_mb),
                );
            }
        }
        if artists == options.artists {
            break;
        }
    }
    Ok(())
}

/// A run of one row: until the source sees the first request.
fn start(options: &Options) -> anyhow::Result<()> {
    let servers = Servers::start(RECORDS, 0, 0)?;
    let postgres = Postgres::start(1)?;
    println!("| program | first request | whole run | CPU |");
    println!("|---|---|---|---|");
    for (label, path) in &options.rowcast {
        for (kind, what) in [(Kind::Cold, "cold"), (Kind::NoLedger, "warm")] {
            let mut program = Program::new(format!("{label}, {what}"), path, kind);
            for _ in 0..options.rounds {
                program.measure(&servers, &postgres, tracks(1))?;
            }
            println!(
                "| {} | {:.0} ms | {:.0} ms | {:.0} ms |",
                program.label,
                program.median(|taken| taken.first) * 1e3,
                program.median(|taken| taken.wall) * 1e3,
                program.median(|taken| taken.cpu) * 1e3,
            );
        }
    }
    println!("\n| program | a call that sends nothing, CPU |\n|---|---|");
    for (label, path) in &options.rowcast {
        let each = |documents| -> anyhow::Result<f64> {
            let mut program = Program::new(label.clone(), path, Kind::Refused(documents));
            for _ in 0..options.rounds {
                program.measure(&servers, &postgres, CALLS)?;
            }
            Ok(program.median(|taken| taken.cpu))
        };
        let calls = (each(1)? - each(CALLS)?) / CALLS as f64;
        println!("| {label} | {:.0} µs |", calls * 1e6);
    }
    Ok(())
}

fn tracks(artists: u64) -> u64 {
    artists * COUNTRIES.len() as u64 * RECORDS
}

fn report(programs: &[Program], tracks: u64) -> anyhow::Result<()> {
    let base = programs
        .first()
        .context("nothing to measure")?
        .median(|taken| taken.cpu);
    println!("| program | CPU a track | ratio | wall | peak memory |");
    println!("|---|---|---|---|---|");
    let mut figures = Vec::new();
    for program in programs {
        let cpu = program.median(|taken| taken.cpu);
        let (wall, memory) = (
            program.median(|taken| taken.wall),
            program.median(|taken| taken.memory_mb),
        );
        let each = cpu / tracks as f64 * 1e6;
        println!(
            "| {} | {each:.1} µs | {:.2} | {wall:.2} s | {memory:.0} MB |",
            program.label,
            cpu / base
        );
        figures.push(serde_json::json!({
            "program": program.label,
            "tracks": tracks,
            "cpu_us_per_track": each,
            "ratio": cpu / base,
            "wall_s": wall,
            "peak_memory_mb": memory,
            "rounds_cpu_s": program.taken.iter().map(|taken| taken.cpu).collect::<Vec<_>>(),
        }));
    }
    std::fs::create_dir_all("target")?;
    std::fs::write("target/bench.json", serde_json::to_string_pretty(&figures)?)?;
    Ok(())
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options {
        part: Part::Work,
        rowcast: Vec::new(),
        artists: 1_000,
        rounds: 5,
        source_ms: 0,
        dynamodb_ms: 0,
        in_flight: IN_FLIGHT,
        ledger: Kind::NoLedger,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            arguments
                .next()
                .context("a number is missing")?
                .parse::<u64>()
                .context("a number")
        };
        match argument.as_str() {
            "--scale" => options.part = Part::Scale,
            "--start" => options.part = Part::Start,
            "--instructions" => options.part = Part::Instructions,
            "--query" => options.part = Part::Query,
            "--ledger" => options.ledger = Kind::NewLedger,
            "--unchanged" => options.ledger = Kind::Unchanged,
            "--profile" => {
                let component = arguments.next().context("a component's file is missing")?;
                options.part = Part::Profile(component.into());
            }
            "--artists" => options.artists = number()?,
            "--rounds" => options.rounds = usize::try_from(number()?)?,
            "--source-ms" => options.source_ms = number()?,
            "--dynamodb-ms" => options.dynamodb_ms = number()?,
            "--in-flight" => options.in_flight = usize::try_from(number()?)?,
            _ => {
                let (label, path) = argument
                    .split_once('=')
                    .context("LABEL=PROGRAM is needed")?;
                options
                    .rowcast
                    .push((label.to_owned(), std::path::absolute(path)?));
            }
        }
    }
    Ok(options)
}
