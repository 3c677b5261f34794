//! The table of a run: write units a second, batches that fail in every way.

use super::dice::Dice;
use super::faults::Faults;
use crate::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use crate::dynamodb::response;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What it holds.
pub struct TableModel {
    pub items: BTreeMap<String, String>,
    units: f64,
    filled_ms: u64,
}

type Answer = Result<Response, SendError>;

impl TableModel {
    /// Whether it has an item with that key.
    pub fn has(&self, key: &str) -> bool {
        self.items.contains_key(key)
    }

    pub fn new(faults: &Faults) -> Self {
        Self {
            items: BTreeMap::new(),
            units: f64::from(faults.units.unwrap_or(0)),
            filled_ms: 0,
        }
    }

    pub fn answer(&mut self, dice: &Dice, request: &Request) -> Answer {
        if request.operation == "DescribeTable" {
            return Ok(response(200, DESCRIPTION));
        }
        assert_eq!(request.operation, "BatchWriteItem");
        let body: Value = serde_json::from_str(&request.body).expect("a request is JSON");
        let puts = body["RequestItems"]["tracks"].as_array().expect("puts");
        assert!((1..=25).contains(&puts.len()));
        let fails = dice.faults.table_failures;
        let fault = fails.filter(|&one_in| dice.chance(one_in));
        match fault.map(|_| dice.next() % 5) {
            Some(0) => return Ok(refused(400, "ThrottlingException")),
            Some(1) => return Ok(refused(500, "InternalServerError")),
            Some(2) => return Err(SendError::Unavailable("reset".to_owned())),
            _ => {}
        }
        let key = |put: &Value| {
            put["PutRequest"]["Item"]["id"]["S"]
                .as_str()
                .map(str::to_owned)
        };
        let keys: Vec<String> = puts.iter().filter_map(key).collect();
        if keys
            .iter()
            .any(|key| dice.faults.refused_items.contains(key))
        {
            return Ok(refused(400, "ValidationException"));
        }
        let mut returned = Vec::new();
        for (put, key) in puts.iter().zip(&keys) {
            if self.takes(dice) {
                let item = put["PutRequest"]["Item"].to_string();
                self.items.insert(key.clone(), item);
            } else {
                returned.push(put.clone());
            }
        }
        // Written, but the answer is lost or cut short.
        if fault.is_some_and(|one_in| (one_in ^ dice.next()).is_multiple_of(2)) {
            return Err(SendError::Unavailable("reset".to_owned()));
        }
        if returned.len() == puts.len() {
            return Ok(refused(400, "ProvisionedThroughputExceededException"));
        }
        let unprocessed = if returned.is_empty() {
            json!({})
        } else {
            json!({ "tracks": returned })
        };
        Ok(response(
            200,
            json!({ "UnprocessedItems": unprocessed }).to_string(),
        ))
    }

    fn takes(&mut self, dice: &Dice) -> bool {
        let Some(per_second) = dice.faults.units.map(f64::from) else {
            return true;
        };
        let now = dice.now();
        let passed = crate::numbers::float(now - self.filled_ms) / 1_000.0;
        self.units = (self.units + passed * per_second).min(per_second);
        self.filled_ms = now;
        let takes = self.units >= 1.0;
        self.units -= f64::from(u8::from(takes));
        takes
    }
}

fn refused(status: u16, code: &str) -> Response {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    response(
        status,
        json!({ "__type": kind, "message": "words" }).to_string(),
    )
}

const DESCRIPTION: &str = r#"{"Table":{"TableName":"tracks","TableStatus":"ACTIVE",
    "KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],
    "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}]}}"#;
