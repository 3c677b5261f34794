//! One word for each thing: words that were given up don't come back, and a name
//! that says what a type is belongs to one type.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What was said, and what is said now.
const GIVEN_UP: [(&str, &str); 36] = [
    ("silence", "pause"),
    ("silences", "pauses"),
    ("silenced", "paused"),
    ("books", "ledger"),
    ("harvest", "extracted"),
    ("harvests", "extracted"),
    ("spoiled", "problem"),
    ("trouble", "retry reason"),
    ("trail", "page history"),
    ("vault", "token state"),
    ("fate", "outcome"),
    ("fates", "outcomes"),
    ("denial", "policy violation"),
    ("denials", "policy violations"),
    ("excerpt", "snippet"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("nevertheless", "anyway"),
    ("at the most", "at most"),
    ("handed_over", "emitted"),
    ("handed over", "emitted"),
    ("go on with", "continue"),
    ("goes on with", "continues"),
    ("goes on where", "continues where"),
    ("adapter", "the standalone component"),
    ("question", "query"),
    ("questions", "queries"),
    ("Question", "Query"),
    ("Questions", "Queries"),
    ("QUESTION", "QUERY"),
    ("QUESTIONS", "QUERIES"),
    ("Ending", "Settlement"),
    ("Trouble", "RetryReason"),
    ("Harvest", "Extracted"),
    ("Denial", "Violation"),
    ("Fate", "DocumentOutcome"),
];

/// Names of which there is one type.
const ONE_TYPE: [&str; 5] = ["Verdict", "Ledger", "Outcome", "Refusal", "Recording"];

const FOLDERS: [&str; 12] = [
    "bench",
    "build",
    "component",
    "docs",
    "examples",
    "fuzz",
    "host",
    "integrations",
    "stand-ins",
    "tests",
    "wit",
    "xtask",
];

const EXTENSIONS: [&str; 8] = ["js", "json", "md", "mjs", "py", "rs", "toml", "wit"];

/// Folders of what others wrote, or what is built.
const OTHERS: [&str; 6] = ["corpus", "data", "deps", "node_modules", "target", "venv"];

fn root() -> PathBuf {
    let host = Path::new(env!("CARGO_MANIFEST_DIR"));
    host.parent().unwrap().to_owned()
}

/// All sources and texts, but this one and what others wrote.
fn files() -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if !OTHERS.contains(&name) && !name.starts_with('.') {
                    collect(&path, found);
                }
            } else if path
                .extension()
                .is_some_and(|it| EXTENSIONS.contains(&it.to_str().unwrap()))
                && name != "words.rs"
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut found);
    }
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ] {
        found.push(root().join(document));
    }
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    found.into_iter().map(read).collect()
}

/// Whether a text has it as a whole word.
fn has(text: &str, word: &str) -> bool {
    let part = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    };
    text.match_indices(word).any(|(at, _)| {
        !part(text[..at].chars().next_back()) && !part(text[at + word.len()..].chars().next())
    })
}

#[test]
fn words_that_were_given_up_do_not_come_back() {
    let files = files();
    assert!(files.len() > 400, "{} files", files.len());
    let mut found = Vec::new();
    for (path, text) in &files {
        for (word, now) in GIVEN_UP {
            for (number, line) in text.lines().enumerate() {
                if has(line, word) {
                    let path = path.display();
                    found.push(format!("{path}:{}: `{word}`; say `{now}`", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn one_name_is_one_type() {
    let mut types = BTreeMap::<&str, Vec<String>>::new();
    for (path, text) in &files() {
        let is_test = path.components().any(|part| part.as_os_str() == "tests");
        let is_rust = path.extension().is_some_and(|it| it == "rs");
        for line in text.lines().filter(|_| is_rust && !is_test) {
            let line = line.trim_start();
            let line = line.strip_prefix("pub ").unwrap_or(line);
            let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
            let line = line.strip_prefix("pub(super) ").unwrap_or(line);
            let named = ["struct ", "enum ", "trait ", "type "]
                .iter()
                .find_map(|kind| line.strip_prefix(kind));
            let Some(named) = named else { continue };
            for name in ONE_TYPE {
                if has(named.split(['<', '(', '{', ' ', ';']).next().unwrap(), name) {
                    types
                        .entry(name)
                        .or_default()
                        .push(path.display().to_string());
                }
            }
        }
    }
    let several: Vec<_> = types.iter().filter(|(_, paths)| paths.len() > 1).collect();
    assert!(several.is_empty(), "{several:#?}");
    assert!(!types.is_empty(), "no type is found");
}
