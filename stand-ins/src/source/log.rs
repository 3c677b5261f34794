//! Requests, and pauses that were asked for → who came in a pause.

use crate::http::Seen;
use std::time::{Duration, Instant};

/// Requests that were on their way when a pause was asked for break no rule, if
/// they come soon and are few.
const ON_THE_WAY: Duration = Duration::from_millis(300);
const ON_THE_WAY_AT_MOST: usize = 20;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logged {
    /// It got what it asked for.
    Good,
    /// It was over the limit.
    Refused,
    /// Its token wasn't good.
    Unauthorised,
    /// A fault was planned for it.
    Failed,
}

/// A request for tracks.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When it had come.
    pub at: Instant,
    /// Path and query.
    pub target: String,
    /// What became of it.
    pub outcome: Logged,
}

#[derive(Default)]
pub(super) struct Log {
    pub asked: Vec<Asked>,
    pauses: Vec<(Instant, Duration)>,
}

impl Log {
    pub fn push(&mut self, seen: &Seen, outcome: Logged) {
        self.asked.push(Asked {
            at: seen.at,
            target: seen.target.clone(),
            outcome,
        });
    }

    pub fn pause(&mut self, from: Instant, lasting: Duration) {
        self.pauses.push((from, lasting));
    }

    pub fn inside_pauses(&self) -> usize {
        let passed = |asked: &Asked, (from, lasting): &(Instant, Duration)| {
            let passed = asked.at.checked_duration_since(*from)?;
            (passed < *lasting).then_some(passed)
        };
        let is_late = |asked: &&Asked| {
            let mut passed = self.pauses.iter().filter_map(|pause| passed(asked, pause));
            passed.any(|passed| passed >= ON_THE_WAY)
        };
        let soon = |pause| {
            let passed = self.asked.iter().filter_map(|asked| passed(asked, pause));
            passed.filter(|passed| *passed < ON_THE_WAY).count()
        };
        let soon = self.pauses.iter().map(soon).max().unwrap_or(0);
        let late = self.asked.iter().filter(is_late).count();
        late + soon.saturating_sub(ON_THE_WAY_AT_MOST)
    }
}
