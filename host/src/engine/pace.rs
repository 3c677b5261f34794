//! What all instances learn about an upstream's limits → when each may send. One
//! pace for each origin and each table, shared by all calls of a pipeline.

use super::bindings::rowcast::pipeline::pace::{Observation, Turn};
use crate::hold::{Holds, Step};
use crate::random::random;
use rowcast_pipeline::pace::{self, Budget, Pace};
use rowcast_pipeline::settings::Rate;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Upstreams that are paced; a component has a few. It paces others itself.
const MOST: usize = 64;

/// Longer than any call waits for its turn.
const HELD_MS: u64 = 365 * 24 * 3_600_000;

/// The paces of all upstreams. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Paces {
    started: Instant,
    upstreams: Arc<Mutex<HashMap<String, Pace>>>,
    holds: Holds,
}

/// One call's part. What it reserved and didn't report is given back when it
/// ends, however it does.
#[derive(Debug)]
pub(super) struct CallPaces {
    paces: Paces,
    /// The source's settings, in which a new upstream's budget is looked up.
    source: Option<String>,
    /// Reservations that have no report yet.
    reserved: HashMap<String, u64>,
}

impl Paces {
    pub(super) fn new(holds: Holds) -> Self {
        Self {
            started: Instant::now(),
            upstreams: Arc::default(),
            holds,
        }
    }

    /// The same paces, held by others.
    pub(super) fn held_by(self, holds: Holds) -> Self {
        Self { holds, ..self }
    }

    /// For a call with that source's settings, if it has a source.
    pub(super) fn of_call(&self, source: Option<&str>) -> CallPaces {
        CallPaces {
            paces: self.clone(),
            source: source.map(str::to_owned),
            reserved: HashMap::new(),
        }
    }

    fn reserve(&self, upstream: &str, units: u32, source: Option<&str>) -> Option<u64> {
        let now = self.now_ms();
        let of_table = upstream.starts_with("dynamodb:");
        let step = if of_table {
            Step::Tables
        } else {
            Step::Sources
        };
        if self.holds.is(step) {
            return Some(HELD_MS);
        }
        let mut upstreams = self.upstreams();
        if !upstreams.contains_key(upstream) {
            if upstreams.len() >= MOST {
                return None;
            }
            let new = if of_table {
                Pace::of_units()
            } else {
                Pace::of_requests(source.and_then(budget))
            };
            upstreams.insert(upstream.to_owned(), new);
        }
        let pace = upstreams.get_mut(upstream)?;
        Some(pace.reserve(now, units, random()))
    }

