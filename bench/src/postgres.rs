//! A PostgreSQL of its own for a measurement, with the artists in it.

use anyhow::{Context as _, ensure};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The account that programs run as where this one is the superuser's, which
/// PostgreSQL refuses.
const NOBODY: u32 = 65_534;

pub struct Postgres {
    pub url: String,
    server: Child,
    _folder: TempDir,
}

impl Postgres {
    /// With so many artists.
    pub fn start(artists: u64) -> anyhow::Result<Self> {
        let programs = programs()?;
        let folder = TempDir::with_prefix("rowcast-bench-")?;
        let user = std::fs::metadata("/proc/self")?.uid();
        if user == 0 {
            chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
        }
        let command = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command.current_dir(folder.path()).stdout(Stdio::null());
            if user == 0 {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let status = command("initdb")
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
            ])
            .args(["--no-sync", "--pgdata", "data"])
            .status()?;
        ensure!(status.success(), "initdb failed");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = command("postgres")
            .args(["-D", "data", "-p", &port.to_string()])
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
            ])
            .args(["-c", "fsync=off"])
            .stderr(Stdio::null())
            .spawn()?;
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let postgres = Self {
            url,
            server,
            _folder: folder,
        };
        let sql = format!(
            "CREATE TABLE artists (id text); INSERT INTO artists \
             SELECT 'artist' || lpad(i::text, 16, '0') FROM generate_series(1, {artists}) AS i;"
        );
        tokio::runtime::Runtime::new()?.block_on(postgres.execute(&sql))?;
        Ok(postgres)
    }

    /// As soon as the server answers.
    async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        let started = Instant::now();
        let (client, connection) = loop {
            match tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await {
                Ok(connected) => break connected,
                Err(error) if started.elapsed() > Duration::from_secs(60) => {
                    return Err(error.into());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        tokio::spawn(connection);
        Ok(client.batch_execute(sql).await?)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The newest version's folder.
fn programs() -> anyhow::Result<PathBuf> {
    let versions = std::fs::read_dir(Path::new("/usr/lib/postgresql")).context("no PostgreSQL")?;
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().context("no PostgreSQL in /usr/lib/postgresql")
}
