//! The Rust toolchains of a machine → the first that can build for Wasm. `xtask`
//! includes this file, so that what it sets up is what a build then finds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What components are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Where Debian's packages `rustc-web`, `cargo-web` and `lld` have their programs.
pub const DEBIAN: &str = "/usr/bin";

/// A way to compile for Wasm.
#[derive(Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The running toolchain has the target's standard library.
    Target,
    /// A toolchain has the standard library's source.
    Source {
        /// Where its programs are, if it isn't the running one.
        programs: Option<PathBuf>,
        /// LLVM's, of whichever toolchain has it: Debian's has none.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// The running toolchain, if it can; otherwise the one with those programs.
    pub fn find(rustc: &str, programs: &Path) -> Option<Self> {
        let libraries = ask(
            rustc.as_ref(),
            &["--print", "target-libdir", "--target", TARGET],
        );
        if libraries.is_some_and(|folder| has_core(&folder)) {
            return Some(Self::Target);
        }
        let sysroot = |rustc: &Path| ask(rustc, &["--print", "sysroot"]);
        let running = sysroot(rustc.as_ref());
        let linker = running
            .as_deref()
            .and_then(linker)
            .or_else(|| Some(programs.join("wasm-ld")).filter(|file| file.exists()))?;
        if running.as_deref().is_some_and(has_source) {
            return Some(Self::Source {
                programs: None,
                linker,
            });
        }
        let other = sysroot(&programs.join("rustc"));
        let can = other.as_deref().is_some_and(has_source) && programs.join("cargo").exists();
        can.then(|| Self::Source {
            programs: Some(programs.to_owned()),
            linker,
        })
    }
}

fn ask(rustc: &Path, arguments: &[&str]) -> Option<PathBuf> {
    let mut command = Command::new(rustc);
    let output = command
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().into())
}

fn has_core(libraries: &Path) -> bool {
    let entries = fs::read_dir(libraries).into_iter().flatten().flatten();
    entries
        .into_iter()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
}

fn has_source(sysroot: &Path) -> bool {
    sysroot
        .join("lib/rustlib/src/rust/library/Cargo.lock")
        .exists()
}

/// A folder of `lib/rustlib` is called like the machine.
fn linker(sysroot: &Path) -> Option<PathBuf> {
    let machines = fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
    machines
        .flatten()
        .map(|machine| machine.path().join("bin/rust-lld"))
        .find(|file| file.exists())
}