    fn report(&self, upstream: &str, seen: &pace::Observation) {
        let now = self.now_ms();
        if let Some(pace) = self.upstreams().get_mut(upstream) {
            pace.report(now, seen);
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn upstreams(&self) -> MutexGuard<'_, HashMap<String, Pace>> {
        self.upstreams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request budget that a source's settings have. What they mean otherwise is
/// the component's.
fn budget(source: &str) -> Option<Budget> {
    #[derive(Deserialize)]
    struct Settings {
        rate: Option<Rate>,
    }
    let settings: Settings = serde_json::from_str(source).ok()?;
    settings.rate.map(|rate| rate.budget())
}

impl CallPaces {
    pub(super) fn reserve(&mut self, upstream: String, units: u32) -> Turn {
        let source = self.source.as_deref();
        match self.paces.reserve(&upstream, units, source) {
            None => Turn::Go,
            Some(wait) => {
                if wait == 0 && units > 0 {
                    *self.reserved.entry(upstream).or_default() += 1;
                }
                Turn::After(wait)
            }
        }
    }

    /// A report without a reservation says nothing.
    pub(super) fn report(&mut self, upstream: &str, seen: &Observation) {
        let Some(reserved) = self.reserved.get_mut(upstream).filter(|count| **count > 0) else {
            return;
        };
        *reserved -= 1;
        let seen = pace::Observation {
            accepted: seen.accepted,
            refused: seen.refused,
            pause_ms: seen.pause_ms,
            remaining: seen.remaining,
            reset_ms: seen.reset_ms,
            held_ms: seen.held_ms,
        };
        self.paces.report(upstream, &seen);
    }
}

impl Drop for CallPaces {
    fn drop(&mut self) {
        for (upstream, count) in &self.reserved {
            for _ in 0..*count {
                self.paces.report(upstream, &pace::Observation::default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://api.test";

    fn sent(call: &mut CallPaces) -> u64 {
        let mut sent = 0;
        while call.reserve(ORIGIN.to_owned(), 1) == Turn::After(0) {
            sent += 1;
            assert!(sent < 1_000, "nothing bounds what is in flight");
        }
        sent
    }

    #[test]
    fn a_call_that_breaks_off_gives_back_what_it_reserved() {
        let paces = Paces::new(Holds::new());
        let mut first = paces.of_call(None);
        let bound = sent(&mut first);
        assert!(bound > 0);
        // They share the upstream.
        assert_eq!(sent(&mut paces.of_call(None)), 0);
        drop(first);
        assert_eq!(sent(&mut paces.of_call(None)), bound);
    }

    #[test]
    fn a_pause_holds_for_all_calls() {
        let paces = Paces::new(Holds::new());
        let (mut one, mut other) = (paces.of_call(None), paces.of_call(None));
        assert_eq!(one.reserve(ORIGIN.to_owned(), 1), Turn::After(0));
        let seen = Observation {
            accepted: 0,
            refused: 1,
            pause_ms: Some(60_000),
            remaining: None,
            reset_ms: None,
            held_ms: None,
        };
        // Whoever reserved nothing reports nothing.
        other.report(ORIGIN, &seen);
        assert_eq!(other.reserve(ORIGIN.to_owned(), 0), Turn::After(0));
        one.report(ORIGIN, &seen);
        let turn = other.reserve(ORIGIN.to_owned(), 0);
        assert!(matches!(turn, Turn::After(59_000..=60_001)), "{turn:?}");
        assert!(matches!(
            other.reserve("dynamodb:t".to_owned(), 1),
            Turn::After(0)
        ));
    }

    #[test]
    fn a_hold_keeps_sources_and_no_tables() {
        let holds = Holds::new();
        let paces = Paces::new(holds.clone());
        let mut call = paces.of_call(None);
        let mut hold = holds.hold();
        for units in [0, 1] {
            assert_eq!(call.reserve(ORIGIN.to_owned(), units), Turn::After(HELD_MS));
        }
        assert_eq!(call.reserve("dynamodb:t".to_owned(), 1), Turn::After(0));
        hold.hold_answers();
        assert_eq!(call.reserve("dynamodb:t".to_owned(), 1), Turn::After(0));
        hold.hold_tables();
        let table = call.reserve("dynamodb:t".to_owned(), 1);
        assert_eq!(table, Turn::After(HELD_MS));
        drop(hold);
        assert!(!holds.is(Step::Sources));
        assert_eq!(call.reserve(ORIGIN.to_owned(), 1), Turn::After(0));
    }

    #[test]
    fn a_component_that_invents_upstreams_fills_no_memory() {
        let paces = Paces::new(Holds::new());
        let mut call = paces.of_call(None);
        for number in 0..1_000 {
            call.reserve(format!("https://{number}.test"), 1);
        }
        assert_eq!(paces.upstreams().len(), MOST);
        assert_eq!(call.reserve("https://new.test".to_owned(), 1), Turn::Go);
    }

    #[test]
    fn a_budget_is_shared_by_all_calls() {
        let paces = Paces::new(Holds::new());
        let source = r#"{"url":"https://api.test","rate":{"requests":3,"per":"1m"}}"#;
        let mut first = paces.of_call(Some(source));
        let mut second = paces.of_call(Some(source));
        assert_eq!(first.reserve(ORIGIN.to_owned(), 1), Turn::After(0));
        for call in [&mut first, &mut second] {
            assert_eq!(call.reserve(ORIGIN.to_owned(), 1), Turn::After(0));
        }
        for call in [&mut first, &mut second] {
            let turn = call.reserve(ORIGIN.to_owned(), 1);
            assert!(matches!(turn, Turn::After(50_000..)), "{turn:?}");
        }
    }
}
