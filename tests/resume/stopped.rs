//! Runs that stopped in order, or for a reason, go on where they stopped.

use super::{
    ALL, CHUNK, COUNTRIES, Moody, ROWS, WORKERS, check, configuration, counts, documents, reply,
    stage, tomorrow, work,
};
use crate::support::command::{Output, control_c, prepare};
use crate::support::dynamodb::on_each;
use crate::support::stage::Stage;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;

/// The run's name in what a command says.
fn run_name(output: &Output) -> String {
    let (_, rest) = output.stderr.split_once("--resume ").unwrap();
    rest.split(['`', ' ']).next().unwrap().to_owned()
}

/// Ctrl-C, while the source holds what it is asked for: what the command says, once
/// it has its answers.
async fn interrupt(mut child: Child, source: &ScriptedSource) -> Output {
    control_c(child.id().unwrap()).await;
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut stderr = String::new();
    while !stderr.contains("stopping") {
        assert_ne!(lines.read_line(&mut stderr).await.unwrap(), 0, "{stderr}");
    }
    source.release();
    lines.read_to_string(&mut stderr).await.unwrap();
    Output {
        code: child.wait().await.unwrap().code(),
        stdout: String::new(),
        stderr,
    }
}

/// Stops because of a `Retry-After` of a day, then goes on.
async fn stop_and_go_on(moody: &Moody, stage: &Stage) {
    moody.refuse_after(20, tomorrow());
    let stopped = stage.rowcast(&["run", "--report", "json"]).await;
    assert_eq!(stopped.code, Some(6), "{}", stopped.stderr);
    assert!(
        stopped.stderr.contains(" continues at or after "),
        "{}",
        stopped.stderr
    );
    let run = run_name(&stopped);
    let done = counts(&stopped)["rows"]["done"].as_u64().unwrap();
    assert!(done > 0, "{}", stopped.stderr);
    let asked = moody.requests();

    // It isn't bothered before its time, unless somebody insists.
    for arguments in [&["run"][..], &["run", "--resume", &run]] {
        let early = stage.rowcast(arguments).await;
        assert_eq!(early.code, Some(6), "{}", early.stderr);
        assert!(
            early.stderr.contains("may not continue before"),
            "{}",
            early.stderr
        );
    }
    assert_eq!(moody.requests(), asked);
    let unknown = stage.rowcast(&["run", "--resume", "nothing"]).await;
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    assert!(
        unknown.stderr.contains(&format!("open runs: {run} (")),
        "{}",
        unknown.stderr
    );

    moody.answer(|seen, _| reply(seen));
    let expected = [
        ("rows.resumed", done),
        ("rows.done", ROWS - done),
        ("rows.read", ROWS),
    ];
    check(stage, &["--resume", &run, "--now"], 0, &expected).await;
    assert_eq!(moody.requests() - asked, (ROWS - done) * COUNTRIES);
    let finished = stage.rowcast(&["run", "--resume", &run]).await;
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("it is finished"),
        "{}",
        finished.stderr
    );
    assert_eq!(documents(stage).await.len() as u64, ALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_goes_on_where_it_stopped() {
    let (_dynamodb, moody, stage) = work().await;
    stop_and_go_on(&moody, &stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_may_be_a_table_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let moody = Moody::start().await;
        let configuration = configuration(&moody.source, &dynamodb.endpoint, &table);
        let stage = stage(&format!(
            "{configuration}[ledger]\ntable = \"{table}_ledger\"\n"
        ))
        .await;
        let missing = stage.rowcast(&["run"]).await;
        assert_eq!(missing.code, Some(2), "{}", missing.stderr);
        assert!(
            missing.stderr.contains("table create --ledger"),
            "{}",
            missing.stderr
        );
        stage.rowcast(&["table", "create", "--ledger"]).await.ok();
        stop_and_go_on(&moody, &stage).await;
        check(
            &stage,
            &[],
            0,
            &[("documents.written", 0), ("documents.unchanged", ALL)],
        )
        .await;
        assert!(!stage.path().join(".rowcast").exists());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_finishes_what_is_in_flight() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = ScriptedSource::holding(5, |seen, _| reply(seen)).await;
    let stage = stage(&configuration(&source, &dynamodb.endpoint(), "tracks")).await;
    let child = prepare(stage.path(), &["run"], &[]).spawn().unwrap();
    source.held(1).await;
    let stopped = interrupt(child, &source).await;
    assert_eq!(stopped.code, Some(6), "{}", stopped.stderr);
    let run = run_name(&stopped);
    check(
        &stage,
        &["--resume", &run],
        0,
        &[("rows.read", ROWS), ("rows.pending", 0)],
    )
    .await;
    // Asked for twice is what was answered of a row that wasn't finished: not all
    // of the rows that the workers have in hand.
    let again = source.seen().len() as u64 - ROWS * COUNTRIES;
    assert!(again < WORKERS * CHUNK, "{again}");
    assert_eq!(documents(&stage).await.len() as u64, ALL);
}

/// Slow answers: a chunk isn't worked through, but what was asked for is kept.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_asks_for_nothing_more_and_loses_no_answer() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = ScriptedSource::holding(9, |seen, _| reply(seen)).await;
    let text = configuration(&source, &dynamodb.endpoint(), "tracks");
    let text = text.replace("chunk_rows = 3", "chunk_rows = 100");
    let text = text.replace("[source.matrix]", "concurrency = 2\n[source.matrix]");
    let stage = stage(&text).await;
    let child = prepare(stage.path(), &["run"], &[]).spawn().unwrap();
    source.held(2).await;
    let stopped = interrupt(child, &source).await;
    assert_eq!(stopped.code, Some(6), "{}", stopped.stderr);
    let asked = source.seen().len() as u64;
    assert!((11..20).contains(&asked), "{asked} requests: {stopped:?}");
    let found = documents(&stage).await.len() as u64;
    assert_eq!(found, asked * super::TRACKS, "{stopped:?}");
    check(&stage, &[], 0, &[("rows.read", ROWS), ("rows.pending", 0)]).await;
    // A row of which one request was left is asked for again.
    let again = source.seen().len() as u64 - ROWS * COUNTRIES;
    assert!(again <= 2, "{again} requests twice");
    assert_eq!(documents(&stage).await.len() as u64, ALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_work_and_equal_rows() {
    let (_dynamodb, moody, stage) = work().await;
    // Each row twice, chunks apart.
    let rows = std::fs::read_to_string(stage.path().join("rows.jsonl")).unwrap();
    std::fs::write(stage.path().join("rows.jsonl"), rows.repeat(2)).unwrap();
    let refusal = || Reply::status(401, "{}");
    moody.refuse_after(20, refusal());
    let stopped = stage.rowcast(&["run", "--report", "json"]).await;
    assert_eq!(stopped.code, Some(3), "{}", stopped.stderr);
    let done = counts(&stopped)["rows"]["done"].as_u64().unwrap();
    let run = run_name(&stopped);

    // Another source is other work.
    let path = stage.path().join("rowcast.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let other = text.replace("require = [\"/id\", ", "require = [");
    std::fs::write(&path, other).unwrap();
    let refused = stage.rowcast(&["run", "--resume", &run]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("another source"),
        "{}",
        refused.stderr
    );

    std::fs::write(&path, &text).unwrap();
    moody.answer(|seen, _| reply(seen));
    // A row that equals a finished one is finished.
    let again = check(&stage, &["--resume", &run], 0, &[("rows.read", 2 * ROWS)]).await;
    let resumed = counts(&again)["rows"]["resumed"].as_u64().unwrap();
    assert!(
        (2 * done..2 * ROWS).contains(&resumed),
        "{done} {}",
        again.stderr
    );
    assert_eq!(documents(&stage).await.len() as u64, ALL);

    // A new run is not the old one, and neither is one that's begun anew.
    moody.refuse_after(10, refusal());
    assert_eq!(stage.rowcast(&["run"]).await.code, Some(3));
    moody.answer(|seen, _| reply(seen));
    check(
        &stage,
        &["--fresh"],
        0,
        &[("rows.resumed", 0), ("rows.done", 2 * ROWS)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_file_is_one_process_at_a_time() {
    let (_dynamodb, _moody, stage) = work().await;
    let path = stage.path().join(".rowcast/ledger.redb");
    let ledger = rowcast::ledger::Ledger::open_file(&path).await.unwrap();
    let refused = stage.rowcast(&["run"]).await;
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    let process = if cfg!(target_os = "linux") {
        format!("process {} is using it", std::process::id())
    } else {
        "another process is using it".to_owned()
    };
    assert!(refused.stderr.contains(&process), "{}", refused.stderr);
    drop(ledger);
    check(&stage, &[], 0, &[("documents.written", ALL)]).await;
}
