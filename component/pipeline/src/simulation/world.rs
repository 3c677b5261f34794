//! Clocks, randomness, HTTP and DynamoDB for one run, all of it by a seed.

use super::record::RecordModel;
use super::source::SourceModel;
use super::table::TableModel;
use crate::bindings::rowcast::pipeline::admission::{Candidate, Decision, Interest, Outcome};
use crate::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use crate::extract::script::draw;
use crate::pace::{Observation, Pace};
use crate::platform::{Dynamo, Http, HttpError, HttpRequest, HttpResponse};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

/// What a seed says.
#[derive(Clone, Debug)]
pub struct Faults {
    pub seed: u64,
    pub row_count: u32,
    pub budget_ms: u64,
    pub concurrency: u32,
    pub latency_ms: u64,
    /// Requests that the source allows a second.
    pub per_second: Option<u32>,
    pub style: u64,
    /// How it says that there are too many.
    pub limit_style: u64,
    /// Whether pages are counted, rather than linked.
    pub counted: bool,
    /// Whether the source's settings have the rate as a budget.
    pub budgeted: bool,
    /// Uses after which a token dies.
    pub token_uses: Option<u32>,
    /// Rows that always fail.
    pub poison: BTreeSet<u32>,
    pub forbidden: BTreeSet<u32>,
    /// One in so many answers fails.
    pub failures: Option<u64>,
    /// The source is gone from then to then.
    pub outage: Option<(u64, u64)>,
    /// Write units a second.
    pub units: Option<u32>,
    /// One in so many batches fails in some way.
    pub table_failures: Option<u64>,
    /// Keys that the table refuses.
    pub refused_items: BTreeSet<String>,
    /// One in so many calls is killed.
    pub kills: Option<u64>,
    /// The host shares the pace among calls.
    pub shared: bool,
    /// The host decides what is written; another call is writing one in so many
    /// keys.
    pub admission: Option<u64>,
}

/// What the source's ways to say that there are too many need.
const RULES: &str = r#"[
    {"when":{"body":{"pointer":"/error/code","equals":4}},"then":"wait","wait":{"default":"1s"}},
    {"when":{"status":420},"then":"wait","wait":{"pointer":"/wait","unit":"milliseconds"}}
]"#;

impl Faults {
    pub fn draw(seed: u64) -> Self {
        let mut state = draw(seed ^ 0x5eed);
        let mut next = |bound: u64| {
            state = draw(state);
            state % bound
        };
        let row_count = u32::try_from(next(40) + 1).unwrap_or(1);
        let mut rows = |chance: u64| {
            let chosen = (0..row_count).filter(|_| next(100) < chance);
            chosen.collect::<BTreeSet<_>>()
        };
        let mut poison = rows(3);
        // Where nobody is ever answered, the source is down, and that's no run.
        if u32::try_from(poison.len()) == Ok(row_count) {
            poison.clear();
        }
        let forbidden = rows(3);
        let refused = rows(2);
        let some = |value: u64, when: bool| when.then_some(value);
        let small = |value: u64| u32::try_from(value).unwrap_or(1);
        Self {
            seed,
            row_count,
            budget_ms: 2_000 + next(20) * 5_000,
            concurrency: small(next(8) + 1),
            latency_ms: 5 + next(300),
            per_second: some(next(30) + 1, next(2) == 0).map(small),
            style: next(4),
            limit_style: draw(seed ^ 0x11) % 7,
            counted: draw(seed ^ 0x22).is_multiple_of(2),
            budgeted: draw(seed ^ 0x33).is_multiple_of(3),
            token_uses: some(next(40) + 20, next(3) == 0).map(small),
            poison,
            forbidden,
            failures: some(next(20) + 15, next(2) == 0),
            outage: (next(5) == 0).then(|| {
                let from = next(5_000);
                (from, from + next(60_000))
            }),
            units: some(next(100) + 2, next(2) == 0).map(small),
            table_failures: some(next(10) + 3, next(2) == 0),
            refused_items: refused
                .into_iter()
                .map(|row| format!("{row}-0-0"))
                .collect(),
            kills: some(next(6) + 2, next(3) == 0),
            shared: next(2) == 0,
            admission: some(
                draw(seed ^ 0x44) / 2 % 20 + 2,
                draw(seed ^ 0x44).is_multiple_of(2),
            ),
        }
    }

