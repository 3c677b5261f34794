//! A number that differs between hosts and calls, for jitter and keys of digests.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// Any number: the standard library seeds its hash maps with it.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
