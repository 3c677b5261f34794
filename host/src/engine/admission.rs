//! What a component asks before it writes → the answers of whoever keeps a
//! record of what is written.

use futures_util::future::BoxFuture;

pub use super::bindings::rowcast::pipeline::admission::{
    Candidate, Decision, Digest, Interest, Outcome,
};

/// Decides which documents of a call are written, see `wit/admission.wit`.
pub trait Admit: Send + Sync {
    /// What it has to know of each candidate.
    fn interest(&self) -> Interest;

    /// One decision for each candidate, in order. An error ends the call.
    fn admit(
        &self,
        candidates: Vec<Candidate>,
    ) -> BoxFuture<'_, Result<Vec<Decision>, Undecidable>>;

    /// What became of candidates that were to be written.
    fn settle(&self, outcomes: Vec<Outcome>);
}

/// It can't be decided what is written; whoever decides knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it can't be decided which documents are written")]
pub struct Undecidable;
