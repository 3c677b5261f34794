//! wasmCloud: `wash dev` serves the service.

use super::host::{Call, Given};
use rowcast_stand_ins::http::{get, post};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// It compiles the component first.
const READY_WITHIN: Duration = Duration::from_mins(3);

pub struct Wash {
    pub program: PathBuf,
    pub service: PathBuf,
    pub running: Option<Running>,
}

/// One process for one environment: that's fixed when it starts.
pub struct Running {
    environment: BTreeMap<String, String>,
    origin: String,
    /// Killed when dropped.
    _program: Child,
    _folder: TempDir,
}

impl Wash {
    pub async fn ready(&mut self, environment: &BTreeMap<String, String>) -> Result<(), String> {
        let fits = |running: &Running| running.environment == *environment;
        if !self.running.as_ref().is_some_and(fits) {
            self.running = None;
            let starting = tokio::time::timeout(READY_WITHIN, self.start(environment));
            let started = starting
                .await
                .map_err(|_| format!("wash isn't ready within {} s", READY_WITHIN.as_secs()))?;
            self.running = Some(started?);
        }
        Ok(())
    }

    async fn start(&self, environment: &BTreeMap<String, String>) -> Result<Running, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".wash")).unwrap();
        // YAML takes JSON.
        let configuration = json!({
            "build": {"command": "true", "component_path": self.service},
            "dev": {
                "address": "127.0.0.1:0",
            },
            "workload": {"environment": {"config": environment}, "allowedHosts": ["*"]},
        });
        let file = folder.path().join(".wash/config.yaml");
        std::fs::write(file, configuration.to_string()).unwrap();
        let mut program = Command::new(&self.program)
            .args(["dev", "--non-interactive"])
            .current_dir(folder.path())
            // Nothing of the user's, and nothing left behind; it says at this
            // level when it's ready.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", folder.path())
            .env("NO_COLOR", "1")
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("start wash: {error}"))?;
        let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
        let (mut origin, mut said) = (None, Vec::new());
        while let Ok(Some(line)) = lines.next_line().await {
            let line = plain(&line);
            if let Some((_, rest)) = line.split_once("HTTP server listening addr=") {
                let address = rest.split(' ').next().unwrap();
                origin = Some(format!("http://{address}"));
            }
            if line.contains("listening for HTTP requests") {
                // Somebody must read on, or it stops once the pipe is full.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Running {
                    environment: environment.clone(),
                    origin: origin.ok_or("wash said no address")?,
                    _program: program,
                    _folder: folder,
                });
            }
            said.push(line);
        }
        Err(format!("wash ended: {}", said.join(" / ")))
    }

    pub async fn call(&mut self, call: Call<'_>) -> Given {
        self.ready(call.environment).await?;
        let origin = &self.running.as_ref().unwrap().origin;
        let url = format!("{origin}/{}", call.signature.function);
        let headers = [("content-type", "application/json")];
        let answer = if call.signature.parameters.is_empty() {
            get(&url).await
        } else {
            post(&url, &headers, call.input.to_string()).await
        };
        let (status, body) = answer.map_err(|error| format!("no answer: {error}"))?;
        let body: Value = serde_json::from_slice(&body)
            .map_err(|_| format!("{status}: {}", String::from_utf8_lossy(&body)))?;
        if status == 200 {
            return Ok(call.given(&Ok(body)));
        }
        let failure = failure(&body).ok_or_else(|| format!("{status}: {body}"))?;
        Ok(call.given(&Err(failure)))
    }
}

/// A problem → the failure that it was made of.
fn failure(problem: &Value) -> Option<Value> {
    let case = problem.get("failure")?.as_str()?;
    let detail = problem.get("detail")?.clone();
    let counters = problem.get("counters")?;
    let payload = match problem.get("retry_after_ms") {
        Some(wait) => json!({
            "retry_after_ms": wait,
            "upstream": problem.get("upstream")?,
            "reason": detail,
            "counters": counters,
        }),
        None => json!({"reason": detail, "counters": counters}),
    };
    Some(Value::Object(Map::from_iter([(case.to_owned(), payload)])))
}

/// Without the terminal's colours.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}
