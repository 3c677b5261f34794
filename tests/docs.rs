//! The documents name files that exist and show code that compiles.

use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENTS: [&str; 5] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// What stands between backticks, outside code blocks.
fn quoted(text: &str) -> Vec<String> {
    let outside: Vec<&str> = text.split("```").step_by(2).collect();
    let pieces = outside
        .iter()
        .flat_map(|part| part.split('`').skip(1).step_by(2));
    pieces.map(str::to_owned).collect()
}

/// Where a file may be that a document names: it may leave out a folder that
/// its sentence has named.
fn places(name: &str) -> impl Iterator<Item = PathBuf> {
    let folders = [
        "",
        "host/src",
        "component/pipeline/src",
        "component/pipeline/src/extract",
        "component/pipeline/src/load",
    ];
    let more = [
        "component/pipeline/src/dynamodb",
        "component/pipeline/src/query",
        "host/src/engine",
        "host/src/dynamodb",
        "host/src/command",
    ];
    folders
        .into_iter()
        .chain(more)
        .map(move |folder| root().join(folder).join(name))
}

#[test]
fn named_files_exist() {
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for name in quoted(&text) {
            let extension = Path::new(&name).extension().and_then(|it| it.to_str());
            let is_path = matches!(extension, Some("rs" | "md")) || name.ends_with('/');
            if is_path && !name.contains([' ', ':', '*']) {
                assert!(
                    places(&name).any(|path| path.exists()),
                    "{document} names `{name}`"
                );
            }
        }
    }
}

#[test]
fn linked_files_exist() {
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if !link.starts_with("https://") {
                assert!(root().join(link).exists(), "{document} links to {link}");
            }
        }
    }
}

#[test]
fn the_readmes_example_is_the_one_that_is_compiled() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let example = readme
        .split("```rust\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let source = fs::read_to_string(root().join("host/src/host.rs")).unwrap();
    let documentation: Vec<&str> = source
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .collect();
    for line in example
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        assert!(
            documentation.contains(&line),
            "host.rs doesn't compile `{line}`"
        );
    }
}

#[test]
fn every_command_is_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for entry in fs::read_dir(root().join("host/src/command")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        // A command's file opens with its name: //! `rowcast NAME`
        let Some(name) = text.strip_prefix("//! `rowcast ") else {
            continue;
        };
        let name = name.split(['`', ' ']).next().unwrap();
        assert!(
            readme.contains(&format!("`rowcast {name}")),
            "README.md lacks `rowcast {name}`"
        );
    }
}
