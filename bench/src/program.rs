//! A program → what a run of it takes.

use crate::postgres::Postgres;
use crate::servers::{Addresses, Servers};
use anyhow::{bail, ensure};
use rowcast_bench::{IN_FLIGHT, WORKERS};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Seconds, user and system together.
    pub cpu: f64,
    pub wall: f64,
    pub memory_mb: f64,
    /// Seconds from its start to its first request at the source.
    pub first: f64,
}

/// What a run of a program is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of the programs that Rowcast is compared with.
    Native,
    /// Rowcast without a ledger.
    NoLedger,
    /// Rowcast with one that is new.
    NewLedger,
    /// Rowcast's second run over the same data: nothing is written.
    Unchanged,
    /// Rowcast with an empty cache of compiled code.
    Cold,
    /// `rowcast extract`, which writes nothing.
    Extract,
    /// `rowcast query` of everything, or a native program's.
    Scan,
    /// `rowcast load` of documents that are refused, so that a call sends nothing, with
    /// so many of them in a call.
    Refused(u64),
}

/// One thing to measure.
pub struct Program {
    pub label: String,
    pub path: PathBuf,
    pub kind: Kind,
    /// What it is run by, such as `perf record`, with its arguments.
    pub by: Vec<String>,
    /// Its first arguments.
    pub with: Vec<String>,
    /// Requests to the source at once.
    pub in_flight: usize,
    pub taken: Vec<Taken>,
}

impl Program {
    pub fn new(label: String, path: &Path, kind: Kind) -> Self {
        Self {
            label,
            path: path.to_owned(),
            kind,
            by: Vec::new(),
            with: Vec::new(),
            in_flight: IN_FLIGHT,
            taken: Vec::new(),
        }
    }

    /// One more run, which is to write so many items.
    pub fn measure(
        &mut self,
        servers: &Servers,
        postgres: &Postgres,
        items: u64,
    ) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        if self.kind != Kind::Native {
            self.configure(folder.path(), servers, postgres)?;
        }
        let (again, wanted) = match self.kind {
            Kind::Unchanged => (true, 0),
            Kind::Extract => (false, 0),
            Kind::Refused(_) => {
                let lines = "{}\n".repeat(usize::try_from(items)?);
                std::fs::write(folder.path().join("documents"), lines)?;
                (false, 0)
            }
            _ => (false, items),
        };
        if again {
            self.run(folder.path(), servers, postgres)?;
        }
        servers.counts()?;
        let mut taken = self.run(folder.path(), servers, postgres)?;
        let counts = servers.counts()?;
        let (label, written) = (&self.label, counts.puts);
        ensure!(written == wanted, "{label} wrote {written} of {wanted}");
        taken.first += counts.first_us as f64 / 1e6;
        self.taken.push(taken);
        Ok(())
    }

    /// `first` is only the time of its start, negative.
    fn run(&self, folder: &Path, servers: &Servers, postgres: &Postgres) -> anyhow::Result<Taken> {
        let mut command = match self.by.split_first() {
            None => Command::new(&self.path),
            Some((by, arguments)) => {
                let mut command = Command::new(by);
                command.args(arguments).arg(&self.path);
                command
            }
        };
        command
            .current_dir(folder)
            .env("BENCH_POSTGRES", &postgres.url)
            .env("BENCH_SOURCE", &servers.addresses.source)
            .env("BENCH_DYNAMODB", &servers.addresses.dynamodb)
            .env("BENCH_IN_FLIGHT", self.in_flight.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.args(&self.with);
        let (work, refuses): (&[&str], bool) = match self.kind {
            Kind::Native => (&[], false),
            Kind::Extract => (&["extract"], false),
            // The canned pages are those of one segment.
            Kind::Scan => (&["query", "--segments", "1"], false),
            Kind::Refused(_) => (&["load", "documents"], true),
            _ => (&["run"], false),
        };
        command.args(work);
        if self.kind == Kind::Cold {
            command.env("XDG_CACHE_HOME", folder.join("cache"));
        }
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let started = Instant::now();
        let child = command.spawn()?;
        let (status, usage) = wait(&child)?;
        ensure!(
            (status != 0) == refuses,
            "{} ended with {status}",
            self.label
        );
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        Ok(Taken {
            cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            wall: started.elapsed().as_secs_f64(),
            memory_mb: usage.ru_maxrss as f64 / 1024.0,
            first: -since_1970.as_secs_f64(),
        })
    }

    /// Rowcast's configuration.
    fn configure(
        &self,
        folder: &Path,
        servers: &Servers,
        postgres: &Postgres,
    ) -> anyhow::Result<()> {
        let Addresses { source, dynamodb } = &servers.addresses;
        let ledger = match self.kind {
            Kind::NewLedger | Kind::Unchanged => String::new(),
            Kind::Refused(each) => format!("[ledger]\noff = true\n[run]\nchunk_rows = {each}\n"),
            _ => "[ledger]\noff = true\n".to_owned(),
        };
        let concurrency = self.in_flight / WORKERS;
        let text = format!(
            r#"
[rows]
postgres = "{}"
query = "SELECT id FROM artists ORDER BY id"

[source]
url = "{source}/v1/artists/{{id}}/top-tracks?market={{country}}"
records = "/tracks"
require = ["/id", "/popularity"]

concurrency = {concurrency}

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

    /// The middle one of all runs.
    pub fn median(&self, of: impl Fn(&Taken) -> f64) -> f64 {
        let mut values: Vec<f64> = self.taken.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
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
