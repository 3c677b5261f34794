//! Answers about batches → how much may be written now. Writes to the table
//! share one pace, with those of other instances where the host shares it; a
//! partition that is hot has one of its own, so that it slows nobody else.

use super::put::Put;
use crate::dynamodb::key::KeyValue;
use crate::pace::{Observation, Pace};
use crate::platform::Dynamo;
use std::collections::{HashMap, HashSet};

/// A write takes one unit for each of these bytes. Measured in DynamoDB's JSON,
/// which is longer than what it counts.
const UNIT_BYTES: usize = 1_024;

/// Units of a full batch of items of 4 KB: until something is refused, a batch
/// is bounded by its number of items.
const FULL: u32 = 100;

/// A pause of that length that DynamoDB asks for is kept; how much went through
/// before it says nothing of what the table allows a second.
const LONG_PAUSE_MS: u64 = 1_000;

/// The pace of one call.
pub struct Pacing {
    upstream: String,
    table: Pace,
    hot: HashMap<KeyValue, Pace>,
    /// Partitions of which one put was refused alone: the first time it may be the
    /// last one that the table had no capacity for.
    suspects: HashSet<KeyValue>,
    /// Units per batch, where a larger one would have had to wait for long.
    most: u32,
    /// Since when nothing but throttling was answered.
    throttled_since_ms: Option<u64>,
    throttled: String,
    /// Until when DynamoDB asked to be left alone.
    asked_until_ms: u64,
}

