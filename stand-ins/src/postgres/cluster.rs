//! PostgreSQL's programs → a data folder and a server process. Everything here
//! blocks.
//!
//! Started here and not by the crate pgtemp, which needs sudo to leave the
//! superuser's account, panics instead of returning errors, and never reads
//! the server's log from its pipe.

use crate::StartError;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// What a folder must have to be used.
const PROGRAMS: [&str; 3] = ["initdb", "postgres", "pg_ctl"];
/// Folders of folders, one per version.
const VERSIONED: [&str; 3] = [
    "/usr/lib/postgresql",
    "/usr/local/lib/postgresql",
    "/opt/postgresql",
];

/// A data folder, and the server that uses it once started.
pub struct Cluster {
    programs: PathBuf,
    account: Option<Account>,
    password: String,
    port: u16,
    server: Option<Child>,
    /// Removed when dropped, after the server has ended.
    folder: TempDir,
}

/// The user in whose name the programs run.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Cluster {
    /// Makes a new data folder.
    pub fn create() -> Result<Self, StartError> {
        let programs = find_programs()?;
        let account = account()?;
        let folder =
            TempDir::with_prefix("rowcast-postgres-").map_err(StartError::PostgresFolder)?;
        let random = || RandomState::new().build_hasher().finish();
        let password = format!("{:016x}{:016x}", random(), random());
        let cluster = Self {
            programs,
            account,
            password,
            port: 0,
            server: None,
            folder,
        };
        cluster.initialise()?;
        Ok(cluster)
    }

    fn initialise(&self) -> Result<(), StartError> {
        let password_file = self.folder.path().join("password");
        fs::write(&password_file, &self.password).map_err(StartError::PostgresFolder)?;
        if let Some(Account { user, group }) = self.account {
            for path in [self.folder.path(), &password_file] {
                std::os::unix::fs::chown(path, Some(user), Some(group))
                    .map_err(StartError::PostgresFolder)?;
            }
        }
        let mut initdb = self.command("initdb");
        initdb
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
            ])
            .args(["--no-locale", "--no-sync"])
            .arg("--pwfile")
            .arg(&password_file)
            .arg("--pgdata")
            .arg(self.data());
        let output = initdb.output().map_err(|source| StartError::Program {
            program: "initdb",
            source,
        })?;
        if output.status.success() {
            Ok(())
        } else {
            Err(refused("initdb", &output))
        }
    }

    /// Starts the server on a port that is free now. It may find it taken;
    /// then [`check_running`](Self::check_running) says so.
    pub fn start(&mut self) -> Result<(), StartError> {
        let listen = |source| StartError::Listen {
            server: "PostgreSQL",
            source,
        };
        self.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map_err(listen)?
            .port();
        let log = fs::File::create(self.log()).map_err(StartError::PostgresFolder)?;
        let server = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .arg("-p")
            .arg(self.port.to_string())
            .args(["-c", "listen_addresses=127.0.0.1"])
            // No socket file: its path would be too long in some TMPDIRs.
            .args(["-c", "unix_socket_directories="])
            // Nothing has to survive a crash.
            .args([
                "-c",
                "fsync=off",
                "-c",
                "synchronous_commit=off",
                "-c",
                "full_page_writes=off",
            ])
            .args(["-c", "shared_buffers=32MB", "-c", "autovacuum=off"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|source| StartError::Program {
                program: "postgres",
                source,
            })?;
        self.server = Some(server);
        Ok(())
    }

    /// Refuses with the server's log if the server has ended.
    pub fn check_running(&mut self) -> Result<(), StartError> {
        let Some(server) = &mut self.server else {
            return Ok(());
        };
        let ended = server.try_wait().map_err(|source| StartError::Program {
            program: "postgres",
            source,
        })?;
        if ended.is_none() {
            return Ok(());
        }
        self.server = None;
        let output = fs::read(self.log()).unwrap_or_default();
        Err(StartError::Refused {
            program: "postgres",
            output: String::from_utf8_lossy(&output).trim().to_owned(),
        })
    }

    /// A connection URL.
    pub fn url(&self) -> String {
        let Self { password, port, .. } = self;
        format!("postgresql://postgres:{password}@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    /// Where the server listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where everything is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder().join("log")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        // The programs complain about a working directory they may not read.
        command.current_dir(self.folder()).stdin(Stdio::null());
        if let Some(Account { user, group }) = self.account {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        // QUIT ends it at once, and yet it returns its shared memory, which it
        // could not if it were killed.
        let asked = self
            .command("pg_ctl")
            .args(["kill", "QUIT"])
            .arg(server.id().to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = server.kill();
        }
        let _ = server.wait();
    }
}

fn find_programs() -> Result<PathBuf, StartError> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .collect();
    folders.extend(
        VERSIONED
            .iter()
            .flat_map(|parent| versions(Path::new(parent))),
    );
    folders.extend(configured());
    match folders.iter().find(|folder| has_programs(folder)) {
        // The programs run in another working directory.
        Some(folder) => Ok(fs::canonicalize(folder).unwrap_or_else(|_| folder.clone())),
        None => Err(StartError::PostgresMissing {
            searched: folders
                .iter()
                .map(|folder| folder.display().to_string())
                .chain(VERSIONED.iter().map(|parent| format!("{parent}/*/bin")))
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

fn has_programs(folder: &Path) -> bool {
    PROGRAMS
        .iter()
        .all(|program| folder.join(program).is_file())
}

/// The `bin` folders of a folder of versions, the highest first.
fn versions(parent: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry
                .file_name()
                .to_str()?
                .split('.')
                .next()?
                .parse()
                .ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn configured() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| PathBuf::from(folder.trim()))
}

/// Whom to become: nobody else, or `postgres` where this is the superuser,
/// whom PostgreSQL refuses to serve.
fn account() -> Result<Option<Account>, StartError> {
    if id("-u", None)? != Some(0) {
        return Ok(None);
    }
    match (id("-u", Some("postgres"))?, id("-g", Some("postgres"))?) {
        (Some(user), Some(group)) => Ok(Some(Account { user, group })),
        _ => Err(StartError::PostgresUser),
    }
}

fn id(which: &str, user: Option<&str>) -> Result<Option<u32>, StartError> {
    let output = Command::new("id")
        .arg(which)
        .args(user)
        .output()
        .map_err(|source| StartError::Program {
            program: "id",
            source,
        })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}

fn refused(program: &'static str, output: &Output) -> StartError {
    let text = [&output.stderr, &output.stdout].map(|part| String::from_utf8_lossy(part));
    StartError::Refused {
        program,
        output: text.join("\n").trim().to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn prefers_the_highest_version() {
        let parent = TempDir::new().unwrap();
        for name in ["9.6", "16", "15", "README"] {
            fs::create_dir_all(parent.path().join(name).join("bin")).unwrap();
        }
        let expected = ["16", "15", "9.6"].map(|name| parent.path().join(name).join("bin"));
        assert_eq!(versions(parent.path()), expected);
        assert_eq!(
            versions(&parent.path().join("missing")),
            Vec::<PathBuf>::new()
        );
        assert!(!has_programs(parent.path()));
    }

    #[test]
    fn a_server_that_cannot_start_says_why() {
        let mut cluster = Cluster::create().unwrap();
        fs::remove_file(cluster.data().join("PG_VERSION")).unwrap();
        cluster.start().unwrap();
        let mut server = cluster.server.take().unwrap();
        server.wait().unwrap();
        cluster.server = Some(server);
        let error = cluster.check_running().unwrap_err();
        let StartError::Refused { program, output } = error else {
            unreachable!("{error:?}");
        };
        assert!(
            program == "postgres" && output.contains("PG_VERSION"),
            "{output}"
        );
    }
}
