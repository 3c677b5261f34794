//! `integrations/python` → its tests, types and lints, and a run on a whole
//! Airflow, in a virtual environment with pinned versions; `integrations/wasmcloud`
//! → its figures.

use crate::python::{target, venv, workspace};
use crate::{cargo, hosts, integration_tests, joined, machine, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = "integrations/python";

/// wasmCloud's client and check: Python's own library is enough.
fn fleet() -> Result<(), String> {
    let folder = workspace().join("integrations/wasmcloud");
    println!("xtask: integrations/wasmcloud: unittest");
    run(Command::new("python3")
        .args(["-m", "unittest", "--quiet"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder))
}

/// The package's tests, a whole Airflow among them, its types and its lints; all
/// failures are reported.
pub fn all() -> Result<(), String> {
    let fleet = fleet();
    let tools = Tools::ready()?;
    let others = tools.each(&[
        ("pytest", &["-q", "--durations", "5"]),
        ("mypy", &[]),
        ("ruff", &["check", "--quiet"]),
        ("ruff", &["format", "--check", "--quiet"]),
    ]);
    joined([fleet, others])
}

/// Only the tests with Airflow, its scheduler and several workers.
pub fn airflow() -> Result<(), String> {
    Tools::ready()?.each(&[("pytest", &["-q", "-m", "engine", "--durations", "5"])])
}

/// The service on one, two and four of wasmCloud's hosts, one of them killed.
pub fn wasmcloud() -> Result<(), String> {
    machine::program("nats-server", "nats-server")?;
    machine::program("docker-registry", "docker-registry")?;
    let wash = hosts::wash()?;
    run(cargo().args(["build", "--package", "rowcast"]))?;
    run(Command::new("python3")
        .arg(workspace().join("integrations/wasmcloud/measure.py"))
        .arg("--rowcast")
        .arg(target()?.join("debug/rowcast"))
        .arg("--wash")
        .arg(wash))
}

/// What the commands are run with.
struct Tools {
    folder: PathBuf,
    programs: PathBuf,
    component: PathBuf,
}

impl Tools {
    /// Installs what is missing, and writes out the component as it is now.
    fn ready() -> Result<Self, String> {
        let folder = workspace().join(FOLDER);
        let requirements = Path::new(FOLDER).join("requirements.txt");
        let programs = venv("integration", &requirements.to_string_lossy())?.join("bin");
        run(Command::new(programs.join("pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--no-build-isolation", "--editable"])
            .arg(&folder))?;
        let written = target()?.join("python");
        fs::create_dir_all(&written)
            .map_err(|error| format!("create {}: {error}", written.display()))?;
        let component = written.join("rowcast-standalone.wasm");
        // The integration tests build the command.
        run(integration_tests().arg("--no-run"))?;
        run(Command::new(target()?.join("debug/rowcast"))
            .args(["component", "--standalone", "--output"])
            .arg(&component))?;
        Ok(Self {
            folder,
            programs,
            component,
        })
    }

    fn each(&self, checks: &[(&str, &[&str])]) -> Result<(), String> {
        joined(checks.iter().map(|(program, arguments)| {
            println!(
                "xtask: {FOLDER}: {program} {arguments}",
                arguments = arguments.join(" ")
            );
            run(Command::new(self.programs.join(program))
                .args(*arguments)
                .env("ROWCAST_COMPONENT", &self.component)
                .current_dir(&self.folder))
        }))
    }
}
