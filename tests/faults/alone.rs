//! Each fault by itself, in one call of the component that asks for one thing
//! after the other: exactly what it costs, and what comes of it.

use super::station::{AuthBy, Scene, Storage};
use crate::support::dynamodb::table_name;
use futures_util::{StreamExt as _, stream};
use rowcast_stand_ins::source::SourceFault::{
    self, Cut, Drip, ErrorBody, Lacking, Never, QuotaExceeded, Reset, RetryAfter, RetryAfterDate,
    Status, Truncated, Unstorable,
};
use rowcast_stand_ins::source::SourcePlan;
use rowcast_stand_ins::table::DynamoFault::{
    self, CutAfter, Internal, ResetAfter, ResetBefore, Throttling, Throughput, Unprocessed,
};
use rowcast_stand_ins::table::DynamoPlan;
use std::fmt::Write as _;

/// Two artists in two countries, with four tracks each: 4 requests and one
/// batch of 16 where nothing goes wrong.
const QUIET: Scene = Scene {
    artists: 2,
    source: SourcePlan::QUIET,
    dynamodb: DynamoPlan::QUIET,
    auth: AuthBy::Host,
    ask_keys: false,
    attempts: 3,
    request_timeout_ms: 10_000,
    chunk_rows: 10,
    workers: 1,
    concurrency: 1,
};

/// Less patience, for answers that never come.
const HASTY: Scene = Scene {
    request_timeout_ms: 2000,
    ..QUIET
};

/// Scenes at once: they mostly wait.
const AT_ONCE: usize = 8;

/// Runs scenes beside each other; each has servers and a table of its own.
async fn check_all(storage: &Storage, scenes: Vec<(&str, Scene, &str)>) {
    stream::iter(scenes)
        .for_each_concurrent(AT_ONCE, |(name, scene, expected)| {
            check(storage, name, scene, expected)
        })
        .await;
}

async fn check(storage: &Storage, name: &str, scene: Scene, expected: &str) {
    let table = table_name();
    storage.create(&table).await;
    let ending = storage.run(scene, &table).await;
    let tally = ending.report.tally;
    let stored = storage.items(&table).await.len();
    let mut found = format!(
        "asked {} (again {}), called {} (again {}): written {}, stored {stored}",
        ending.source.requests(),
        tally.effort.source_retries,
        ending.dynamodb.calls(),
        tally.effort.dynamodb_retries,
        tally.documents.written,
    );
    for (count, what) in [
        (tally.requests.rejected, "requests rejected"),
        (tally.records.rejected, "records rejected"),
        (tally.documents.rejected, "documents rejected"),
        (tally.requests.pending, "requests pending"),
        (tally.documents.pending, "documents pending"),
        (ending.source.inside_pauses() as u64, "BROKEN PAUSES"),
        (ending.dynamodb.inside_pauses() as u64, "BATCHES IN PAUSES"),
    ] {
        if count > 0 {
            write!(found, ", {count} {what}").unwrap();
        }
    }
    if let Some(stopped) = &ending.report.stopped {
        // Addresses and ports are other ones each time.
        let stopped = stopped.to_string();
        let words = stopped
            .split(' ')
            .filter(|word| !word.contains("127.0.0.1"));
        write!(found, "; {}", words.collect::<Vec<_>>().join(" ")).unwrap();
    }
    if expected.contains("called ?") {
        // How many smaller batches there are after throttling depends on time.
        let (start, rest) = found.split_once("called ").unwrap();
        let (_, rest) = rest.split_once("):").unwrap();
        found = format!("{start}called ?:{rest}");
    }
    // What stands behind it may be long, and is tested elsewhere.
    let (found, rest) = found.split_at(found.len().min(expected.len()));
    assert!(
        rest.is_empty() || rest.starts_with([' ', ':']),
        "{name}: {found}{rest}"
    );
    assert_eq!(found, expected, "{name}");
}