    pub fn rows(&self) -> Vec<String> {
        let row = |id| format!(r#"{{"id":{id}}}"#);
        (0..self.row_count).map(row).collect()
    }

    pub fn source(&self) -> String {
        let auth = match self.token_uses {
            Some(_) => {
                r#","auth":{"type":"client-credentials","token_url":"https://id.example/token",
                   "client_id":"me","client_secret":"s"}"#
            }
            None => "",
        };
        let pages = if self.counted {
            r#"{"type":"page-number","parameter":"p","first":0,"end":{"has_more":"/next"}}"#
        } else {
            r#"{"type":"next-url","pointer":"/next"}"#
        };
        let rate = self.per_second.filter(|_| self.budgeted);
        let rate = rate.map(|rate| format!(r#","rate":{{"requests":{rate},"per":"1s"}}"#));
        format!(
            r#"{{"url":"https://api.example/{{id}}","records":"/t","concurrency":{},
                "request_timeout_ms":5000,"rules":{RULES},"pagination":{pages}{}{auth}}}"#,
            self.concurrency,
            rate.unwrap_or_default()
        )
    }

    pub fn table() -> String {
        r#"{"name":"tracks","keys":{"partition":{"name":"id","type":"S"}}}"#.to_owned()
    }

    /// Pages and records of a row.
    pub fn shape(&self, row: u32) -> (u32, u32) {
        let drawn = draw(self.seed ^ u64::from(row) << 8);
        let pages = if drawn.is_multiple_of(4) {
            drawn / 4 % 4
        } else {
            0
        };
        let records = u32::try_from(drawn / 64 % 12).unwrap_or(0);
        (u32::try_from(pages).unwrap_or(0) + 1, records)
    }

    /// What a row's documents are in the table, by key.
    pub fn items(&self, row: u32) -> BTreeMap<String, String> {
        let (pages, records) = self.shape(row);
        let of_page = |page| (0..records).map(move |record| format!("{row}-{page}-{record}"));
        let keys = (0..pages).flat_map(of_page);
        keys.map(|key| {
            let item = format!(r#"{{"id":{{"S":"{key}"}}}}"#);
            (key, item)
        })
        .collect()
    }
}

/// The world of one run.
pub struct World {
    pub faults: Faults,
    now_ms: Cell<u64>,
    seed: Cell<u64>,
    timers: RefCell<Vec<(u64, Waker)>>,
    in_flight: Cell<u32>,
    source: RefCell<SourceModel>,
    table: RefCell<TableModel>,
    record: RefCell<RecordModel>,
    /// Until when this call was asked to leave the source alone.
    paused_until_ms: Cell<u64>,
    killed_at_ms: Cell<Option<u64>>,
    paces: RefCell<HashMap<String, Pace>>,
    /// What this call reserved and didn't report.
    reserved: RefCell<HashMap<String, u32>>,
}

impl World {
    pub fn new(faults: Faults) -> Self {
        Self {
            now_ms: Cell::new(0),
            seed: Cell::new(draw(faults.seed)),
            timers: RefCell::default(),
            in_flight: Cell::new(0),
            source: RefCell::new(SourceModel::new(&faults)),
            table: RefCell::new(TableModel::new(&faults)),
            record: RefCell::default(),
            paused_until_ms: Cell::new(0),
            killed_at_ms: Cell::new(None),
            paces: RefCell::default(),
            reserved: RefCell::default(),
            faults,
        }
    }

    pub fn now(&self) -> u64 {
        self.now_ms.get()
    }

    pub fn advance(&self, by_ms: u64) {
        self.now_ms.set(self.now_ms.get() + by_ms);
    }

    pub fn items(&self) -> BTreeMap<String, String> {
        self.table.borrow().items.clone()
    }

    /// Another call of the host writes an item.
    pub fn write(&self, key: &str, item: &str) {
        let mut table = self.table.borrow_mut();
        table.items.insert(key.to_owned(), item.to_owned());
    }

    /// A call is over, one way or another.
    pub fn end_call(&self) {
        self.record.borrow().end_call();
    }

    /// Another call begins, in another instance.
    pub fn begin_call(&self) {
        self.timers.take();
        self.in_flight.set(0);
        // A host gives back what a call had reserved when it was killed.
        for (upstream, reserved) in self.reserved.take() {
            for _ in 0..reserved {
                Shared::report(self, &upstream, &Observation::default());
            }
        }
        if !self.faults.shared {
            self.paused_until_ms.set(0);
        }
        let kills = self.faults.kills.filter(|&kills| self.chance(kills));
        let at = kills.map(|_| self.now() + self.next() % 10_000);
        self.killed_at_ms.set(at);
    }

    /// Runs a call to its end; none if it is killed before.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        loop {
            let mut context = Context::from_waker(Waker::noop());
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return Some(value);
            }
            let next = self.timers.borrow().iter().map(|timer| timer.0).min();
            let next = next.expect("nobody waits for a timer").max(self.now());
            if self.killed_at_ms.get().is_some_and(|at| at <= next) {
                return None;
            }
            self.now_ms.set(next);
            let timers = self.timers.take();
            let (due, later): (Vec<_>, _) = timers.into_iter().partition(|timer| timer.0 <= next);
            *self.timers.borrow_mut() = later;
            for (_, waker) in due {
                waker.wake();
            }
        }
    }

    pub fn next(&self) -> u64 {
        self.seed.set(draw(self.seed.get()));
        self.seed.get()
    }

    pub fn chance(&self, one_in: u64) -> bool {
        self.next().is_multiple_of(one_in)
    }

    fn latency(&self) -> u64 {
        let latency = self.faults.latency_ms;
        latency / 2 + self.next() % (latency + 1)
    }
}

