//! The `rowcast` command, run as users run it.

use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What a command left behind.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The standard output's lines as JSON.
    pub fn documents(&self) -> Vec<serde_json::Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Stops the test unless the command ended well.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }
}

/// Runs `rowcast` in that folder, with nothing of this process's environment
/// that could configure it.
pub async fn rowcast(folder: &Path, arguments: &[&str]) -> Output {
    rowcast_with(folder, arguments, &[], "").await
}

/// The same with environment variables and a standard input.
pub async fn rowcast_with(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
) -> Output {
    let mut child = prepare(folder, arguments, environment).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // Written aside: a command that doesn't read must not stop the test. It
    // may also end before it has read everything.
    let writing = tokio::spawn(async move {
        let _ = stdin.write_all(input.as_bytes()).await;
    });
    let output = child.wait_with_output().await.unwrap();
    writing.await.unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The command, not started yet.
pub fn prepare(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowcast"));
    command.current_dir(folder).args(arguments);
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        // A terminal's width isn't to change the help.
        let differs = ["AWS_", "SPOTIFY_", "PG", "COLUMNS"]
            .iter()
            .any(|start| known.starts_with(start));
        if differs {
            command.env_remove(name);
        }
    }
    command.envs(environment.iter().copied());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// What a terminal sends to the process.
pub async fn control_c(id: u32) {
    signal(id, "INT").await;
}

/// Sends the process a signal, by its name without `SIG`.
pub async fn signal(id: u32, name: &str) {
    // The shell has it built in; the program of that name may not be there.
    let mut shell = Command::new("sh");
    let status = shell
        .args(["-c", &format!("kill -{name} {id}")])
        .status()
        .await;
    assert!(status.unwrap().success());
}
