//! The wasmtime command: one process for each call, arguments and results as
//! WAVE.

use super::host::{Call, Given};
use super::wave;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::process::Command;

pub struct WasmtimeCommand {
    pub program: PathBuf,
    pub component: PathBuf,
}

impl WasmtimeCommand {
    pub async fn call(&self, call: Call<'_>) -> Given {
        let arguments = call.signature.arguments(call.input);
        let mut command = Command::new(&self.program);
        command.args(["run", "-S", "http", "-C", "cache"]);
        for (name, value) in call.environment {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        command
            .arg("--invoke")
            .arg(wave::call(call.signature, &arguments))
            .arg(&self.component)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await;
        let output = output.map_err(|error| format!("start wasmtime: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let lines: Vec<_> = said.lines().take(6).collect();
            return Err(format!("wasmtime ended: {}", lines.join(" / ")));
        }
        let text = String::from_utf8(output.stdout).unwrap();
        Ok(call.given(&wave::answer(call.signature, &text)))
    }
}
