//! Puts and the time → which of them a table has the capacity for, counted as
//! DynamoDB counts: a unit for each started KB of an item.

use super::{Decision, error};
use crate::capacity::{Limit, Meter};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Instant;

/// A table that was provisioned for five minutes of unused capacity has it saved.
const BURST_SECONDS: f64 = 300.0;

/// What a table writes.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Units a second.
    pub write_units: f64,
    /// It begins with five minutes saved.
    pub burst: bool,
    /// Units a second of one partition key, and the attribute that is the key.
    pub per_key: Option<(&'static str, f64)>,
    /// How it refuses.
    pub throttle: Throttle,
}

/// What a batch is answered none of which was written. Of others the rest is
/// returned as unprocessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// `ProvisionedThroughputExceededException` with its reasons.
    Provisioned,
    /// `ThrottlingException` with its reasons, as of a table on demand.
    OnDemand,
    /// All of it is returned as unprocessed.
    Unprocessed,
}

impl Capacity {
    /// A provisioned table without anything saved.
    #[must_use]
    pub const fn of(write_units: f64) -> Self {
        Self {
            write_units,
            burst: false,
            per_key: None,
            throttle: Throttle::Provisioned,
        }
    }

    /// What it writes, as a limit.
    #[must_use]
    pub fn limit(&self) -> Limit {
        let seconds = if self.burst { BURST_SECONDS } else { 1.0 };
        Limit::Bucket {
            per_second: self.write_units,
            burst: self.write_units * seconds,
        }
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    /// When it had come.
    pub at: Instant,
    /// Puts that were written.
    pub written: usize,
    /// Puts that were not.
    pub returned: usize,
    /// Units of what was written.
    pub units: f64,
}

pub(super) struct Throughput {
    capacity: Capacity,
    whole: Meter,
    keys: HashMap<String, Meter>,
    pub writes: Vec<Write>,
}

impl Throughput {
    pub fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            whole: Meter::new(capacity.limit()),
            keys: HashMap::new(),
            writes: Vec::new(),
        }
    }

    pub fn decide(&mut self, puts: &[Value], at: Instant) -> Decision {
        let mut write = Write {
            at,
            written: 0,
            returned: 0,
            units: 0.0,
        };
        let mut key_was_hot = false;
        let mut written = Vec::with_capacity(puts.len());
        for item in puts {
            let units = units(item);
            let hot = self.is_hot(item, units, at);
            key_was_hot |= hot;
            let passes = !hot && self.whole.take(units, at).is_ok();
            if passes {
                write.written += 1;
                write.units += units;
            } else {
                write.returned += 1;
            }
            written.push(passes);
        }
        self.writes.push(write);
        if write.returned == 0 {
            Decision::Forward
        } else if write.written > 0 || self.capacity.throttle == Throttle::Unprocessed {
            Decision::ForwardSome(written)
        } else {
            Decision::Reply(self.refusal(key_was_hot))
        }
    }

    fn is_hot(&mut self, item: &Value, units: f64, at: Instant) -> bool {
        let Some((attribute, per_second)) = self.capacity.per_key else {
            return false;
        };
        let key = item.get(attribute).map(Value::to_string);
        let meter = self.keys.entry(key.unwrap_or_default()).or_insert_with(|| {
            Meter::new(Limit::Bucket {
                per_second,
                burst: per_second,
            })
        });
        meter.take(units, at).is_err()
    }

    fn refusal(&self, key_was_hot: bool) -> crate::http::Reply {
        let (kind, reason) = match (self.capacity.throttle, key_was_hot) {
            (Throttle::OnDemand, false) => (
                "ThrottlingException",
                "TableWriteMaxOnDemandThroughputExceeded",
            ),
            (Throttle::OnDemand, true) => (
                "ThrottlingException",
                "TableWriteKeyRangeThroughputExceeded",
            ),
            (_, false) => (
                "ProvisionedThroughputExceededException",
                "TableWriteProvisionedThroughputExceeded",
            ),
            (_, true) => (
                "ProvisionedThroughputExceededException",
                "TableWriteKeyRangeThroughputExceeded",
            ),
        };
        let members = json!({
            "message": "Throughput exceeds the current capacity of your table or index.",
            "ThrottlingReasons": [{
                "reason": reason,
                "resource": "arn:aws:dynamodb:us-east-1:123456789012:table/tracks",
            }],
        });
        error(400, kind, members)
    }
}

