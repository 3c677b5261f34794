//! The component's bytes, and capabilities for it → calls that end in time,
//! within their memory, and with everything accounted for.

mod account;
pub(crate) mod bindings;
mod called;
#[cfg(test)]
mod core;
mod dynamodb;
mod ending;
mod pipeline;
mod runtime;
mod said;
mod state;

pub use bindings::exports::rowcast::pipeline::extract::{
    Auth, Axis, Basic, Cell, ClientCredentials, CursorPagination, DoneCell, Extraction, Field,
    Pagination, RejectedCell, RejectedRecord, RejectionKind, Source,
};
pub use bindings::exports::rowcast::pipeline::load::{
    KeyAttribute, KeyKind, KeySchema, RejectedDocument, Report, SupersededDocument, Table,
};
pub use bindings::exports::rowcast::pipeline::query::{
    Access, Answer, Explanation, Finding, Question,
};
pub use bindings::rowcast::pipeline::types::{Failure, RateLimit, Retry, Stop};
pub use called::Called;
pub use ending::CallError;
pub use pipeline::Pipeline;
pub use runtime::{Capabilities, EngineError, Import, Runtime, Shape};

/// The component that this crate was built with: `rowcast:pipeline@0.1.0`. The
/// same bytes run in other hosts.
pub const COMPONENT: &[u8] = include_bytes!(env!("ROWCAST_PLUGIN"));

/// The same with its own signing, for hosts that don't provide `dynamodb`. With the
/// feature `cli` only: building it takes longer than the plugin alone.
#[cfg(feature = "cli")]
pub const STANDALONE: &[u8] = include_bytes!(env!("ROWCAST_STANDALONE"));
