//! Documents and a table that misbehaves → reports that balance.

mod admitted;
mod fake;
mod keys;
mod limited;
mod random;

use super::*;
use crate::bindings::rowcast::pipeline::types::{RejectionKind, Stop};
use crate::settings::{KeyAttribute, KeyType, Retry};
use fake::{Behaviour, Fake};

fn attribute(name: &str, kind: KeyType) -> KeyAttribute {
    KeyAttribute {
        name: name.to_owned(),
        kind,
    }
}

/// What [`Fake`] has.
fn real_keys() -> Keys {
    Keys {
        partition: attribute("id", KeyType::Text),
        sort: Some(attribute("at", KeyType::Number)),
    }
}

fn table(keys: Option<Keys>) -> Table {
    let retry = Retry {
        max_attempts: 4,
        base_delay_ms: 100,
        max_delay_ms: 1_000,
        max_retry_after_ms: 0,
    };
    Table {
        name: "tracks".to_owned(),
        keys,
        retry,
        concurrency: 2,
    }
}

fn document(number: usize) -> String {
    format!(r#"{{"id":"a","at":{number}.0}}"#)
}

fn documents(count: usize) -> Vec<String> {
    (0..count).map(document).collect()
}

/// One line for a result, such as `written 3, superseded [0<2], requests 2`.
fn told(result: &Result<Report, Failure>) -> String {
    let report = match result {
        Ok(report) => report,
        Err(Failure::RateLimited(limit)) => return format!("rate-limited: {}", limit.reason),
        Err(Failure::Unavailable(problem)) => return format!("unavailable: {}", problem.reason),
        Err(Failure::PermanentInvalid(problem)) => return format!("invalid: {}", problem.reason),
        Err(Failure::PermanentDenied(problem)) => return format!("denied: {}", problem.reason),
        Err(Failure::ExecutionFailed) => return "execution-failed".to_owned(),
    };
    let mut parts = vec![format!("written {}", report.written)];
    if report.unchanged > 0 {
        parts.push(format!("unchanged {}", report.unchanged));
    }
    for each in &report.superseded {
        let by = each.by.map(|by| by.to_string());
        let by = by.unwrap_or_else(|| "another call".to_owned());
        parts.push(format!("{} superseded by {by}", each.index));
    }
    for each in &report.rejected {
        parts.push(format!(
            "{} rejected {}: {}",
            each.index, each.path, each.reason
        ));
    }
    if !report.pending.is_empty() {
        parts.push(format!("pending {:?}", report.pending));
    }
    match &report.stopped {
        Some(Stop::Budget) => parts.push("stopped by budget".to_owned()),
        Some(Stop::RateLimited(limit)) => {
            parts.push(format!("rate-limited {} ms", limit.retry_after_ms));
        }
        Some(Stop::Denied(stop)) => parts.push(format!("denied: {}", stop.reason)),
        Some(Stop::Invalid(stop)) => parts.push(format!("invalid: {}", stop.reason)),
        Some(Stop::Unavailable(stop)) => parts.push(format!("unavailable: {}", stop.reason)),
        None => {}
    }
    parts.push(format!(
        "requests {} retries {}",
        counted(report, "dynamodb.requests"),
        counted(report, "dynamodb.retries")
    ));
    parts.join(", ")
}

/// A counter of that name; each has one.
fn counted(report: &Report, name: &str) -> f64 {
    let mut counters = report.counters.iter();
    let counter = counters.find(|counter| counter.name == name);
    counter.map_or(f64::NAN, |counter| counter.value)
}

/// Loads documents into a table that behaves as told, one behaviour a batch,
/// well once they are used up.
fn check(documents: &[String], behaviours: &[Behaviour], budget_ms: Option<u64>, expected: &str) {
    let fake = Fake::scripted(behaviours);
    let result = run(&fake, &table(Some(real_keys())), documents, budget_ms);
    assert_eq!(told(&result), expected, "{behaviours:?}");
    if let Ok(report) = result {
        let acknowledged = f64::from(report.written);
        assert!(
            (counted(&report, "dynamodb.write-capacity") - acknowledged).abs() < 1e-9,
            "a unit a write"
        );
    }
}

#[test]
fn documents_are_written_in_batches() {
    check(&[], &[], None, "written 0, requests 0 retries 0");
    check(&documents(1), &[], None, "written 1, requests 1 retries 0");
    check(
        &documents(25),
        &[],
        None,
        "written 25, requests 1 retries 0",
    );
    check(
        &documents(26),
        &[],
        None,
        "written 26, requests 2 retries 0",
    );
    check(
        &documents(130),
        &[],
        None,
        "written 130, requests 6 retries 0",
    );
    let mixed = [
        document(1),
        document(2),
        r#"{"id":"a"}"#.to_owned(),
        document(1),
    ];
    check(
        &mixed,
        &[],
        None,
        "written 2, 0 superseded by 3, 2 rejected /at: the table's sort key `at` is missing, \
         requests 1 retries 0",
    );
    let wrong = ["null".to_owned()];
    check(
        &wrong,
        &[],
        None,
        "written 0, 0 rejected : the document is not a JSON object but null, requests 0 retries 0",
    );
}

#[test]
fn unprocessed_items_are_sent_again() {
    use Behaviour::{Keep, Write};
    check(
        &documents(3),
        &[Keep(&[1])],
        None,
        "written 3, requests 2 retries 1",
    );
    check(
        &documents(3),
        &[Keep(&[0, 1, 2]), Keep(&[0, 2]), Keep(&[1])],
        None,
        "written 3, requests 5 retries 4",
    );
    let hot = &[Keep(&[2]), Keep(&[0]), Keep(&[0]), Keep(&[0])];
    check(&documents(3), hot, None, "written 3, requests 5 retries 4");
    // Others still get through after one has used up its attempts.
    let hot = &[Keep(&[0]), Write, Keep(&[0]), Keep(&[0]), Keep(&[0])];
    check(
        &documents(60),
        hot,
        None,
        "written 60, requests 10 retries 4",
    );
}

#[test]
fn throttling_and_failures_are_bounded() {
    use Behaviour::{Applied, Code, Garbage, Write};
    let throttled = Code("ProvisionedThroughputExceededException");
    check(
        &documents(2),
        &[throttled, Applied],
        None,
        "written 2, requests 4 retries 3",
    );
    check(
        &documents(2),
        &[Garbage, throttled],
        None,
        "written 2, requests 4 retries 3",
    );
    let expected = "written 2, requests 6 retries 5";
    check(&documents(2), &[throttled; 4], None, expected);
    check(
        &documents(2),
        &[Applied; 4],
        None,
        "unavailable: the connection was reset",
    );
    // The first batch is written; the rest isn't tried for ever.
    let mut behaviours = vec![Write];
    behaviours.extend([throttled; 40]);
    let pending: Vec<usize> = (25..200).collect();
    check(
        &documents(200),
        &behaviours,
        None,
        &format!("written 25, pending {pending:?}, rate-limited 1000 ms, requests 15 retries 13"),
    );
}

#[test]
fn dynamodb_is_left_alone_for_as_long_as_it_asks() {
    use Behaviour::Asks;
    // The fake accepts nothing before that; too long a time is bounded.
    for code in ["ThrottlingException", "InternalServerError"] {
        for (asked_ms, waited_ms) in [(3_000, 3_000), (24_000, 24_000), (u64::MAX, 25_000)] {
            let fake = Fake::scripted(&[Asks(code, asked_ms)]);
            let result = run(&fake, &table(Some(real_keys())), documents(1), None);
            let report = result.expect("it is written");
            assert_eq!(report.written, 1);
            let waited = counted(&report, "dynamodb.waits-ms");
            let expected = f64::from(waited_ms)..f64::from(waited_ms + 1_000);
            assert!(expected.contains(&waited), "{code}: {waited}");
        }
    }
    // What ends the call says how much is left.
    let fake = Fake::scripted(&[Asks("ThrottlingException", 20_000)]);
    let result = run(&fake, &table(Some(real_keys())), documents(2), Some(5_000));
    let Err(Failure::RateLimited(limit)) = result else {
        panic!("{result:?}")
    };
    assert!(
        (15_000..=15_501).contains(&limit.retry_after_ms),
        "{limit:?}"
    );
}

#[test]
fn a_poisoned_item_is_found() {
    let mut items = documents(30);
    items[7] = r#"{"id":"a","at":7,"poison":true}"#.to_owned();
    check(
        &items,
        &[],
        None,
        "written 29, 7 rejected : DynamoDB answered ValidationException: words, requests 13 \
         retries 10",
    );
    items[8] = items[7].replace('7', "8");
    let fake = Fake::scripted(&[]);
    let report = run(&fake, &table(Some(real_keys())), &items, None).unwrap();
    assert_eq!((report.written, report.rejected.len()), (28, 2));
    let all: Vec<String> = items
        .iter()
        .map(|item| item.replace(".0}", r#","poison":1}"#))
        .collect();
    let report = run(&fake, &table(Some(real_keys())), &all, None).unwrap();
    assert_eq!((report.written, report.rejected.len()), (0, 30));
}

#[test]
fn what_is_not_written_supersedes_nothing() {
    let poisoned = |at: u32| format!(r#"{{"id":"a","at":{at},"poison":1}}"#);
    // Refused by DynamoDB: the one before it takes its place.
    let refused = [document(1), document(1), document(2), poisoned(1)];
    let fake = Fake::scripted(&[]);
    let report = run(&fake, &table(Some(real_keys())), &refused, None).unwrap();
    let superseded: Vec<_> = report
        .superseded
        .iter()
        .map(|it| (it.index, it.by))
        .collect();
    let rejected: Vec<_> = report.rejected.iter().map(|it| it.index).collect();
    assert_eq!(
        (report.written, superseded, rejected),
        (2, vec![(0, Some(1))], vec![3])
    );
    assert_eq!(fake.items.borrow().len(), 2);
    let none = [poisoned(1), poisoned(1)];
    let report = run(&fake, &table(Some(real_keys())), &none, None).unwrap();
    assert_eq!((report.written, report.rejected.len()), (0, 2));
    // Not acknowledged: both wait.
    check(
        &[document(1), document(2), document(1)],
        &[],
        Some(0),
        "written 0, pending [0, 1, 2], stopped by budget, requests 0 retries 0",
    );
    let throttled = [0b10, 1, 1, 1].map(Behaviour::KeepBits);
    check(
        &[document(1), document(2), document(1)],
        &throttled,
        None,
        "written 2, 0 superseded by 2, requests 5 retries 4",
    );
}

/// What may not be written is found by halves, as anything that spoils a batch. It is about
/// all only where nothing may.
#[test]
fn what_is_forbidden_alone_is_rejected() {
    use Behaviour::{Code, Write};
    let denied = Code("AccessDeniedException");
    let all = "denied: AccessDeniedException: words";
    check(&documents(90), &[denied; 99], None, all);
    check(&documents(1), &[denied], None, all);
    check(
        &documents(3),
        &[denied, denied, Write],
        None,
        "written 2, 0 rejected : DynamoDB answered AccessDeniedException: words, requests 3 retries 2",
    );
}

#[test]
fn refusals_stop_the_call() {
    use Behaviour::{Code, Write};
    let denied = Code("UnrecognizedClientException");
    check(
        &documents(90),
        &[denied, denied],
        None,
        "denied: UnrecognizedClientException: words",
    );
    let pending: Vec<usize> = (25..90).collect();
    check(
        &documents(90),
        &[Write, denied],
        None,
        &format!(
            "written 25, pending {pending:?}, denied: UnrecognizedClientException: words, requests 2 \
             retries 0"
        ),
    );
    let missing = Code("ResourceNotFoundException");
    let expected = "invalid: DynamoDB has no table `tracks` in this account and region; `rowcast \
                    table create` makes it";
    check(&documents(2), &[missing], None, expected);
    let pending = "pending [25]";
    check(
        &documents(26),
        &[Write, missing],
        None,
        &format!(
            "written 25, {pending}, invalid: the table `tracks` is gone, requests 2 retries 0"
        ),
    );
    let expected = "invalid: DynamoDB answered UnknownOperationException: words";
    check(
        &documents(2),
        &[Code("UnknownOperationException")],
        None,
        expected,
    );
}

#[test]
fn the_budget_leaves_the_rest_pending() {
    use Behaviour::Code;
    let throttled = Code("ThrottlingException");
    let stopped = "written 0, pending [0, 1], stopped by budget";
    check(
        &documents(2),
        &[],
        Some(0),
        &format!("{stopped}, requests 0 retries 0"),
    );
    check(
        &documents(2),
        &[throttled],
        Some(20),
        "rate-limited: ThrottlingException: words",
    );
    // A round takes 10 ms.
    let pending: Vec<usize> = (100..120).collect();
    check(
        &documents(120),
        &[],
        Some(20),
        &format!("written 100, pending {pending:?}, stopped by budget, requests 4 retries 0"),
    );
    check(&[], &[], Some(0), "written 0, requests 0 retries 0");
}
