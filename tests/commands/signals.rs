//! Ctrl-C, SIGTERM and SIGHUP: once in order, twice at once.

use super::{settled, spotify, stage, tracks};
use crate::support::command::{control_c, prepare, signal};
use crate::support::dynamodb::{Dynamo, table_name};
use crate::support::stage::{Stage, rows_section, spotify_section, table_section};
use crate::support::table::table_keyed;
use expect_test::{Expect, expect};
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::{Reply, post};
use rowcast_stand_ins::scripted::ScriptedSource;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

/// Interrupts a run that has requests in flight, and returns how it ended.
async fn interrupt(stage: &Stage, source: &ScriptedSource, (name, times): (&str, u32)) -> String {
    let mut child = prepare(stage.path(), &["run"], &[]).spawn().unwrap();
    let id = child.id().unwrap();
    source.held(1).await;
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    signal(id, name).await;
    lines.read_line(&mut said).await.unwrap();
    if times > 1 {
        signal(id, name).await;
    } else {
        source.release();
    }
    lines.read_to_string(&mut said).await.unwrap();
    let code = child.wait().await.unwrap().code();
    settled(&format!("exit {code:?}\n{said}"))
}

async fn run(signals: &[(&str, u32)], expected: Expect) {
    for signal in signals {
        run_once(*signal, &expected).await;
    }
}

async fn run_once(signal: (&str, u32), expected: &Expect) {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let tokens = spotify(tracks).await;
    let track = r#"{"tracks":[{"id":"t1","name":"One","popularity":95}]}"#;
    let source = ScriptedSource::holding(0, move |_, _| Reply::json(track)).await;
    let section = spotify_section(&source.origin()).replace(
        &format!("{}/api/token", source.origin()),
        &format!("{}/api/token", tokens.origin()),
    );
    let section = format!("{section}\n[run]\nworkers = 1\nchunk_rows = 1\n");
    let stage = stage(&section, &dynamodb).await;
    expected.assert_eq(&interrupt(&stage, &source, signal).await);
}

