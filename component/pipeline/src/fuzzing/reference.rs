//! Documents as trees → what DynamoDB counts for them, and whether two are the
//! same: plainly and slowly, to hold the quick implementations to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// How `serde_json` marks what it hands over as text: its trees can't hold
/// objects with such members.
pub(crate) const PRIVATE: &str = "serde_json::private";

/// An item's bytes; the attributes in `binary` hold bytes as base64.
pub(crate) fn item_size(document: &Value, binary: &[&str]) -> usize {
    let Value::Object(members) = document else {
        return 0;
    };
    let size = |(name, value): (&String, &Value)| match value {
        Value::String(text) if binary.contains(&name.as_str()) => {
            name.len() + STANDARD.decode(text).map_or(0, |bytes| bytes.len())
        }
        _ => name.len() + value_size(value),
    };
    members.iter().map(size).sum()
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::String(text) => text.len(),
        Value::Number(number) => number_size(&number.to_string()),
        Value::Array(elements) => {
            3 + elements
                .iter()
                .map(|each| 1 + value_size(each))
                .sum::<usize>()
        }
        Value::Object(members) => {
            let size = |(name, value): (&String, &Value)| 1 + name.len() + value_size(value);
            3 + members.iter().map(size).sum::<usize>()
        }
    }
}

fn number_size(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.replace(['-', '.'], "");
    let significant = digits.trim_matches('0').len();
    let minus = usize::from(mantissa.starts_with('-') && significant > 0);
    significant.div_ceil(2) + 1 + minus
}

/// The same values with the same digits in the same order. `Value`'s own
/// equality knows no order of members.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| left.0 == right.0 && same(left.1, right.1))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Number(left), Value::Number(right)) => left.to_string() == right.to_string(),
        _ => left == right,
    }
}
