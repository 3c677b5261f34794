//! Positions of documents and their keys → which document may be written now,
//! so that of documents with one key the last one stays in the table, whichever
//! chunk is faster. Pure: who waits and who writes is decided here, and done in
//! [`super::admission`].
//!
//! A chunk holds a key while it writes under it, never while it waits for
//! another chunk: so no two chunks can wait for each other. A key is forgotten
//! once no document with a lower position can come.

use crate::ledger::Hash;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where a document stands in a run: later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Its chunk's number.
    pub chunk: u64,
    /// Its row's index in the chunk.
    pub row: u32,
    /// Its place among the row's documents.
    pub place: u64,
}

/// What was written under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The document that was.
    pub at: Position,
    /// Its content.
    pub content: Hash,
}

/// Whether a document may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Now; its key is held by the chunk until it is settled. `there` is what
    /// this run wrote under it before.
    Now {
        /// The content.
        there: Option<Hash>,
    },
    /// Never: a later one with its key was written.
    Superseded,
    /// Another chunk is writing under its key: ask again when it is settled.
    Later,
}

/// What is known of the keys of a run's recent chunks.
#[derive(Debug, Default)]
pub struct Order {
    keys: HashMap<Hash, Key>,
    /// The keys that chunks have written under, until they are forgotten.
    of_chunks: BTreeMap<u64, BTreeSet<Hash>>,
    unfinished: BTreeSet<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Key {
    /// The document with the highest position that was written.
    written: Option<Written>,
    /// The chunk that is writing now.
    holder: Option<u64>,
}

impl Order {
    /// A chunk is on its way. Chunks begin in the order of their numbers.
    pub fn begin(&mut self, chunk: u64) {
        self.unfinished.insert(chunk);
        self.of_chunks.insert(chunk, BTreeSet::new());
    }

    /// Whether a document may be written.
    pub fn admit(&mut self, key: Hash, at: Position) -> Turn {
        let known = self.keys.entry(key).or_default();
        if known.written.is_some_and(|written| written.at > at) {
            return Turn::Superseded;
        }
        if known.holder.is_some_and(|holder| holder != at.chunk) {
            return Turn::Later;
        }
        known.holder = Some(at.chunk);
        self.of_chunks.entry(at.chunk).or_default().insert(key);
        Turn::Now {
            there: known.written.map(|written| written.content),
        }
    }

    /// A chunk lets go of a key that it holds. `written` is the last document
    /// that it wrote under it; none if it wrote nothing.
    pub fn settle(&mut self, chunk: u64, key: Hash, written: Option<Written>) {
        let Some(known) = self.keys.get_mut(&key) else {
            return;
        };
        if known.holder != Some(chunk) {
            return;
        }
        known.holder = None;
        known.written = match (known.written, written) {
            (Some(before), Some(now)) if before.at > now.at => Some(before),
            (before, now) => now.or(before),
        };
        if known.written.is_none() {
            self.keys.remove(&key);
        }
    }

    /// Takes a key into a chunk's hands again, if the last one that was written
    /// under it is this one and nobody is writing.
    pub fn hold_own(&mut self, key: Hash, written: Written) -> bool {
        match self.keys.get_mut(&key) {
            Some(known) if known.written == Some(written) && known.holder.is_none() => {
                known.holder = Some(written.at.chunk);
                true
            }
            _ => false,
        }
    }

    /// A chunk lets go of all keys that it holds.
    pub fn release(&mut self, chunk: u64) {
        for key in self.of_chunks.get(&chunk).cloned().unwrap_or_default() {
            self.settle(chunk, key, None);
        }
    }

    /// A chunk has ended, however it did; what it holds is free.
    pub fn finish(&mut self, chunk: u64) {
        self.release(chunk);
        self.unfinished.remove(&chunk);
        let oldest = self.unfinished.first().copied();
        while let Some(first) = self.of_chunks.first_entry()
            && oldest.is_none_or(|oldest| *first.key() < oldest)
        {
            for key in first.remove() {
                // What is still needed is on a later chunk's list too.
                let outlived = self.keys.get(&key).is_some_and(|known| {
                    let written = known.written.map(|written| written.at.chunk);
                    known.holder.is_none()
                        && written
                            .is_none_or(|written| oldest.is_none_or(|oldest| written < oldest))
                });
                if outlived {
                    self.keys.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
