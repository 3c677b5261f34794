//! Puts → BatchWriteItem requests within DynamoDB's bounds and ours. Pure.

use super::pacing::units;
use super::put::Put;
use crate::bindings::rowcast::pipeline::dynamodb::Request;
use std::collections::VecDeque;

/// Puts that BatchWriteItem takes.
pub const MAX_PUTS: usize = 25;

/// Bytes of one request; DynamoDB says 16 MB, and means no less than this.
pub const MAX_BATCH_BYTES: usize = 16_000_000;

/// Bytes of the requests that are made at once, so that `concurrency` can't
/// make this component's memory a multiple of its documents.
pub const MAX_ROUND_BYTES: usize = 32_000_000;

/// Puts of hot partitions that a batch passes over.
const MAX_PASSED: usize = 1_000;

const PUT_HEAD: &str = r#"{"PutRequest":{"Item":"#;
const PUT_TAIL: &str = "}}";
/// Around the puts, beside the table's name of at most 255 characters.
const FRAME_BYTES: usize = 512;

/// Puts that are sent together.
#[derive(Debug, Default)]
pub struct Batch {
    /// At least one, at most [`MAX_PUTS`].
    pub puts: Vec<Put>,
    /// Whether it repeats a write.
    pub repeated: bool,
    /// Whether it is half of a refused one.
    pub half: bool,
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub struct Queue {
    /// To be sent in any company, from the front.
    pub puts: VecDeque<Put>,
    /// Halves of refused batches: sent alone, so that what is wrong with one
    /// of them doesn't spoil others again.
    pub halves: VecDeque<Vec<Put>>,
    /// Refused by themselves, with the reason: others tell whether all would be.
    pub forbidden: Vec<(Put, String)>,
}

impl Queue {
    /// Whether nothing waits to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.halves.is_empty()
    }

    /// Takes what the next request writes: a half, or puts of that many units
    /// at most that may be written now, from the front.
    pub fn batch(&mut self, most_units: u32, mut may: impl FnMut(&Put) -> bool) -> Batch {
        if let Some(puts) = self.halves.pop_front() {
            return Batch {
                puts,
                repeated: true,
                half: true,
            };
        }
        let mut batch = Batch::default();
        let mut later = Vec::new();
        let (mut bytes, mut total) = (FRAME_BYTES, 0_u32);
        while batch.puts.len() < MAX_PUTS && later.len() < MAX_PASSED {
            let Some(put) = self.puts.pop_front() else {
                break;
            };
            // An item of 400 KB is at most a few MB of JSON, so one always
            // fits; were it otherwise, DynamoDB would say so.
            let fits = bytes + put_bytes(&put) <= MAX_BATCH_BYTES
                && total.saturating_add(units(&put)) <= most_units;
            if !fits && !batch.puts.is_empty() {
                self.puts.push_front(put);
                break;
            }
            if !may(&put) {
                later.push(put);
                continue;
            }
            bytes += put_bytes(&put);
            total = total.saturating_add(units(&put));
            batch.repeated |= put.tries.sent > 0;
            batch.puts.push(put);
        }
        for put in later.into_iter().rev() {
            self.puts.push_front(put);
        }
        batch
    }

    /// Takes back a batch that wasn't sent.
    pub fn give_back(&mut self, batch: Batch) {
        if batch.half {
            self.halves.push_front(batch.puts);
            return;
        }
        for put in batch.puts.into_iter().rev() {
            self.puts.push_front(put);
        }
    }

    /// Everything that still waits.
    pub fn drain(&mut self) -> impl Iterator<Item = Put> {
        let forbidden = self.forbidden.drain(..).map(|(put, _)| put);
        let halves = self.halves.drain(..).flatten();
        self.puts.drain(..).chain(halves).chain(forbidden)
    }
}

/// The bytes of a put in a request.
#[must_use]
pub fn put_bytes(put: &Put) -> usize {
    // One more for the comma.
    PUT_HEAD.len() + put.item.json.len() + PUT_TAIL.len() + 1
}

