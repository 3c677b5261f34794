//! What makes a run the same run: what its rows are. And which document stays
//! where rows with one key are finished by different processes.

use super::{ALL, COUNTRIES, Moody, ROWS, check, documents, reply, tomorrow, work};
use crate::support::stage::{Stage, table_section};
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::json;
use std::fs::{copy, read_to_string, write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Runs until the source refuses, after so many requests.
async fn stop(moody: &Moody, stage: &Stage, arguments: &[&str], input: &str) {
    moody.refuse_after(20, tomorrow());
    let stopped = stage.rowcast_with_input(arguments, input).await;
    assert_eq!(stopped.code, Some(6), "{}", stopped.stderr);
    moody.answer(|seen, _| reply(seen));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_rows_is_known_by_its_content() {
    let (_dynamodb, moody, stage) = work().await;
    let path = |name: &str| stage.path().join(name);
    stop(&moody, &stage, &["run"], "").await;
    // Another file of the same name is other work: nothing is left out.
    let rows = read_to_string(path("rows.jsonl")).unwrap();
    let other = rows.clone() + "{\"id\":\"more\"}\n";
    copy(path("rows.jsonl"), path("copy.jsonl")).unwrap();
    write(path("rows.jsonl"), other).unwrap();
    let expected = [("rows.resumed", 0), ("rows.done", ROWS + 1)];
    check(&stage, &[], 0, &expected).await;
    // The same rows by another name are the same work.
    let again = stage
        .rowcast(&["run", "--rows", "copy.jsonl", "--now"])
        .await
        .ok();
    assert!(
        again.stderr.contains("continuing the run"),
        "{}",
        again.stderr
    );
    assert_eq!(
        documents(&stage).await.len() as u64,
        ALL + COUNTRIES * super::TRACKS
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_from_standard_input_are_new_each_time() {
    let (_dynamodb, moody, stage) = work().await;
    let rows = read_to_string(stage.path().join("rows.jsonl")).unwrap();
    let arguments = ["run", "--rows", "-"];
    stop(&moody, &stage, &arguments, &rows).await;
    let stopped = stage
        .rowcast(&["run", "--rows", "-", "--resume", "nothing"])
        .await;
    let (_, run) = stopped.stderr.split_once("open runs: ").unwrap();
    let run = run.split(' ').next().unwrap();
    let resume = ["run", "--rows", "-", "--now", "--resume", run];
    let resumed = stage.rowcast_with_input(&resume, &rows).await.ok();
    assert!(resumed.stderr.contains("resumed"), "{}", resumed.stderr);
    stop(&moody, &stage, &arguments, &rows).await;
    let anew = stage.rowcast_with_input(&arguments, &rows).await.ok();
    assert!(!anew.stderr.contains("resumed"), "{}", anew.stderr);
}

/// The first row is left pending, the second is finished; both have one key.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_row_wins_over_a_resume() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let (seen_last, limited) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(true)));
    let source = {
        let limited = Arc::clone(&limited);
        ScriptedSource::start(move |seen, _| {
            let first = seen.target.contains("first");
            if !first {
                seen_last.store(true, Ordering::SeqCst);
            } else if *limited.lock().unwrap() {
                // Not before the other was answered.
                return if seen_last.load(Ordering::SeqCst) {
                    tomorrow()
                } else {
                    Reply::status(500, "{}")
                };
            }
            Reply::json(json!([{ "from": seen.target }]).to_string())
        })
        .await
    };
    let origin = source.origin();
    let table = table_section(&dynamodb.endpoint(), "shared");
    let stage = Stage::new(&format!(
        "[rows]\nfile = \"rows.jsonl\"\n[source]\nurl = \"{origin}/{{id}}\"\n\
         [source.attributes]\nartist_id = \"one\"\ncountry_track = \"key\"\n\
         [source.retry]\nmax_attempts = 20\n[run]\nchunk_rows = 1\nworkers = 2\n\
         [egress]\naddresses = [\"127.0.0.1\"]\n{table}"
    ));
    write(
        stage.path().join("rows.jsonl"),
        "{\"id\":\"first\"}\n{\"id\":\"last\"}\n",
    )
    .unwrap();
    stage.rowcast(&["table", "create"]).await.ok();
    check(&stage, &[], 6, &[("rows.done", 1), ("rows.pending", 1)]).await;
    *limited.lock().unwrap() = false;
    let expected = [
        ("rows.resumed", 1),
        ("rows.done", 1),
        ("documents.superseded", 1),
    ];
    check(&stage, &["--now"], 0, &expected).await;
    let found = documents(&stage).await;
    assert!(found.len() == 1 && found[0].contains("/last"), "{found:?}");
}
