//! Chunks in any schedule, against a model: the last document that isn't
//! refused is what stays, and nothing is kept when all have ended.

use super::*;

/// A small generator, so that a seed says all.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

#[derive(Clone, Copy, Debug)]
struct Document {
    at: Position,
    key: u64,
    refused: bool,
}

/// A chunk that asks, writes and settles, one batch after another.
#[derive(Default)]
struct Chunk {
    left: Vec<Document>,
    writing: Vec<Document>,
}

fn hash(number: u64) -> Hash {
    Hash::from_bytes(u128::from(number).to_be_bytes())
}

fn content(document: &Document) -> Hash {
    hash(document.at.chunk * 1000 + u64::from(document.at.row))
}

fn run(seed: u64) {
    let mut chance = Chance(seed);
    let (chunks, keys) = (2 + chance.below(6), 1 + chance.below(5));
    let mut order = Order::default();
    let mut table: HashMap<u64, Document> = HashMap::new();
    let mut expected: HashMap<u64, Document> = HashMap::new();
    let mut working: BTreeMap<u64, Chunk> = BTreeMap::new();
    let mut superseded = 0;
    let (mut begun, mut steps) = (0, 0);
    while begun < chunks || !working.is_empty() {
        steps += 1;
        assert!(steps < 100_000, "seed {seed}: it never ends");
        if begun < chunks && working.len() < 3 && chance.below(3) == 0 {
            order.begin(begun);
            let rows = 1 + u32::try_from(chance.below(6)).unwrap_or(0);
            let left: Vec<Document> = (0..rows)
                .map(|row| Document {
                    at: Position {
                        chunk: begun,
                        row,
                        place: 0,
                    },
                    key: chance.below(keys),
                    refused: chance.below(5) == 0,
                })
                .collect();
            for document in left.iter().filter(|document| !document.refused) {
                expected.insert(document.key, *document);
            }
            let writing = Vec::new();
            working.insert(begun, Chunk { left, writing });
            begun += 1;
            continue;
        }
        let numbers: Vec<u64> = working.keys().copied().collect();
        let Some(number) = numbers
            .get(usize::try_from(chance.below(numbers.len().max(1) as u64)).unwrap_or_default())
        else {
            continue;
        };
        let Some(chunk) = working.get_mut(number) else {
            continue;
        };
        if chunk.writing.is_empty() && chunk.left.is_empty() {
            order.finish(*number);
            working.remove(number);
        } else if chunk.writing.is_empty() {
            // Any part of what is left, as answers come in any order.
            for document in std::mem::take(&mut chunk.left) {
                if chance.below(2) == 0 {
                    chunk.left.push(document);
                    continue;
                }
                match order.admit(hash(document.key), document.at) {
                    Turn::Now { .. } => chunk.writing.push(document),
                    Turn::Later => chunk.left.push(document),
                    Turn::Superseded => superseded += 1,
                }
            }
        } else {
            // The writes land: of equal keys the last that isn't refused.
            let mut settled: HashMap<u64, Option<Document>> = HashMap::new();
            chunk.writing.sort_by_key(|document| document.at);
            for document in std::mem::take(&mut chunk.writing) {
                let last = settled.entry(document.key).or_default();
                if chance.below(6) == 0 {
                    // Unprocessed: to be asked for again.
                    chunk.left.push(document);
                } else if !document.refused {
                    table.insert(document.key, document);
                    *last = Some(document);
                }
            }
            for (key, written) in settled {
                let written = written.map(|document| Written {
                    at: document.at,
                    content: content(&document),
                });
                order.settle(*number, hash(key), written);
            }
        }
    }
    let positions = |table: HashMap<u64, Document>| -> BTreeMap<u64, Position> {
        table
            .into_iter()
            .map(|(key, document)| (key, document.at))
            .collect()
    };
    assert_eq!(
        positions(table),
        positions(expected),
        "seed {seed}, {superseded} superseded"
    );
    assert!(
        order.keys.is_empty() && order.of_chunks.is_empty(),
        "seed {seed}: {order:?}"
    );
}

#[test]
fn the_last_one_stays_in_any_schedule() {
    for seed in 0..3000 {
        run(seed);
    }
}

#[test]
fn what_finished_chunks_wrote_is_forgotten() {
    let mut order = Order::default();
    order.begin(0);
    for number in 1..1000 {
        order.begin(number);
        let at = Position {
            chunk: number,
            row: 0,
            place: 0,
        };
        for key in 0..10 {
            let key = hash(number * 10 + key);
            assert_eq!(order.admit(key, at), Turn::Now { there: None });
            let content = key;
            order.settle(number, key, Some(Written { at, content }));
        }
        order.finish(number);
    }
    // The first could still come with an older one.
    assert_eq!(order.keys.len(), 9990);
    order.finish(0);
    assert_eq!(order.keys.len(), 0);
}
