//! A DynamoDB that fails, in front of one that doesn't: in a given order, or by
//! rates and a seed. What it lets through is really stored.

use super::chance::Chance;
use super::source::{Reply, Seen, read, write};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// By how many seconds a signature's time may differ from the server's.
const TOLERANCE_SECONDS: i64 = 300;

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DynamoFault {
    /// Some items of a batch, drawn by chance but at least one, are returned
    /// unprocessed; the others are written.
    Unprocessed,
    /// `ProvisionedThroughputExceededException`.
    Throughput,
    /// `ThrottlingException`.
    Throttling,
    /// 500, `InternalServerError`.
    Internal,
    /// The connection is closed, and nothing was done.
    ResetBefore,
    /// The connection is closed after the request was carried out.
    ResetAfter,
    /// Half of the answer comes after the request was carried out.
    CutAfter,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct DynamoPlan {
    pub seed: u64,
    /// Faults of the first batches, one after the other.
    pub first: &'static [DynamoFault],
    /// Then faults by chances in a thousand.
    pub rates: &'static [(DynamoFault, u64)],
    /// Items in a thousand that DynamoDB refuses, and their batches with them.
    pub poisoned: u64,
    /// Items with this attribute are refused as well.
    pub refused: Option<&'static str>,
    /// How far this server's clock is ahead.
    pub clock_seconds: i64,
    /// After so many calls the credentials named `first` have expired.
    pub expire_credentials_after: Option<u32>,
}

impl DynamoPlan {
    /// No faults.
    pub const QUIET: Self = Self {
        seed: 0,
        first: &[],
        rates: &[],
        poisoned: 0,
        refused: None,
        clock_seconds: 0,
        expire_credentials_after: None,
    };
}

/// Ends when it's dropped.
pub struct FaultyDynamo {
    endpoint: String,
    front: Arc<Front>,
    task: JoinHandle<()>,
}

struct Front {
    plan: Mutex<DynamoPlan>,
    /// Host and port of the DynamoDB behind.
    behind: String,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    calls: u32,
    batches: usize,
    /// By body.
    asked: HashMap<String, u32>,
    unacknowledged: usize,
    seen: Vec<Seen>,
}

impl FaultyDynamo {
    /// In front of the DynamoDB at that endpoint.
    pub async fn start(plan: DynamoPlan, behind: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let front = Arc::new(Front {
            plan: Mutex::new(plan),
            behind: behind.strip_prefix("http://").unwrap().to_owned(),
            books: Mutex::default(),
        });
        let accepting = Arc::clone(&front);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let front = Arc::clone(&accepting);
                connections.spawn(async move { front.serve(stream).await });
            }
        });
        Self {
            endpoint,
            front,
            task,
        }
    }

    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Begins anew with another plan.
    pub fn restart(&self, plan: DynamoPlan) {
        *self.front.plan.lock().unwrap() = plan;
        *self.front.books.lock().unwrap() = Books::default();
    }

    /// What was asked since it began.
    pub fn seen(&self) -> Vec<Seen> {
        self.front.books.lock().unwrap().seen.clone()
    }

    /// Calls of any operation.
    pub fn calls(&self) -> u32 {
        self.front.books.lock().unwrap().calls
    }

    /// Puts that were carried out without anybody being told.
    pub fn unacknowledged(&self) -> usize {
        self.front.books.lock().unwrap().unacknowledged
    }
}

