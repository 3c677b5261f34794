//! A file of pinned requirements → a virtual environment that has them.

use crate::{machine, run};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the requirements were that are installed.
const MARK: &str = "requirements.installed";

/// `<target>/venvs/<name>` with those requirements, a file of the workspace.
/// Done again only when that file has changed.
pub fn venv(name: &str, requirements: &str) -> Result<PathBuf, String> {
    let failed = |act: &str, error: std::io::Error| format!("{act} of the {name} tools: {error}");
    let file = workspace().join(requirements);
    let wanted = fs::read(&file).map_err(|error| failed("read the requirements", error))?;
    let folder = target()?.join("venvs").join(name);
    if fs::read(folder.join(MARK)).is_ok_and(|installed| installed == wanted) {
        println!("setup: {name}: found");
        return Ok(folder);
    }
    machine::python()?;
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    run(Command::new(folder.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .arg("--requirement")
        .arg(&file))?;
    fs::write(folder.join(MARK), wanted).map_err(|error| failed("note the version", error))?;
    println!("setup: {name}: installed");
    Ok(folder)
}

/// Where an environment has a package, such as a program's wheel.
pub fn package(venv: &Path, name: &str) -> Result<PathBuf, String> {
    let where_is = format!("import {name}; print({name}.__path__[0])");
    machine::ask(Command::new(venv.join("bin/python")).args(["-c", &where_is]))
        .map(PathBuf::from)
        .ok_or_else(|| format!("find the package {name} in {}", venv.display()))
}

/// Where this project is.
pub fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Cargo marks its target directory, and this program is somewhere in it.
pub fn target() -> Result<PathBuf, String> {
    let program = env::current_exe().map_err(|error| format!("find the target folder: {error}"))?;
    let found = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    found
        .map(Path::to_owned)
        .ok_or_else(|| "find the target folder: this program is in none".to_owned())
}
