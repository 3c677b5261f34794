//! A program that reads a call per line and writes an answer per line, both
//! JSON: how hosts in other languages are driven.

use super::host::{Call, Given};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{Read, Seek};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A driver: what starts it, and the running program.
pub struct Program {
    command: Vec<OsString>,
    running: Option<Running>,
    /// Where it writes.
    _folder: Option<TempDir>,
}

struct Running {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    errors: std::fs::File,
    /// Killed when dropped.
    _program: Child,
}

impl Program {
    /// The program, its driver and the driver's arguments.
    pub fn new(command: Vec<OsString>) -> Self {
        Self {
            command,
            running: None,
            _folder: None,
        }
    }

    /// The folder is removed in the end.
    pub fn with_folder(command: Vec<OsString>, folder: TempDir) -> Self {
        Self {
            _folder: Some(folder),
            ..Self::new(command)
        }
    }

    /// Starts it if it doesn't run. It says once that it's ready, because
    /// compiling the component takes longer than a call may.
    pub async fn ready(&mut self) -> Result<(), String> {
        if self.running.is_some() {
            return Ok(());
        }
        let errors = tempfile::tempfile().unwrap();
        let mut program = Command::new(&self.command[0])
            .args(&self.command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().unwrap())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("start {}: {error}", self.command[0].display()))?;
        let mut running = Running {
            input: program.stdin.take().unwrap(),
            output: BufReader::new(program.stdout.take().unwrap()).lines(),
            errors,
            _program: program,
        };
        let first = running.answer().await?;
        if first != json!("ready") {
            return Err(format!("it began with {first}"));
        }
        self.running = Some(running);
        Ok(())
    }

    pub async fn call(&mut self, call: Call<'_>) -> Given {
        self.ready().await?;
        // Put back only if it answered: one that didn't is killed.
        let mut running = self.running.take().unwrap();
        let request = json!({
            "environment": call.environment,
            "signature": call.signature,
            "arguments": call.signature.arguments(call.input),
        });
        let line = format!("{request}\n");
        let sent = running.input.write_all(line.as_bytes()).await;
        sent.map_err(|error| format!("tell the driver: {error}"))?;
        let mut answer = running.answer().await?;
        self.running = Some(running);
        if let Some(ok) = answer.get_mut("ok") {
            return Ok(call.given(&Ok(ok.take())));
        }
        if let Some(error) = answer.get_mut("error") {
            return Ok(call.given(&Err(error.take())));
        }
        Err(answer.to_string())
    }
}

impl Running {
    async fn answer(&mut self) -> Result<Value, String> {
        let line = self.output.next_line().await;
        match line.map_err(|error| format!("hear from the driver: {error}"))? {
            Some(line) => serde_json::from_str(&line).map_err(|error| format!("{error}: {line}")),
            None => Err(format!("the driver ended: {}", self.said())),
        }
    }

    /// The end of what it wrote for people.
    fn said(&mut self) -> String {
        let mut text = String::new();
        let _ = self
            .errors
            .rewind()
            .and_then(|()| self.errors.read_to_string(&mut text));
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join(" / ")
    }
}