impl Drop for FaultyDynamo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    async fn serve(&self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(seen) = read(&mut stream, &mut buffer).await {
            let reply = self.reply(&seen).await;
            let date = httpdate::fmt_http_date(self.now());
            if !write(&mut stream, reply.with_header("date", date)).await {
                return;
            }
        }
    }

    fn plan(&self) -> DynamoPlan {
        *self.plan.lock().unwrap()
    }

    fn now(&self) -> SystemTime {
        let clock_seconds = self.plan().clock_seconds;
        let ahead = Duration::from_secs(clock_seconds.unsigned_abs());
        if clock_seconds < 0 {
            SystemTime::now() - ahead
        } else {
            SystemTime::now() + ahead
        }
    }

    async fn reply(&self, seen: &Seen) -> Reply {
        let body = String::from_utf8(seen.body.clone()).unwrap();
        let Some(fault) = self.decide(seen, &body) else {
            return self.forward(seen, &body).await;
        };
        match fault {
            Ok(DynamoFault::Unprocessed) => self.forward_some(seen, &body).await,
            Ok(DynamoFault::Throughput) => refusal(
                400,
                "ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for the table was exceeded.",
            ),
            Ok(DynamoFault::Throttling) => refusal(
                400,
                "ThrottlingException",
                "Rate of requests exceeds the allowed throughput.",
            ),
            Ok(DynamoFault::Internal) => refusal(
                500,
                "InternalServerError",
                "The request could not be processed.",
            ),
            Ok(DynamoFault::ResetBefore) => Reply::Reset,
            Ok(DynamoFault::ResetAfter) => {
                self.forward(seen, &body).await;
                self.forget(&body);
                Reply::Reset
            }
            Ok(DynamoFault::CutAfter) => {
                self.forget(&body);
                match self.forward(seen, &body).await {
                    Reply::Answer(_, _, answer) => Reply::Cut(answer),
                    other => other,
                }
            }
            Err(refusal) => refusal,
        }
    }

    /// None to let it through; an error is a refusal that is no accident.
    fn decide(&self, seen: &Seen, body: &str) -> Option<Result<DynamoFault, Reply>> {
        let mut books = self.books.lock().unwrap();
        books.calls += 1;
        books.seen.push(seen.clone());
        if let Some(refusal) = self.refuse(seen, books.calls) {
            return Some(Err(refusal));
        }
        let batch = operation(seen) == "BatchWriteItem";
        if batch {
            if self.is_poisoned(body) {
                return Some(Err(refusal(
                    400,
                    "ValidationException",
                    "One item is refused.",
                )));
            }
            books.batches += 1;
            if let Some(fault) = self.plan().first.get(books.batches - 1) {
                return Some(Ok(*fault));
            }
        }
        let turn = books.asked.entry(body.to_owned()).or_default();
        *turn += 1;
        let fault = Chance::of(self.plan().seed, body, *turn).among(self.plan().rates);
        fault
            .filter(|fault| batch || *fault != DynamoFault::Unprocessed)
            .map(Ok)
    }

    fn is_poisoned(&self, body: &str) -> bool {
        let request: Value = serde_json::from_str(body).unwrap();
        let tables = request["RequestItems"].as_object().unwrap();
        let puts = tables.values().flat_map(|puts| puts.as_array().unwrap());
        let plan = self.plan();
        puts.map(|put| &put["PutRequest"]["Item"]).any(|item| {
            let key = format!("{}{}", item["artist_id"], item["country_track"]);
            let drawn = Chance::of(plan.seed, &key, 0).among(&[((), plan.poisoned)]);
            let refused = plan.refused.and_then(|attribute| item.get(attribute));
            drawn.is_some() || refused.is_some()
        })
    }

    fn refuse(&self, seen: &Seen, call: u32) -> Option<Reply> {
        let stated = seen.header("x-amz-date").unwrap();
        let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", stated).unwrap();
        let signed = signed.to_zoned(TimeZone::UTC).unwrap().timestamp();
        let now = Timestamp::try_from(self.now()).unwrap();
        let late = now.as_second() - signed.as_second();
        if late.abs() > TOLERANCE_SECONDS {
            let what = if late > 0 {
                format!("Signature expired: {stated} is now earlier than {now} - 5 min.")
            } else {
                format!("Signature not yet current: {stated} is still later than {now} + 5 min.")
            };
            return Some(refusal(400, "InvalidSignatureException", &what));
        }
        let expired = self
            .plan()
            .expire_credentials_after
            .is_some_and(|it| call > it);
        let authorization = seen.header("authorization").unwrap();
        (expired && authorization.contains("Credential=first/")).then(|| {
            refusal(
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            )
        })
    }

    async fn forward_some(&self, seen: &Seen, body: &str) -> Reply {
        let mut request: Value = serde_json::from_str(body).unwrap();
        let tables = request["RequestItems"].as_object_mut().unwrap();
        let (table, puts) = tables.iter_mut().next().unwrap();
        let table = table.clone();
        let all = std::mem::take(puts.as_array_mut().unwrap());
        let mut chance = Chance::of(self.plan().seed, body, 0);
        let lucky = usize::try_from(chance.draw()).unwrap() % all.len();
        let (mut returned, mut written) = (Vec::new(), Vec::new());
        for (position, put) in all.into_iter().enumerate() {
            let back = position == lucky || chance.draw().is_multiple_of(2);
            (if back { &mut returned } else { &mut written }).push(put);
        }
        if written.is_empty() {
            return Reply::json(json!({"UnprocessedItems": {table: returned}}).to_string());
        }
        *puts = Value::Array(written);
        let answer = match self.forward(seen, &request.to_string()).await {
            Reply::Answer(200, _, answer) => answer,
            other => return other,
        };
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        answer["UnprocessedItems"] = json!({table: returned});
        Reply::json(answer.to_string())
    }

    fn forget(&self, body: &str) {
        self.books.lock().unwrap().unacknowledged += body.matches("\"PutRequest\"").count();
    }

    async fn forward(&self, seen: &Seen, body: &str) -> Reply {
        let mut stream = TcpStream::connect(&self.behind).await.unwrap();
        let mut text = format!("{} {} HTTP/1.1\r\n", seen.method, seen.target);
        for (name, value) in &seen.headers {
            if !["content-length", "connection", "host"].contains(&name.as_str()) {
                write!(text, "{name}: {value}\r\n").unwrap();
            }
        }
        let length = body.len();
        write!(
            text,
            "host: {}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}",
            self.behind
        )
        .unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply::status(status, body)
    }
}

fn operation(seen: &Seen) -> &str {
    let target = seen.header("x-amz-target").unwrap();
    target.rsplit('.').next().unwrap()
}

fn refusal(status: u16, kind: &str, message: &str) -> Reply {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
    Reply::status(
        status,
        json!({"__type": kind, "message": message}).to_string(),
    )
}
