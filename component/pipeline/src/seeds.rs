//! Seeds → each of them tried, on all cores; one that fails is named.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// Tries each seed.
pub fn each_seed(seeds: impl IntoIterator<Item = u64, IntoIter: Send>, check: impl Fn(u64) + Sync) {
    let seeds = Mutex::new(seeds.into_iter());
    let next = || seeds.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(seed) = next() {
            let result = catch_unwind(AssertUnwindSafe(|| check(seed)));
            assert!(result.is_ok(), "seed {seed} failed");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
}
