//! How a call ended, and what policy refused during it → whether the one is
//! because of the other. Nobody's words are read for that: a component says in
//! its own what it was refused, if it says so at all.

use super::ending::CallError;
use super::{Explanation, Extraction, Failure, Page, RejectionKind, Report, Stop, TransferReport};
use crate::http_out::denial::{Claim, Denial, Denials};

/// What a call came to.
#[derive(Debug)]
pub struct Called<T> {
    /// Its result.
    pub result: Result<T, CallError>,
    /// Why it stopped, failed or rejected something, where that was because
    /// policy refused a request: the component isn't told which setting would
    /// allow it, this says so.
    pub denial: Option<Denial>,
}

/// The result with what was collected while it came about.
pub(super) fn called<T: Stops>(result: Result<T, CallError>, denials: &Denials) -> Called<T> {
    let claim = match &result {
        Ok(result) => result.claim(),
        Err(CallError::Failure(failure)) => of_failure(failure),
        // Whatever was refused to it, the component should have returned.
        Err(_) => None,
    };
    Called {
        denial: claim.and_then(|claim| denials.behind(claim)),
        result,
    }
}

/// A result that may say that something was refused or failed.
pub(super) trait Stops {
    fn claim(&self) -> Option<Claim>;
}

impl Stops for Extraction {
    fn claim(&self) -> Option<Claim> {
        let mut rejected = self.rejected.iter();
        let by_policy = rejected.any(|rejected| rejected.kind == RejectionKind::Policy);
        let rejection = by_policy.then_some(Claim::Refused);
        self.stopped.as_ref().map_or(rejection, of_stop)
    }
}

impl Stops for TransferReport {
    fn claim(&self) -> Option<Claim> {
        let mut rejected = self.rejected.iter();
        let by_policy = rejected.any(|rejected| rejected.kind == RejectionKind::Policy);
        let rejection = by_policy.then_some(Claim::Refused);
        self.stopped.as_ref().map_or(rejection, of_stop)
    }
}

impl Stops for Report {
    fn claim(&self) -> Option<Claim> {
        self.stopped.as_ref().and_then(of_stop)
    }
}

impl Stops for Page {
    fn claim(&self) -> Option<Claim> {
        None
    }
}

impl Stops for Explanation {
    fn claim(&self) -> Option<Claim> {
        None
    }
}

fn of_stop(stop: &Stop) -> Option<Claim> {
    match stop {
        Stop::Denied(_) => Some(Claim::Refused),
        Stop::Unavailable(_) => Some(Claim::Failed),
        Stop::Budget | Stop::RateLimited(_) | Stop::Invalid(_) => None,
    }
}

fn of_failure(failure: &Failure) -> Option<Claim> {
    match failure {
        Failure::PermanentDenied(_) => Some(Claim::Refused),
        // A component that can't tell a refusal from other errors.
        Failure::Unavailable(_) | Failure::PermanentInvalid(_) | Failure::ExecutionFailed => {
            Some(Claim::Failed)
        }
        Failure::RateLimited(_) => None,
    }
}
