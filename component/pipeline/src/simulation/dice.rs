//! A seed → a run's clock and all that chance decides in it.

use super::faults::Faults;
use crate::extract::script::draw;
use std::cell::Cell;
use std::time::{Duration, SystemTime};

/// Time and chance of one run.
pub struct Dice {
    pub faults: Faults,
    pub now_ms: Cell<u64>,
    seed: Cell<u64>,
}

impl Dice {
    pub fn new(faults: Faults) -> Self {
        Self {
            now_ms: Cell::new(0),
            seed: Cell::new(draw(faults.seed)),
            faults,
        }
    }

    pub fn now(&self) -> u64 {
        self.now_ms.get()
    }

    pub fn today(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_000 + self.now())
    }

    pub fn advance(&self, by_ms: u64) {
        self.now_ms.set(self.now_ms.get() + by_ms);
    }

    pub fn next(&self) -> u64 {
        self.seed.set(draw(self.seed.get()));
        self.seed.get()
    }

    pub fn chance(&self, one_in: u64) -> bool {
        self.next().is_multiple_of(one_in)
    }

    pub fn latency(&self) -> u64 {
        let latency = self.faults.latency_ms;
        latency / 2 + self.next() % (latency + 1)
    }
}
