//! What `cargo xtask` installed under cargo's target directory → hosts to run
//! cases on, and their versions.

use super::host::Host;
use super::lines::Program;
use super::rowcast_host::Library;
use super::wash::Wash;
use super::wasmtime_command::WasmtimeCommand;

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// What every host but `wash` is given, byte for byte.
const STANDALONE: &str = "rowcast-standalone.wasm";
/// The same behind HTTP, which `wash` serves.
const SERVICE: &str = "rowcast-service.wasm";

/// Which host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rowcast,
    WasmtimeCommand,
    WasmtimePy,
    Jco,
    Wash,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Rowcast => "Rowcast",
            Self::WasmtimeCommand => "wasmtime",
            Self::WasmtimePy => "wasmtime-py",
            Self::Jco => "jco on Node",
            Self::Wash => "wasmCloud's wash",
        }
    }
}

/// The hosts' programs, and the component's files.
pub struct Installed {
    /// Cargo's target directory.
    target: PathBuf,
    files: TempDir,
}

impl Installed {
    pub fn find() -> Self {
        let program = std::env::current_exe().unwrap();
        let target = program
            .ancestors()
            .find(|folder| folder.join("CACHEDIR.TAG").is_file())
            .unwrap();
        assert!(
            target.join("hosts/jco/node_modules").is_dir(),
            "the other hosts are not installed; `cargo xtask test` does it"
        );
        let files = tempfile::tempdir().unwrap();
        let target = target.to_owned();
        let found = Self { target, files };
        found.write_out("--standalone", STANDALONE);
        found.write_out("--service", SERVICE);
        found
    }

    /// As users get it.
    fn write_out(&self, which: &str, name: &str) {
        let output = Command::new(env!("CARGO_BIN_EXE_rowcast"))
            .args(["component", which, "--output"])
            .arg(self.file(name))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "rowcast component {which}: {said}");
    }

    /// What every host is given.
    pub fn component_bytes(&self) -> Vec<u8> {
        std::fs::read(self.file(STANDALONE)).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// The hosts to run: those that `ROWCAST_HOSTS` names between commas, or
    /// those that are installed in seconds.
    pub fn kinds() -> Vec<Kind> {
        use Kind::{Jco, Rowcast, Wash, WasmtimeCommand, WasmtimePy};
        let all = [Rowcast, WasmtimeCommand, WasmtimePy, Jco, Wash];
        let wanted = std::env::var("ROWCAST_HOSTS").unwrap_or_default();
        let kinds: Vec<_> = all
            .into_iter()
            .filter(|kind| match wanted.as_str() {
                "all" => true,
                "" => *kind != WasmtimeCommand,
                names => names.split(',').any(|name| name == kind.name()),
            })
            .collect();
        assert!(!kinds.is_empty(), "ROWCAST_HOSTS={wanted} names no host");
        kinds
    }

    pub fn host(&self, kind: Kind, origins: &[String]) -> Host {
        let component = self.file(STANDALONE);
        match kind {
            Kind::Rowcast => Host::Library(Library::new(&self.component_bytes(), origins)),
            Kind::WasmtimeCommand => Host::Command(WasmtimeCommand {
                program: self.wasmtime(),
                component,
            }),
            Kind::WasmtimePy => Host::Program(Program::new(vec![
                self.python("wasmtime-py", "python").into(),
                driver("wasmtime_py/driver.py").into(),
                component.into(),
            ])),
            Kind::Jco => {
                // Node looks for packages above the file that imports them.
                let copy = self.target.join("hosts/jco/driver.mjs");
                std::fs::copy(driver("jco/driver.mjs"), &copy).unwrap();
                let transpiled = tempfile::tempdir_in(self.target.join("hosts/jco")).unwrap();
                Host::Program(Program::with_folder(
                    vec![
                        self.node().into(),
                        copy.into(),
                        component.into(),
                        transpiled.path().into(),
                    ],
                    transpiled,
                ))
            }
            Kind::Wash => Host::Wash(Wash {
                program: self.python("wash", "wash"),
                service: self.file(SERVICE),
                running: None,
            }),
        }
    }

    /// As the host itself says it.
    pub fn version(&self, kind: Kind) -> String {
        match kind {
            Kind::Rowcast => env!("CARGO_PKG_VERSION").to_owned(),
            Kind::WasmtimeCommand => number(&said(&self.wasmtime(), &["--version"])),
            Kind::WasmtimePy => {
                let ask = "import importlib.metadata as it; print(it.version('wasmtime'))";
                said(&self.python("wasmtime-py", "python"), &["-c", ask])
            }
            Kind::Jco => {
                let package = "hosts/jco/node_modules/@bytecodealliance/jco-transpile/package.json";
                let package = std::fs::read(self.target.join(package)).unwrap();
                let package: serde_json::Value = serde_json::from_slice(&package).unwrap();
                let jco = package["version"].as_str().unwrap().to_owned();
                let node = said(&self.node(), &["--version"]);
                format!("jco-transpile {jco}, Node {}", node.trim_start_matches('v'))
            }
            Kind::Wash => number(&said(&self.python("wash", "wash"), &["--version"])),
        }
    }

    fn wasmtime(&self) -> PathBuf {
        self.target.join("hosts/wasmtime/bin/wasmtime")
    }

    /// Of a virtual environment of that name.
    fn python(&self, environment: &str, program: &str) -> PathBuf {
        let environment = self.target.join("venvs").join(environment);
        environment.join("bin").join(program)
    }

    /// The one that was installed because the system's is too old, or the
    /// system's.
    fn node(&self) -> PathBuf {
        let own = self.target.join("hosts/node");
        if own.exists() { own } else { "node".into() }
    }
}

fn driver(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/hosts")
        .join(name)
}

fn said(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Of `wasmtime 48.0.8 (…)`.
fn number(said: &str) -> String {
    said.split(' ').nth(1).unwrap_or_default().to_owned()
}
