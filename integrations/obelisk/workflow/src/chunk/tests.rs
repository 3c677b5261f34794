//! Chunks by a scripted activity, and what it was asked.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use super::*;
use crate::bindings::rowcast::pipeline::transfer::{PendingDocument, RejectedDocument};
use crate::bindings::rowcast::pipeline::types::{
    PendingRequest, RateLimit, RejectedRecord, RejectedRequest, RejectionKind, Request, StopReason,
};
use std::collections::VecDeque;

/// What the activity answers, and in `seen` what it was asked.
#[derive(Default)]
struct Script {
    answers: VecDeque<Result<TransferReport, Failure>>,
    seen: Vec<String>,
}

impl Calls for Script {
    fn transfer(
        &mut self,
        job: &Job,
        rows: &[String],
        remaining: Option<&Remaining>,
    ) -> Result<TransferReport, Failure> {
        assert_eq!((rows.len(), job.budget_ms), (2, 500));
        let asked = match remaining {
            None => "all".to_owned(),
            Some(left) => {
                let requests = left.requests.iter().map(|pending| shown(pending.request));
                let documents = left
                    .documents
                    .iter()
                    .map(|pending| pending.document.clone());
                requests.chain(documents).collect::<Vec<_>>().join(" ")
            }
        };
        self.seen.push(asked);
        self.answers.pop_front().unwrap()
    }

    fn sleep_ms(&mut self, duration: u64) {
        self.seen.push(format!("sleep {duration}"));
    }

    fn random(&mut self, most: u64) -> u64 {
        most
    }
}

fn shown(request: Request) -> String {
    format!("{}.{}", request.row, request.combination)
}

fn job() -> Job {
    Job {
        source: r#"{"url":"https://example.com/{id}"}"#.to_owned(),
        table: r#"{"name":"tracks"}"#.to_owned(),
        chunk_rows: 2,
        budget_ms: 500,
        patience: 3,
    }
}

fn request(row: u32) -> Request {
    Request {
        row,
        combination: 0,
    }
}

/// So many requests done and documents written; what is left: requests by row,
/// and documents of a row.
fn report(
    done: u32,
    written: u32,
    requests: &[u32],
    documents: &[(u32, &str)],
    stopped: Option<Stop>,
) -> TransferReport {
    let remaining = Remaining {
        requests: requests
            .iter()
            .map(|row| PendingRequest {
                request: request(*row),
                resume: Some("page 2".to_owned()),
            })
            .collect(),
        documents: documents
            .iter()
            .map(|(row, text)| PendingDocument {
                request: request(*row),
                document: (*text).to_owned(),
            })
            .collect(),
    };
    let nothing = requests.is_empty() && documents.is_empty();
    TransferReport {
        done,
        documents: written + u32::try_from(documents.len()).unwrap(),
        written,
        unchanged: 0,
        superseded: 0,
        rejected: Vec::new(),
        rejected_records: Vec::new(),
        rejected_documents: Vec::new(),
        remaining: (!nothing).then_some(remaining),
        stopped,
        counters: Vec::new(),
    }
}

fn limit() -> RateLimit {
    RateLimit {
        retry_after_ms: 4_000,
        upstream: "https://example.com".to_owned(),
        reason: "QUOTA_EXCEEDED".to_owned(),
        counters: Vec::new(),
    }
}

fn reason() -> StopReason {
    StopReason {
        upstream: "dynamodb:tracks".to_owned(),
        reason: "no".to_owned(),
    }
}

fn down() -> Failure {
    Failure::Unavailable(problem("down".to_owned()))
}

/// Runs a chunk of two rows; the account must balance, whatever happened.
fn run(answers: Vec<Result<TransferReport, Failure>>, expected: &[&str]) -> Result<Tally, Failure> {
    let mut script = Script {
        answers: answers.into(),
        seen: Vec::new(),
    };
    let rows = ["{}".to_owned(), "{}".to_owned()];
    let result = chunk(&mut script, &job(), &rows);
    assert_eq!(script.seen, expected);
    assert!(script.answers.is_empty());
    if let Ok(tally) = &result {
        let settled = tally.written + tally.unchanged + tally.superseded + tally.refused;
        assert_eq!(tally.documents, settled + tally.undelivered, "{tally:?}");
        assert_eq!(tally.pending.is_empty(), tally.stopped.is_none());
    }
    result
}

#[test]
fn an_easy_chunk_is_one_call() {
    let tally = run(vec![Ok(report(2, 3, &[], &[], None))], &["all"]).unwrap();
    assert_eq!((tally.done, tally.written, tally.calls), (2, 3, 1));
    assert_eq!((tally.repeats, tally.pending), (0, Vec::new()));
}

#[test]
fn what_remains_is_passed_back_as_it_is() {
    let tally = run(
        vec![
            Ok(report(1, 1, &[1], &[(0, "b")], Some(Stop::Budget))),
            Ok(report(0, 1, &[1], &[], Some(Stop::RateLimited(limit())))),
            Ok(report(1, 1, &[], &[], None)),
        ],
        // What was asked for and a quarter.
        &["all", "1.0 b", "sleep 5000", "1.0"],
    );
    // The last call asks for the one request that was left.
    let tally = tally.unwrap();
    assert_eq!((tally.done, tally.written, tally.repeats), (2, 3, 2));
}

