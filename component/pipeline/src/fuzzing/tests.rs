//! The corpus that `fuzz/` keeps → every target, without a fuzzer.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::TARGETS;
use std::fs;
use std::path::Path;

#[test]
fn the_corpus_replays() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let (mut files, mut bytes) = (0, 0);
    for (name, target) in TARGETS {
        let before = files;
        for entry in fs::read_dir(corpus.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            let result = std::panic::catch_unwind(|| target(&input));
            assert!(result.is_ok(), "{} fails, see above", path.display());
            files += 1;
            bytes += input.len();
        }
        assert!(files > before, "{name} has no corpus");
    }
    // It's kept by hand and small: what a run finds is minimised before.
    assert!(files < 200, "{files} files");
    assert!(bytes < 300_000, "{bytes} bytes");
}

#[test]
fn each_target_is_one_of_the_fuzzers() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let declared = manifest.matches("[[bin]]").count();
    assert_eq!(declared, TARGETS.len());
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let source = fs::read_to_string(fuzz.join(format!("targets/{name}.rs"))).unwrap();
        assert!(source.contains(&format!("fuzzing::{name}(")), "{name}");
    }
}
