//! Chunks by scripted activities, and what was asked of those.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod account;

use super::*;
use crate::bindings::rowcast::pipeline::extract::{Auth, Pagination};
use crate::bindings::rowcast::pipeline::types::{RateLimit, Retry};
use std::collections::VecDeque;

/// What an activity answers, and in `seen` what it was asked.
#[derive(Default)]
struct Script {
    extracts: VecDeque<Result<Extraction, Failure>>,
    loads: VecDeque<Result<Report, Failure>>,
    seen: Vec<String>,
}

impl Calls for Script {
    fn extract(
        &mut self,
        _: &Source,
        rows: &[String],
        only: Option<&[Cell]>,
        budget_ms: u64,
    ) -> Result<Extraction, Failure> {
        assert_eq!((rows.len(), budget_ms), (2, 500));
        let only = only.map_or("all".to_owned(), |cells| format!("{}", Shown(cells)));
        self.seen.push(format!("extract {only}"));
        self.extracts.pop_front().unwrap()
    }

    fn load(&mut self, _: &Table, documents: &[String], _: u64) -> Result<Report, Failure> {
        self.seen.push(format!("load {}", documents.join(" ")));
        self.loads.pop_front().unwrap()
    }

    fn sleep_ms(&mut self, duration: u64) {
        self.seen.push(format!("sleep {duration}"));
    }

    fn random(&mut self, most: u64) -> u64 {
        most
    }
}

struct Shown<'a>(&'a [Cell]);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cells: Vec<_> = self
            .0
            .iter()
            .map(|cell| format!("{}.{}", cell.row, cell.combination))
            .collect();
        f.write_str(&cells.join(" "))
    }
}

fn job() -> Job {
    let retry = Retry {
        max_attempts: 1,
        base_delay_ms: 0,
        max_delay_ms: 0,
        max_retry_after_ms: 0,
    };
    Job {
        source: Source {
            url: "https://example.com/{id}".to_owned(),
            headers: Vec::new(),
            matrix: Vec::new(),
            records: String::new(),
            attributes: Vec::new(),
            require: Vec::new(),
            auth: Auth::None,
            pagination: Pagination::None,
            max_pages: 1,
            concurrency: 1,
            retry,
            request_timeout_ms: 1_000,
            max_body_bytes: 1_000,
        },
        table: Table {
            name: "tracks".to_owned(),
            keys: None,
            retry,
            concurrency: 1,
        },
        chunk_rows: 2,
        budget_ms: 500,
        patience: 3,
    }
}

fn cell(row: u32) -> Cell {
    Cell {
        row,
        combination: 0,
    }
}

/// Each done row has the documents named after it.
fn extraction(done: &[(u32, &[&str])], pending: &[u32], stopped: Option<Stop>) -> Extraction {
    Extraction {
        documents: done
            .iter()
            .flat_map(|(_, documents)| documents.iter().map(|text| (*text).to_owned()))
            .collect(),
        done: done
            .iter()
            .map(|(row, documents)| DoneCell {
                cell: cell(*row),
                documents: u32::try_from(documents.len()).unwrap(),
            })
            .collect(),
        rejected: Vec::new(),
        rejected_records: Vec::new(),
        pending: pending.iter().map(|row| cell(*row)).collect(),
        stopped,
        requests: 0,
        retries: 0,
        token_requests: 0,
    }
}

fn report(written: u32, pending: &[u32], stopped: Option<Stop>) -> Report {
    Report {
        written,
        superseded: Vec::new(),
        rejected: Vec::new(),
        pending: pending.to_vec(),
        stopped,
        capacity: 0.0,
        requests: 0,
        retries: 0,
    }
}

fn limit() -> RateLimit {
    RateLimit {
        retry_after_ms: 4_000,
        reason: "QUOTA_EXCEEDED".to_owned(),
    }
}

fn down() -> Failure {
    Failure::Unavailable("down".to_owned())
}

/// Runs a chunk of two rows; the account must balance, whatever happened.
fn run(
    extracts: Vec<Result<Extraction, Failure>>,
    loads: Vec<Result<Report, Failure>>,
    expected: &[&str],
) -> Result<Tally, Failure> {
    let mut script = Script {
        extracts: extracts.into(),
        loads: loads.into(),
        seen: Vec::new(),
    };
    let rows = ["{}".to_owned(), "{}".to_owned()];
    let result = chunk(&mut script, &job(), &rows);
    assert_eq!(script.seen, expected);
    assert!(script.extracts.is_empty() && script.loads.is_empty());
    if let Ok(tally) = &result {
        assert_eq!(
            tally.documents,
            tally.written + tally.superseded + tally.refused + tally.undelivered,
            "{tally:?}"
        );
        assert_eq!(tally.pending.is_empty(), tally.stopped.is_none());
    }
    result
}

