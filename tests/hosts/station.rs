//! A case → the servers between which it is called, and what they saw.

use super::case::{Answer, Case, Table};
use super::compare::difference;
use crate::signature::{KEY, Received, SECRET, TOKEN};
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::{Reply, Seen};
use rowcast_stand_ins::scripted::ScriptedSource;
use rowcast_stand_ins::table::{DynamoPlan, FaultyDynamo};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpSocket;

/// A request that was on its way when pause was asked for breaks no rule.
const ON_THE_WAY: Duration = Duration::from_millis(250);

/// The servers of one host.
pub struct Station {
    source: ScriptedSource,
    script: Arc<Mutex<Script>>,
    /// Bound, so that nobody else gets it, and never listening.
    refused: TcpSocket,
    storage: TemporaryDynamoDb,
    dynamodb: FaultyDynamo,
}

#[derive(Default)]
struct Script {
    /// `/case`
    root: String,
    answers: BTreeMap<String, Vec<Answer>>,
    asked: BTreeMap<String, Vec<Seen>>,
    pauses: Vec<(Instant, Duration)>,
    faults: Vec<String>,
}

impl Station {
    pub async fn start() -> Self {
        let script: Arc<Mutex<Script>> = Arc::default();
        let own = Arc::clone(&script);
        let source = ScriptedSource::start(move |seen, _| own.lock().unwrap().reply(seen)).await;
        let refused = TcpSocket::new_v4().unwrap();
        refused.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let storage = TemporaryDynamoDb::start().await.unwrap();
        let dynamodb = FaultyDynamo::start(DynamoPlan::QUIET, &storage.endpoint()).await;
        Self {
            source,
            script,
            refused,
            storage,
            dynamodb,
        }
    }

    /// What cases call these servers.
    pub fn places(&self) -> [(&'static str, String); 4] {
        [
            ("{source}", format!("{}/{{case}}", self.source.origin())),
            ("{source-origin}", self.source.origin()),
            ("{refused}", self.refused()),
            ("{dynamodb}", self.dynamodb.endpoint()),
        ]
    }

    fn refused(&self) -> String {
        format!("http://{}", self.refused.local_addr().unwrap())
    }

    /// The origins that a host with limits of its own must let through.
    pub fn origins(&self) -> [String; 3] {
        [
            self.source.origin(),
            self.refused(),
            self.dynamodb.endpoint(),
        ]
    }

    /// The component's environment in that case.
    pub fn environment(&self, case: &Case) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::from([
            ("AWS_REGION".to_owned(), "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID".to_owned(), KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), SECRET.to_owned()),
            ("AWS_SESSION_TOKEN".to_owned(), TOKEN.to_owned()),
            (
                "AWS_ENDPOINT_URL_DYNAMODB".to_owned(),
                self.dynamodb.endpoint(),
            ),
        ]);
        for (name, value) in &case.environment {
            match value {
                Some(value) => environment.insert(name.clone(), value.clone()),
                None => environment.remove(name),
            };
        }
        environment
    }

    /// Makes the servers ready for that case.
    pub async fn prepare(&self, case: &mut Case) {
        *self.script.lock().unwrap() = Script {
            root: format!("/{}", case.name),
            answers: std::mem::take(&mut case.source),
            ..Script::default()
        };
        let mut plan = DynamoPlan::QUIET;
        if let Some(table) = &mut case.table {
            // A plan is a constant elsewhere; these few live as long.
            plan.first = std::mem::take(&mut table.faults).leak();
            plan.refused = table.refused.take().map(|name| &*name.leak());
            self.create(&case.name, table).await;
        }
        self.dynamodb.restart(plan);
    }

    async fn create(&self, name: &str, table: &Table) {
        let (status, answer) = self.storage.create(name, &table.keys).await;
        assert_eq!(status, 200, "{answer}");
        for item in &table.items {
            let mut item = item.clone();
            if table.padding_bytes > 0 {
                item["padding"] = json!({"S": "x".repeat(table.padding_bytes)});
            }
            self.direct("PutItem", &json!({"TableName": name, "Item": item}))
                .await;
        }
    }

    /// Past what goes wrong; the storage accepts any signature.
    async fn direct(&self, operation: &str, body: &Value) -> Value {
        let (status, answer) = self.storage.call(operation, body).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// Whatever the servers saw that the case doesn't expect.
    pub async fn faults(&self, case: &Case) -> Vec<String> {
        let mut faults = self.script.lock().unwrap().faults(case);
        let seen = self.dynamodb.seen();
        faults.extend(operations(case, &seen));
        let authority = self.dynamodb.endpoint().replace("http://", "");
        let token = self.environment(case).remove("AWS_SESSION_TOKEN");
        for seen in seen {
            faults.extend(unsigned(seen, &authority, token.as_deref()));
        }
        if let Some(expected) = &case.stored {
            let scan = json!({"TableName": case.name});
            let found = self.direct("Scan", &scan).await["Items"].take();
            let found = in_order(found.as_array().unwrap());
            if in_order(expected) != found {
                faults.push(format!("the table holds {}", Value::Array(found)));
            }
        }
        faults
    }
}

