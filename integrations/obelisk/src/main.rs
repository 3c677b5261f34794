//! A path → the workflow component, written there.

use std::env;
use std::fs;
use std::process::ExitCode;

const WORKFLOW: &[u8] = include_bytes!(env!("ROWCAST_OBELISK_WORKFLOW"));

fn main() -> ExitCode {
    let Some(path) = env::args_os().nth(1) else {
        eprintln!("usage: rowcast-obelisk FILE\n\nWrites the workflow component to FILE.");
        return ExitCode::from(2);
    };
    match fs::write(&path, WORKFLOW) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: write {}\n  because: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
