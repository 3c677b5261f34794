//! How an instance ended, if not with a result → why, and what to do about it.

use super::Failure;
use super::state::MemoryExceeded;
use crate::hint::Hint;
use crate::http_out::client::BoxError;
use crate::limits::Limits;
use std::fmt;
use std::time::Duration;
use wasmtime::component::ResourceTableError;
use wasmtime_wasi_http::FieldMapError;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The component says why.
    #[error("{}", Shown(.0))]
    Failure(Failure),
    /// It did not return in that time.
    #[error("the component did not return within {0:?}")]
    Timeout(Duration),
    /// It needs more than that many MiB.
    #[error("the component needs more than {0} MiB of memory")]
    Memory(u64),
    /// It hands over more than that many MiB at once.
    #[error("the component hands over more than {0} MiB at once")]
    Transfer(u64),
    /// It keeps more than that many resources.
    #[error("the component keeps more than {0} headers, requests, bodies and timers")]
    Resources(u32),
    /// A request's headers are longer than that many KiB.
    #[error("the component makes request headers longer than {0} KiB")]
    Headers(u64),
    /// Its result doesn't account for what it was given.
    #[error("the component's result doesn't account for what it was given: {0}")]
    Account(&'static str),
    /// It broke off: a panic or a bug.
    #[error("the component broke off")]
    Trapped(#[source] BoxError),
    /// No instance of it could be made.
    #[error("make an instance of the component")]
    Instantiate(#[source] BoxError),
}

impl CallError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        let text = match self {
            Self::Failure(Failure::ExecutionFailed | Failure::Unavailable(_)) => {
                "the same call may succeed later".to_owned()
            }
            Self::Failure(Failure::RateLimited(limit)) => {
                let seconds = Duration::from_millis(limit.retry_after_ms)
                    .as_secs_f64()
                    .ceil();
                format!("the same call may succeed after {seconds} s")
            }
            Self::Failure(Failure::PermanentInvalid(_) | Failure::PermanentDenied(_)) => {
                return None;
            }
            Self::Timeout(_) => {
                "raise `[limits] call_seconds` in rowcast.toml, or give it less at once".to_owned()
            }
            Self::Memory(_) => {
                "raise `[limits] memory_mib` in rowcast.toml, or give it less at once".to_owned()
            }
            Self::Transfer(_) => {
                "give it less at once: lower `run.chunk_rows` in rowcast.toml".to_owned()
            }
            Self::Resources(_) => "lower `source.concurrency` in rowcast.toml".to_owned(),
            Self::Headers(_) => "shorten `[source.headers]` in rowcast.toml".to_owned(),
            Self::Account(_) | Self::Trapped(_) => "this is a bug of the component".to_owned(),
            Self::Instantiate(_) => {
                "it may need more than `[limits] memory_mib` in rowcast.toml allows".to_owned()
            }
        };
        Some(Hint::new(text))
    }
}

struct Shown<'a>(&'a Failure);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Failure::ExecutionFailed => formatter.write_str("the component failed"),
            Failure::RateLimited(limit) => formatter.write_str(&limit.reason),
            Failure::Unavailable(problem)
            | Failure::PermanentInvalid(problem)
            | Failure::PermanentDenied(problem) => formatter.write_str(&problem.reason),
        }
    }
}

/// What wasmtime says of an end → ours.
pub(super) fn ended(limits: &Limits, error: wasmtime::Error) -> CallError {
    if let Some(exceeded) = memory(&error) {
        return exceeded;
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return CallError::Resources(limits.resources);
    }
    if let Some(FieldMapError::TotalSizeTooBig) = error.downcast_ref() {
        return CallError::Headers(limits.request_headers_kib);
    }
    // wasmtime keeps this error's type to itself.
    let cause = error.root_cause().to_string();
    if cause.ends_with("fuel allocated for hostcalls has been exhausted") {
        return CallError::Transfer(limits.transfer_mib);
    }
    if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
        tracing::debug!("the component broke off: {error:#}");
        return CallError::Trapped(Box::new(*trap));
    }
    CallError::Trapped(error.into())
}

pub(super) fn memory(error: &wasmtime::Error) -> Option<CallError> {
    error
        .downcast_ref::<MemoryExceeded>()
        .map(|exceeded| CallError::Memory(exceeded.0))
}
