//! The component's bytes, and capabilities for it → calls that end in time,
//! within their memory, and with everything accounted for.

mod admission;
pub(crate) mod bindings;
mod bounds;
mod call_error;
mod call_result;
mod compiled;
#[cfg(test)]
mod core;
mod describe;
mod dynamodb;
mod loaded;
mod pace;
mod pipeline;
mod runtime;
mod sandbox;
pub(crate) mod settings;
mod state;
mod stderr;
mod validate;

pub use crate::hold::Hold;
pub use admission::{Admit, Candidate, Decision, Digest, Interest, Outcome, Undecidable};
pub use bindings::exports::rowcast::pipeline::describe::{
    Description, Kind, Preset, Schema, Variable,
};
pub use bindings::exports::rowcast::pipeline::extract::{DoneRequest, Extraction};
pub use bindings::exports::rowcast::pipeline::load::{
    RejectedDocument, Report, SupersededDocument,
};
pub use bindings::exports::rowcast::pipeline::query::{Access, Diagnosis, Explanation, Page};
pub use bindings::exports::rowcast::pipeline::transfer::{
    PendingDocument, RejectedDocument as RejectedTransfer, Remaining, TransferReport,
};
pub use bindings::rowcast::pipeline::types::{
    Counter, Failure, PendingRequest, Problem, RateLimit, RejectedRecord, RejectedRequest,
    RejectionKind, Request, Stop, StopReason,
};
pub use call_error::CallError;
pub use call_result::{CallResult, Repeated};
pub use describe::{DescribeError, Describer};
pub use loaded::{Capabilities, Loaded};
pub use pipeline::Pipeline;
pub use rowcast_pipeline::settings::Mistake;
pub use runtime::{EngineError, Import, Runtime, Shape};
pub use settings::{Axis, Query, Source, Table};

/// The component that this crate was built with: `rowcast:pipeline@0.2.0`. The
/// same bytes run in other hosts.
pub const COMPONENT: &[u8] = include_bytes!(env!("ROWCAST_PLUGIN"));

/// The same with its own signing, for hosts that don't provide `dynamodb`. With the
/// feature `cli` only: building it takes longer than the plugin alone.
#[cfg(feature = "cli")]
pub const STANDALONE: &[u8] = include_bytes!(env!("ROWCAST_STANDALONE"));

/// The sum of the counters of that name.
#[must_use]
pub fn counted(counters: &[Counter], name: &str) -> f64 {
    let named = counters.iter().filter(|counter| counter.name == name);
    named.map(|counter| counter.value).sum()
}
