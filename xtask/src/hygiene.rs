//! What runs apart from the tests, because its tools take long to install:
//! fuzzers on a nightly toolchain, and the check of all dependencies.

use crate::machine::quietly;
use crate::python::workspace;
use crate::{cargo, run};
use std::fs;
use std::path::Path;
use std::process::Command;

/// How long each target runs where nothing else is asked for.
const SECONDS: u32 = 60;

/// Runs every target of fuzz/ for so many seconds; all failures are reported.
pub fn fuzz(seconds: Option<&String>) -> Result<(), String> {
    let seconds = match seconds {
        Some(text) => text
            .parse()
            .map_err(|_| format!("`{text}` is not a number of seconds"))?,
        None => SECONDS,
    };
    let nightly = || {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo"]);
        command
    };
    if !quietly(nightly().arg("--version")) {
        let install = ["toolchain", "install", "nightly", "--profile", "minimal"];
        run(Command::new("rustup").args(install))?;
    }
    install("fuzz")?;
    let folder = workspace().join("fuzz");
    let mut failed = Vec::new();
    for target in targets(&folder)? {
        println!("xtask: fuzzing {target} for {seconds} s");
        // What is found goes here; the corpus in the repository is kept by hand.
        let found = format!("found/{target}");
        fs::create_dir_all(folder.join(&found))
            .map_err(|error| format!("make {found}: {error}"))?;
        let mut command = nightly();
        command
            .current_dir(&folder)
            // Sanitizers look for unsafe code's faults; there is none of it.
            .args([
                "fuzz",
                "run",
                "--fuzz-dir",
                ".",
                "--release",
                "--sanitizer",
                "none",
            ])
            .args([&target, &found, &format!("corpus/{target}"), "--"])
            .args(["-timeout=10", "-print_final_stats=1"])
            .arg(format!("-max_total_time={seconds}"));
        if let Err(reason) = run(&mut command) {
            failed.push(format!("{target}: {reason}"));
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!(
        "inputs that fail are in fuzz/artifacts; minimised, they belong into fuzz/corpus:\n  {}",
        failed.join("\n  ")
    ))
}

/// Licences, duplicates and sources of all dependencies; advisories where
/// their database can be fetched.
pub fn deny() -> Result<(), String> {
    install("deny")?;
    run(cargo().args(["deny", "check", "licenses", "bans", "sources"]))?;
    if quietly(cargo().args(["deny", "fetch", "db"])) {
        return run(cargo().args(["deny", "check", "--disable-fetch", "advisories"]));
    }
    println!("xtask: RustSec's database can't be fetched, so advisories were NOT checked");
    Ok(())
}

/// Installs a subcommand of cargo if it's missing.
fn install(subcommand: &str) -> Result<(), String> {
    if quietly(cargo().args([subcommand, "--version"])) {
        return Ok(());
    }
    println!("xtask: installing cargo-{subcommand}");
    run(cargo().args(["install", "--locked", &format!("cargo-{subcommand}")]))
}

/// Each target is a file of its name.
fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder.join("targets"))
        .map_err(|error| format!("list the targets of {}: {error}", folder.display()))?;
    let mut names: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}
