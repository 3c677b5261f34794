//! DynamoDB's answer to one batch → what to do with its puts. Pure.

use super::put::Put;
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use crate::dynamodb::key::Key;
use crate::dynamodb::outcome::Outcome;
use crate::dynamodb::schema::is_missing_table;
use crate::settings::Keys;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// What to do with a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchVerdict {
    /// Acknowledged, but for the puts at these positions.
    Done {
        /// Write capacity units.
        capacity: f64,
        /// Positions in the batch that are to be sent again.
        unprocessed: Vec<usize>,
    },
    /// Send all of it again after a wait.
    Resend(Cause),
    /// Something in it is refused, and it isn't known what.
    Split,
    /// The batch's only put is refused, with DynamoDB's words.
    Reject(RejectionKind, String),
    /// These credentials may not write it, whatever they may write else.
    Forbidden(String),
    /// No write of this call will be accepted.
    Stop(ServiceError),
}

/// Why a write must be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// DynamoDB asks for fewer writes.
    Throttled(String),
    /// No answer, or DynamoDB's own failure.
    Unavailable(String),
}

/// Why no write of this call will be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// These credentials, or the host's policy.
    Denied(String),
    /// The table isn't there.
    MissingTable,
    /// The table isn't what the configuration says, or the answer isn't one of
    /// BatchWriteItem's.
    Invalid(String),
}

/// Codes that one item can bring upon its whole batch.
const ONE_ITEMS_FAULT: &[&str] = &[
    "ItemCollectionSizeLimitExceededException",
    "SerializationException",
    "ValidationException",
];

