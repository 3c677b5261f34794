//! Memory that doesn't grow with the rows, and rows that wait for their reader.
//!
//! Peaks of memory are of processes of their own, as Linux tells them.

use crate::support::command::prepare;
use crate::support::dynamodb::table_name;
use crate::support::postgres::{Postgres, open};
use crate::support::stage::{Stage, rows_section, source_section, table_section};
use futures_util::StreamExt;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

/// How often something is looked at that nobody announces.
const POLL: Duration = Duration::from_millis(20);
/// How long it is looked at.
const PATIENCE: Duration = Duration::from_secs(30);

/// Rows of about 200 bytes.
fn query(rows: u32) -> String {
    format!(
        "SELECT n::text AS id, 'artist ' || n AS name, repeat(md5(n::text), 5) AS text
         FROM generate_series(1, {rows}) n"
    )
}

/// The most memory that a process has had, in KiB; none once it has ended.
#[cfg(target_os = "linux")]
fn peak_kib(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix(" kB")?.parse().ok()
}

/// What reading a million rows may add to the peak after the first thousand.
#[cfg(target_os = "linux")]
const GROWTH_KIB: u64 = 8 * 1024;

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_million_rows_stream_in_bounded_memory() {
    // This test starts itself once more, to read in a process that does
    // nothing else.
    const READER: &str = "ROWCAST_TEST_READER";
    if let Ok(url) = std::env::var(READER) {
        eprintln!("{}", read(&url).await);
        return;
    }
    let server = Postgres::start().await;
    let name = concat!(module_path!(), "::a_million_rows_stream_in_bounded_memory");
    let (_, name) = name.split_once("::").unwrap();
    let begun = Instant::now();
    let reader = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(READER, server.url())
        .kill_on_drop(true)
        .output();
    let output = reader.await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let figures: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    println!("{figures} in {:.1} s", begun.elapsed().as_secs_f64());
    assert_eq!(figures["rows"], 1_000_000);
    assert!(figures["bytes"].as_u64() > Some(200_000_000), "{figures}");
    let peak = |at: &str| figures[at].as_u64().unwrap();
    let growth = peak("peak_kib") - peak("peak_kib_at_1000_rows");
    assert!(growth < GROWTH_KIB, "grew by {growth} KiB: {figures}");
}

