//! A machine → one that can build, run and test Rowcast. What is there already
//! is left alone; each step says what it found or did.

use crate::machine::{apt, find_program, program, quietly};
use crate::toolchain::{DEBIAN, TARGET, Toolchain};
use crate::{hosts, python};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `cargo build` and `rowcast demo` need.
pub fn for_running() -> Result<(), String> {
    wasm()?;
    postgresql()
}

/// What the tests need besides: DynamoDB Local comes from npm and runs on Java,
/// the pipeline in Python is made a component by `componentize-py`, and the
/// component runs in other hosts.
pub fn for_testing() -> Result<(), String> {
    for_running()?;
    program("java", "default-jre-headless")?;
    program("npm", "npm")?;
    python::venv(
        "python-pipeline",
        "examples/python-pipeline/requirements.txt",
    )?;
    hosts::install_light()
}

fn wasm() -> Result<(), String> {
    let found = |how: &str| println!("setup: Wasm: {how}");
    match toolchain() {
        Some(Toolchain::Target) => found("the toolchain has the target"),
        Some(Toolchain::Source { programs: None, .. }) => {
            found("the toolchain has the standard library's source");
        }
        Some(Toolchain::Source { .. }) => found("Debian's packages"),
        None if quietly(Command::new("rustup").args(["target", "add", TARGET]))
            && toolchain().is_some() =>
        {
            found("added the target by rustup");
        }
        None => {
            apt(&["rustc-web", "cargo-web", "rust-web-src", "lld"]).map_err(|reason| {
                format!(
                    "no toolchain can build for {TARGET}, `rustup target add {TARGET}` failed, \
                     and so did Debian's packages ({reason})"
                )
            })?;
            if toolchain().is_none() {
                return Err(format!(
                    "no toolchain can build for {TARGET}, not even with Debian's packages \
                     rustc-web, cargo-web, rust-web-src, lld"
                ));
            }
            found("installed Debian's packages rustc-web, cargo-web, rust-web-src, lld");
        }
    }
    Ok(())
}

/// The one that a build will find.
fn toolchain() -> Option<Toolchain> {
    Toolchain::find("rustc", Path::new(DEBIAN))
}

fn postgresql() -> Result<(), String> {
    if find_program("initdb").is_some() || debian_initdb().is_some() {
        println!("setup: PostgreSQL: found");
        return Ok(());
    }
    apt(&["postgresql"]).map_err(|reason| {
        format!("PostgreSQL's server programs (initdb, postgres) are missing: {reason}")
    })?;
    println!("setup: PostgreSQL: installed");
    Ok(())
}

fn debian_initdb() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .map(|version| version.path().join("bin/initdb"))
        .find(|path| path.exists())
}
