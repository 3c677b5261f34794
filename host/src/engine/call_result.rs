//! How a call ended, and what policy refused during it → whether the one is
//! because of the other. Nobody's words are read for that: a component says in
//! its own what it was refused, if it says so at all.

use super::call_error::CallError;
use super::{Explanation, Extraction, Failure, Page, RejectionKind, Report, Stop, TransferReport};
use crate::http_out::client::Repeats;
use crate::http_out::violation::{UpstreamFailure, Violation, Violations};

/// What a call came to.
#[derive(Debug)]
pub struct CallResult<T> {
    /// Its result.
    pub result: Result<T, CallError>,
    /// Why it stopped, failed or rejected something, where that was because
    /// policy refused a request: the component isn't told which setting would
    /// allow it, this says so.
    pub violation: Option<Violation>,
    /// What the host sent once more by itself.
    pub repeats: Repeated,
}

/// Requests that the host sent once more by itself, which the component doesn't
/// count: their connection was closed before the server answered, or it refused a
/// token, a signature or credentials that had expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeated {
    /// To the source.
    pub source: u32,
    /// To DynamoDB.
    pub dynamodb: u32,
    /// Requests to the source that the component counts and the host didn't send, as
    /// there was no token for them.
    pub unsent: u32,
    /// Those for which no connection could be made: what they say is about none of them.
    pub unreached: u32,
}

impl<T> CallResult<T> {
    /// The same with another form of its result.
    #[must_use]
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> CallResult<U> {
        CallResult {
            result: self.result.map(map),
            violation: self.violation,
            repeats: self.repeats,
        }
    }
}

/// The result with what was collected while it came about.
pub(super) fn called<T: Stops>(
    result: Result<T, CallError>,
    violations: &Violations,
    repeats: &(Repeats, Repeats),
) -> CallResult<T> {
    let claim = match &result {
        Ok(result) => result.upstream_failure(),
        Err(CallError::Failure(failure)) => of_failure(failure),
        // Whatever was refused to it, the component should have returned.
        Err(_) => None,
    };
    CallResult {
        violation: claim.and_then(|claim| violations.behind(claim)),
        repeats: Repeated {
            source: repeats.0.count(),
            dynamodb: repeats.1.count(),
            unsent: repeats.0.unsent(),
            unreached: repeats.0.unreached(),
        },
        result,
    }
}

/// A result that may say that something was refused or failed.
pub(super) trait Stops {
    fn upstream_failure(&self) -> Option<UpstreamFailure>;
}

impl Stops for Extraction {
    fn upstream_failure(&self) -> Option<UpstreamFailure> {
        let mut rejected = self.rejected.iter();
        let by_policy = rejected.any(|rejected| rejected.kind == RejectionKind::Policy);
        let rejection = by_policy.then_some(UpstreamFailure::Refused);
        self.stopped.as_ref().map_or(rejection, of_stop)
    }
}

impl Stops for TransferReport {
    fn upstream_failure(&self) -> Option<UpstreamFailure> {
        let mut rejected = self.rejected.iter();
        let by_policy = rejected.any(|rejected| rejected.kind == RejectionKind::Policy);
        let rejection = by_policy.then_some(UpstreamFailure::Refused);
        self.stopped.as_ref().map_or(rejection, of_stop)
    }
}

impl Stops for Report {
    fn upstream_failure(&self) -> Option<UpstreamFailure> {
        self.stopped.as_ref().and_then(of_stop)
    }
}

impl Stops for Page {
    fn upstream_failure(&self) -> Option<UpstreamFailure> {
        None
    }
}

impl Stops for Explanation {
    fn upstream_failure(&self) -> Option<UpstreamFailure> {
        None
    }
}

fn of_stop(stop: &Stop) -> Option<UpstreamFailure> {
    match stop {
        Stop::Denied(_) => Some(UpstreamFailure::Refused),
        Stop::Unavailable(_) => Some(UpstreamFailure::Failed),
        Stop::Budget | Stop::RateLimited(_) | Stop::Invalid(_) => None,
    }
}

fn of_failure(failure: &Failure) -> Option<UpstreamFailure> {
    match failure {
        Failure::PermanentDenied(_) => Some(UpstreamFailure::Refused),
        // A component that can't tell a refusal from other errors.
        Failure::Unavailable(_) | Failure::PermanentInvalid(_) | Failure::ExecutionFailed => {
            Some(UpstreamFailure::Failed)
        }
        Failure::RateLimited(_) => None,
    }
}
