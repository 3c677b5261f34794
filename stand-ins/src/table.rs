//! A DynamoDB with faults and limits, in front of one without: faults come in a
//! given order, or by rates and a seed; limits are capacities. What it lets
//! through is really stored.

#![expect(
    clippy::expect_used,
    reason = "what reaches it is DynamoDB's JSON, and no lock here is poisoned"
)]

mod capacity;
mod forward;
mod plan;

pub use capacity::{Capacity, Throttle, Write};
pub use plan::{DynamoFault, DynamoPlan};

use crate::chance::Chance;
use crate::http::{Port, Reply, Seen, Server};
use bytes::Bytes;
use capacity::Throughput;
use forward::Behind;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// By how many seconds a signature's time may differ from the server's.
const TOLERANCE_SECONDS: i64 = 300;

/// Ends when it's dropped.
pub struct FaultyDynamo {
    server: Server,
    service: Arc<Service>,
}

struct Service {
    behind: Behind,
    port: Port,
    state: Mutex<State>,
}

struct State {
    plan: DynamoPlan,
    calls: u32,
    batches: usize,
    /// By body.
    asked: HashMap<String, u32>,
    unacknowledged: usize,
    seen: Vec<Seen>,
    throughput: Option<Throughput>,
    /// Until when batches are to stay away.
    paused_until: Option<Instant>,
    inside_pauses: usize,
}

/// What becomes of a call.
enum Decision {
    Forward,
    /// Only the puts at these positions.
    ForwardSome(Vec<bool>),
    Fault(DynamoFault),
    Reply(Reply),
}

impl FaultyDynamo {
    /// In front of the DynamoDB at that endpoint.
    pub async fn start(plan: DynamoPlan, behind: &str) -> Self {
        let service = Arc::new(Service {
            behind: Behind::new(behind),
            port: Port::default(),
            state: Mutex::new(State::new(plan)),
        });
        let serving = Arc::clone(&service);
        let server = Server::start_at(service.port.clone(), move |seen| {
            let service = Arc::clone(&serving);
            async move { service.reply(seen).await }
        });
        Self {
            server: server.await.expect("a free port"),
            service,
        }
    }

    /// `http://127.0.0.1:port`
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.origin()
    }

    /// `127.0.0.1:port`, as a `Host` header has it.
    #[must_use]
    pub fn authority(&self) -> String {
        self.server.address().to_string()
    }

    /// Begins anew with another plan.
    pub fn restart(&self, plan: DynamoPlan) {
        *self.service.state() = State::new(plan);
    }

    /// What was asked since it began.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.service.state().seen.clone()
    }

    /// Calls of any operation.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.service.state().calls
    }

    /// Connections that were opened to it.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.server.connections()
    }

    /// Puts that were carried out without anybody being told.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.service.state().unacknowledged
    }

    /// Batches that came while it had asked to be left alone.
    #[must_use]
    pub fn inside_pauses(&self) -> usize {
        self.service.state().inside_pauses
    }

    /// Every batch that met its capacity.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        let state = self.service.state();
        let throughput = state.throughput.as_ref();
        throughput.map_or_else(Vec::new, |throughput| throughput.writes.clone())
    }
}

impl State {
    fn new(plan: DynamoPlan) -> Self {
        Self {
            plan,
            calls: 0,
            batches: 0,
            asked: HashMap::new(),
            unacknowledged: 0,
            seen: Vec::new(),
            throughput: plan.capacity.map(Throughput::new),
            paused_until: None,
            inside_pauses: 0,
        }
    }

    fn now(&self) -> SystemTime {
        let ahead = Duration::from_secs(self.plan.clock_seconds.unsigned_abs());
        if self.plan.clock_seconds < 0 {
            SystemTime::now() - ahead
        } else {
            SystemTime::now() + ahead
        }
    }

    fn decide(&mut self, seen: &Seen) -> Decision {
        self.calls += 1;
        self.seen.push(seen.clone());
        if let Some(refusal) = self.refuse(seen) {
            return Decision::Reply(refusal);
        }
        let body = String::from_utf8_lossy(&seen.body);
        let batch = operation(seen) == "BatchWriteItem";
        if batch {
            let puts = puts(&seen.body);
            if puts.iter().any(|put| self.is_poisoned(put)) {
                let message = "One item is refused.";
                return Decision::Reply(refusal(400, "ValidationException", message));
            }
            self.batches += 1;
            let paused = self.paused_until.is_some_and(|until| seen.at < until);
            self.inside_pauses += usize::from(paused);
            if let Some(&fault) = self.plan.first.get(self.batches - 1) {
                if let DynamoFault::RetryAfter(milliseconds) = fault {
                    self.paused_until = Some(seen.at + Duration::from_millis(milliseconds));
                }
                return Decision::Fault(fault);
            }
            if let Some(throughput) = &mut self.throughput {
                return throughput.decide(&puts, seen.at);
            }
        }
        let turn = self.asked.entry(body.clone().into_owned()).or_default();
        *turn += 1;
        let fault = Chance::of(self.plan.seed, &body, *turn).among(self.plan.rates);
        fault
            .filter(|fault| batch || *fault != DynamoFault::Unprocessed)
            .map_or(Decision::Forward, Decision::Fault)
    }