impl Http for World {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_token = request.url.ends_with("/token");
        if !is_token {
            assert!(
                self.now() >= self.paused_until_ms.get(),
                "sent inside a pause"
            );
            self.in_flight.set(self.in_flight.get() + 1);
            assert!(self.in_flight.get() <= self.faults.concurrency);
        }
        let latency = self.latency();
        Http::sleep_ms(self, latency / 2).await;
        let (extra, answer) = self.source.borrow_mut().answer(self, &request);
        let rest = latency - latency / 2 + extra;
        let left = request.timeout_ms.saturating_sub(latency / 2);
        Http::sleep_ms(self, rest.min(left)).await;
        if !is_token {
            self.in_flight.set(self.in_flight.get() - 1);
        }
        if rest > left {
            return Err(HttpError::Timeout);
        }
        let pause = answer
            .as_ref()
            .ok()
            .filter(|_| !is_token)
            .and_then(|answer| {
                let seconds = answer
                    .headers
                    .iter()
                    .find(|(name, _)| name == "retry-after");
                seconds.and_then(|(_, value)| value.parse::<u64>().ok())
            });
        if let Some(seconds) = pause {
            let until = self.now() + seconds * 1_000;
            self.paused_until_ms
                .set(self.paused_until_ms.get().max(until));
        }
        answer
    }

    fn now_ms(&self) -> u64 {
        self.now()
    }

    fn today(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_000 + self.now())
    }

    async fn sleep_ms(&self, duration: u64) {
        let until = self.now() + duration;
        poll_fn(|context| {
            if self.now() >= until {
                return Poll::Ready(());
            }
            let waker = context.waker().clone();
            self.timers.borrow_mut().push((until, waker));
            Poll::Pending
        })
        .await;
    }

    fn random(&self) -> u64 {
        self.next()
    }

    fn reserve(&self, upstream: &str, units: u32) -> Option<u64> {
        Shared::reserve(self, upstream, units)
    }

    fn report(&self, upstream: &str, seen: &Observation) {
        Shared::report(self, upstream, seen);
    }
}

impl Dynamo for World {
    fn send(&self, requests: Vec<Request>) -> Vec<Result<Response, SendError>> {
        self.advance(2 + self.next() % 20);
        let mut table = self.table.borrow_mut();
        requests
            .iter()
            .map(|request| table.answer(self, request))
            .collect()
    }

    fn now_ms(&self) -> u64 {
        self.now()
    }

    fn sleep_ms(&self, duration: u64) {
        self.advance(duration);
    }

    fn random(&self) -> u64 {
        self.next()
    }

    fn reserve(&self, upstream: &str, units: u32) -> Option<u64> {
        Shared::reserve(self, upstream, units)
    }

    fn report(&self, upstream: &str, seen: &Observation) {
        Shared::report(self, upstream, seen);
    }

    fn wanted(&self) -> Option<Interest> {
        let decides = self.faults.admission.is_some();
        decides.then(|| RecordModel::interest(self))
    }

    fn admit(&self, candidates: Vec<Candidate>) -> Vec<Decision> {
        self.record.borrow_mut().admit(self, &candidates)
    }

    fn settle(&self, outcomes: Vec<Outcome>) {
        self.record.borrow_mut().settle(self, &outcomes);
    }
}

/// A host that shares the pace among calls.
trait Shared {
    fn reserve(&self, upstream: &str, units: u32) -> Option<u64>;
    fn report(&self, upstream: &str, seen: &Observation);
}

impl Shared for World {
    fn reserve(&self, upstream: &str, units: u32) -> Option<u64> {
        if !self.faults.shared {
            return None;
        }
        let (now, random) = (self.now(), self.next());
        let mut paces = self.paces.borrow_mut();
        let pace = paces.entry(upstream.to_owned()).or_insert_with(|| {
            if upstream.starts_with("dynamodb:") {
                Pace::of_units()
            } else {
                Pace::of_requests(None)
            }
        });
        let wait = pace.reserve(now, units, random);
        if wait == 0 && units > 0 {
            let mut reserved = self.reserved.borrow_mut();
            *reserved.entry(upstream.to_owned()).or_default() += 1;
        }
        Some(wait)
    }

    fn report(&self, upstream: &str, seen: &Observation) {
        let now = self.now();
        if let Some(reserved) = self.reserved.borrow_mut().get_mut(upstream) {
            *reserved = reserved.saturating_sub(1);
        }
        if let Some(pace) = self.paces.borrow_mut().get_mut(upstream) {
            pace.report(now, seen);
        }
    }
}
