//! Every check, one after the other; all failures are reported, not the first.

use crate::{cargo, run};

/// Formatting, lints, documentation and all tests.
pub fn all() -> Result<(), String> {
    report(&[
        ("formatting", &["fmt", "--all", "--check"]),
        // Tests first, lints later: what broke matters more than how it reads.
        ("tests", &["test", "--workspace", "--no-fail-fast"]),
        ("lints", LINTS),
    ])
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