/// The request that writes a batch. `table` needs no escapes: its syntax was
/// checked.
#[must_use]
pub fn request(table: &str, puts: &[Put]) -> Request {
    let bytes: usize = puts.iter().map(put_bytes).sum();
    let mut body = String::with_capacity(bytes + FRAME_BYTES);
    body.push_str(r#"{"RequestItems":{""#);
    body.push_str(table);
    body.push_str(r#"":["#);
    for (position, put) in puts.iter().enumerate() {
        body.push_str(if position == 0 { "" } else { "," });
        body.push_str(PUT_HEAD);
        body.push_str(&put.item.json);
        body.push_str(PUT_TAIL);
    }
    body.push_str(r#"]},"ReturnConsumedCapacity":"TOTAL"}"#);
    Request {
        operation: "BatchWriteItem".to_owned(),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::key::{Key, KeyValue};
    use crate::dynamodb::marshal::Item;

    fn put(index: u32, bytes: usize) -> Put {
        let key = Key {
            partition: KeyValue::Text(index.to_string()),
            sort: None,
        };
        let json = "x".repeat(bytes);
        let size = bytes;
        Put::new(index, Item { json, size, key }, None)
    }

    /// Items of that many bytes each → puts in each batch.
    fn check(items: u32, bytes: usize, most_units: u32, expected: &[usize]) {
        let mut queue = Queue::default();
        queue.puts.extend((0..items).map(|index| put(index, bytes)));
        let mut sizes = Vec::new();
        while !queue.is_empty() {
            let batch = queue.batch(most_units, |_| true);
            let body = request("table", &batch.puts).body;
            assert!(body.len() <= MAX_BATCH_BYTES, "{}", body.len());
            sizes.push(batch.puts.len());
        }
        assert_eq!(sizes, expected, "{items} items of {bytes}");
    }

    #[test]
    fn batches_stay_within_bounds() {
        let any = u32::MAX;
        check(0, 10, any, &[]);
        check(1, 10, any, &[1]);
        check(25, 10, any, &[25]);
        check(26, 10, any, &[25, 1]);
        check(60, 10, any, &[25, 25, 10]);
        check(11, 10, 4, &[4, 4, 3]);
        check(5, 2_000, 5, &[2, 2, 1]);
        check(2, 9_000, 5, &[1, 1]);
        // 25 put bytes and a frame: 15,999,488 bytes are the most for puts.
        check(25, 639_979 - 25, any, &[25]);
        check(25, 639_979 - 24, any, &[24, 1]);
        check(12, 2_800_000, any, &[5, 5, 2]);
    }

    #[test]
    fn what_may_not_be_written_now_is_passed_over() {
        let mut queue = Queue::default();
        queue.puts.extend((0..6).map(|index| put(index, 1)));
        let odd = |put: &Put| put.index % 2 == 1;
        let taken = |batch: Batch| batch.puts.iter().map(|put| put.index).collect::<Vec<_>>();
        assert_eq!(taken(queue.batch(25, odd)), [1, 3, 5]);
        assert_eq!(taken(queue.batch(25, odd)), [0_u32; 0]);
        assert_eq!(taken(queue.batch(25, |_| true)), [0, 2, 4]);
    }

    #[test]
    fn halves_are_sent_alone_and_first() {
        let mut queue = Queue::default();
        queue.puts.push_back(put(0, 1));
        queue.halves.push_back(vec![put(1, 1), put(2, 1)]);
        let seen: Vec<_> = (0..2)
            .map(|_| queue.batch(25, |_| true))
            .map(|it| (it.puts.len(), it.repeated))
            .collect();
        assert_eq!(seen, [(2, true), (1, false)]);
    }

    #[test]
    fn the_body_is_what_dynamodb_documents() {
        let mut first = put(0, 0);
        r#"{"id":{"S":"k"}}"#.clone_into(&mut first.item.json);
        let mut second = first.clone();
        "{}".clone_into(&mut second.item.json);
        assert_eq!(
            request("tracks", &[first, second]).body,
            r#"{"RequestItems":{"tracks":[{"PutRequest":{"Item":{"id":{"S":"k"}}}},{"PutRequest":{"Item":{}}}]},"ReturnConsumedCapacity":"TOTAL"}"#
        );
    }
}