#[tokio::test]
async fn once_finishes_what_is_in_flight() {
    run(
        &[("INT", 1), ("TERM", 1), ("HUP", 1)],
        expect![[r#"
            exit Some(6)
            stopping: finishing what is in flight; Ctrl-C again ends it at once
            rows       2 read: 1 done, 0 rejected, 1 pending
            requests   4 planned: 2 done, 0 rejected, 2 pending (2 sent, 0 of them repeats)
            records    2 received: 2 accepted, 0 rejected
            documents  2 in all: 2 written, 0 superseded, 0 rejected, 0 pending
            DynamoDB   1 sent, 0 of them repeats; 2 write capacity units
            time       SECONDS s
            error: the run stopped before its end
              because: stopped on request
              hint: `rowcast run --resume RUN` continues where it stopped
        "#]],
    )
    .await;
}

/// A run of 60 rows whose source answers 20 of them, and the rest as `others` says or
/// never: it ends soon after it was asked to stop, and has written and counted the 20.
async fn stops_after_20(others: Option<Reply>, within: Duration) {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let (waits, answer) = (others.is_none(), others.unwrap_or(Reply::json("[]")));
    let source = ScriptedSource::holding(20, move |seen, number| {
        if number < 20 {
            Reply::json(format!(r#"[{{"id":"{}"}}]"#, seen.target))
        } else {
            answer.clone()
        }
    })
    .await;
    let at = Dynamo {
        name: "dynoxide",
        endpoint: dynamodb.endpoint(),
    };
    let rows: Vec<_> = (0..60).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    let stage = Stage::new(&format!(
        "[rows]\nfile = \"rows.jsonl\"\n[source]\nurl = \"{}/{{id}}\"\n{}\n[egress]\naddresses = [\"127.0.0.1\"]\n",
        source.origin(),
        table_keyed(&at, &table_name(), "id S"),
    ));
    std::fs::write(stage.path().join("rows.jsonl"), rows.concat()).unwrap();
    stage.rowcast(&["table", "create"]).await.ok();
    let arguments = ["run", "--report", "json"];
    let mut child = prepare(stage.path(), &arguments, &[]).spawn().unwrap();
    source.held(1).await;
    if !waits {
        source.release();
    }
    signal(child.id().unwrap(), "TERM").await;
    let asked = std::time::Instant::now();
    let mut counts = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout)
        .read_to_string(&mut counts)
        .await
        .unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(6));
    let found = stage.rowcast(&["query", "--count"]).await.ok().stdout;
    let took = asked.elapsed();
    assert!(took < within, "{took:?}");
    let stored: u64 = found.trim().parse().unwrap();
    let counts: serde_json::Value = serde_json::from_str(&counts).unwrap();
    assert_eq!((&counts["documents"]["written"], stored), (&20.into(), 20));
    assert!(
        counts["effort"]["source_requests"].as_u64() >= Some(20),
        "{counts}"
    );
}

/// Pauses aren't waited out then, and what was answered is kept.
#[tokio::test]
async fn a_pause_ends_when_the_run_does() {
    let refusal = Reply::status(429, "").with_header("retry-after", "50");
    stops_after_20(Some(refusal), Duration::from_secs(10)).await;
}

/// What never comes is broken off, and everything else is kept and counted.
#[tokio::test]
async fn a_source_that_hangs_holds_up_no_end() {
    stops_after_20(None, Duration::from_secs(19)).await;
}

/// So is what comes too slowly.
#[tokio::test]
async fn a_body_that_drips_holds_up_no_end() {
    let body = format!("[{}]", " ".repeat(100)).into();
    let drips = Reply::Drip(Duration::from_secs(1), body);
    stops_after_20(Some(drips), Duration::from_secs(19)).await;
}

#[tokio::test]
async fn twice_ends_at_once() {
    run(
        &[("INT", 2), ("TERM", 2)],
        expect![[r#"
            exit Some(130)
            stopping: finishing what is in flight; Ctrl-C again ends it at once
            error: the run was ended at once
              hint: run again: writing a document twice leaves it as writing it once
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_demo_stays_until_then_and_leaves_nothing() {
    let stage = Stage::new("");
    let arguments = ["demo", "--keep", "--print-config"];
    let mut child = prepare(stage.path(), &arguments, &[]).spawn().unwrap();
    let id = child.id().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while lines.next_line().await.unwrap().unwrap() != "The servers stay until Ctrl-C." {}
    // Meanwhile they serve other commands.
    let mut text = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    while !text.ends_with("addresses = [\"127.0.0.1\"]\n") {
        stdout.read_line(&mut text).await.unwrap();
    }
    let other = Stage::new(&text);
    let count = other.rowcast(&["query", "--count", "-q"]).await.ok();
    assert_eq!(count.stdout, "720\n");
    control_c(id).await;
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    let after = other.rowcast(&["query", "--count", "-q"]).await;
    assert_eq!(after.code, Some(4), "{}", after.stderr);
    let rows = other.rowcast(&["extract", "-q"]).await;
    assert_eq!(rows.code, Some(4), "{}", rows.stderr);
}

#[tokio::test]
async fn the_demo_serves_other_programs() {
    let stage = Stage::new("");
    let arguments = [
        "demo",
        "--serve",
        "--artists",
        "2",
        "--latency",
        "300",
        "-q",
    ];
    let mut child = prepare(stage.path(), &arguments, &[]).spawn().unwrap();
    let id = child.id().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).await.unwrap();
    let at: serde_json::Value = serde_json::from_str(&line).unwrap();
    let part = |name: &str| at[name].as_str().unwrap();
    let other = Stage::new(
        &[
            rows_section(part("postgres"), part("query")),
            spotify_section(part("source")),
            table_section(part("dynamodb"), part("table")),
        ]
        .concat(),
    );
    let run = other.rowcast(&["run"]).await.ok();
    assert!(run.stderr.contains("40 written"), "{}", run.stderr);
    // Whatever it's asked: nothing else takes so long.
    let asked = std::time::Instant::now();
    let (status, _) = post(part("source"), &[], "").await.unwrap();
    assert_eq!(status, 404);
    assert!(asked.elapsed() >= Duration::from_millis(300));
    signal(id, "TERM").await;
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}
