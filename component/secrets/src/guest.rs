//! The component's edge: a call → the next component's, its references filled.

use crate::bindings::exports::rowcast::pipeline::{extract, transfer};
use crate::bindings::rowcast::pipeline::types::{Failure, PendingRequest, Problem};
use crate::bindings::rowcast::pipeline::{extract as next_extract, transfer as next_transfer};
use crate::bindings::wasi::cli::environment::get_environment;
use crate::fill::fill;

struct Component;

crate::bindings::export!(Component with_types_in crate::bindings);

impl extract::Guest for Component {
    fn extract(
        source: String,
        rows: Vec<String>,
        only: Option<Vec<PendingRequest>>,
        budget_ms: Option<u64>,
    ) -> Result<extract::Extraction, Failure> {
        next_extract::extract(&filled(&source)?, &rows, only.as_deref(), budget_ms)
    }
}

impl transfer::Guest for Component {
    fn transfer(
        source: String,
        table: String,
        rows: Vec<String>,
        remaining: Option<transfer::Remaining>,
        budget_ms: Option<u64>,
    ) -> Result<transfer::TransferReport, Failure> {
        let source = filled(&source)?;
        next_transfer::transfer(&source, &table, &rows, remaining.as_ref(), budget_ms)
    }
}

fn filled(source: &str) -> Result<String, Failure> {
    let variables = get_environment();
    let filled = fill(source, |name| {
        let found = variables.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    });
    filled.map_err(|error| {
        Failure::PermanentInvalid(Problem {
            reason: error.to_string(),
            counters: Vec::new(),
        })
    })
}
