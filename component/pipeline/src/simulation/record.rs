//! A host's record of a run: which keys a call holds, what was written, and
//! which keys other calls are writing.

use super::dice::Dice;
use super::faults::Faults;
use super::table::TableModel;
use crate::bindings::rowcast::pipeline::admission::{
    Candidate, Decision, Digest, Interest, Outcome,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

type Key = (u64, u64);

/// What it knows.
#[derive(Default)]
pub struct RecordModel {
    /// What the call was given and hasn't settled: items' keys and contents.
    held: BTreeMap<Key, (String, Digest)>,
    /// Contents that are in the table.
    written: BTreeMap<Key, Digest>,
    /// Until when another call writes a key, and whether it succeeds.
    others: BTreeMap<Key, (u64, bool)>,
    /// Keys that were asked for.
    known: BTreeSet<Key>,
}

impl RecordModel {
    pub fn interest(faults: &Faults) -> Interest {
        Interest {
            digest_key: Digest {
                high: faults.seed,
                low: 7,
            },
            content: true,
            item_key: true,
        }
    }

    pub fn admit(
        &mut self,
        dice: &Dice,
        table: &mut TableModel,
        candidates: &[Candidate],
    ) -> Vec<Decision> {
        assert!(self.held.is_empty(), "asked while it holds keys");
        let decide = |candidate| self.decide(dice, table, candidate);
        let decisions: Vec<Decision> = candidates.iter().map(decide).collect();
        let is_vain = decisions.iter().all(|each| *each == Decision::Later);
        // It may wait before it says that.
        if is_vain && dice.faults.seed.is_multiple_of(2) {
            dice.advance(20);
        }
        decisions
    }

    fn decide(&mut self, dice: &Dice, table: &mut TableModel, candidate: &Candidate) -> Decision {
        let key = (candidate.key.high, candidate.key.low);
        let item = candidate.item_key.clone().expect("it was wanted");
        let content = candidate.content.expect("it was wanted");
        let other = dice.faults.admission.filter(|&one_in| dice.chance(one_in));
        if self.known.insert(key) && other.is_some() {
            let until = dice.now() + dice.next() % 3_000;
            self.others.insert(key, (until, dice.chance(2)));
        }
        if let Some((until, succeeds)) = self.others.get(&key).copied() {
            if dice.now() < until {
                return Decision::Later;
            }
            self.others.remove(&key);
            // An item is no more than its key here.
            if succeeds && !dice.faults.refused_items.contains(&name(&item)) {
                table.items.insert(name(&item), item.clone());
                self.written.insert(key, content);
                if dice.chance(2) {
                    return Decision::Superseded;
                }
            }
        }
        if self.written.get(&key) == Some(&content) {
            assert!(table.has(&name(&item)));
            return Decision::Unchanged;
        }
        let twice = self.held.insert(key, (item, content));
        assert_eq!(twice, None, "two candidates with one key");
        Decision::Write
    }

    pub fn settle(&mut self, table: &TableModel, outcomes: &[Outcome]) {
        assert!(!outcomes.is_empty());
        for outcome in outcomes {
            let key = (outcome.key.high, outcome.key.low);
            let settled = self.held.remove(&key);
            let (item, content) = settled.expect("only what is held is settled, and once");
            let written = table.has(&name(&item));
            assert!(written || !outcome.written, "{item} isn't in the table");
            if outcome.written {
                self.written.insert(key, content);
            }
        }
    }

    /// A call has ended: it holds nothing.
    pub fn end_call(&self) {
        assert_eq!(self.held, BTreeMap::new());
    }
}

/// The key's value in the key.
fn name(item: &str) -> String {
    let item: Value = serde_json::from_str(item).expect("an item is JSON");
    item["id"]["S"].as_str().expect("a text").to_owned()
}
