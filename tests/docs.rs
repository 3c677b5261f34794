//! The documents name files that exist and show code that compiles.

use rowcast::config::Config;
use rowcast::host::Host;
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

/// Paths are whole: a file that was moved or renamed is noticed, also where
/// another of its name exists.
#[test]
fn named_files_exist() {
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for name in quoted(&text) {
            let extension = Path::new(&name).extension().and_then(|it| it.to_str());
            let first = name.split('/').next().unwrap();
            let is_path = matches!(extension, Some("rs" | "md"))
                || name.ends_with('/')
                || (name.contains('/') && root().join(first).is_dir());
            if is_path && !first.is_empty() && !name.contains([' ', ':', '*']) {
                assert!(root().join(&name).exists(), "{document} names `{name}`");
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

/// The lines of the first block of Rust.
fn example(text: &str, fence: &str) -> Vec<String> {
    let (_, rest) = text.split_once(&format!("{fence}\n")).unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    example.lines().map(str::to_owned).collect()
}

#[test]
fn the_readmes_example_is_the_one_that_is_compiled() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let source = fs::read_to_string(root().join("host/src/host.rs")).unwrap();
    let documentation: Vec<&str> = source
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let mut compiled = example(&documentation.join("\n"), "```no_run");
    // What rustdoc doesn't show either.
    compiled.retain(|line| !line.starts_with("# "));
    assert_eq!(example(&readme, "```rust"), compiled);
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

/// The source files below these folders, with their paths.
fn sources(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 20, "{folders:?} have source files");
    found
}

/// `cargo xtask test` runs these with Amazon's DynamoDB Local apart.
#[test]
fn tests_on_each_dynamodb_are_named_so() {
    for (path, text) in sources(&["tests"]) {
        let mut name = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("async fn ") {
                name = rest.split('(').next().unwrap();
            }
            let calls = line.trim_start().starts_with("on_each(");
            assert!(
                !calls || name.ends_with("_on_each_dynamodb"),
                "{}: {name}",
                path.display()
            );
        }
    }
}

/// Each configuration of docs/sources.md is one that the component accepts.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_sources_are_valid() {
    let text = fs::read_to_string(root().join("docs/sources.md")).unwrap();
    let blocks: Vec<_> = text.split("```toml\n").skip(1).collect();
    assert!(blocks.len() >= 6, "{}", blocks.len());
    let folder = tempfile::tempdir().unwrap();
    for block in blocks {
        let (example, _) = block.split_once("```").unwrap();
        // It is the component that says so.
        let wrong = example.replace("records = ", "recrods = ");
        for (text, expected) in [(example, true), (&wrong, false)] {
            let mut configuration = text.to_owned();
            if text.starts_with("summary = ") {
                let preset = folder.path().join("mine.toml");
                fs::write(&preset, text).unwrap();
                configuration = format!("[source]\npreset = \"{}\"\n", preset.display());
            }
            let config = Config::parse(&configuration, |_| Some("value".to_owned()));
            let host = Host::new(config.unwrap()).await;
            assert_eq!(host.is_ok(), expected, "{text}: {:?}", host.err());
        }
    }
}