/// Judges the answer to a batch.
#[must_use]
pub fn verdict(outcome: Outcome, puts: &[Put], keys: &Keys) -> BatchVerdict {
    let alone = puts.len() <= 1;
    match outcome {
        Outcome::Answered(body) => answered(&body, puts, keys),
        Outcome::Throttled(reason) => BatchVerdict::Resend(Cause::Throttled(reason)),
        Outcome::Unavailable(reason) => BatchVerdict::Resend(Cause::Unavailable(reason)),
        Outcome::Denied(reason) if reason.starts_with("AccessDenied") => {
            BatchVerdict::Forbidden(reason)
        }
        Outcome::Denied(reason) => BatchVerdict::Stop(ServiceError::Denied(reason)),
        Outcome::Invalid { code, .. } if is_missing_table(&code) => {
            BatchVerdict::Stop(ServiceError::MissingTable)
        }
        Outcome::Invalid { code, message } if ONE_ITEMS_FAULT.contains(&code.as_str()) => {
            if alone {
                BatchVerdict::Reject(
                    RejectionKind::Item,
                    format!("DynamoDB answered {code}: {message}"),
                )
            } else {
                BatchVerdict::Split
            }
        }
        Outcome::Invalid { code, message } => BatchVerdict::Stop(ServiceError::Invalid(format!(
            "DynamoDB answered {code}: {message}"
        ))),
        Outcome::TooLarge(reason) if alone => BatchVerdict::Reject(RejectionKind::TooLarge, reason),
        Outcome::TooLarge(_) => BatchVerdict::Split,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    /// By table; there is one.
    #[serde(borrow, default)]
    unprocessed_items: Option<HashMap<String, Vec<Unprocessed<'a>>>>,
    #[serde(default)]
    consumed_capacity: Option<Vec<Consumed>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Unprocessed<'a> {
    #[serde(borrow)]
    put_request: Item<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item<'a> {
    #[serde(borrow)]
    item: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Consumed {
    #[serde(default)]
    capacity_units: f64,
}

fn answered(body: &str, puts: &[Put], keys: &Keys) -> BatchVerdict {
    // Serde would take an array for the structure, and `[]` for success.
    let object = body.trim_start().starts_with('{');
    let answer: Answer<'_> = match serde_json::from_str(if object { body } else { "" }) {
        Ok(answer) => answer,
        // Cut short or somebody else's: whether it was carried out isn't known.
        Err(error) => {
            let reason = format!("the answer to BatchWriteItem can't be read: {error}");
            return BatchVerdict::Resend(Cause::Unavailable(reason));
        }
    };
    let capacity = answer
        .consumed_capacity
        .unwrap_or_default()
        .iter()
        .map(|each| each.capacity_units)
        .sum();
    let mut unprocessed = Vec::new();
    for returned in answer
        .unprocessed_items
        .unwrap_or_default()
        .into_values()
        .flatten()
    {
        let key = Key::of_item(returned.put_request.item.get(), keys);
        let position = puts
            .iter()
            .position(|put| Some(&put.item.key) == key.as_ref());
        let Some(position) = position else {
            // Which one it is can't be told, and writing twice does no harm.
            return BatchVerdict::Done {
                capacity,
                unprocessed: (0..puts.len()).collect(),
            };
        };
        unprocessed.push(position);
    }
    let in_order = (0..puts.len()).filter(|place| unprocessed.contains(place));
    BatchVerdict::Done {
        capacity,
        unprocessed: in_order.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::marshal::marshal;
    use crate::settings::{KeyAttribute, KeyType};
    use rowcast_json::Index;

    /// The answer to `puts` puts, whose keys are the numbers from 1.
    fn check(outcome: Outcome, puts: u32, expected: &BatchVerdict) {
        let keys = Keys {
            partition: KeyAttribute {
                name: "id".to_owned(),
                kind: KeyType::Number,
            },
            sort: None,
        };
        let puts: Vec<Put> = (0..puts)
            .filter_map(|index| {
                let item = marshal(
                    &mut Index::default(),
                    &format!(r#"{{"id":{}.0}}"#, index + 1),
                    &keys,
                )
                .ok()?;
                Some(Put::new(index, item, None))
            })
            .collect();
        let shown = format!("{outcome:?}");
        assert_eq!(&verdict(outcome, &puts, &keys), expected, "{shown}");
    }

    fn done(capacity: f64, unprocessed: &[usize]) -> BatchVerdict {
        BatchVerdict::Done {
            capacity,
            unprocessed: unprocessed.to_vec(),
        }
    }

    #[test]
    fn unprocessed_items_are_found_by_their_keys_values() {
        let check = |body: &str, expected| check(Outcome::Answered(body.to_owned()), 3, &expected);
        check("{}", done(0.0, &[]));
        check(r#"{"UnprocessedItems":{}}"#, done(0.0, &[]));
        check(
            r#"{"UnprocessedItems":null,"ConsumedCapacity":null}"#,
            done(0.0, &[]),
        );
        check(
            r#"{"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"id":{"N":"3"},"x":{"L":[]}}}},{"PutRequest":{"Item":{"id":{"N":"1"}}}}]},
                "ConsumedCapacity":[{"TableName":"t","CapacityUnits":1.5},{"CapacityUnits":2}]}"#,
            done(3.5, &[0, 2]),
        );
        check(
            r#"{"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"id":{"N":"9"}}}}]}}"#,
            done(0.0, &[0, 1, 2]),
        );
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_no_acknowledgement() {
        for body in ["", "<html>", r#"{"UnprocessedItems":{"#, "[]"] {
            let seen = verdict(
                Outcome::Answered(body.to_owned()),
                &[],
                &Keys {
                    partition: KeyAttribute {
                        name: "id".to_owned(),
                        kind: KeyType::Text,
                    },
                    sort: None,
                },
            );
            assert!(
                matches!(seen, BatchVerdict::Resend(Cause::Unavailable(_))),
                "{body}: {seen:?}"
            );
        }
    }

    #[test]
    fn refusals_are_narrowed_or_stop() {
        let invalid = |code: &str| Outcome::Invalid {
            code: code.to_owned(),
            message: "m".to_owned(),
        };
        check(invalid("ValidationException"), 2, &BatchVerdict::Split);
        let reject = BatchVerdict::Reject(
            RejectionKind::Item,
            "DynamoDB answered ValidationException: m".to_owned(),
        );
        check(invalid("ValidationException"), 1, &reject);
        check(
            invalid("ItemCollectionSizeLimitExceededException"),
            25,
            &BatchVerdict::Split,
        );
        check(Outcome::TooLarge("t".into()), 2, &BatchVerdict::Split);
        check(
            Outcome::TooLarge("t".into()),
            1,
            &BatchVerdict::Reject(RejectionKind::TooLarge, "t".to_owned()),
        );
        let missing = BatchVerdict::Stop(ServiceError::MissingTable);
        check(invalid("ResourceNotFoundException"), 2, &missing);
        let other =
            ServiceError::Invalid("DynamoDB answered UnknownOperationException: m".to_owned());
        check(
            invalid("UnknownOperationException"),
            2,
            &BatchVerdict::Stop(other),
        );
        let denied = BatchVerdict::Stop(ServiceError::Denied("d".to_owned()));
        check(Outcome::Denied("d".into()), 2, &denied);
        let throttled = BatchVerdict::Resend(Cause::Throttled("t".to_owned()));
        check(Outcome::Throttled("t".into()), 1, &throttled);
        let unavailable = BatchVerdict::Resend(Cause::Unavailable("u".to_owned()));
        check(Outcome::Unavailable("u".into()), 1, &unavailable);
    }
}
