//! Whole queries over a table in memory.

use super::*;
use crate::bindings::exports::rowcast::pipeline::query::{Access, Diagnosis};
use crate::bindings::rowcast::pipeline::dynamodb::SendError;
use crate::dynamodb::response;
use crate::settings::Retry;
use serde_json::json;
use table::{Table, refused, throttled};

mod table;

fn query(filter: &str, segments: u32, limit: Option<u32>) -> Query {
    Query {
        table: "tracks".to_owned(),
        index: None,
        filter: filter.to_owned(),
        select: Vec::new(),
        limit,
        segments,
        consistent: false,
        retry: Retry {
            max_attempts: 1,
            base_delay_ms: 0,
            max_delay_ms: 0,
            max_retry_after_ms: 0,
        },
    }
}

/// Every third of so many items matches.
fn thirds(items: usize, page: usize) -> Table {
    Table::new((0..items).map(|number| number % 3 == 0).collect(), page)
}

/// The numbers of all pages' documents, and the items read for them.
fn all_pages(table: &Table, query: &Query) -> (Vec<usize>, u64) {
    let (mut numbers, mut scanned, mut cursor) = (Vec::new(), 0, None);
    for _ in 0..1_000 {
        let answer = run(table, query, cursor.as_deref(), None).unwrap();
        scanned += answer.scanned;
        numbers.extend(answer.documents.iter().map(|document| number(document)));
        cursor = answer.cursor;
        if cursor.is_none() {
            return (numbers, scanned);
        }
    }
    panic!("the cursor never ends");
}

/// A counter of that name; each has one.
fn counted(page: &Page, name: &str) -> f64 {
    let mut counters = page.counters.iter();
    let counter = counters.find(|counter| counter.name == name);
    counter.map_or(f64::NAN, |counter| counter.value)
}

