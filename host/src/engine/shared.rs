//! What instances share: the pace of each upstream. Which documents are written
//! is decided in [`crate::run`], before they are loaded: all of those are.

use super::bindings::rowcast::pipeline::{admission, pace};
use super::state::State;

impl pace::Host for State {
    fn reserve(&mut self, upstream: String, units: u32) -> pace::Turn {
        self.paces.reserve(upstream, units)
    }

    fn report(&mut self, upstream: String, observation: pace::Observation) {
        self.paces.report(&upstream, &observation);
    }
}

impl admission::Host for State {
    fn wanted(&mut self) -> Option<admission::Interest> {
        None
    }

    async fn admit(&mut self, candidates: Vec<admission::Candidate>) -> Vec<admission::Decision> {
        vec![admission::Decision::Write; candidates.len()]
    }

    async fn settle(&mut self, _outcomes: Vec<admission::Outcome>) {}
}