    fn is_poisoned(&self, item: &Value) -> bool {
        let text = |name: &str| item.get(name).unwrap_or(&Value::Null);
        let key = format!("{}{}", text("artist_id"), text("country_track"));
        let drawn = Chance::of(self.plan.seed, &key, 0).among(&[((), self.plan.poisoned)]);
        let refused = self.plan.refused.and_then(|attribute| item.get(attribute));
        drawn.is_some() || refused.is_some()
    }

    fn refuse(&self, seen: &Seen) -> Option<Reply> {
        let stated = seen.header("x-amz-date").expect("a date");
        let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", stated).expect("a date");
        let signed = signed.to_zoned(TimeZone::UTC).expect("a time").timestamp();
        let now = Timestamp::try_from(self.now()).expect("a time");
        let late = now.as_second() - signed.as_second();
        if late.abs() > TOLERANCE_SECONDS {
            let what = if late > 0 {
                format!("Signature expired: {stated} is now earlier than {now} - 5 min.")
            } else {
                format!("Signature not yet current: {stated} is still later than {now} + 5 min.")
            };
            return Some(refusal(400, "InvalidSignatureException", &what));
        }
        let most = self.plan.expire_credentials_after;
        let expired = most.is_some_and(|most| self.calls > most);
        let authorization = seen.header("authorization").expect("a signature");
        (expired && authorization.contains("Credential=first/")).then(|| {
            refusal(
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            )
        })
    }
}

impl Service {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no poison")
    }

    async fn reply(&self, seen: Seen) -> Reply {
        let (decision, outage, latency) = {
            let mut state = self.state();
            let decision = state.decide(&seen);
            let outage = state.plan.outage;
            let outage = outage.filter(|outage| outage.at + 1 == state.calls as usize);
            (decision, outage, state.plan.latency)
        };
        if let Some(outage) = outage {
            self.port.close_for(outage.lasting);
            return Reply::Reset;
        }
        tokio::time::sleep(latency).await;
        let reply = match decision {
            Decision::Reply(reply) => reply,
            Decision::Forward => self.behind.forward(&seen).await,
            Decision::ForwardSome(written) => self.behind.forward_some(&seen, &written).await,
            Decision::Fault(fault) => self.fail(fault, &seen).await,
        };
        let now = self.state().now();
        reply.with_header("date", httpdate::fmt_http_date(now))
    }

    async fn fail(&self, fault: DynamoFault, seen: &Seen) -> Reply {
        match fault {
            DynamoFault::Unprocessed => {
                let puts = 0..puts(&seen.body).len();
                let written: Vec<_> = puts.map(|position| position % 2 == 1).collect();
                self.behind.forward_some(seen, &written).await
            }
            DynamoFault::Throughput => refusal(
                400,
                "ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for the table was exceeded.",
            ),
            DynamoFault::Throttling => refusal(
                400,
                "ThrottlingException",
                "Rate of requests exceeds the allowed throughput.",
            ),
            DynamoFault::RetryAfter(milliseconds) => refusal(
                400,
                "ThrottlingException",
                "Rate of requests exceeds the allowed throughput.",
            )
            .with_header("x-amz-retry-after", milliseconds.to_string()),
            DynamoFault::Internal => refusal(
                500,
                "InternalServerError",
                "The request could not be processed.",
            ),
            DynamoFault::ResetBefore => Reply::Reset,
            DynamoFault::ResetAfter => {
                self.behind.forward(seen).await;
                self.forget(seen);
                Reply::Reset
            }
            DynamoFault::CutAfter => {
                self.forget(seen);
                match self.behind.forward(seen).await {
                    Reply::Answer(_, _, answer) => Reply::Cut(answer),
                    other => other,
                }
            }
        }
    }

    fn forget(&self, seen: &Seen) {
        self.state().unacknowledged += puts(&seen.body).len();
    }
}

/// The items of a batch's puts.
fn puts(body: &Bytes) -> Vec<Value> {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let tables = request.get("RequestItems").and_then(Value::as_object);
    let requests = tables.into_iter().flat_map(serde_json::Map::values);
    let requests = requests.filter_map(Value::as_array).flatten();
    requests
        .filter_map(|request| request.pointer("/PutRequest/Item").cloned())
        .collect()
}

fn operation(seen: &Seen) -> &str {
    let target = seen.header("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

fn refusal(status: u16, kind: &str, message: &str) -> Reply {
    error(status, kind, json!({ "message": message }))
}

fn error(status: u16, kind: &str, mut members: Value) -> Reply {
    if let Some(members) = members.as_object_mut() {
        let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
        members.insert("__type".to_owned(), kind.into());
    }
    Reply::status(status, members.to_string())
}