fn number(document: &str) -> usize {
    let digits = document
        .strip_prefix(r#"{"number":"#)
        .and_then(|rest| rest.strip_suffix('}'));
    digits.unwrap().parse().unwrap()
}

#[test]
fn each_match_is_returned_once() {
    for (items, page, segments) in [
        (0, 3, 1),
        (1, 1, 4),
        (23, 2, 1),
        (23, 2, 3),
        (23, 50, 64),
        (24, 8, 3),
        (100, 7, 5),
    ] {
        for filter in ["", "x = 1"] {
            let table = thirds(items, page);
            let (mut found, scanned) = all_pages(&table, &query(filter, segments, None));
            found.sort_unstable();
            let expected: Vec<_> = (0..items)
                .filter(|each| filter.is_empty() || each % 3 == 0)
                .collect();
            assert_eq!(
                found, expected,
                "{items} items, {page} a page, {segments} segments"
            );
            assert_eq!(scanned, items as u64);
        }
    }
}

#[test]
fn reading_goes_on_until_something_matches() {
    let mut table = Table::new(vec![false; 40], 2);
    table.matches[38] = true;
    let asked = query("x = 1", 2, None);
    let answer = run(&table, &asked, None, None).unwrap();
    assert_eq!(answer.documents, [r#"{"number":38}"#]);
    // The description, and ten pages of each segment.
    assert_eq!(
        (
            counted(&answer, "dynamodb.requests"),
            answer.scanned,
            answer.access
        ),
        (21.0, 40, Access::Scan)
    );
    assert!((counted(&answer, "dynamodb.read-capacity") - 10.0).abs() < f64::EPSILON);
    let rest = run(&table, &asked, answer.cursor.as_deref(), None).unwrap();
    assert_eq!(
        (
            rest.documents.len(),
            rest.scanned,
            counted(&rest, "dynamodb.requests"),
            rest.cursor
        ),
        (0, 0, 3.0, None)
    );
}

#[test]
fn a_limit_counts_matches_over_all_pages() {
    for (page, segments) in [(1, 1), (2, 3), (5, 2), (100, 4)] {
        for limit in [0, 1, 2, 9, 10, 11, 100] {
            for (filter, matches) in [("x = 1", 10), ("", 30)] {
                let table = thirds(30, page);
                let (mut found, _) = all_pages(&table, &query(filter, segments, Some(limit)));
                let count = found.len();
                found.sort_unstable();
                found.dedup();
                assert_eq!((found.len(), count), (count, matches.min(limit as usize)));
            }
        }
    }
}

#[test]
fn a_limit_bounds_what_is_read() {
    let table = thirds(30, 100);
    run(&table, &query("", 4, Some(5)), None, None).unwrap();
    assert_eq!(table.sent("Limit"), [json!(5)]);
    assert_eq!(table.sent("TotalSegments"), [json!(null)]);
    let table = thirds(30, 100);
    run(&table, &query("x = 1", 4, Some(5)), None, None).unwrap();
    assert_eq!(
        table.sent("Limit"),
        [const { 2 }; 4].map(|size| json!(size))
    );
    assert_eq!(
        table.sent("Segment"),
        [json!(0), json!(1), json!(2), json!(3)]
    );
}

#[test]
fn a_limit_reads_about_what_it_needs_however_rare_matches_are() {
    for (every, most_reads) in [(1, 8), (3, 20), (50, 40), (1_000, 80), (20_000, 120)] {
        let matches = (0..100_000).map(|number| number % every == 0);
        let table = Table::new(matches.collect(), 20_000);
        let (found, scanned) = all_pages(&table, &query("x = 1", 4, Some(10)));
        let needed = 10 * every;
        assert_eq!(found.len(), (100_000 / every).min(10));
        let most = (3 * needed + 20).min(100_000) as u64;
        assert!(scanned <= most, "{every}: {scanned} items read");
        let reads = table.reads.borrow().len();
        assert!(reads <= most_reads, "{every}: {reads} reads");
    }
}

#[test]
fn a_segment_that_stalls_is_resumed_where_it_was() {
    for fault in [throttled, || {
        Err(SendError::Unavailable("reset".to_owned()))
    }] {
        for stalled in 0..12 {
            let mut table = thirds(23, 4);
            table.fault = Box::new(move |position, _| (position == stalled).then(fault));
            let (mut found, scanned) = all_pages(&table, &query("x = 1", 3, None));
            found.sort_unstable();
            assert_eq!((found.len(), scanned), (8, 23), "read {stalled}");
        }
    }
}

fn fails(table: &Table, asked: &Query, expected: &str) {
    let failure = run(table, asked, None, Some(60_000)).unwrap_err();
    let shown = format!("{failure:?}");
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn a_call_that_achieves_nothing_is_a_failure() {
    let mut table = thirds(23, 4);
    table.fault = Box::new(|_, _| Some(throttled()));
    fails(&table, &query("x = 1", 3, None), "RateLimited");
    table.fault = Box::new(|_, _| Some(Err(SendError::Unavailable("reset".to_owned()))));
    fails(&table, &query("x = 1", 3, None), "Unavailable");
    table.fault = Box::new(|_, _| Some(Ok(response(200, r#"{"Items":[5]}"#))));
    fails(
        &table,
        &query("", 1, None),
        "Unavailable(Problem { reason: \"Scan: read DynamoDB's answer: invalid",
    );
    // Repeating can't help, whatever the others achieve.
    let mut table = thirds(23, 4);
    table.fault = Box::new(|position, _| (position == 1).then(refused));
    fails(
        &table,
        &query("x = 1", 3, None),
        "PermanentInvalid(Problem { reason: \"DynamoDB answered Validation",
    );
    let mut table = thirds(23, 4);
    let denied = || Err(SendError::Denied("policy".to_owned()));
    table.fault = Box::new(move |position, _| (position == 2).then(denied));
    fails(&table, &query("x = 1", 3, None), "PermanentDenied");
}

#[test]
fn throttled_reads_are_repeated_within_the_call() {
    let mut table = thirds(6, 10);
    table.fault = Box::new(|position, _| (position < 2).then(throttled));
    let mut asked = query("x = 1", 2, None);
    asked.retry.max_attempts = 2;
    let answer = run(&table, &asked, None, None).unwrap();
    assert_eq!(
        (
            answer.documents.len(),
            counted(&answer, "dynamodb.requests"),
            answer.cursor
        ),
        (2, 5.0, None)
    );
}

#[test]
fn a_budget_ends_the_page_not_the_query() {
    let table = Table::new(vec![false; 40], 2);
    let asked = query("x = 1", 2, None);
    // 100 ms for the description and for each round.
    let answer = run(&table, &asked, None, Some(250)).unwrap();
    assert_eq!(
        (answer.documents.len(), answer.scanned, table.clock.get()),
        (0, 8, 1_300)
    );
    let rest = run(&table, &asked, answer.cursor.as_deref(), None).unwrap();
    assert_eq!((rest.scanned, rest.cursor), (32, None));
    let failure = run(&table, &asked, None, Some(50)).unwrap_err();
    assert!(matches!(failure, Failure::Unavailable(_)));
}

#[test]
fn keys_are_queried() {
    let table = thirds(6, 4);
    let mut asked = query(
        "artist = 'a' AND begins_with(track, 't') AND x = 'a'",
        8,
        None,
    );
    asked.select = ["album.name", "album", "`a.b`[0]", "album.images[1]"]
        .map(str::to_owned)
        .into();
    asked.consistent = true;
    let answer = run(&table, &asked, None, None).unwrap();
    assert_eq!((answer.access, answer.documents.len()), (Access::Query, 2));
    assert_eq!(
        table.reads.borrow()[0],
        json!({
            "Operation": "Query",
            "TableName": "tracks",
            "KeyConditionExpression": "#n0 = :v0 AND begins_with(#n1, :v1)",
            "FilterExpression": "#n2 = :v0",
            "ProjectionExpression": "#n3, #n4[0]",
            "ExpressionAttributeNames":
                { "#n0": "artist", "#n1": "track", "#n2": "x", "#n3": "album", "#n4": "a.b" },
            "ExpressionAttributeValues": { ":v0": { "S": "a" }, ":v1": { "S": "t" } },
            "ConsistentRead": true,
            "ReturnConsumedCapacity": "TOTAL",
        })
    );
    asked.index = Some("by_year".to_owned());
    fails(&table, &asked, "strongly consistent");
    asked.consistent = false;
    asked.filter = "year = 1999".to_owned();
    assert_eq!(
        run(&table, &asked, None, None).unwrap().access,
        Access::Query
    );
    assert_eq!(table.sent("IndexName").last().unwrap(), "by_year");
}

#[test]
fn queries_are_checked_before_anything_is_read() {
    let table = thirds(6, 4);
    fails(
        &table,
        &query("a =", 1, None),
        "/filter can't be read: column 4: expected",
    );
    fails(
        &table,
        &query("artist = 5", 1, None),
        "filter, column 10: the key `artist` has type S",
    );
    fails(&table, &query("", 0, None), "/segments is 0");
    fails(&table, &query("", 65, None), "/segments is 65");
    let long = vec!["attribute_exists(a)"; 200].join(" AND ");
    fails(
        &table,
        &query(&long, 1, None),
        "DynamoDB takes 4096 at most",
    );
    let mut asked = query("", 1, None);
    asked.select = vec!["a".to_owned(), "a b".to_owned()];
    fails(&table, &asked, "/select/1 can't be read: column 3");
    asked = query("", 1, None);
    asked.index = Some("by_name".to_owned());
    fails(&table, &asked, "no index `by_name`; it has by_year");
    asked = query("", 1, None);
    asked.retry.max_attempts = 0;
    fails(&table, &asked, "/retry/max_attempts");
    let failure = run(&table, &query("", 1, None), Some("x"), None).unwrap_err();
    assert!(matches!(failure, Failure::PermanentInvalid(_)));
    assert!(table.reads.borrow().is_empty());
}

fn diagnosis(path: &str, expected: &str, missing: u64, other_type: u64) -> Diagnosis {
    let (path, expected) = (path.to_owned(), expected.to_owned());
    Diagnosis {
        path,
        expected,
        missing,
        other_type,
    }
}

#[test]
fn an_explanation_counts_what_is_missing_or_of_another_type() {
    let table = thirds(20, 3);
    let filter = "album . name = 'x' AND (5 < y OR attribute_exists(y) OR size(z) > 3) \
                  AND artist <> 'a' AND w IN (1, 'x', 2) AND contains(v, 'x')";
    let explanation = explain(&table, &query(filter, 2, None), None).unwrap();
    let expected = [
        diagnosis("album . name", "S", 7, 7),
        diagnosis("y", "N", 7, 7),
        diagnosis("z", "", 7, 0),
        diagnosis("artist", "S", 0, 0),
        diagnosis("w", "N", 7, 7),
        diagnosis("w", "S", 7, 7),
        diagnosis("v", "", 7, 0),
    ];
    assert_eq!(explanation.diagnoses, expected);
    assert_eq!((explanation.scanned, explanation.complete), (20, true));
    assert!(table.sent("Select").iter().all(|select| select == "COUNT"));
    let filters = table.sent("FilterExpression");
    assert_eq!(filters[0], "attribute_not_exists(#n0.#n1)");
    let typed = "attribute_exists(#n0.#n1) AND NOT (attribute_type(#n0.#n1, :v0))";
    assert!(filters.contains(&json!(typed)));
}

#[test]
fn an_explanation_stays_within_the_key_condition_and_the_budget() {
    let table = thirds(20, 3);
    let asked = query("artist = 'a' AND x = 1", 4, None);
    let explanation = explain(&table, &asked, None).unwrap();
    assert_eq!(
        explanation.diagnoses,
        [diagnosis("artist", "S", 0, 0), diagnosis("x", "N", 7, 7)]
    );
    assert!(
        table
            .sent("KeyConditionExpression")
            .iter()
            .all(|each| each == "#n0 = :v0")
    );
    // The description and two rounds of seven.
    let explanation = explain(&table, &asked, Some(250)).unwrap();
    assert_eq!(
        explanation.diagnoses,
        [diagnosis("artist", "S", 0, 0), diagnosis("x", "N", 2, 0)]
    );
    assert_eq!((explanation.scanned, explanation.complete), (6, false));
    let mut table = thirds(20, 3);
    table.fault = Box::new(|_, _| Some(throttled()));
    assert!(matches!(
        explain(&table, &asked, None),
        Err(Failure::RateLimited(_))
    ));
    let explanation = explain(&table, &query("", 1, None), None).unwrap();
    assert!(explanation.diagnoses.is_empty() && explanation.complete);
}