#[test]
fn failures_are_repeated_unless_permanent() {
    let easy = || Ok(report(2, 0, &[], &[], None));
    let check = |failure: Failure, expected: &[&str]| {
        let tally = run(vec![Err(failure), easy()], expected).unwrap();
        assert_eq!(tally.calls, 2);
    };
    check(Failure::ExecutionFailed, &["all", "all"]);
    check(down(), &["all", "sleep 1250", "all"]);
    check(Failure::RateLimited(limit()), &["all", "sleep 5000", "all"]);
    for failure in [
        Failure::PermanentInvalid(problem("bad url".to_owned())),
        Failure::PermanentDenied(problem("403".to_owned())),
    ] {
        let answer = run(vec![Err(failure.clone())], &["all"]);
        assert_eq!(answer, Err(failure));
    }
}

#[test]
fn patience_ends_with_the_failure_where_nothing_was_achieved() {
    let answer = run(
        vec![Err(down()), Err(down()), Err(down())],
        &["all", "sleep 1250", "all", "sleep 2500", "all"],
    );
    assert_eq!(answer, Err(down()));
}

#[test]
fn patience_ends_with_an_account_where_something_was() {
    let stop = || Some(Stop::Budget);
    let tally = run(
        vec![
            Ok(report(1, 1, &[1], &[], stop())),
            Ok(report(0, 0, &[1], &[], stop())),
            Err(Failure::ExecutionFailed),
            Ok(report(0, 0, &[1], &[], stop())),
        ],
        &["all", "1.0", "1.0", "1.0"],
    )
    .unwrap();
    assert_eq!((tally.written, tally.pending), (1, vec![request(1)]));
    let Some(Stop::Unavailable(stop)) = tally.stopped else {
        panic!("{:?}", tally.stopped);
    };
    assert!(stop.reason.contains("budget"), "{}", stop.reason);
}

#[test]
fn documents_that_cannot_be_written_leave_their_requests_pending() {
    let denied = || Stop::Denied(reason());
    let left = [(0, "b"), (0, "c")];
    let tally = run(vec![Ok(report(2, 2, &[], &left, Some(denied())))], &["all"]).unwrap();
    assert_eq!((tally.written, tally.undelivered), (2, 2));
    // Both are row 0's.
    assert_eq!(tally.pending, [request(0)]);
    let Some(Stop::Denied(stop)) = tally.stopped else {
        panic!("{:?}", tally.stopped);
    };
    assert_eq!(stop.reason, "no");
}

#[test]
fn rejections_name_their_request_in_the_run() {
    let mut first = report(1, 1, &[], &[], None);
    first.rejected.push(RejectedRequest {
        request: Request {
            row: 1,
            combination: 1,
        },
        kind: RejectionKind::Status,
        status: Some(404),
        reason: "not found".to_owned(),
    });
    first.rejected_records.push(RejectedRecord {
        request: request(0),
        index: 3,
        kind: RejectionKind::Required,
        path: "/popularity".to_owned(),
        reason: "missing".to_owned(),
    });
    first.rejected_documents.push(RejectedDocument {
        request: request(1),
        kind: RejectionKind::Item,
        path: "/duration".to_owned(),
        reason: "39 digits".to_owned(),
        document: "c".to_owned(),
    });
    first.superseded = 1;
    first.documents = 3;
    let mut tally = run(vec![Ok(first)], &["all"]).unwrap();
    assert_eq!((tally.superseded, tally.refused), (1, 1));
    tally.shift(10);
    let seen: Vec<_> = tally
        .rejected
        .iter()
        .map(|it| format!("{} {} {}", shown(it.request), it.path, it.reason))
        .collect();
    assert_eq!(
        seen,
        [
            "11.1  not found",
            "10.0 /popularity missing",
            "11.0 /duration 39 digits"
        ]
    );
}

#[test]
fn an_answer_that_does_not_add_up_is_the_components_defect() {
    let refused = |answers: Vec<Result<TransferReport, Failure>>, expected: &[&str]| {
        let result = run(answers, expected);
        let Err(Failure::PermanentInvalid(problem)) = result else {
            panic!("{result:?}");
        };
        assert!(problem.reason.contains("accounting for each"));
    };
    let mut lost = report(2, 3, &[], &[], None);
    lost.documents = 4;
    refused(vec![Ok(lost)], &["all"]);
    // A request that an earlier call left has vanished.
    let first = Ok(report(0, 0, &[0, 1], &[], Some(Stop::Budget)));
    let second = Ok(report(1, 0, &[], &[], None));
    refused(vec![first, second], &["all", "0.0 1.0"]);
}

#[test]
fn jobs_are_checked_before_anything_is_asked() {
    for (change, name) in [
        ((|job| job.chunk_rows = 0) as fn(&mut Job), "chunk-rows"),
        (|job| job.budget_ms = 0, "budget-ms"),
        (|job| job.patience = 0, "patience"),
    ] {
        let mut job = job();
        change(&mut job);
        let result = chunk(&mut Script::default(), &job, &[]);
        let expected = invalid(format!("job.{name} is 0; it must be at least 1"));
        assert_eq!(result, Err(expected));
    }
}