/// The write units of a put, at most.
#[must_use]
pub fn units(put: &Put) -> u32 {
    u32::try_from(put.item.json.len().div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

impl Pacing {
    /// Nothing has been written to that table yet.
    #[must_use]
    pub fn new(upstream: String) -> Self {
        Self {
            upstream,
            table: Pace::of_units(),
            hot: HashMap::new(),
            suspects: HashSet::new(),
            most: FULL,
            throttled_since_ms: None,
            throttled: String::new(),
            asked_until_ms: 0,
        }
    }

    /// The most units that a batch should have.
    #[must_use]
    pub fn most_units(&self) -> u32 {
        self.most.min(self.table.most_units()).max(1)
    }

    /// A batch of that many units would have to wait for long: a smaller one may
    /// not.
    pub fn shrink(&mut self, units: u32) {
        self.most = (units / 2).max(1);
    }

    /// Zero: that many units may be written now, and must be reported.
    pub fn reserve<D: Dynamo>(&mut self, dynamo: &D, units: u32) -> u64 {
        dynamo.reserve(&self.upstream, units).unwrap_or_else(|| {
            let (now, random) = (dynamo.now_ms(), dynamo.random());
            self.table.reserve(now, units, random)
        })
    }

    /// The same for a put's partition, where that is hot.
    pub fn reserve_hot<D: Dynamo>(&mut self, dynamo: &D, put: &Put) -> u64 {
        match self.hot.get_mut(&put.item.key.partition) {
            None => 0,
            Some(pace) => pace.reserve(dynamo.now_ms(), units(put), dynamo.random()),
        }
    }

    /// A batch that wasn't sent after all.
    pub fn give_back<D: Dynamo>(&mut self, dynamo: &D, puts: &[&Put]) {
        for put in puts {
            if let Some(pace) = self.hot.get_mut(&put.item.key.partition) {
                pace.report(dynamo.now_ms(), &Observation::default());
            }
        }
    }

    /// What became of a batch: which of its puts were written, which were not
    /// for lack of throughput, and how long DynamoDB asked to be left alone.
    /// Nothing of it: there was no answer.
    pub fn report<D: Dynamo>(
        &mut self,
        dynamo: &D,
        written: &[&Put],
        refused: &[&Put],
        asked_ms: Option<u64>,
    ) {
        let now = dynamo.now_ms();
        self.heed(asked_ms, now);
        let sum = |puts: &[&Put]| {
            puts.iter()
                .map(|put| units(put))
                .fold(0, u32::saturating_add)
        };
        let hot = self.hot_partition(written, refused);
        for (puts, accepted) in [(written, true), (refused, false)] {
            for put in puts
                .iter()
                .filter(|put| Some(&put.item.key.partition) != hot)
            {
                if let Some(pace) = self.hot.get_mut(&put.item.key.partition) {
                    let units = units(put);
                    let seen = if accepted {
                        Observation {
                            accepted: units,
                            ..Observation::default()
                        }
                    } else {
                        refusal(units, None)
                    };
                    pace.report(now, &seen);
                }
            }
        }
        let (accepted, mut lacking) = (sum(written), sum(refused));
        if let Some(partition) = hot {
            self.heat(partition, lacking, asked_ms, now);
            lacking = 0;
        }
        let seen = Observation {
            accepted,
            ..refusal(lacking, asked_ms.filter(|_| hot.is_none()))
        };
        dynamo.report(&self.upstream, &seen);
        self.table.report(now, &seen);
        if accepted > 0 {
            self.throttled_since_ms = None;
        } else if !refused.is_empty() {
            self.throttled_since_ms.get_or_insert(now);
        }
        if lacking == 0 && accepted >= self.most {
            self.most = self.most.saturating_add(1).min(FULL);
        }
    }

    /// A batch was throttled because of one partition: if it is all of that, it
    /// is the one.
    pub fn report_hot<D: Dynamo>(&mut self, dynamo: &D, puts: &[&Put], asked_ms: Option<u64>) {
        let now = dynamo.now_ms();
        self.heed(asked_ms, now);
        // Where it can't be told which it is, the table is left alone.
        let mut pause_ms = asked_ms;
        if let Some(partition) = partition_of(puts) {
            let lacking = puts
                .iter()
                .map(|put| units(put))
                .fold(0, u32::saturating_add);
            self.heat(partition, lacking, asked_ms, now);
            pause_ms = None;
        } else {
            self.give_back(dynamo, puts);
        }
        let seen = refusal(0, pause_ms);
        dynamo.report(&self.upstream, &seen);
        self.table.report(now, &seen);
        self.throttled_since_ms.get_or_insert(now);
    }

    /// The partition that is hot, if what was refused says that of one.
    fn hot_partition<'p>(&mut self, written: &[&Put], refused: &[&'p Put]) -> Option<&'p KeyValue> {
        for put in written {
            self.suspects.remove(&put.item.key.partition);
        }
        let partition = partition_of(refused)?;
        let is_known = self.hot.contains_key(partition);
        let is_others = |put: &&Put| put.item.key.partition != *partition;
        if !is_known && !written.iter().any(is_others) {
            return None;
        }
        let is_sure = refused.len() > 1 || is_known;
        (is_sure || !self.suspects.insert(partition.clone())).then_some(partition)
    }

    /// Whether its partition was found to be hot.
    pub fn knows_hot(&self, put: &Put) -> bool {
        self.hot.contains_key(&put.item.key.partition)
    }

    fn heat(&mut self, partition: &KeyValue, units: u32, pause_ms: Option<u64>, now_ms: u64) {
        let pace = self.hot.entry(partition.clone());
        let seen = refusal(units, pause_ms);
        pace.or_insert_with(Pace::of_units).report(now_ms, &seen);
    }

    fn heed(&mut self, asked_ms: Option<u64>, now_ms: u64) {
        let until_ms = now_ms.saturating_add(asked_ms.unwrap_or(0));
        self.asked_until_ms = self.asked_until_ms.max(until_ms);
    }

    /// How much is left of the pause that DynamoDB asked for.
    #[must_use]
    pub fn pause_ms(&self, now_ms: u64) -> u64 {
        self.asked_until_ms.saturating_sub(now_ms)
    }

    /// DynamoDB's words about its throttling.
    pub fn note(&mut self, reason: &str) {
        reason.clone_into(&mut self.throttled);
    }

    /// For how long nothing but throttling was answered, and its words.
    #[must_use]
    pub fn throttled(&self, now_ms: u64) -> Option<(u64, &str)> {
        let since = self.throttled_since_ms?;
        Some((now_ms.saturating_sub(since), &self.throttled))
    }
}

fn refusal(units: u32, pause_ms: Option<u64>) -> Observation {
    let is_long = pause_ms.is_some_and(|pause| pause >= LONG_PAUSE_MS);
    Observation {
        refused: if is_long { 0 } else { units },
        pause_ms,
        ..Observation::default()
    }
}

/// The partition that all of these are in.
fn partition_of<'p>(puts: &[&'p Put]) -> Option<&'p KeyValue> {
    let first = &puts.first()?.item.key.partition;
    let same = puts.iter().all(|put| put.item.key.partition == *first);
    same.then_some(first)
}
