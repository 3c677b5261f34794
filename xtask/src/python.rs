//! A file of pinned requirements → a virtual environment that has them.

use crate::{machine, run};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the requirements were that are installed, by which Python, and where.
const MARK: &str = "requirements.installed";

/// `<target>/venvs/<name>` with those requirements, a file of the workspace.
/// Done again only when that file has changed, or the machine's Python, or the
/// place: an environment's programs begin with the path of its own Python.
pub fn venv(name: &str, requirements: &str) -> Result<PathBuf, String> {
    let failed = |act: &str, error: std::io::Error| format!("{act} of the {name} tools: {error}");
    let file = workspace().join(requirements);
    let wanted = fs::read(&file).map_err(|error| failed("read the requirements", error))?;
    let folder = target()?.join("venvs").join(name);
    let version = || machine::ask(Command::new("python3").arg("--version")).unwrap_or_default();
    if fs::read(folder.join(MARK)).is_ok_and(|found| found == mark(&wanted, &version(), &folder)) {
        println!("setup: {name}: found");
        return Ok(folder);
    }
    machine::python()?;
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    let mut pip = Command::new(folder.join("bin/pip"));
    // By itself it gives up after a pause of 15 seconds.
    if env::var_os("PIP_DEFAULT_TIMEOUT").is_none() {
        pip.env("PIP_DEFAULT_TIMEOUT", "120");
    }
    run(pip
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .arg("--requirement")
        .arg(&file))?;
    let mark = mark(&wanted, &version(), &folder);
    fs::write(folder.join(MARK), mark).map_err(|error| failed("note the version", error))?;
    println!("setup: {name}: installed");
    Ok(folder)
}

fn mark(requirements: &[u8], python: &str, folder: &Path) -> Vec<u8> {
    let place = format!("# {python}, in {}\n", folder.display());
    [place.as_bytes(), requirements].concat()
}

/// Where an environment has a package, such as a program's wheel.
pub fn package(venv: &Path, name: &str) -> Result<PathBuf, String> {
    let where_is = format!("import {name}; print({name}.__path__[0])");
    machine::ask(Command::new(venv.join("bin/python")).args(["-c", &where_is]))
        .map(PathBuf::from)
        .ok_or_else(|| format!("find the package {name} in {}", venv.display()))
}

/// Where this project is. By the variable that cargo sets when it runs this, for
/// cargo doesn't compile it anew where the whole checkout has moved.
pub fn workspace() -> PathBuf {
    let own =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let own = PathBuf::from(own);
    own.parent().map_or_else(|| own.clone(), Path::to_owned)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_place_python_or_file_is_another_installation() {
        let of = |requirements: &str, python: &str, folder: &str| {
            mark(requirements.as_bytes(), python, Path::new(folder))
        };
        let installed = of("a==1", "Python 3.11.2", "/here/venvs/a");
        assert_eq!(of("a==1", "Python 3.11.2", "/here/venvs/a"), installed);
        for other in [
            of("a==2", "Python 3.11.2", "/here/venvs/a"),
            of("a==1", "Python 3.12.1", "/here/venvs/a"),
            of("a==1", "Python 3.11.2", "/there/venvs/a"),
        ] {
            assert_ne!(other, installed);
        }
    }
}
