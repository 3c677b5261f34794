//! Programs and packages of this machine: which there are, and how the system's
//! package manager brings others.

use crate::run;
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program of that name, if need be by installing that package.
pub fn program(name: &str, package: &str) -> Result<(), String> {
    if find_program(name).is_some() {
        println!("setup: {name}: found");
        return Ok(());
    }
    apt(&[package]).map_err(|reason| format!("{name} is missing: {reason}"))?;
    println!("setup: {name}: installed");
    Ok(())
}

/// Python that can make virtual environments; Debian has that apart.
pub fn python() -> Result<(), String> {
    if quietly(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
        return Ok(());
    }
    apt(&["python3", "python3-venv"])
        .map_err(|reason| format!("Python's `venv` is missing: {reason}"))
}

pub fn apt(packages: &[&str]) -> Result<(), String> {
    if find_program("apt-get").is_none() {
        return Err(format!(
            "install what your system calls {}",
            packages.join(", ")
        ));
    }
    let root = ask(Command::new("id").arg("-u")).as_deref() == Some("0");
    let by_hand = format!(
        "apt-get install --no-install-recommends {}",
        packages.join(" ")
    );
    if !root && find_program("sudo").is_none() {
        return Err(format!(
            "this needs root and there is no sudo; let root run `{by_hand}`"
        ));
    }
    let apt_get = || {
        // By `env`, because sudo drops variables that it is given.
        let mut command = Command::new(if root { "env" } else { "sudo" });
        if !root {
            command.arg("env");
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        // A machine that has just started may be updating itself.
        command.args(["-o", "DPkg::Lock::Timeout=600", "-o", "Acquire::Retries=3"]);
        command
    };
    println!("setup: installing {}", packages.join(", "));
    // An old list may still do, so this alone is no failure.
    let _ = quietly(apt_get().args(["update", "-qq"]));
    run(apt_get()
        .args(["install", "-qq", "--yes", "--no-install-recommends"])
        .args(packages))
    .map_err(|reason| format!("{reason}; see above why, or let root run `{by_hand}`"))
}

pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Whether the command succeeds; what it says isn't shown.
pub fn quietly(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
