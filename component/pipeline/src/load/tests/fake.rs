//! A table in memory that checks what DynamoDB checks and misbehaves on demand.

use crate::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use crate::dynamodb::response;
use crate::platform::{Dynamo, Platform};
use crate::retry::AWS_LONGEST_ASKED_MS;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// How one batch is answered.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Written.
    Write,
    /// Written but for the puts at these positions, which are returned.
    Keep(&'static [usize]),
    /// Written but for those whose bit is set.
    KeepBits(u64),
    /// Nothing written; that exception.
    Code(&'static str),
    /// The same, and `x-amz-retry-after` names so many milliseconds.
    Asks(&'static str, u64),
    /// Written, but the connection breaks before the answer.
    Applied,
    /// Not written, and the connection breaks.
    Lost,
    /// Written, but the answer is cut short.
    Garbage,
}

/// The table: `tracks`, keys `id` (S) and `at` (N).
pub struct Fake {
    next: Box<dyn Fn() -> Behaviour>,
    /// Items by key; numbers in keys as values.
    pub items: RefCell<BTreeMap<(String, String), Value>>,
    now: Cell<u64>,
    /// No batch is to come before that.
    paused_until: Cell<u64>,
    calls: Cell<u32>,
}

impl Fake {
    /// One behaviour a batch, in order; then it behaves well.
    pub fn scripted(behaviours: &[Behaviour]) -> Self {
        let script: RefCell<VecDeque<Behaviour>> =
            RefCell::new(behaviours.iter().copied().collect());
        Self::new(move || script.borrow_mut().pop_front().unwrap_or(Behaviour::Write))
    }

    /// Behaviours from a function.
    pub fn new(next: impl Fn() -> Behaviour + 'static) -> Self {
        Self {
            next: Box::new(next),
            items: RefCell::default(),
            now: Cell::new(0),
            paused_until: Cell::new(0),
            calls: Cell::new(0),
        }
    }

    /// Calls so far.
    pub fn calls(&self) -> u32 {
        self.calls.get()
    }

    fn batch(&self, body: &str) -> Result<Response, SendError> {
        let body: Value = serde_json::from_str(body).expect("a request is JSON");
        assert_eq!(body["ReturnConsumedCapacity"], "TOTAL");
        let puts = body["RequestItems"]["tracks"]
            .as_array()
            .expect("puts into tracks");
        assert!((1..=25).contains(&puts.len()), "{} puts", puts.len());
        let items: Vec<&Value> = puts.iter().map(|put| &put["PutRequest"]["Item"]).collect();
        assert!(self.now.get() >= self.paused_until.get(), "inside a pause");
        let behaviour = (self.next)();
        if let Behaviour::Code(code) = behaviour {
            return Ok(refused(code));
        }
        if let Behaviour::Asks(code, pause_ms) = behaviour {
            let bounded_ms = pause_ms.min(AWS_LONGEST_ASKED_MS);
            self.paused_until.set(self.now.get() + bounded_ms);
            return Ok(Response {
                retry_after_ms: Some(pause_ms),
                ..refused(code)
            });
        }
        if matches!(behaviour, Behaviour::Lost) {
            return Err(SendError::Unavailable(
                "the connection was reset".to_owned(),
            ));
        }
        let mut keys = HashSet::new();
        for item in &items {
            let Some(key) = identity(item) else {
                return Ok(refused("ValidationException"));
            };
            assert!(keys.insert(key), "a batch names one key twice");
            if item.get("poison").is_some() {
                return Ok(refused("ValidationException"));
            }
        }
        let kept = |position: usize| match behaviour {
            Behaviour::Keep(positions) => positions.contains(&position),
            Behaviour::KeepBits(bits) => bits >> position & 1 == 1,
            _ => false,
        };
        let mut returned = Vec::new();
        for (position, item) in items.iter().enumerate() {
            if kept(position) {
                let mut item = (*item).clone();
                // DynamoDB writes numbers its own way.
                let at = item["at"]["N"]
                    .as_str()
                    .and_then(|at| at.parse::<f64>().ok());
                item["at"] = json!({ "N": at.expect("a number").to_string() });
                returned.push(json!({ "PutRequest": { "Item": item } }));
            } else {
                let key = identity(item).expect("it was checked above");
                self.items.borrow_mut().insert(key, (*item).clone());
            }
        }
        let written = items.len() - returned.len();
        let unprocessed = if returned.is_empty() {
            json!({})
        } else {
            json!({ "tracks": returned })
        };
        let answer = json!({
            "UnprocessedItems": unprocessed,
            "ConsumedCapacity": [{ "TableName": "tracks", "CapacityUnits": written }],
        });
        match behaviour {
            Behaviour::Applied => Err(SendError::Unavailable("the connection was reset".into())),
            Behaviour::Garbage => Ok(response(200, r#"{"Unpro"#)),
            _ => Ok(response(200, answer.to_string())),
        }
    }
}

fn refused(code: &str) -> Response {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    response(
        400,
        json!({ "__type": kind, "message": "words" }).to_string(),
    )
}

/// The key as a value, found another way than the code under test does.
pub fn identity(item: &Value) -> Option<(String, String)> {
    let at: f64 = item.get("at")?.get("N")?.as_str()?.parse().ok()?;
    Some((
        item.get("id")?.get("S")?.as_str()?.to_owned(),
        at.to_string(),
    ))
}

impl Dynamo for Fake {
    fn send(&self, requests: Vec<Request>) -> Vec<Result<Response, SendError>> {
        self.now.set(self.now.get() + 10);
        let answer = |request: Request| {
            self.calls.set(self.calls.get() + 1);
            match request.operation.as_str() {
                "DescribeTable" if request.body.contains("tracks") => {
                    Ok(response(200, DESCRIPTION))
                }
                "DescribeTable" => Ok(refused("ResourceNotFoundException")),
                "BatchWriteItem" => self.batch(&request.body),
                other => panic!("{other} was called"),
            }
        };
        requests.into_iter().map(answer).collect()
    }
    fn sleep_ms(&self, duration: u64) {
        self.now.set(self.now.get() + duration);
    }
}

impl Platform for Fake {
    fn now_ms(&self) -> u64 {
        self.now.get()
    }
    fn random(&self) -> u64 {
        100
    }
}

const DESCRIPTION: &str = r#"{"Table":{"TableName":"tracks","TableStatus":"ACTIVE",
    "KeySchema":[{"AttributeName":"id","KeyType":"HASH"},{"AttributeName":"at","KeyType":"RANGE"}],
    "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"},{"AttributeName":"at","AttributeType":"N"}]}}"#;
