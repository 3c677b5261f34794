//! A scripted upstream over virtual time, for tests: sleeping costs nothing,
//! and every request is on record.

use crate::platform::{Http, HttpError, HttpRequest, HttpResponse, Platform};
use crate::settings::{self, Mistakes, Source};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

/// What a request is answered: after how long, and what.
pub type Reply = (u64, Result<HttpResponse, HttpError>);

/// The upstream. `answer` gets the request and how often its URL was asked
/// for before.
pub struct Script<F> {
    answer: F,
    now_ms: Cell<u64>,
    timers: RefCell<Vec<(u64, Waker)>>,
    asked: RefCell<HashMap<String, u32>>,
    in_flight: Cell<u32>,
    /// The most requests that were in flight at once.
    pub most_in_flight: Cell<u32>,
    /// Each request and when it was sent.
    pub sent: RefCell<Vec<(u64, HttpRequest)>>,
    seed: Cell<u64>,
}

impl<F: Fn(&HttpRequest, u32) -> Reply> Script<F> {
    /// Starts at time zero.
    pub fn new(answer: F) -> Self {
        Self {
            answer,
            now_ms: Cell::new(0),
            timers: RefCell::default(),
            asked: RefCell::default(),
            in_flight: Cell::new(0),
            most_in_flight: Cell::new(0),
            sent: RefCell::default(),
            seed: Cell::new(1),
        }
    }

    /// Runs a future to its end, jumping from timer to timer.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            let mut context = Context::from_waker(Waker::noop());
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            let next = self.timers.borrow().iter().map(|timer| timer.0).min();
            assert!(next.is_some(), "nobody waits for a timer");
            self.now_ms.set(next.unwrap_or_default());
            let timers = self.timers.take();
            let (due, later) = timers
                .into_iter()
                .partition(|timer| timer.0 <= self.now_ms.get());
            *self.timers.borrow_mut() = later;
            for timer in due {
                let (_, waker): (u64, Waker) = timer;
                waker.wake();
            }
        }
    }

    /// When each request to the source was sent.
    pub fn times(&self) -> Vec<u64> {
        self.sent.borrow().iter().map(|(at, _)| *at).collect()
    }
}

impl<F: Fn(&HttpRequest, u32) -> Reply> Http for Script<F> {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let before = {
            let mut asked = self.asked.borrow_mut();
            let times = asked.entry(request.url.clone()).or_default();
            *times += 1;
            *times - 1
        };
        self.in_flight.set(self.in_flight.get() + 1);
        self.most_in_flight
            .set(self.most_in_flight.get().max(self.in_flight.get()));
        self.sent
            .borrow_mut()
            .push((self.now_ms(), request.clone()));
        let (latency, outcome) = (self.answer)(&request, before);
        self.sleep_ms(latency.min(request.timeout_ms)).await;
        self.in_flight.set(self.in_flight.get() - 1);
        if latency > request.timeout_ms {
            Err(HttpError::Timeout)
        } else {
            outcome
        }
    }

    fn today(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_000 + self.now_ms())
    }

    async fn sleep_ms(&self, duration: u64) {
        let until = self.now_ms() + duration;
        poll_fn(|context| {
            if self.now_ms() >= until {
                return Poll::Ready(());
            }
            self.timers
                .borrow_mut()
                .push((until, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl<F: Fn(&HttpRequest, u32) -> Reply> Platform for Script<F> {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }
    fn random(&self) -> u64 {
        self.seed.set(draw(self.seed.get()));
        self.seed.get()
    }
}

/// The number after `seed` in a fixed sequence (splitmix64).
pub fn draw(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// An answer after 10 ms.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers = headers
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    (
        10,
        Ok(HttpResponse {
            status,
            headers: headers.collect(),
            body: body.into(),
        }),
    )
}

/// A source at `https://api.example/{id}`.
pub fn source() -> Source {
    source_with("")
}

/// The same with more settings, such as `, "accept": "text/csv"`, which must be
/// others than these.
pub fn source_with(settings: &str) -> Source {
    let text = format!(
        r#"{{"url": "https://api.example/{{id}}", "records": "/t", "max_pages": 10, "concurrency": 4,
            "retry": {{"max_attempts": 3, "base_delay_ms": 100, "max_delay_ms": 1000}},
            "request_timeout_ms": 5000, "max_body_bytes": 1000000{settings}}}"#
    );
    let mut mistakes = Mistakes::default();
    let source = settings::source(&text, &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes}");
    source.expect("a source without mistakes")
}

/// Rows `{"id":0}` and so on.
pub fn rows(count: u32) -> Vec<String> {
    (0..count).map(|id| format!(r#"{{"id":{id}}}"#)).collect()
}
