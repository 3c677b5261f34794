//! A table in memory with DynamoDB's paging, a clock that only sending moves,
//! and faults by script. It doesn't evaluate filters: each item says whether
//! it matches.

use crate::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use crate::dynamodb::response;
use crate::platform::{Dynamo, Platform};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};

/// A read's number, counted from 0 in the order sent, and its body → what
/// happens instead of an answer.
type Fault = Box<dyn Fn(usize, &Value) -> Option<Result<Response, SendError>>>;

pub struct Table {
    /// Whether each item, known by its number, fulfils any filter.
    pub matches: Vec<bool>,
    /// Items read for one page.
    pub page: usize,
    pub fault: Fault,
    /// How long each `send` takes.
    pub send_ms: u64,
    pub clock: Cell<u64>,
    /// Scan and Query bodies, with `Operation` added.
    pub reads: RefCell<Vec<Value>>,
}

impl Table {
    pub fn new(matches: Vec<bool>, page: usize) -> Self {
        Self {
            matches,
            page,
            fault: Box::new(|_, _| None),
            send_ms: 100,
            clock: Cell::new(1_000),
            reads: RefCell::new(Vec::new()),
        }
    }

    /// One member of every read, in the order sent.
    pub fn sent(&self, member: &str) -> Vec<Value> {
        self.reads
            .borrow()
            .iter()
            .map(|body| body[member].clone())
            .collect()
    }

    fn read(&self, operation: &str, body: &Value) -> Value {
        let number = |member: &str| body[member].as_u64().map(|n| usize::try_from(n).unwrap());
        let total = number("TotalSegments").unwrap_or(1);
        let segment = number("Segment").unwrap_or(0);
        let page = number("Limit").unwrap_or(usize::MAX).min(self.page);
        let after: Option<usize> =
            body["ExclusiveStartKey"]["number"]["N"]
                .as_str()
                .map(|digits| {
                    digits
                        .strip_suffix(".0")
                        .expect("the key as it was")
                        .parse()
                        .unwrap()
                });
        let all = 0..self.matches.len();
        let numbers: Vec<usize> = all
            .filter(|number| number % total == segment && after.is_none_or(|after| *number > after))
            .take(page)
            .collect();
        let filtered = body.get("FilterExpression").is_some();
        let found: Vec<Value> = numbers
            .iter()
            .filter(|number| !filtered || self.matches[**number])
            .map(|number| json!({ "number": { "N": number.to_string() } }))
            .collect();
        let mut answer = json!({
            "Count": found.len(),
            "ScannedCount": numbers.len(),
            "ConsumedCapacity": { "TableName": operation, "CapacityUnits": 0.5 },
        });
        if body["Select"] != "COUNT" {
            answer["Items"] = json!(found);
        }
        if numbers.len() == page {
            // As DynamoDB does where a page ends exactly at the end.
            let last = numbers.last().unwrap();
            answer["LastEvaluatedKey"] = json!({ "number": { "N": format!("{last}.0") } });
        }
        answer
    }
}

impl Dynamo for Table {
    fn send(&self, requests: Vec<Request>) -> Vec<Result<Response, SendError>> {
        self.clock.set(self.clock.get() + self.send_ms);
        let answers = requests.into_iter().map(|Request { operation, body }| {
            let mut body: Value = serde_json::from_str(&body).unwrap();
            if operation == "DescribeTable" {
                return Ok(response(200, description().to_string()));
            }
            body["Operation"] = json!(operation);
            self.reads.borrow_mut().push(body.clone());
            let position = self.reads.borrow().len() - 1;
            (self.fault)(position, &body).unwrap_or_else(|| {
                let body = self.read(&operation, &body).to_string();
                Ok(response(200, body))
            })
        });
        answers.collect()
    }

    fn sleep_ms(&self, duration: u64) {
        self.clock.set(self.clock.get() + duration);
    }
}

impl Platform for Table {
    fn now_ms(&self) -> u64 {
        self.clock.get()
    }
    fn random(&self) -> u64 {
        0
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "one answer among faults that are none"
)]
pub fn throttled() -> Result<Response, SendError> {
    let code = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
    Ok(response(
        400,
        json!({ "__type": code, "message": "slow" }).to_string(),
    ))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "one answer among faults that are none"
)]
pub fn refused() -> Result<Response, SendError> {
    let code = "com.amazon.coral.validate#ValidationException";
    Ok(response(
        400,
        json!({ "__type": code, "message": "no" }).to_string(),
    ))
}

fn description() -> Value {
    json!({ "Table": {
        "TableName": "tracks",
        "TableStatus": "ACTIVE",
        "ItemCount": 3,
        "AttributeDefinitions": [
            { "AttributeName": "artist", "AttributeType": "S" },
            { "AttributeName": "track", "AttributeType": "S" },
            { "AttributeName": "year", "AttributeType": "N" },
        ],
        "KeySchema": [
            { "AttributeName": "artist", "KeyType": "HASH" },
            { "AttributeName": "track", "KeyType": "RANGE" },
        ],
        "GlobalSecondaryIndexes": [{
            "IndexName": "by_year",
            "IndexStatus": "ACTIVE",
            "KeySchema": [{ "AttributeName": "year", "KeyType": "HASH" }],
            "Projection": { "ProjectionType": "ALL" },
        }],
    } })
}