/// The first requests' faults → what comes of them.
#[rustfmt::skip]
const SOURCE: &[(&str, &[SourceFault], &str)] = &[
    ("none", &[], "asked 4 (again 0), called 1 (again 0): written 16, stored 16"),
    ("500", &[Status(500)], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("502", &[Status(502)], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("503", &[Status(503)], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("504", &[Status(504)], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("408", &[Status(408)], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("429 without a time", &[Status(429)], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("429, seconds", &[RetryAfter(1)], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("503, date", &[RetryAfterDate(1)], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("429, a day", &[RetryAfter(86_400)], "asked 1 (again 0), called 0 (again 0): written 0, stored 0, 4 requests pending; answered 429: API rate limit exceeded; it asks to wait 1 day"),
    ("quota", &[QuotaExceeded], "asked 1 (again 0), called 0 (again 0): written 0, stored 0, 4 requests pending; answered 429: QUOTA_EXCEEDED: Quota exceeded; it asks to wait 1 day"),
    // The host itself sends a request again whose reused connection was dead.
    ("reset", &[Reset], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("cut", &[Cut], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("truncated", &[Truncated], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("error body", &[ErrorBody], "asked 4 (again 0), called 1 (again 0): written 12, stored 12, 1 requests rejected"),
    ("lacking", &[Lacking], "asked 4 (again 0), called 1 (again 0): written 15, stored 15, 1 records rejected"),
    ("unstorable", &[Unstorable], "asked 4 (again 0), called 1 (again 0): written 15, stored 15, 1 documents rejected"),
    ("404", &[Status(404)], "asked 4 (again 0), called 1 (again 0): written 12, stored 12, 1 requests rejected"),
    ("410", &[Status(410)], "asked 4 (again 0), called 1 (again 0): written 12, stored 12, 1 requests rejected"),
    ("3 × 500", &[Status(500); 3], "asked 7 (again 3), called 1 (again 0): written 16, stored 16"),
    ("9 × 500", &[Status(500); 9], "asked 13 (again 9), called 1 (again 0): written 16, stored 16"),
    ("3 × 429", &[Status(429); 3], "asked 7 (again 3), called 1 (again 0): written 16, stored 16"),
    ("3 × truncated", &[Truncated; 3], "asked 6 (again 2), called 1 (again 0): written 12, stored 12, 1 requests rejected"),
    ("3 × 403", &[Status(403); 3], "asked 4 (again 0), called 1 (again 0): written 4, stored 4, 3 requests rejected"),
];

/// The same, where patience matters.
#[rustfmt::skip]
const SLOW: &[(&str, &[SourceFault], &str)] = &[
    ("drip", &[Drip], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
    ("never", &[Never], "asked 5 (again 1), called 1 (again 0): written 16, stored 16"),
];

/// The first batches' faults → what comes of them.
#[rustfmt::skip]
const DYNAMODB: &[(&str, &[DynamoFault], &str)] = &[
    ("unprocessed", &[Unprocessed], "asked 4 (again 0), called ?: written 16, stored 16"),
    ("throughput", &[Throughput], "asked 4 (again 0), called ?: written 16, stored 16"),
    ("throttling", &[Throttling], "asked 4 (again 0), called ?: written 16, stored 16"),
    // Longer than any wait of its own.
    ("throttling, seconds", &[DynamoFault::RetryAfter(2_500)], "asked 4 (again 0), called ?: written 16, stored 16"),
    ("500", &[Internal], "asked 4 (again 0), called 2 (again 1): written 16, stored 16"),
    ("reset before", &[ResetBefore], "asked 4 (again 0), called 2 (again 1): written 16, stored 16"),
    ("reset after", &[ResetAfter], "asked 4 (again 0), called 2 (again 1): written 16, stored 16"),
    ("cut after", &[CutAfter], "asked 4 (again 0), called 2 (again 1): written 16, stored 16"),
    ("2 × reset after", &[ResetAfter; 2], "asked 4 (again 0), called 3 (again 2): written 16, stored 16"),
    ("3 × reset after", &[ResetAfter; 3], "asked 4 (again 0), called 4 (again 2): written 16, stored 16"),
    ("3 × throughput", &[Throughput; 3], "asked 4 (again 0), called ?: written 16, stored 16"),
    ("3 × 500", &[Internal; 3], "asked 4 (again 0), called 4 (again 2): written 16, stored 16"),
];

/// Scenes that differ by the first requests' or batches' faults only.
fn scenes<'c, F>(
    cases: &'c [(&str, &'static [F], &str)],
    set: impl Fn(&'static [F]) -> Scene,
) -> Vec<(&'c str, Scene, &'c str)> {
    let scene = |&(name, first, expected): &(&'c str, _, &'c str)| (name, set(first), expected);
    cases.iter().map(scene).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn source_faults() {
    let storage = Storage::start().await;
    for (quiet, cases) in [(QUIET, SOURCE), (HASTY, SLOW)] {
        let all = scenes(cases, |first| {
            let mut scene = quiet;
            scene.source.first = first;
            scene
        });
        check_all(&storage, all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_expire() {
    let storage = Storage::start().await;
    // Whoever sends it again, it is counted.
    let expected = "asked 5 (again 1), called 1 (again 0): written 16, stored 16";
    for auth in [AuthBy::Host, AuthBy::Component] {
        let mut scene = Scene { auth, ..QUIET };
        scene.source.expire_tokens_after = Some(2);
        check(&storage, "a token expires", scene, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamodb_faults() {
    let storage = Storage::start().await;
    let all = scenes(DYNAMODB, |first| {
        let mut scene = QUIET;
        scene.dynamodb.first = first;
        scene
    });
    check_all(&storage, all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_differ_and_credentials_expire() {
    let storage = Storage::start().await;
    let twice = "asked 4 (again 0), called 2 (again 1): written 16, stored 16";
    for clock_seconds in [600, -600] {
        let mut scene = QUIET;
        scene.dynamodb.clock_seconds = clock_seconds;
        check(&storage, "a clock ten minutes off", scene, twice).await;
    }
    let mut scene = QUIET;
    scene.dynamodb.expire_credentials_after = Some(0);
    check(&storage, "credentials expire", scene, twice).await;
}