fn in_order(items: &[Value]) -> Vec<Value> {
    // The members of an item have no order either.
    let text = |item: &Value| {
        let members: BTreeMap<_, _> = item.as_object().unwrap().iter().collect();
        format!("{members:?}")
    };
    let mut items = items.to_vec();
    items.sort_by_key(text);
    items
}

fn operations(case: &Case, seen: &[Seen]) -> Option<String> {
    let mut operations = BTreeMap::<String, u64>::new();
    for seen in seen {
        let target = seen.header("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        *operations.entry(operation).or_default() += 1;
    }
    let differs = difference(&json!(case.operations), &json!(operations));
    differs.map(|how| format!("DynamoDB was asked for {operations:?}{how}"))
}

fn unsigned(seen: Seen, authority: &str, token: Option<&str>) -> Option<String> {
    let found = seen.header("x-amz-security-token").map(str::to_owned);
    if found.as_deref() != token {
        return Some(format!("the session token was {found:?}"));
    }
    if seen.header("host") != Some(authority) {
        return Some(format!("the headers were {:?}", seen.headers));
    }
    let received = Received::from(seen);
    let right = received.authorization("Signature=") == received.signature(SECRET, &received.body);
    (!right).then(|| "a request's signature was wrong".to_owned())
}

impl Script {
    fn reply(&mut self, seen: &Seen) -> Reply {
        let Some(path) = seen.target.strip_prefix(&self.root) else {
            // Of the case before, whose time ran out.
            return Reply::status(410, "{}");
        };
        let now = Instant::now();
        let inside = |(since, length): &(Instant, Duration)| {
            let passed = now.duration_since(*since);
            passed > ON_THE_WAY && passed < *length
        };
        if self.pauses.iter().any(inside) {
            self.faults
                .push(format!("{path} was asked for inside a Retry-After"));
        }
        let asked = self.asked.entry(path.to_owned()).or_default();
        asked.push(seen.clone());
        let turn = asked.len() - 1;
        let Some(answers) = self.answers.get(path) else {
            return Reply::status(404, r#"{"error":"there is no such path"}"#);
        };
        let answer = &answers[turn.min(answers.len() - 1)];
        if let Some(Ok(seconds)) = answer.headers.get("retry-after").map(|it| it.parse()) {
            self.pauses.push((now, Duration::from_secs(seconds)));
        }
        answer.reply()
    }

    fn faults(&self, case: &Case) -> Vec<String> {
        let mut faults = self.faults.clone();
        for (path, seen) in &self.asked {
            let times = case.asked.get(path).map_or(0, |asked| asked.times);
            if seen.len() != times {
                faults.push(format!(
                    "{path} was asked for {} times, not {times}",
                    seen.len()
                ));
            }
        }
        for (path, expected) in &case.asked {
            let Some(seen) = self.asked.get(path) else {
                if expected.times > 0 {
                    faults.push(format!("{path} was never asked for"));
                }
                continue;
            };
            for (name, value) in &expected.headers {
                let lacking = seen.iter().find(|it| it.header(name) != Some(value));
                if let Some(lacking) = lacking {
                    faults.push(format!("{path} had {name}: {:?}", lacking.header(name)));
                }
            }
            for (body, seen) in expected.bodies.iter().zip(seen) {
                let found: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
                if *body != found {
                    faults.push(format!("{path} had the body {found}"));
                }
            }
        }
        faults
    }
}
