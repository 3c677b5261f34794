//! The built components' edges are exactly what the WIT says.

use expect_test::{Expect, expect};
use rowcast::engine::{COMPONENT, Runtime, STANDALONE};
use rowcast::limits::Limits;
use sha2::{Digest, Sha256};
use std::path::Path;
use wit_parser::{Resolve, UnresolvedPackageGroup};

const SERVICE: &[u8] = include_bytes!(env!("ROWCAST_SERVICE"));

/// Imports and exports, each in its own order.
fn check(component: &[u8], imports: &Expect, exports: &Expect) {
    let runtime = Runtime::with_cache(Limits::default(), None).unwrap();
    let mut shape = runtime.shape(component).unwrap();
    shape.imports.sort();
    imports.assert_eq(&shape.imports.join("\n"));
    exports.assert_eq(&shape.exports.join("\n"));
}

#[test]
fn imports_and_exports_are_those_of_the_wit() {
    check(
        COMPONENT,
        &expect![[r#"
            rowcast:pipeline/admission@0.2.0
            rowcast:pipeline/dynamodb@0.2.0
            rowcast:pipeline/pace@0.2.0
            rowcast:pipeline/types@0.2.0
            wasi:clocks/monotonic-clock@0.2.12
            wasi:clocks/wall-clock@0.2.12
            wasi:http/outgoing-handler@0.2.12
            wasi:http/types@0.2.12
            wasi:io/error@0.2.12
            wasi:io/poll@0.2.12
            wasi:io/streams@0.2.12
            wasi:random/random@0.2.12"#]],
        &expect![[r#"
            rowcast:pipeline/describe@0.2.0
            rowcast:pipeline/extract@0.2.0
            rowcast:pipeline/load@0.2.0
            rowcast:pipeline/transfer@0.2.0
            rowcast:pipeline/query@0.2.0"#]],
    );
}

/// As `sha256sum` and `wasm-tools metadata show` would say.
#[test]
fn artifacts_say_what_they_are() {
    for (flag, name, bytes) in [
        (None, "rowcast-plugin", COMPONENT),
        (Some("--standalone"), "rowcast-standalone", STANDALONE),
        (Some("--service"), "rowcast-service", SERVICE),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_rowcast"))
            .arg("component")
            .args(flag)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let digest = Sha256::digest(bytes);
        let digest = digest
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert!(said.contains(&format!("\nsha256   {digest}\n")), "{said}");
        // A custom section's name follows its length, and then its text.
        let has = |section: &str, text: &str| {
            let length = char::from(u8::try_from(section.len()).unwrap());
            let wanted = format!("{length}{section}{text}");
            let found = bytes
                .windows(wanted.len())
                .any(|it| it == wanted.as_bytes());
            assert!(found, "{name} lacks {section} {text}");
        };
        let named = char::from(u8::try_from(name.len()).unwrap());
        let size = char::from(u8::try_from(name.len() + 1).unwrap());
        has("component-name", &format!("\0{size}{named}{name}"));
        has("description", "Rowcast's ");
        has("licenses", env!("CARGO_PKG_LICENSE"));
        has("version", env!("CARGO_PKG_VERSION"));
    }
}

/// `types` has no function, so nothing need be given for it.
#[test]
fn the_standalone_component_and_the_service_need_only_wasi() {
    let imports = expect![[r#"
        rowcast:pipeline/types@0.2.0
        wasi:cli/environment@0.2.12
        wasi:clocks/monotonic-clock@0.2.12
        wasi:clocks/wall-clock@0.2.12
        wasi:http/outgoing-handler@0.2.12
        wasi:http/types@0.2.12
        wasi:io/error@0.2.12
        wasi:io/poll@0.2.12
        wasi:io/streams@0.2.12
        wasi:random/random@0.2.12"#]];
    check(
        STANDALONE,
        &imports,
        &expect![[r#"
            rowcast:pipeline/describe@0.2.0
            rowcast:pipeline/extract@0.2.0
            rowcast:pipeline/load@0.2.0
            rowcast:pipeline/transfer@0.2.0
            rowcast:pipeline/query@0.2.0"#]],
    );
    // Nothing of its edge is the contract's own.
    let imports = expect![[r#"
        wasi:cli/environment@0.2.12
        wasi:clocks/monotonic-clock@0.2.12
        wasi:clocks/wall-clock@0.2.12
        wasi:http/outgoing-handler@0.2.12
        wasi:http/types@0.2.12
        wasi:io/error@0.2.12
        wasi:io/poll@0.2.12
        wasi:io/streams@0.2.12
        wasi:random/random@0.2.12"#]];
    check(
        SERVICE,
        &imports,
        &expect!["wasi:http/incoming-handler@0.2.12"],
    );
}

/// The contract as it was published, in `tests/data/wit`, with a change made to
/// it, compared with today's.
fn compatible(world: &str, change: (&str, &str)) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut resolve = Resolve::default();
    let (now, _) = resolve.push_dir(root.join("wit")).unwrap();
    // One resolve holds no two packages of one name and version.
    let published = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(root.join("tests/data/wit/0.2.0")).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let text = text.replace("pipeline@0.2.0", "pipeline@0.2.999");
        let text = text.replace(change.0, change.1);
        std::fs::write(published.path().join(file.file_name()), text).unwrap();
    }
    let published = UnresolvedPackageGroup::parse_dir(published.path()).unwrap();
    let published = resolve.push_group(published).unwrap();
    let [published, now] = [published, now].map(|package| {
        let worlds = &resolve.packages[package].worlds;
        worlds[world]
    });
    wit_component::semver_check(resolve, published, now).map_err(|error| format!("{error:#}"))
}

/// A change that breaks whoever uses the contract needs another version of it,
/// and another folder in `tests/data/wit`.
#[test]
fn the_contract_breaks_nobody() {
    for world in ["plugin", "standalone"] {
        compatible(world, ("", "")).unwrap();
        let refused = compatible(world, ("row: u32,", "row: u64,"));
        assert!(refused.is_err(), "a field of another type breaks {world}");
        let refused = compatible(world, ("export query;", ""));
        assert!(refused.is_err(), "an export more breaks those without it");
    }
}