/// One for each started KB.
#[expect(clippy::cast_precision_loss, reason = "an item has at most 400 KB")]
fn units(item: &Value) -> f64 {
    let members = item.as_object().into_iter().flatten();
    let bytes: usize = members.map(|(name, value)| name.len() + size(value)).sum();
    bytes.div_ceil(1024).max(1) as f64
}

/// Bytes of an attribute's value, as DynamoDB's documentation counts them.
fn size(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|members| members.iter().next()) else {
        return 0;
    };
    let text = value.as_str().map_or(0, str::len);
    let elements = value.as_array().into_iter().flatten();
    match kind.as_str() {
        "S" => text,
        "N" => text.div_ceil(2) + 1,
        "B" => text / 4 * 3,
        "L" => 3 + elements.map(|element| 1 + size(element)).sum::<usize>(),
        "M" => {
            let members = value.as_object().into_iter().flatten();
            let members = members.map(|(name, member)| 1 + name.len() + size(member));
            3 + members.sum::<usize>()
        }
        "SS" | "NS" | "BS" => elements.filter_map(Value::as_str).map(str::len).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn puts(count: usize, bytes: usize) -> Vec<Value> {
        let text = "x".repeat(bytes);
        (0..count)
            .map(|number| json!({"k": {"S": format!("{number:03}")}, "t": {"S": text}}))
            .collect()
    }

    /// Milliseconds and puts of each batch → what is written of it.
    fn check(capacity: Capacity, batches: &[(u64, usize)], bytes: usize, expected: &[usize]) {
        let (begun, mut throughput) = (Instant::now(), Throughput::new(capacity));
        for (at, count) in batches {
            throughput.decide(&puts(*count, bytes), begun + Duration::from_millis(*at));
        }
        let written: Vec<_> = throughput
            .writes
            .iter()
            .map(|write| write.written)
            .collect();
        assert_eq!(written, expected, "{capacity:?}");
    }

    #[test]
    fn units_are_started_kilobytes() {
        for (bytes, expected) in [(0, 1.0), (1000, 1.0), (1019, 1.0), (1020, 2.0), (2900, 3.0)] {
            let found = puts(1, bytes).iter().map(units).sum::<f64>();
            assert!((found - expected).abs() < 1e-9, "{bytes}: {found}");
        }
        let all = json!({"n": {"N": "-12.50"}, "l": {"L": [{"BOOL": true}, {"NULL": true}]},
            "m": {"M": {"a": {"S": "bc"}}}, "s": {"SS": ["ab", "c"]}});
        let sizes = all
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, value)| size(value));
        assert_eq!(sizes.collect::<Vec<_>>(), [4, 7, 7, 3]);
    }

    #[test]
    fn a_table_writes_its_capacity() {
        let small = Capacity::of(25.0);
        let batches = [(0, 25), (0, 25), (200, 25), (1200, 25), (2200, 25)];
        check(small, &batches, 10, &[25, 0, 5, 25, 25]);
        // Three units each.
        check(small, &[(0, 25), (1000, 25)], 2900, &[8, 8]);
        let saved = Capacity {
            burst: true,
            ..small
        };
        check(saved, &batches, 10, &[25; 5]);
    }

    #[test]
    fn one_key_has_less() {
        let capacity = Capacity {
            per_key: Some(("t", 10.0)),
            ..Capacity::of(1000.0)
        };
        check(capacity, &[(0, 25), (500, 25)], 10, &[10, 5]);
    }
}
