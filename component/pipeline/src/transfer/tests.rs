//! A table that refuses everything → whose failure it is.

use super::*;
use crate::bindings::exports::rowcast::pipeline::transfer::Remaining;
use crate::bindings::rowcast::pipeline::dynamodb::{Request as Call, Response, SendError};
use crate::bindings::rowcast::pipeline::types::{PendingRequest, Stop};
use crate::platform::{HttpError, HttpRequest, HttpResponse, Platform};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

/// A source that takes so long, and a table that lets nobody in.
struct World {
    now_ms: Cell<u64>,
    latency_ms: u64,
}

impl World {
    fn wait(&self, duration: u64) {
        self.now_ms.set(self.now_ms.get() + duration);
    }
}

impl Http for World {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.wait(self.latency_ms.min(request.timeout_ms));
        if self.latency_ms > request.timeout_ms {
            return Err(HttpError::Timeout);
        }
        Ok(HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: br#"[{"id":"a"}]"#.to_vec(),
        })
    }
    fn today(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
    async fn sleep_ms(&self, duration: u64) {
        self.wait(duration);
    }
}

impl Dynamo for World {
    fn send(&self, requests: Vec<Call>) -> Vec<Result<Response, SendError>> {
        let denied = |_| Err(SendError::Denied("no".to_owned()));
        requests.into_iter().map(denied).collect()
    }
    fn sleep_ms(&self, duration: u64) {
        self.wait(duration);
    }
}

impl Platform for World {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }
    fn random(&self) -> u64 {
        1
    }
}

/// A call for one row, or for what was left of it: how it ended, and how many
/// requests and documents are left.
fn check(left: Option<(u32, u32)>, latency_ms: u64, keys: &str, expected: &str) {
    let world = World {
        now_ms: Cell::new(0),
        latency_ms,
    };
    let row = |row| Request {
        row,
        combination: 0,
    };
    let remaining = left.map(|(requests, documents)| Remaining {
        requests: (0..requests)
            .map(|_| PendingRequest {
                request: row(0),
                resume: None,
            })
            .collect(),
        documents: (0..documents)
            .map(|_| PendingDocument {
                request: row(0),
                document: r#"{"id":"b"}"#.to_owned(),
            })
            .collect(),
    });
    let source = r#"{"url":"https://api.example/{id}","request_timeout_ms":800}"#;
    let table = format!(r#"{{"name":"tracks"{keys}}}"#);
    let rows = [r#"{"id":1}"#.to_owned()];
    let call = crate::calls::transfer(&world, source, &table, &rows, remaining, Some(1_000));
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(result) = pin!(call).poll(&mut context) else {
        unreachable!("nothing waits here");
    };
    let told = match result {
        Ok(report) => {
            let stopped = match report.stopped {
                Some(Stop::Denied(stop)) => format!("{} denied", stop.upstream),
                other => format!("{other:?}"),
            };
            let left = report.remaining.unwrap();
            let (requests, documents) = (left.requests.len(), left.documents.len());
            format!(
                "{} done, {stopped}, {requests} and {documents} left",
                report.done
            )
        }
        Err(Failure::PermanentDenied(problem)) => format!("denied: {}", problem.reason),
        Err(other) => format!("{other:?}"),
    };
    assert_eq!(told, expected, "{left:?}");
}

#[test]
fn a_failure_is_the_tables_only_where_nothing_but_documents_was_given() {
    for keys in ["", r#","keys":{"partition":{"name":"id","type":"S"}}"#] {
        let check = |left, latency_ms, expected: &str| check(left, latency_ms, keys, expected);
        check(None, 1, "1 done, dynamodb:tracks denied, 0 and 1 left");
        check(
            Some((1, 1)),
            1,
            "1 done, dynamodb:tracks denied, 0 and 2 left",
        );
        // Nothing was answered in time, and the table is asked all the same.
        check(
            Some((1, 2)),
            900,
            "0 done, dynamodb:tracks denied, 1 and 2 left",
        );
        check(Some((0, 2)), 1, "denied: no");
    }
}
