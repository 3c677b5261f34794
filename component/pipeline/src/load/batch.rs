//! Puts → BatchWriteItem requests within DynamoDB's bounds and ours. Pure.

use super::prepare::Put;
use crate::bindings::rowcast::pipeline::dynamodb::Request;
use std::collections::VecDeque;

/// Puts that BatchWriteItem takes.
pub const MAX_PUTS: usize = 25;

/// Bytes of one request; DynamoDB says 16 MB, and means no less than this.
pub const MAX_BATCH_BYTES: usize = 16_000_000;

/// Bytes of the requests that are made at once, so that `concurrency` can't
/// make this component's memory a multiple of its documents.
pub const MAX_ROUND_BYTES: usize = 32_000_000;

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
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub struct Queue {
    /// To be sent in any company, from the front.
    pub puts: VecDeque<Put>,
    /// Halves of refused batches: sent alone, so that what is wrong with one
    /// of them doesn't spoil others again.
    pub halves: VecDeque<Vec<Put>>,
}

impl Queue {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.halves.is_empty()
    }

    /// Takes what the next round sends: at most `most` batches, at most
    /// [`MAX_ROUND_BYTES`], at least one batch if anything waits.
    pub fn round(&mut self, most: usize) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut bytes = 0;
        while batches.len() < most {
            let batch = match self.halves.pop_front() {
                Some(puts) => Batch {
                    puts,
                    repeated: true,
                },
                None => self.batch(),
            };
            if batch.puts.is_empty() {
                break;
            }
            bytes += batch.puts.iter().map(put_bytes).sum::<usize>();
            batches.push(batch);
            if bytes.saturating_add(MAX_BATCH_BYTES) > MAX_ROUND_BYTES {
                break;
            }
        }
        batches
    }

    fn batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        let mut bytes = FRAME_BYTES;
        while batch.puts.len() < MAX_PUTS {
            let Some(put) = self.puts.pop_front() else {
                break;
            };
            bytes += put_bytes(&put);
            // An item of 400 KB is at the most a few MB of JSON, so one always
            // fits; were it otherwise, DynamoDB would say so.
            if bytes > MAX_BATCH_BYTES && !batch.puts.is_empty() {
                self.puts.push_front(put);
                break;
            }
            batch.repeated |= put.attempts > 0;
            batch.puts.push(put);
        }
        batch
    }

    /// Everything that still waits.
    pub fn drain(&mut self) -> impl Iterator<Item = Put> {
        self.puts.drain(..).chain(self.halves.drain(..).flatten())
    }
}

fn put_bytes(put: &Put) -> usize {
    // One more for the comma.
    PUT_HEAD.len() + put.json.len() + PUT_TAIL.len() + 1
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
        body.push_str(&put.json);
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

    fn put(index: u32, bytes: usize) -> Put {
        let key = Key {
            partition: KeyValue::Text(index.to_string()),
            sort: None,
        };
        Put {
            index,
            json: "x".repeat(bytes),
            key,
            attempts: 0,
            supersedes: Vec::new(),
        }
    }

    /// Items of that many bytes each → puts in each batch of the first round.
    fn check(items: u32, bytes: usize, most: usize, expected: &[usize]) {
        let mut queue = Queue::default();
        queue.puts.extend((0..items).map(|index| put(index, bytes)));
        let round = queue.round(most);
        let sizes: Vec<usize> = round.iter().map(|batch| batch.puts.len()).collect();
        assert_eq!(sizes, expected, "{items} items of {bytes}");
        let mut body_bytes = 0;
        for batch in &round {
            let body = request("table", &batch.puts).body;
            assert!(body.len() <= MAX_BATCH_BYTES, "{}", body.len());
            body_bytes += body.len();
        }
        assert!(body_bytes <= MAX_ROUND_BYTES + FRAME_BYTES * round.len());
        let left = queue.drain().count();
        assert_eq!(
            left + sizes.iter().sum::<usize>(),
            items as usize,
            "nothing is lost"
        );
    }

    #[test]
    fn batches_stay_within_bounds() {
        check(0, 10, 4, &[]);
        check(1, 10, 4, &[1]);
        check(25, 10, 4, &[25]);
        check(26, 10, 4, &[25, 1]);
        check(26, 10, 1, &[25]);
        check(200, 10, 3, &[25, 25, 25]);
        // 25 put bytes and a frame: 15,999,488 bytes are the most for puts.
        check(25, 639_979 - 25, 2, &[25]);
        check(25, 639_979 - 24, 2, &[24, 1]);
        check(60, 2_800_000, 64, &[5, 5]);
    }

    #[test]
    fn halves_are_sent_alone_and_first() {
        let mut queue = Queue::default();
        queue.puts.push_back(put(0, 1));
        queue.halves.push_back(vec![put(1, 1), put(2, 1)]);
        let round = queue.round(4);
        let seen: Vec<_> = round
            .iter()
            .map(|it| (it.puts.len(), it.repeated))
            .collect();
        assert_eq!(seen, [(2, true), (1, false)]);
    }

    #[test]
    fn the_body_is_what_dynamodb_documents() {
        let mut first = put(0, 0);
        r#"{"id":{"S":"k"}}"#.clone_into(&mut first.json);
        let second = Put {
            json: "{}".to_owned(),
            ..first.clone()
        };
        assert_eq!(
            request("tracks", &[first, second]).body,
            r#"{"RequestItems":{"tracks":[{"PutRequest":{"Item":{"id":{"S":"k"}}}},{"PutRequest":{"Item":{}}}]},"ReturnConsumedCapacity":"TOTAL"}"#
        );
    }
}
