//! The example's Python → a component, by the `componentize-py` that
//! `cargo xtask test` has installed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

static BUILT: LazyLock<PathBuf> = LazyLock::new(build);

/// The component's file. Built once, and again when its sources have changed.
pub fn component() -> &'static str {
    BUILT.to_str().unwrap()
}

fn build() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let example = workspace.join("examples/python-pipeline");
    let mut hasher = DefaultHasher::new();
    hash(&example.join("requirements.txt"), &mut hasher);
    hash(&example.join("rates"), &mut hasher);
    hash(&workspace.join("wit"), &mut hasher);
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let built = temporary.join(format!("python-pipeline-{:016x}.wasm", hasher.finish()));
    if built.exists() {
        return built;
    }
    let tool = temporary
        .parent()
        .unwrap()
        .join("venvs/python-pipeline/bin/componentize-py");
    assert!(
        tool.exists(),
        "componentize-py is missing: `cargo xtask test` installs it"
    );
    // Moved into place when complete.
    let unfinished = built.with_extension(std::process::id().to_string());
    let output = Command::new(tool)
        .arg("--wit-path")
        .arg(workspace.join("wit"))
        .args(["--world", "plugin", "componentize", "exchange_rates"])
        .arg("--python-path")
        .arg(example.join("rates"))
        .arg("--output")
        .arg(&unfinished)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    std::fs::rename(unfinished, &built).unwrap();
    built
}

/// The file's content, or that of all files in the folder.
fn hash(path: &Path, hasher: &mut DefaultHasher) {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).unwrap();
        let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for entry in entries {
            // What Python itself writes.
            if !entry.ends_with("__pycache__") {
                hash(&entry, hasher);
            }
        }
    } else {
        path.hash(hasher);
        std::fs::read(path).unwrap().hash(hasher);
    }
}