#[test]
fn an_easy_chunk_is_two_calls() {
    let tally = run(
        vec![Ok(extraction(&[(0, &["a", "b"]), (1, &["c"])], &[], None))],
        vec![Ok(report(3, &[], None))],
        &["extract all", "load a b c"],
    )
    .unwrap();
    assert_eq!((tally.done, tally.written, tally.calls), (2, 3, 2));
    assert_eq!((tally.repeats, tally.pending), (0, Vec::new()));
}

#[test]
fn a_chunk_without_documents_is_not_loaded() {
    let tally = run(
        vec![Ok(extraction(&[(0, &[]), (1, &[])], &[], None))],
        Vec::new(),
        &["extract all"],
    )
    .unwrap();
    assert_eq!((tally.done, tally.written), (2, 0));
}

#[test]
fn pending_cells_alone_are_extracted_again() {
    let tally = run(
        vec![
            Ok(extraction(&[(0, &["a"])], &[1], Some(Stop::Budget))),
            Ok(extraction(&[], &[1], Some(Stop::RateLimited(limit())))),
            Ok(extraction(&[(1, &["b"])], &[], None)),
        ],
        vec![Ok(report(1, &[], None)), Ok(report(1, &[], None))],
        &[
            "extract all",
            "load a",
            "extract 1.0",
            // What was asked for and a quarter.
            "sleep 5000",
            "extract 1.0",
            "load b",
        ],
    )
    .unwrap();
    assert_eq!((tally.done, tally.written, tally.repeats), (2, 2, 2));
}

#[test]
fn pending_documents_alone_are_loaded_again() {
    let tally = run(
        vec![Ok(extraction(&[(0, &["a", "b"]), (1, &["c"])], &[], None))],
        vec![
            Err(Failure::ExecutionFailed),
            Ok(report(1, &[0, 2], Some(Stop::Unavailable(String::new())))),
            Ok(report(1, &[1], None)),
            Ok(report(1, &[], None)),
        ],
        &[
            "extract all",
            "load a b c",
            "load a b c",
            "sleep 1250",
            "load a c",
            "load c",
        ],
    )
    .unwrap();
    assert_eq!((tally.written, tally.calls, tally.repeats), (3, 5, 3));
}

#[test]
fn failures_are_repeated_unless_permanent() {
    let easy = || Ok(extraction(&[(0, &[])], &[], None));
    let check = |failure: Failure, expected: &[&str]| {
        let tally = run(vec![Err(failure), easy()], Vec::new(), expected).unwrap();
        assert_eq!(tally.calls, 2);
    };
    check(Failure::ExecutionFailed, &["extract all", "extract all"]);
    check(down(), &["extract all", "sleep 1250", "extract all"]);
    check(
        Failure::RateLimited(limit()),
        &["extract all", "sleep 5000", "extract all"],
    );
    for failure in [
        Failure::PermanentInvalid("bad url".to_owned()),
        Failure::PermanentDenied("403".to_owned()),
    ] {
        let answer = run(vec![Err(failure.clone())], Vec::new(), &["extract all"]);
        assert_eq!(answer, Err(failure));
    }
}

#[test]
fn patience_ends_with_the_failure_where_nothing_was_achieved() {
    let answer = run(
        vec![Err(down()), Err(down()), Err(down())],
        Vec::new(),
        &[
            "extract all",
            "sleep 1250",
            "extract all",
            "sleep 2500",
            "extract all",
        ],
    );
    assert_eq!(answer, Err(down()));
}

#[test]
fn patience_ends_with_an_account_where_something_was() {
    let stop = || Some(Stop::Budget);
    let tally = run(
        vec![
            Ok(extraction(&[(0, &["a"])], &[1], stop())),
            Ok(extraction(&[], &[1], stop())),
            Err(Failure::ExecutionFailed),
            Ok(extraction(&[], &[1], stop())),
        ],
        vec![Ok(report(1, &[], None))],
        &[
            "extract all",
            "load a",
            "extract 1.0",
            "extract 1.0",
            "extract 1.0",
        ],
    )
    .unwrap();
    assert_eq!((tally.written, tally.pending), (1, vec![cell(1)]));
    let Some(Stop::Unavailable(reason)) = tally.stopped else {
        panic!("{:?}", tally.stopped);
    };
    assert!(reason.contains("budget"), "{reason}");
}
