//! WIT's calls → [`Standalone`]'s.

use crate::Standalone;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::{extract, load, query};
use rowcast_pipeline::bindings::rowcast::pipeline::types::Failure;
use rowcast_wasi::bindings::wasi::cli::environment::get_environment;

struct Component;

rowcast_pipeline::bindings::export!(Component with_types_in rowcast_pipeline::bindings);

fn standalone() -> Standalone {
    Standalone::new(get_environment())
}

impl extract::Guest for Component {
    fn extract(
        source: extract::Source,
        rows: Vec<String>,
        only: Option<Vec<extract::Cell>>,
        budget_ms: Option<u64>,
    ) -> Result<extract::Extraction, Failure> {
        standalone().extract(source, &rows, only.as_deref(), budget_ms)
    }
}

impl load::Guest for Component {
    fn load(
        table: load::Table,
        documents: Vec<String>,
        budget_ms: Option<u64>,
    ) -> Result<load::Report, Failure> {
        standalone().load(&table, &documents, budget_ms)
    }
}

impl query::Guest for Component {
    fn query(
        question: query::Question,
        cursor: Option<String>,
        budget_ms: Option<u64>,
    ) -> Result<query::Answer, Failure> {
        standalone().query(&question, cursor.as_deref(), budget_ms)
    }

    fn explain(
        question: query::Question,
        budget_ms: Option<u64>,
    ) -> Result<query::Explanation, Failure> {
        standalone().explain(&question, budget_ms)
    }
}
