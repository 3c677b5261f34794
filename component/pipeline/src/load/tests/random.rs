//! Random documents, random misbehaviour → what the report says is what the
//! table holds.

use super::*;
use crate::seeds::each_seed;
use serde_json::Value;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A small generator, so that each seed is one case for ever.
#[derive(Clone)]
pub(super) struct Draw(Rc<Cell<u64>>);

impl Draw {
    pub(super) fn of(seed: u64) -> Self {
        Self(Rc::new(Cell::new(seed)))
    }

    pub(super) fn below(&self, bound: u64) -> u64 {
        // splitmix64
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A document, its key if it can be sent, and whether DynamoDB refuses it.
struct Case {
    text: String,
    key: Option<(String, String)>,
    poisoned: bool,
}

fn case(draw: &Draw, number: usize) -> Case {
    let (id, at) = (draw.below(6), draw.below(12));
    let written = match draw.below(3) {
        0 => format!("{at}"),
        1 => format!("{at}.00"),
        _ => format!("{at}.0E0"),
    };
    let key = Some((format!("k{id}"), at.to_string()));
    match draw.below(20) {
        0 => Case {
            text: format!(r#"{{"id":"k{id}"}}"#),
            key: None,
            poisoned: false,
        },
        1 => Case {
            text: format!(r#"{{"id":"k{id}","at":{at},"x":1E400}}"#),
            key: None,
            poisoned: false,
        },
        2 => Case {
            text: format!(r#"{{"at":{written},"poison":{number},"id":"k{id}"}}"#),
            key,
            poisoned: true,
        },
        _ => Case {
            text: format!(r#"{{"number":{number},"id":"k{id}","at":{written}}}"#),
            key,
            poisoned: false,
        },
    }
}

fn behaviour(draw: &Draw, fault_rate: u64) -> Behaviour {
    if draw.below(100) >= fault_rate {
        return Behaviour::Write;
    }
    match draw.below(12) {
        0..=3 => Behaviour::KeepBits(draw.below(1 << 25)),
        4 => Behaviour::KeepBits(u64::MAX),
        5 | 6 => Behaviour::Code("ThrottlingException"),
        7 => Behaviour::Code("InternalServerError"),
        8 => Behaviour::Applied,
        9 => Behaviour::Lost,
        10 => Behaviour::Garbage,
        _ if draw.below(4) == 0 => Behaviour::Code("UnrecognizedClientException"),
        _ => Behaviour::Code("ProvisionedThroughputExceededException"),
    }
}

/// The number a stored item was made with.
fn number(item: &Value) -> Option<usize> {
    item["number"]["N"].as_str()?.parse().ok()
}

/// The documents that should be in the table in the end.
fn intended(cases: &[Case]) -> BTreeMap<(String, String), usize> {
    let mut last = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        if let Some(key) = case.key.as_ref().filter(|_| !case.poisoned) {
            last.insert(key.clone(), index);
        }
    }
    last
}

fn stored(fake: &Fake) -> BTreeMap<(String, String), usize> {
    let items = fake.items.borrow();
    items
        .iter()
        .map(|(key, item)| (key.clone(), number(item).unwrap()))
        .collect()
}

fn check(seed: u64) {
    let draw = Draw::of(seed);
    let size = usize::try_from(draw.below(120)).unwrap();
    let cases: Vec<Case> = (0..size).map(|number| case(&draw, number)).collect();
    let documents: Vec<String> = cases.iter().map(|case| case.text.clone()).collect();
    let fault_rate = [0, 20, 60, 95][usize::try_from(draw.below(4)).unwrap()];
    let calm = Rc::new(Cell::new(false));
    let fake = Fake::new({
        let (draw, calm) = (draw.clone(), Rc::clone(&calm));
        move || {
            if calm.get() {
                Behaviour::Write
            } else {
                behaviour(&draw, fault_rate)
            }
        }
    });
    let mut table = table((draw.below(2) == 0).then(real_keys));
    table.concurrency = 1 + u32::try_from(draw.below(5)).unwrap();
    let budget = (draw.below(3) == 0).then(|| draw.below(400));
    let wanted = intended(&cases);

    match run(&fake, &table, &documents, budget) {
        Ok(report) => agree(seed, &cases, &wanted, &report, &fake),
        Err(failure) => {
            // Only where DynamoDB acknowledged nothing; what it did before a
            // connection broke may be there.
            assert!(
                stored(&fake)
                    .iter()
                    .all(|(key, index)| wanted.get(key) == Some(index))
            );
            assert!(
                !matches!(failure, Failure::PermanentInvalid(_)),
                "seed {seed}: {failure:?}"
            );
        }
    }
    calm.set(true);
    for _ in 0..2 {
        let report = run(&fake, &table, &documents, None).unwrap();
        assert_eq!(report.pending, Vec::<u32>::new(), "seed {seed}");
        assert_eq!(report.stopped, None, "seed {seed}");
        assert_eq!(
            stored(&fake),
            wanted,
            "seed {seed}: once or twice is the same"
        );
        agree(seed, &cases, &wanted, &report, &fake);
    }
}

/// The report's lists are disjoint, complete and true.
fn agree(
    seed: u64,
    cases: &[Case],
    wanted: &BTreeMap<(String, String), usize>,
    report: &Report,
    fake: &Fake,
) {
    let at = |index: u32| usize::try_from(index).unwrap();
    let (mut listed, mut superseding) = (BTreeSet::new(), BTreeSet::new());
    for each in &report.superseded {
        assert!(listed.insert(at(each.index)), "seed {seed}");
        let by = each.by.unwrap();
        assert!(each.index < by, "seed {seed}");
        assert_eq!(cases[at(each.index)].key, cases[at(by)].key, "seed {seed}");
        superseding.insert(at(by));
    }
    for each in &report.rejected {
        assert!(listed.insert(at(each.index)), "seed {seed}");
        let case = &cases[at(each.index)];
        // Many failures in a row while others are written look like a bad item.
        let exhausted = each.kind == RejectionKind::Exhausted;
        assert!(case.key.is_none() || case.poisoned || exhausted, "{each:?}");
    }
    for index in &report.pending {
        assert!(listed.insert(at(*index)), "seed {seed}");
    }
    assert!(
        listed.is_disjoint(&superseding),
        "seed {seed}: superseded by what was written"
    );
    assert_eq!(
        listed.len() + at(report.written),
        cases.len(),
        "seed {seed}"
    );
    assert_eq!(
        report.pending.is_empty(),
        report.stopped.is_none(),
        "seed {seed}"
    );
    let stored = stored(fake);
    for (index, case) in cases
        .iter()
        .enumerate()
        .filter(|(index, _)| !listed.contains(index))
    {
        let key = case.key.as_ref().unwrap();
        assert_eq!(
            stored.get(key),
            Some(&index),
            "seed {seed}: {index} was written"
        );
    }
    for (key, index) in &stored {
        assert_eq!(
            wanted.get(key),
            Some(index),
            "seed {seed}: nothing else was written"
        );
    }
}

#[test]
fn reports_agree_with_the_table() {
    each_seed(0..600, check);
}
