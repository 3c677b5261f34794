//! Clocks, randomness, HTTP and DynamoDB for one run, all of it by a seed.

use super::dice::Dice;
use super::faults::Faults;
use super::record::RecordModel;
use super::source::SourceModel;
use super::table::TableModel;
use crate::bindings::rowcast::pipeline::admission::{Candidate, Decision, Interest, Outcome};
use crate::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use crate::pace::{Observation, Pace};
use crate::platform::{Dynamo, Http, HttpError, HttpRequest, HttpResponse, Platform};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

/// The world of one run.
pub struct World {
    dice: Dice,
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

impl Deref for World {
    type Target = Dice;

    fn deref(&self) -> &Dice {
        &self.dice
    }
}

impl World {
    pub fn new(faults: Faults) -> Self {
        Self {
            timers: RefCell::default(),
            in_flight: Cell::new(0),
            source: RefCell::new(SourceModel::new(&faults)),
            table: RefCell::new(TableModel::new(&faults)),
            record: RefCell::default(),
            paused_until_ms: Cell::new(0),
            killed_at_ms: Cell::new(None),
            paces: RefCell::default(),
            reserved: RefCell::default(),
            dice: Dice::new(faults),
        }
    }

    pub fn items(&self) -> BTreeMap<String, String> {
        self.table.borrow().items.clone()
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

    fn today(&self) -> SystemTime {
        self.dice.today()
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

    fn sleep_ms(&self, duration: u64) {
        self.advance(duration);
    }

    fn wanted(&self) -> Option<Interest> {
        let decides = self.faults.admission.is_some();
        decides.then(|| RecordModel::interest(&self.faults))
    }

    fn admit(&self, candidates: Vec<Candidate>) -> Vec<Decision> {
        let mut table = self.table.borrow_mut();
        let mut record = self.record.borrow_mut();
        record.admit(self, &mut table, &candidates)
    }

    fn settle(&self, outcomes: Vec<Outcome>) {
        let table = self.table.borrow();
        self.record.borrow_mut().settle(&table, &outcomes);
    }
}

impl Platform for World {
    fn now_ms(&self) -> u64 {
        self.now()
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