/// Reads a million rows, and says what it took.
#[cfg(target_os = "linux")]
async fn read(url: &str) -> Value {
    let mut rows = open(url, &query(1_000_000)).await.unwrap();
    let (mut number, mut bytes, mut first) = (0, 0, None);
    while let Some(row) = rows.next().await {
        bytes += row.unwrap().len();
        number += 1;
        if number == 1000 {
            first = peak_kib("self");
        }
    }
    json!({
        "rows": number,
        "bytes": bytes,
        "peak_kib_at_1000_rows": first,
        "peak_kib": peak_kib("self"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_waits_for_whoever_reads() {
    const ROWS: u32 = 200_000;
    let server = Postgres::start().await;
    let mut rows = open(&server.url(), &query(ROWS)).await.unwrap();
    for _ in 0..1000 {
        rows.next().await.unwrap().unwrap();
    }
    // Not for a moment only, as it does whenever a buffer is full.
    let (begun, mut in_a_row) = (Instant::now(), 0);
    while in_a_row < 10 {
        let waits_for = server
            .ask("SELECT wait_event FROM pg_stat_activity WHERE application_name = 'rowcast'")
            .await;
        in_a_row = match waits_for.as_deref() {
            Some("ClientWrite") => in_a_row + 1,
            _ => 0,
        };
        assert!(begun.elapsed() < PATIENCE, "the server: {waits_for:?}");
        tokio::time::sleep(POLL).await;
    }
    // And nothing is lost by it.
    let mut left = 0;
    while let Some(row) = rows.next().await {
        row.unwrap();
        left += 1;
    }
    assert_eq!(left, ROWS - 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_dropped_end_the_query() {
    let server = Postgres::start().await;
    let mut rows = open(&server.url(), &query(200_000)).await.unwrap();
    rows.next().await.unwrap().unwrap();
    drop(rows);
    let left = "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'rowcast'";
    server.wait_for(left, "0").await;
}

/// What ten times the rows may add to the peak of a run.
#[cfg(target_os = "linux")]
const RUN_GROWTH_KIB: u64 = 16 * 1024;

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_takes_no_more_memory_for_more_rows() {
    let server = Postgres::start().await;
    let source = ScriptedSource::start(|_, _| Reply::json(r#"{"popularity":91}"#)).await;
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let mut peaks = Vec::new();
    for rows in [2_000, 20_000] {
        let stage = Stage::new(
            &[
                rows_section(&server.url(), &query(rows)),
                source_section(&source.origin(), 50),
                table_section(&dynamodb.endpoint(), &table_name()),
                "[source.attributes]\nartist_id = \"{id}\"\ncountry_track = \"US\"\n".into(),
            ]
            .concat(),
        );
        stage.rowcast(&["table", "create"]).await.ok();
        let begun = Instant::now();
        let arguments = ["run", "--quiet", "--report", "json"];
        let child = prepare(stage.path(), &arguments, &[])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let process = child.id().unwrap().to_string();
        let ended = tokio::spawn(child.wait_with_output());
        let mut peak = 0;
        while !ended.is_finished() {
            peak = peak_kib(&process).unwrap_or(peak);
            tokio::time::sleep(POLL).await;
        }
        let output = ended.await.unwrap().unwrap();
        assert!(output.status.success(), "{output:?}");
        let counts: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(counts["documents"]["written"], rows, "{counts}");
        println!(
            "{rows} rows: {peak} KiB in {:.1} s",
            begun.elapsed().as_secs_f64()
        );
        peaks.push(peak);
    }
    assert!(peaks[1] < peaks[0] + RUN_GROWTH_KIB, "{peaks:?} KiB");
    dynamodb.shutdown().await;
}

/// CSV begins with a header of all members, so nothing is printed before all
/// documents have come; they aren't in memory meanwhile.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn documents_for_csv_are_not_held_in_memory() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let mut peaks = Vec::new();
    for documents in [1_000, 20_000] {
        let name = table_name();
        let stage = Stage::new(&table_section(&dynamodb.endpoint(), &name));
        stage.rowcast(&["table", "create"]).await.ok();
        let text = "x".repeat(1_000);
        let lines = (0..documents).map(|number| {
            let key = format!("\"artist_id\":\"a\",\"country_track\":\"{number:06}\"");
            format!("{{{key},\"text\":\"{text}\"}}\n")
        });
        let path = stage.path().join("documents.jsonl");
        std::fs::write(path, lines.collect::<String>()).unwrap();
        stage.rowcast(&["load", "documents.jsonl"]).await.ok();
        let arguments = ["query", "--output", "csv", "--segments", "1"];
        let mut child = prepare(stage.path(), &arguments, &[]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let header = lines.next_line().await.unwrap();
        assert_eq!(header.as_deref(), Some("artist_id,country_track,text"));
        // More than a pipe holds is left to be printed, so it waits.
        peaks.push(peak_kib(&child.id().unwrap().to_string()).unwrap());
        let mut printed = 0;
        while lines.next_line().await.unwrap().is_some() {
            printed += 1;
        }
        assert_eq!(printed, documents);
        assert!(child.wait().await.unwrap().success());
    }
    let growth = peaks[1].saturating_sub(peaks[0]);
    assert!(growth < GROWTH_KIB, "grew by {growth} KiB: {peaks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_asked_for_though_no_other_comes() {
    let source = ScriptedSource::holding(0, |_, _| Reply::json("{}")).await;
    let stage = Stage::new(&format!(
        "[rows]\nfile = \"-\"\nformat = \"jsonl\"\n{}",
        source_section(&source.origin(), 50)
    ));
    let mut child = prepare(stage.path(), &["extract"], &[]).spawn().unwrap();
    let mut rows = child.stdin.take().unwrap();
    rows.write_all(b"{\"id\":1}\n").await.unwrap();
    rows.flush().await.unwrap();
    tokio::time::timeout(PATIENCE, source.held(1))
        .await
        .unwrap();
    source.release();
    rows.write_all(b"{\"id\":2}\n").await.unwrap();
    drop(rows);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(source.seen().len(), 2);
}
