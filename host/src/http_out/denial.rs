//! Refusals of policy → one log line for each distinct one; the last is kept
//! for the error of the call it happened in.

use super::egress::Denied;
use crate::hint::Hint;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What policy refused to the component, and the setting that would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    message: String,
    hint: Option<Hint>,
}

impl Denial {
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
        Self { message, hint }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        self.hint.clone()
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<&Denied> for Denial {
    fn from(denied: &Denied) -> Self {
        Self::new(denied.to_string(), denied.hint())
    }
}

/// Characters of a refusal at the most.
const LONGEST: usize = 500;

/// Distinct refusals that are logged; a guest that invents URLs would fill the
/// log otherwise.
const LOGGED: usize = 64;

/// Collects refusals. Clones share what they collect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denials {
    logged: Arc<Mutex<BTreeSet<String>>>,
    last: Arc<Mutex<Option<Denial>>>,
}

impl Denials {
    /// For one call: logs together with the others, remembers its own last.
    pub(crate) fn of_call(&self) -> Self {
        Self {
            logged: self.logged.clone(),
            last: Arc::default(),
        }
    }

    pub(crate) fn record(&self, denial: Denial) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() < LOGGED && logged.insert(denial.message.clone()) {
            let hint = denial.hint.as_ref().map(tracing::field::display);
            tracing::warn!(hint, "{denial}");
        }
        drop(logged);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(denial);
    }

    pub(crate) fn last(&self) -> Option<Denial> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
