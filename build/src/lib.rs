//! Packages of this workspace → the WASI components that a build script's crate
//! embeds, by the first toolchain at hand that can build for Wasm.

mod metadata;
#[cfg(test)]
mod tests;
mod toolchain;

use metadata::{Annotations, annotate};
use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use toolchain::{DEBIAN, TARGET, Toolchain};

/// For JSON's scanner, which looks at 16 bytes at a time. Every engine that runs
/// components has these instructions.
const FLAGS: (&str, &str) = (
    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
    "-Ctarget-feature=+simd128",
);

/// Set for a profile: the components keep the names of their functions.
const NAMES: &str = "ROWCAST_COMPONENT_NAMES";

/// Says the revision where the sources are in no repository.
const REVISION: &str = "ROWCAST_REVISION";

/// Builds components for the build script that it is made in.
pub struct Builder {
    workspace: PathBuf,
    out: PathBuf,
    /// Shared by all packages and profiles, so that the standard library is
    /// built once: `<target>/component`.
    target: PathBuf,
    toolchain: Toolchain,
}

impl Builder {
    /// For the running build script.
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
        let workspace = manifest
            .ancestors()
            .find(|folder| folder.join("Cargo.lock").exists())
            .ok_or("there is no workspace around this crate")?
            .to_owned();
        let out = PathBuf::from(env::var("OUT_DIR")?);
        // <target>/<profile>/build/<package>/out
        let target = out.ancestors().nth(4).unwrap_or(&out).join("component");
        for path in ["wit", "Cargo.toml", "Cargo.lock"] {
            println!("cargo::rerun-if-changed={}", workspace.join(path).display());
        }
        println!("cargo::rerun-if-changed=build.rs");
        println!("cargo::rerun-if-env-changed={NAMES}");
        Ok(Self {
            workspace,
            out,
            target,
            toolchain: toolchain()?,
        })
    }

    /// A change in that folder of the workspace builds everything anew.
    pub fn watch(&self, folder: &str) {
        for path in [format!("{folder}/src"), format!("{folder}/Cargo.toml")] {
            println!(
                "cargo::rerun-if-changed={}",
                self.workspace.join(path).display()
            );
        }
    }

    /// A package in a folder of the workspace → its component.
    pub fn build(&self, package: &str, folder: &str) -> Result<Vec<u8>, Box<dyn Error>> {
        self.watch(folder);
        let module = compile(&self.toolchain, package, &self.workspace, &self.target)?;
        let component = encode(&fs::read(module)?)?;
        let annotations = self.annotations(folder)?;
        Ok(annotate(component, package, &annotations))
    }

    /// What the workspace and the package say of themselves.
    fn annotations(&self, folder: &str) -> Result<Annotations, Box<dyn Error>> {
        let manifest = fs::read_to_string(self.workspace.join(folder).join("Cargo.toml"))?;
        let description = manifest
            .lines()
            .find_map(|line| line.strip_prefix("description = \"")?.strip_suffix('"'))
            .unwrap_or_default();
        // All packages of the workspace have the same version and licence.
        let own = |variable: &str| env::var(variable).unwrap_or_default();
        Ok(Annotations::from([
            ("description", description.to_owned()),
            ("licenses", own("CARGO_PKG_LICENSE")),
            ("revision", self.revision()),
            ("source", own("CARGO_PKG_REPOSITORY")),
            ("version", own("CARGO_PKG_VERSION")),
        ]))
    }

    /// The commit that a release is built from. Other builds have none: it would
    /// build everything anew after each commit.
    fn revision(&self) -> String {
        if env::var("PROFILE").as_deref() != Ok("release") {
            return String::new();
        }
        println!("cargo::rerun-if-env-changed={REVISION}");
        if let Ok(revision) = env::var(REVISION) {
            return revision;
        }
        let head = Command::new("git")
            .args(["rev-parse", "HEAD"])
            .current_dir(&self.workspace)
            .output();
        head.ok()
            .filter(|output| output.status.success())
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
            .unwrap_or_default()
    }

    /// Writes a component, and tells the compiler in that environment variable
    /// where it is.
    pub fn embed(
        &self,
        name: &str,
        component: &[u8],
        variable: &str,
    ) -> Result<(), Box<dyn Error>> {
        let path = self.out.join(name).with_extension("wasm");
        fs::write(&path, component)?;
        println!("cargo::rustc-env={variable}={}", path.display());
        Ok(())
    }
}

fn encode(module: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut encoder = wit_component::ComponentEncoder::default();
    Ok(encoder.validate(true).module(module)?.encode()?)
}

fn toolchain() -> Result<Toolchain, Box<dyn Error>> {
    Toolchain::find(&env::var("RUSTC")?, Path::new(DEBIAN)).ok_or_else(|| {
        format!(
            "the component needs a Rust toolchain that can build for {TARGET}, and there is none.\n\
             Run `cargo xtask setup`, which installs one, or do it yourself:\n  \
             rustup target add {TARGET}\n\
             or, on Debian:\n  \
             apt-get install --no-install-recommends rustc-web cargo-web rust-web-src lld"
        )
        .into()
    })
}

/// The core module of a package.
fn compile(
    toolchain: &Toolchain,
    package: &str,
    workspace: &Path,
    target: &Path,
) -> Result<PathBuf, Box<dyn Error>> {
    let programs = match toolchain {
        Toolchain::Target => None,
        Toolchain::Source { programs, .. } => programs.as_deref(),
    };
    let mut command = match programs {
        None => Command::new(env::var("CARGO")?),
        Some(programs) => Command::new(programs.join("cargo")),
    };
    // What cargo tells this script is about the host's build, not that one.
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else {
            continue;
        };
        let inherited = name.starts_with("CARGO_")
            && !name.starts_with("CARGO_HTTP_")
            && !name.starts_with("CARGO_NET_")
            && name != "CARGO_HOME";
        if inherited || name.starts_with("RUSTC") || name == "RUSTFLAGS" {
            command.env_remove(name);
        }
    }
    command
        .current_dir(workspace)
        .args(["rustc", "--package", package, "--lib"])
        .args(["--crate-type", "cdylib"]);
    command
        .args(["--profile", "component", "--target", TARGET, "--target-dir"])
        .arg(target);
    command.env(FLAGS.0, FLAGS.1);
    if env::var_os(NAMES).is_some() {
        command.env("CARGO_PROFILE_COMPONENT_STRIP", "debuginfo");
    }
    if let Some(programs) = programs {
        command.env("RUSTC", programs.join("rustc"));
    }
    if let Toolchain::Source { linker, .. } = toolchain {
        // Building the standard library is not stable yet.
        command
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
            .arg("-Zbuild-std=std,panic_abort");
    }
    let output = command.output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("build {package} for {TARGET}:\n{text}").into());
    }
    let file = format!("component/{}.wasm", package.replace('-', "_"));
    Ok(target.join(TARGET).join(file))
}
