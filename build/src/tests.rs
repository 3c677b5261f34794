//! Machines with more and less on them → what a component is built with.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::toolchain::{TARGET, Toolchain};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What there is besides two compilers: files, relative to the machine. `own` is
/// the running toolchain, `usr` the other one.
fn found(files: &[&str]) -> Option<Toolchain> {
    let machine = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let file = machine.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    for place in ["own", "usr"] {
        let root = machine.path().join(place);
        let root = root.display();
        let says = format!(
            "#!/bin/sh\ncase $2 in\n  sysroot) echo {root};;\n  *) echo {root}/lib/rustlib/$4/lib;;\nesac\n"
        );
        write(&format!("{place}/bin/rustc"), &says);
    }
    for file in files {
        write(file, "");
    }
    let rustc = machine.path().join("own/bin/rustc");
    let found = Toolchain::find(rustc.to_str().unwrap(), &machine.path().join("usr/bin"));
    found.map(|toolchain| match toolchain {
        Toolchain::Target => Toolchain::Target,
        Toolchain::Source { programs, linker } => {
            let within = |path: &Path| path.strip_prefix(machine.path()).unwrap().to_owned();
            Toolchain::Source {
                programs: programs.as_deref().map(within),
                linker: within(&linker),
            }
        }
    })
}

#[test]
fn the_first_toolchain_that_can_is_taken() {
    let core = format!("own/lib/rustlib/{TARGET}/lib/libcore-1.rlib");
    let own_source = "own/lib/rustlib/src/rust/library/Cargo.lock";
    let source = "usr/lib/rustlib/src/rust/library/Cargo.lock";
    let (own_linker, linker) = ("own/lib/rustlib/x86_64/bin/rust-lld", "usr/bin/wasm-ld");
    let cargo = "usr/bin/cargo";
    let check = |files: &[&str], expected: Option<(Option<&str>, &str)>| {
        let expected = expected.map(|(programs, linker)| Toolchain::Source {
            programs: programs.map(Into::into),
            linker: linker.into(),
        });
        assert_eq!(found(files), expected, "{files:?}");
    };
    assert_eq!(
        found(&[&core, own_source, own_linker]),
        Some(Toolchain::Target)
    );
    check(&[own_source, own_linker], Some((None, own_linker)));
    // Debian's packages alone: their sysroot lacks a linker.
    check(&[own_source, linker], Some((None, linker)));
    check(&[own_source], None);
    check(&[source, cargo, linker], Some((Some("usr/bin"), linker)));
    check(
        &[source, cargo, linker, own_linker],
        Some((Some("usr/bin"), own_linker)),
    );
    // Half of an installation.
    check(&[source, cargo], None);
    check(&[source, linker], None);
    check(&[cargo, linker, own_linker], None);
    check(&[], None);
}
