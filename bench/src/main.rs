//! Programs and servers → the CPU, time and memory that each program takes for
//! the same work, in interleaved rounds: medians and ratios as a table, and all
//! figures as JSON in `target/bench.json`.
//!
//! Arguments: `LABEL=PROGRAM` for each `rowcast` to measure, and `--artists`,
//! `--rounds`, `--source-ms`, `--dynamodb-ms` with a number.

mod postgres;

use anyhow::{Context as _, bail, ensure};
use postgres::Postgres;
use serde::Deserialize;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Records in an answer.
const RECORDS: u64 = 10;

struct Options {
    rowcast: Vec<(String, PathBuf)>,
    artists: u64,
    rounds: usize,
    source_ms: u64,
    dynamodb_ms: u64,
}

/// What one run took.
#[derive(Clone, Copy, Debug)]
struct Taken {
    cpu: f64,
    wall: f64,
    memory_mb: f64,
}

/// One thing to measure.
struct Program {
    label: String,
    path: PathBuf,
    /// Where it is Rowcast: whether it keeps a ledger.
    ledger: Option<bool>,
    taken: Vec<Taken>,
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    let servers = Servers::start(&options)?;
    let postgres = Postgres::start(options.artists)?;
    let folder = std::env::current_exe()?;
    let folder = folder.parent().context("no folder of programs")?;
    let mut programs = Vec::new();
    for name in ["lean", "plain"] {
        let path = folder.join(name);
        if path.exists() {
            let label = format!("native, {name}");
            programs.push(Program {
                label,
                path,
                ledger: None,
                taken: Vec::new(),
            });
        }
    }
    for (label, path) in &options.rowcast {
        for ledger in [false, true] {
            programs.push(Program {
                label: format!("{label}, ledger {}", if ledger { "on" } else { "off" }),
                path: path.clone(),
                ledger: Some(ledger),
                taken: Vec::new(),
            });
        }
    }
    let tracks = options.artists * rowcast_bench::COUNTRIES.len() as u64 * RECORDS;
    for _ in 0..options.rounds {
        for program in &mut programs {
            servers.counts()?;
            let taken = program.run(&servers, &postgres)?;
            let written = servers.counts()?.puts;
            ensure!(
                written == tracks,
                "{} wrote {written} of {tracks}",
                program.label
            );
            program.taken.push(taken);
        }
    }
    report(&programs, tracks)
}

impl Program {
    fn run(&self, servers: &Servers, postgres: &Postgres) -> anyhow::Result<Taken> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(&self.path);
        command
            .current_dir(folder.path())
            .env("BENCH_POSTGRES", &postgres.url)
            .env("BENCH_SOURCE", &servers.addresses.source)
            .env("BENCH_DYNAMODB", &servers.addresses.dynamodb)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(ledger) = self.ledger {
            configure(folder.path(), servers, postgres, ledger)?;
            command.arg("run");
        }
        let started = Instant::now();
        let child = command.spawn()?;
        let (status, usage) = wait(&child)?;
        ensure!(status == 0, "{} ended with {status}", self.label);
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        Ok(Taken {
            cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            wall: started.elapsed().as_secs_f64(),
            memory_mb: usage.ru_maxrss as f64 / 1024.0,
        })
    }

    fn median(&self, of: impl Fn(&Taken) -> f64) -> f64 {
        let mut values: Vec<f64> = self.taken.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

fn configure(
    folder: &Path,
    servers: &Servers,
    postgres: &Postgres,
    ledger: bool,
) -> anyhow::Result<()> {
    let Addresses { source, dynamodb } = &servers.addresses;
    let ledger = if ledger { "" } else { "[ledger]\noff = true\n" };
    let text = format!(
        r#"
[rows]
postgres = "{}"
query = "SELECT id FROM artists ORDER BY id"

[source]
url = "{source}/v1/artists/{{id}}/top-tracks?market={{country}}"
records = "/tracks"
require = ["/id", "/popularity"]

[source.matrix]
country = ["US", "CA"]

[source.attributes]
artist_id = "{{id}}"
country_track = "{{country}}#{{record:/id}}"

[egress]
addresses = ["127.0.0.1"]

[table]
name = "tracks"
region = "us-east-1"
endpoint = "{dynamodb}"
keys.partition = {{ name = "artist_id", type = "S" }}
keys.sort = {{ name = "country_track", type = "S" }}

[table.credentials]
access_key_id = "test"
secret_access_key = "test"

{ledger}"#,
        postgres.url
    );
    Ok(std::fs::write(folder.join("rowcast.toml"), text)?)
}

/// Waits for a child's end; its status, and what it took.
fn wait(child: &Child) -> anyhow::Result<(i32, libc::rusage)> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let id = libc::pid_t::try_from(child.id())?;
    // SAFETY: both places are writable, and zeros are a valid `rusage`.
    let (ended, usage) = unsafe {
        let ended = libc::wait4(id, &raw mut status, 0, usage.as_mut_ptr());
        (ended, usage.assume_init())
    };
    if ended != id {
        bail!("wait for a program: {}", std::io::Error::last_os_error());
    }
    Ok((status, usage))
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

#[derive(Deserialize)]
struct Addresses {
    source: String,
    dynamodb: String,
}

#[derive(Deserialize)]
struct Counts {
    puts: u64,
}

/// The servers' process; it ends with its standard input.
struct Servers {
    process: Child,
    addresses: Addresses,
}

impl Servers {
    fn start(options: &Options) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("servers");
        let mut process = Command::new(program)
            .args(
                [RECORDS, options.source_ms, options.dynamodb_ms].map(|number| number.to_string()),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the servers")?;
        let output = process.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let addresses = serde_json::from_str(&line).context("the servers' addresses")?;
        Ok(Self { process, addresses })
    }

    /// What was counted since the last time.
    fn counts(&self) -> anyhow::Result<Counts> {
        let address = self.addresses.source.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address)?;
        write!(
            stream,
            "GET /counts HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        Ok(serde_json::from_str(body)?)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options {
        rowcast: Vec::new(),
        artists: 1_000,
        rounds: 5,
        source_ms: 0,
        dynamodb_ms: 0,
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
            "--artists" => options.artists = number()?,
            "--rounds" => options.rounds = usize::try_from(number()?)?,
            "--source-ms" => options.source_ms = number()?,
            "--dynamodb-ms" => options.dynamodb_ms = number()?,
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
