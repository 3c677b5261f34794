//! The servers' process: where they listen, and what they counted.

use anyhow::Context as _;
use serde::Deserialize;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

#[derive(Deserialize)]
pub struct Addresses {
    pub source: String,
    pub dynamodb: String,
}

#[derive(Deserialize)]
pub struct Counts {
    pub puts: u64,
    /// When the first request came, in microseconds since 1970.
    pub first_us: u64,
}

/// The servers' process; it ends with its standard input.
pub struct Servers {
    process: Child,
    pub addresses: Addresses,
}

impl Servers {
    /// Answers of so many records, each after so many milliseconds.
    pub fn start(records: u64, source_ms: u64, dynamodb_ms: u64) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("servers");
        let mut process = Command::new(program)
            .args([records, source_ms, dynamodb_ms].map(|number| number.to_string()))
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
    pub fn counts(&self) -> anyhow::Result<Counts> {
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
