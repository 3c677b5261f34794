//! Every check, one after the other; all failures are reported, not the first.

use crate::{cargo, integration, run};

/// Formatting, lints, documentation and all tests.
pub fn all() -> Result<(), String> {
    let python = integration::all().map_err(|reason| format!("integrations/python: {reason}"));
    let rust = report(&[
        ("formatting", &["fmt", "--all", "--check"]),
        // Tests first, lints later: what broke matters more than how it reads.
        ("tests", &["test", "--workspace", "--no-fail-fast"]),
        ("lints", LINTS),
        // As an application embeds it, without the command and the demo.
        ("the library alone", LIBRARY),
    ]);
    joined([rust, python])
}

/// Every failure, a line each.
pub fn joined(outcomes: impl IntoIterator<Item = Result<(), String>>) -> Result<(), String> {
    let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join("\n  "))
    }
}

/// Formatting and lints.
pub fn lints() -> Result<(), String> {
    report(&[
        ("formatting", &["fmt", "--all", "--check"]),
        ("lints", LINTS),
    ])
}

const LINTS: &[&str] = &[
    "clippy",
    "--workspace",
    "--all-targets",
    "--",
    "--deny",
    "warnings",
];

const LIBRARY: &[&str] = &[
    "check",
    "--package",
    "rowcast",
    "--lib",
    "--no-default-features",
];

fn report(checks: &[(&str, &[&str])]) -> Result<(), String> {
    let mut failed = Vec::new();
    for (name, arguments) in checks {
        println!("xtask: {name}: cargo {}", arguments.join(" "));
        if let Err(reason) = run(cargo().args(*arguments)) {
            failed.push(format!("{name}: {reason}"));
        }
    }
    if failed.is_empty() {
        println!("xtask: all {} checks passed", checks.len());
        return Ok(());
    }
    Err(format!(
        "{} of {} checks failed:\n  {}",
        failed.len(),
        checks.len(),
        failed.join("\n  ")
    ))
}
