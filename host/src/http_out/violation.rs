//! Refusals of policy → one log line for each distinct one; the last is kept
//! for the result of the call it happened in, with what went wrong after it.

use super::egress::Denied;
use crate::hint::Hint;
use http::StatusCode;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What policy refused to the component, and the setting that would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    message: String,
    hint: Option<Hint>,
    /// It's the number of requests that is refused: fewer at once may pass.
    too_many: bool,
    /// There are no credentials: nothing is wrong with the requests.
    no_credentials: bool,
}

impl Violation {
    /// A refusal in one sentence, and what to do about it.
    #[must_use]
    pub fn new(message: impl Into<String>, hint: Option<Hint>) -> Self {
        // It may quote the component, and goes to the operator's terminal.
        let message: String = message.into();
        let message = message
            .chars()
            .map(|letter| {
                if letter.is_control() {
                    '\u{fffd}'
                } else {
                    letter
                }
            })
            .take(LONGEST)
            .collect();
        Self {
            message,
            hint,
            too_many: false,
            no_credentials: false,
        }
    }

    /// Credentials are refused that a request would have been sent with.
    pub(crate) fn no_credentials(message: impl Into<String>, hint: Option<Hint>) -> Self {
        Self {
            no_credentials: true,
            ..Self::new(message, hint)
        }
    }

    /// Whether it says nothing of the requests that it kept from being sent.
    pub(crate) fn is_no_credentials(&self) -> bool {
        self.no_credentials
    }

    /// A refusal of one request too many in a call.
    pub(crate) fn too_many(message: impl Into<String>, hint: Hint) -> Self {
        Self {
            too_many: true,
            ..Self::new(message, Some(hint))
        }
    }

    /// Whether fewer requests at once may pass.
    pub(crate) fn is_too_many(&self) -> bool {
        self.too_many
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        self.hint.clone()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<&Denied> for Violation {
    fn from(denied: &Denied) -> Self {
        Self::new(denied.to_string(), denied.hint())
    }
}

/// Characters of a refusal at most.
const LONGEST: usize = 500;

/// Distinct refusals that are logged; a guest that invents URLs would fill the
/// log otherwise.
const LOGGED: usize = 64;

/// What was wrong with a request: as a component claims it of a call, or as the
/// host saw it of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpstreamFailure {
    /// Somebody refused it.
    Refused,
    /// It was not answered, or not as hoped.
    Failed,
}

impl UpstreamFailure {
    /// What an upstream's status is, if it's failure of that kind.
    pub(crate) fn of_status(status: StatusCode) -> Option<Self> {
        match status.as_u16() {
            401 | 403 | 407 => Some(Self::Refused),
            408 | 425 | 429 | 500.. => Some(Self::Failed),
            _ => None,
        }
    }
}

/// Collects refusals. Clones share what they collect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Violations {
    logged: Arc<Mutex<BTreeSet<String>>>,
    last: Arc<Mutex<Last>>,
}

/// The last refusal of policy, and what upstreams have done since.
#[derive(Debug, Default)]
struct Last {
    violation: Option<Violation>,
    refused: bool,
    failed: bool,
}

impl Violations {
    /// For one call: logs together with the others, remembers its own last.
    pub(crate) fn of_call(&self) -> Self {
        Self {
            logged: self.logged.clone(),
            last: Arc::default(),
        }
    }

    pub(crate) fn record(&self, violation: Violation) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() < LOGGED && logged.insert(violation.message.clone()) {
            let hint = violation.hint.as_ref().map(tracing::field::display);
            tracing::warn!(hint, "{violation}");
        }
        drop(logged);
        *self.last() = Last {
            violation: Some(violation),
            ..Last::default()
        };
    }

    /// An upstream itself gave a reason to stop, which is another than policy.
    pub(crate) fn failure(&self, failure: UpstreamFailure) {
        match failure {
            UpstreamFailure::Refused => self.last().refused = true,
            UpstreamFailure::Failed => self.last().failed = true,
        }
    }

    /// What policy refused, if a call that ends with this claim ends because of
    /// it: unless something later is the likelier reason.
    pub(crate) fn behind(&self, claim: UpstreamFailure) -> Option<Violation> {
        let last = self.last();
        let other = match claim {
            UpstreamFailure::Refused => last.refused,
            UpstreamFailure::Failed => last.refused || last.failed,
        };
        last.violation.clone().filter(|_| !other)
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each event in its order, `p` for a refusal of policy, a number for an
    /// upstream's status.
    fn check(events: &[&str], claim: UpstreamFailure, expected: bool) {
        let violations = Violations::default();
        for event in events {
            match event.parse() {
                Err(_) => violations.record(Violation::new(*event, None)),
                Ok(status) => {
                    if let Some(failure) = UpstreamFailure::of_status(status) {
                        violations.failure(failure);
                    }
                }
            }
        }
        let behind = violations.behind(claim).is_some();
        assert_eq!(behind, expected, "{events:?} {claim:?}");
    }

    #[test]
    fn the_last_trouble_of_that_kind_is_the_reason() {
        check(&[], UpstreamFailure::Refused, false);
        check(&["403"], UpstreamFailure::Refused, false);
        for claim in [UpstreamFailure::Refused, UpstreamFailure::Failed] {
            check(&["p"], claim, true);
            check(&["403", "503", "p"], claim, true);
            check(&["p", "401"], claim, false);
            check(&["p", "200", "304", "404"], claim, true);
            check(&["p", "503", "p"], claim, true);
        }
        // Somebody refused it, and it wasn't the source that is down.
        check(&["p", "503"], UpstreamFailure::Refused, true);
        check(&["p", "503"], UpstreamFailure::Failed, false);
        check(&["p", "429"], UpstreamFailure::Failed, false);
    }
}
