//! A table with so many write units a second, and a host that shares the pace.

use super::super::pacing::Pacing;
use super::super::put::Put;
use super::fake::{Behaviour, Fake};
use super::random::Draw;
use super::{real_keys, run, table};
use crate::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use crate::dynamodb::key::{Key, KeyValue};
use crate::dynamodb::marshal::Item;
use crate::dynamodb::response;
use crate::pace::{Observation, Pace};
use crate::platform::{Dynamo, Platform};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};

const UNITS: u64 = 100;

struct Limited {
    fake: Fake,
    pace: RefCell<Pace>,
    /// Thousandths of a unit.
    saved: Cell<u64>,
    refilled_ms: Cell<u64>,
}

impl Limited {
    /// How many of so many puts may be written now.
    fn take(&self, puts: usize) -> usize {
        let now = self.now_ms();
        let more = (now - self.refilled_ms.replace(now)) * UNITS;
        let saved = (self.saved.get() + more).min(UNITS * 1_000);
        let taken = (saved / 1_000).min(puts as u64);
        self.saved.set(saved - taken * 1_000);
        usize::try_from(taken).expect("a batch is small")
    }

    /// What there is capacity for is written, as DynamoDB does it.
    fn batch(&self, request: &Request) -> Result<Response, SendError> {
        let mut body: Value = serde_json::from_str(&request.body).expect("it is JSON");
        let puts = body["RequestItems"]["tracks"].as_array_mut().expect("puts");
        let written = self.take(puts.len());
        let left = puts.split_off(written);
        if written == 0 {
            let kind = "x#ProvisionedThroughputExceededException";
            let body = json!({ "__type": kind, "message": "words" });
            return Ok(response(400, body.to_string()));
        }
        let request = Request {
            operation: request.operation.clone(),
            body: body.to_string(),
        };
        let answer = self.fake.send(vec![request]).remove(0)?;
        let mut answer: Value = serde_json::from_str(&answer.body).expect("it is JSON");
        if !left.is_empty() {
            answer["UnprocessedItems"]["tracks"] = left.into();
        }
        Ok(response(200, answer.to_string()))
    }
}

impl Dynamo for Limited {
    fn send(&self, requests: Vec<Request>) -> Vec<Result<Response, SendError>> {
        requests.iter().map(|request| self.batch(request)).collect()
    }
    fn sleep_ms(&self, duration: u64) {
        self.fake.sleep_ms(duration);
    }
}

impl Platform for Limited {
    fn now_ms(&self) -> u64 {
        self.fake.now_ms()
    }
    fn random(&self) -> u64 {
        self.fake.random()
    }
    fn reserve(&self, _: &str, units: u32) -> Option<u64> {
        let (now, random) = (self.now_ms(), self.random());
        Some(self.pace.borrow_mut().reserve(now, units, random))
    }
    fn report(&self, _: &str, seen: &Observation) {
        self.pace.borrow_mut().report(self.now_ms(), seen);
    }
}

/// Also by one call that is alone with it; and no partition is called hot because
/// it had the last put that there was no capacity for.
#[test]
fn what_a_table_allows_is_used() {
    let documents: Vec<String> = (0..2_100)
        .map(|number| json!({ "id": (number / 16).to_string(), "at": number }).to_string())
        .collect();
    // Wherever in a batch that is.
    for saved in 75..100 {
        let limited = Limited {
            fake: Fake::scripted(&[]),
            pace: RefCell::new(Pace::of_units()),
            saved: Cell::new(saved * 1_000),
            refilled_ms: Cell::new(0),
        };
        let keys = table(Some(real_keys()));
        let report = run(&limited, &keys, documents.as_slice(), None);
        assert_eq!(report.expect("it is written").written, 2_100);
        let (took, ideal) = (limited.now_ms(), 20_000);
        assert!(
            took <= ideal * 13 / 10,
            "{saved}: {took} ms, ideal is {ideal}"
        );
    }
}

fn put(index: u32, partition: &str) -> Put {
    let item = Item {
        json: "{}".to_owned(),
        size: 2,
        key: Key {
            partition: KeyValue::Text(partition.to_owned()),
            sort: None,
        },
    };
    Put::new(index, item, None)
}

#[test]
fn a_partition_is_hot_once_it_is_refused_again() {
    let (one, other) = (put(0, "one"), put(1, "other"));
    let same = put(2, "one");
    // What was written and refused of each batch → whether `one` has to wait.
    let check = |batches: &[(&[&Put], &[&Put])], is_hot: bool| {
        let fake = Fake::scripted(&[]);
        let mut pacing = Pacing::new("dynamodb:tracks".to_owned());
        for (written, refused) in batches {
            pacing.report(&fake, written, refused, None);
        }
        assert_eq!(pacing.reserve_hot(&fake, &one) > 0, is_hot, "{batches:?}");
    };
    // It may have been the last one that the table had no capacity for.
    check(&[(&[&other], &[&one])], false);
    check(&[(&[&other], &[&one]), (&[&other], &[&same])], true);
    check(
        &[(&[&other], &[&one]), (&[&one], &[]), (&[&other], &[&same])],
        false,
    );
    check(&[(&[&other], &[&one, &same])], true);
    check(&[(&[], &[&one, &same])], false);
}

/// Chance for it, in a thousand → how long so many documents take.
fn by_chance(seed: u64, chance: u64, documents: usize, whole: bool) -> u64 {
    let documents: Vec<String> = (0..documents)
        .map(|number| json!({ "id": (number / 4).to_string(), "at": number }).to_string())
        .collect();
    let draw = Draw::of(seed);
    let fake = Fake::new(move || {
        if draw.below(1_000) >= chance {
            Behaviour::Write
        } else if whole {
            Behaviour::Code("ProvisionedThroughputExceededException")
        } else {
            Behaviour::KeepBits(0x0055_5555_5555_5555)
        }
    });
    let keys = table(Some(real_keys()));
    let report = run(&fake, &keys, documents.as_slice(), None);
    assert!(report.is_ok(), "{report:?}");
    fake.now_ms()
}

/// Whether batches are refused as a whole, or every second put of them.
#[test]
fn what_is_refused_by_chance_costs_little_time() {
    for (percent, half, all) in [(1, 2_000, 20_000), (10, 6_000, 20_000), (30, 8_000, 30_000)] {
        for whole in [false, true] {
            let mut took: Vec<u64> = (1..12)
                .map(|seed| by_chance(seed, percent * 10, 2_000, whole))
                .collect();
            took.sort_unstable();
            let holds = took[5] <= half && took[10] <= all;
            assert!(holds, "{percent} %, whole {whole}: {took:?} ms");
        }
    }
}
