//! Times and units → how many units there were in which time, in bounded
//! memory.

use std::collections::VecDeque;

/// Entries that are kept; neighbours are joined beyond that.
const MOST: usize = 512;

/// When how many units were sent or accepted, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct History(VecDeque<(u64, u32)>);

impl History {
    /// Notes units at a time that isn't before any other.
    pub(super) fn add(&mut self, at_ms: u64, units: u32) {
        match self.0.back_mut() {
            Some((last, count)) if *last >= at_ms => *count = count.saturating_add(units),
            Some(_) | None => self.0.push_back((at_ms, units)),
        }
        if self.0.len() > MOST {
            self.join();
        }
    }

    /// Units since that time, it included.
    pub(super) fn since(&self, from_ms: u64) -> f64 {
        let recent = self.0.iter().rev().take_while(|entry| entry.0 >= from_ms);
        recent.map(|entry| f64::from(entry.1)).sum()
    }

    /// The first entry since that time, it included.
    pub(super) fn oldest_since(&self, from_ms: u64) -> Option<u64> {
        let recent = self.0.iter().rev().take_while(|entry| entry.0 >= from_ms);
        recent.last().map(|entry| entry.0)
    }

    /// Joins each two neighbours under the later one's time: a window then
    /// frees up a little late, and never early.
    fn join(&mut self) {
        let mut joined = VecDeque::with_capacity(MOST);
        while let Some((first, units)) = self.0.pop_front() {
            joined.push_back(match self.0.pop_front() {
                Some((second, more)) => (second, units.saturating_add(more)),
                None => (first, units),
            });
        }
        self.0 = joined;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_nothing_frees_up_early() {
        let mut history = History::default();
        for at in 0..100_000 {
            history.add(at, 1);
        }
        assert!(history.0.len() <= MOST);
        for from in [0, 50_000, 99_000, 99_990] {
            let exact = f64::from(100_000 - u32::try_from(from).unwrap_or_default());
            assert!(history.since(from) >= exact, "since {from}");
        }
    }
}
