//! What instances could share about pace and about documents → the trivial
//! answers: go, and write everything.

use super::bindings::rowcast::pipeline::{admission, pace};
use super::state::State;

impl pace::Host for State {
    fn reserve(&mut self, _upstream: String, _units: u32) -> pace::Turn {
        pace::Turn::Go
    }

    fn report(&mut self, _upstream: String, _observation: pace::Observation) {}
}

impl admission::Host for State {
    fn digest_key(&mut self) -> Option<admission::Digest> {
        None
    }

    async fn admit(&mut self, candidates: Vec<admission::Candidate>) -> Vec<admission::Decision> {
        vec![admission::Decision::Write; candidates.len()]
    }

    async fn settle(&mut self, _outcomes: Vec<admission::Outcome>) {}
}
