//! Each fault by itself, in one call of the component that asks for one thing
//! after the other: exactly what it costs, and what comes of it.

use super::station::{Scene, Storage};
use crate::support::dynamodb::table_name;
use crate::support::faulty_dynamodb::DynamoFault::{
    CutAfter, Internal, ResetAfter, ResetBefore, Throttling, Throughput, Unprocessed,
};
use crate::support::faulty_dynamodb::DynamoPlan;
use crate::support::faulty_source::SourceFault::{
    Cut, Drip, ErrorBody, Never, QuotaExceeded, Reset, RetryAfter, RetryAfterDate, Status,
    Truncated,
};
use crate::support::faulty_source::SourcePlan;
use rowcast::config::AuthBy;

/// Two artists in two countries, with four tracks each: 4 requests and one
/// batch of 16 where nothing goes wrong.
const QUIET: Scene = Scene {
    artists: 2,
    source: SourcePlan {
        seed: 0,
        first: &[],
        rates: &[],
        missing: 0,
        expire_tokens_after: None,
    },
    dynamodb: DynamoPlan {
        seed: 0,
        first: &[],
        rates: &[],
        clock_seconds: 0,
        expire_credentials_after: None,
    },
    auth: AuthBy::Host,
    attempts: 3,
    request_timeout_ms: 10_000,
    chunk_rows: 10,
    workers: 1,
    concurrency: 1,
};

/// A few milliseconds' patience, for answers that never come.
const HASTY: Scene = Scene {
    request_timeout_ms: 250,
    ..QUIET
};

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
        (tally.requests.pending, "requests pending"),
        (tally.documents.pending, "documents pending"),
        (ending.source.inside_silences() as u64, "BROKEN SILENCES"),
    ] {
        if count > 0 {
            found.push_str(&format!(", {count} {what}"));
        }
    }
    if let Some(stopped) = &ending.report.stopped {
        // Addresses and ports are other ones each time.
        let stopped = stopped.to_string();
        let words = stopped.split(' ').filter(|word| !word.contains("127.0.0.1"));
        found.push_str(&format!("; {}", words.collect::<Vec<_>>().join(" ")));
    }
    if expected == "?" { println!("CASE {name}\t{found}"); } else { assert_eq!(found, expected, "{name}"); }
}

fn source(first: &'static [crate::support::faulty_source::SourceFault]) -> Scene {
    let mut scene = QUIET;
    scene.source.first = first;
    scene
}

fn dynamodb(first: &'static [crate::support::faulty_dynamodb::DynamoFault]) -> Scene {
    let mut scene = QUIET;
    scene.dynamodb.first = first;
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn source_faults() {
    let storage = Storage::start().await;
    let check = async |name, scene, expected| check(&storage, name, scene, expected).await;
    let hasty = |first| Scene {
        source: source(first).source,
        ..HASTY
    };
    check("none", QUIET, "?").await;
    check("500", source(&[Status(500)]), "?").await;
    check("502", source(&[Status(502)]), "?").await;
    check("503", source(&[Status(503)]), "?").await;
    check("504", source(&[Status(504)]), "?").await;
    check("408", source(&[Status(408)]), "?").await;
    check("429 without a time", source(&[Status(429)]), "?").await;
    check("429, seconds", source(&[RetryAfter(1)]), "?").await;
    check("503, date", source(&[RetryAfterDate(1)]), "?").await;
    check("429, a day", source(&[RetryAfter(86_400)]), "?").await;
    check("quota", source(&[QuotaExceeded]), "?").await;
    check("reset", source(&[Reset]), "?").await;
    check("cut", source(&[Cut]), "?").await;
    check("truncated", source(&[Truncated]), "?").await;
    check("error body", source(&[ErrorBody]), "?").await;
    check("drip", hasty(&[Drip]), "?").await;
    check("never", hasty(&[Never]), "?").await;
    check("404", source(&[Status(404)]), "?").await;
    check("410", source(&[Status(410)]), "?").await;
    check("3 × 500", source(&[Status(500); 3]), "?").await;
    check("9 × 500", source(&[Status(500); 9]), "?").await;
    check("3 × 429", source(&[Status(429); 3]), "?").await;
    check("3 × truncated", source(&[Truncated; 3]), "?").await;
    check("3 × 403", source(&[Status(403); 3]), "?").await;
    for auth in [AuthBy::Host, AuthBy::Component] {
        let mut scene = Scene { auth, ..QUIET };
        scene.source.expire_tokens_after = Some(2);
        check("token expires", scene, "?").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamodb_faults() {
    let storage = Storage::start().await;
    let check = async |name, scene, expected| check(&storage, name, scene, expected).await;
    check("unprocessed", dynamodb(&[Unprocessed]), "?").await;
    check("throughput", dynamodb(&[Throughput]), "?").await;
    check("throttling", dynamodb(&[Throttling]), "?").await;
    check("500", dynamodb(&[Internal]), "?").await;
    check("reset before", dynamodb(&[ResetBefore]), "?").await;
    check("reset after", dynamodb(&[ResetAfter]), "?").await;
    check("cut after", dynamodb(&[CutAfter]), "?").await;
    check("2 × reset after", dynamodb(&[ResetAfter; 2]), "?").await;
    check("3 × reset after", dynamodb(&[ResetAfter; 3]), "?").await;
    check("3 × throughput", dynamodb(&[Throughput; 3]), "?").await;
    check("3 × 500", dynamodb(&[Internal; 3]), "?").await;
    for clock_seconds in [600, -600] {
        let mut scene = QUIET;
        scene.dynamodb.clock_seconds = clock_seconds;
        check("clock", scene, "?").await;
    }
    let mut scene = QUIET;
    scene.dynamodb.expire_credentials_after = Some(0);
    check("credentials expire", scene, "?").await;
}
