//! The component's edge: a call → the next component's, its references filled.

use crate::bindings::exports::rowcast::pipeline::extract::Guest;
use crate::bindings::rowcast::pipeline::extract::{Cell, Extraction, Source, extract};
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::bindings::wasi::cli::environment::get_environment;
use crate::fill::fill;

struct Component;

crate::bindings::export!(Component with_types_in crate::bindings);

impl Guest for Component {
    fn extract(
        source: Source,
        rows: Vec<String>,
        only: Option<Vec<Cell>>,
        budget_ms: Option<u64>,
    ) -> Result<Extraction, Failure> {
        let variables = get_environment();
        let source = fill(source, |name| {
            let found = variables.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str())
        });
        let source = source.map_err(|error| Failure::PermanentInvalid(error.to_string()))?;
        extract(&source, &rows, only.as_deref(), budget_ms)
    }
}
