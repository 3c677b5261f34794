//! Pipes whose readers have gone, and full disks: the exit code says what
//! happened to the work, and no rejection is lost without a word.

use crate::support::command::prepare;
use crate::support::stage::{Stage, table_section};
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::Value;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const ROWS: usize = 60;

/// A folder with rows, a configuration and a table.
struct Fixture {
    stage: Stage,
    source: ScriptedSource,
    _dynamodb: TemporaryDynamoDb,
}

async fn fixture(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Fixture {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = ScriptedSource::start(move |seen, number| script(number, &seen.target)).await;
    let configuration = format!(
        "[rows]\nfile = \"rows.jsonl\"\n[source]\nurl = \"{}/{{id}}\"\nrecords = \"/items\"\n\
         [source.attributes]\nartist_id = \"{{id}}\"\ncountry_track = \"x\"\n\
         [source.retry]\nmax_attempts = 2\nbase_delay_ms = 1\nmax_delay_ms = 2\n\
         [run]\nchunk_rows = 5\nworkers = 1\n[egress]\naddresses = [\"127.0.0.1\"]\n{}",
        source.origin(),
        table_section(&dynamodb.endpoint(), "tracks")
    );
    let stage = Stage::new(&configuration);
    let rows = (0..ROWS).fold(String::new(), |rows, id| {
        rows + &format!("{{\"id\":\"{id}\"}}\n")
    });
    std::fs::write(stage.path().join("rows.jsonl"), rows).unwrap();
    stage.rowcast(&["table", "create"]).await.ok();
    Fixture {
        stage,
        source,
        _dynamodb: dynamodb,
    }
}

fn good() -> Reply {
    Reply::json(r#"{"items":[{"n":1}]}"#)
}

/// Something to write to that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

impl Fixture {
    /// Runs with closed pipes in place of these; the exit code.
    async fn run(&self, arguments: &[&str], closed_out: bool, closed_err: bool) -> i32 {
        let mut command = prepare(self.stage.path(), arguments, &[]);
        let end = |is_closed| if is_closed { closed() } else { Stdio::null() };
        command
            .stdin(Stdio::null())
            .stdout(end(closed_out))
            .stderr(end(closed_err));
        command.status().await.unwrap().code().unwrap()
    }

    async fn count(&self) -> String {
        self.stage
            .rowcast(&["query", "--count", "-q"])
            .await
            .ok()
            .stdout
    }
}

const CLOSED: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

#[tokio::test]
async fn the_work_is_done_and_counted() {
    for (out, err) in CLOSED {
        // Every sixth is rejected.
        let fixture = fixture(|_, target| {
            let id: usize = target[1..].parse().unwrap();
            if id.is_multiple_of(6) {
                Reply::status(404, "{}")
            } else {
                good()
            }
        })
        .await;
        let rejected = fixture.stage.path().join("rejected.jsonl");
        let arguments = ["run", "--report", "json", "--rejected", "rejected.jsonl"];
        assert_eq!(fixture.run(&arguments, out, err).await, 5, "{out} {err}");
        assert_eq!(fixture.count().await, "50\n");
        let kept = std::fs::read_to_string(rejected).unwrap();
        assert_eq!(kept.lines().count(), 10);
    }
}

#[tokio::test]
async fn a_run_is_continued() {
    for (out, err) in CLOSED {
        let denies = Arc::new(AtomicBool::new(true));
        let now = Arc::clone(&denies);
        let fixture = fixture(move |_, _| {
            if now.load(Ordering::SeqCst) {
                Reply::status(401, "{}")
            } else {
                good()
            }
        })
        .await;
        let arguments = ["run", "--report", "json"];
        assert_eq!(fixture.run(&arguments, out, err).await, 3);
        denies.store(false, Ordering::SeqCst);
        assert_eq!(fixture.run(&arguments, out, err).await, 0);
        assert_eq!(fixture.count().await, "60\n");
    }
}

#[tokio::test]
async fn failures_stay_failures() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for (out, err) in CLOSED {
        let fixture = fixture(|_, _| Reply::status(401, "{}")).await;
        for command in [&["run", "--report", "json"][..], &["extract"], &["check"]] {
            assert_eq!(fixture.run(command, out, err).await, 3, "{command:?}");
        }
        let path = fixture.stage.path().join("rowcast.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let down = text.replace(&fixture.source.origin(), &format!("http://{gone}"));
        std::fs::write(&path, down).unwrap();
        for command in [&["run", "--report", "json"][..], &["extract"], &["check"]] {
            assert_eq!(fixture.run(command, out, err).await, 4, "{command:?}");
        }
        assert_eq!(fixture.run(&["load", "nothing.jsonl"], out, err).await, 2);
        assert_eq!(fixture.run(&["query", "n >"], out, err).await, 2);
    }
}

#[tokio::test]
async fn documents_that_nobody_reads_are_not_asked_for() {
    let fixture = fixture(|_, _| good()).await;
    assert_eq!(fixture.run(&["extract", "-q"], true, false).await, 0);
    assert!(
        fixture.source.seen().len() < ROWS,
        "{}",
        fixture.source.seen().len()
    );
    fixture.run(&["run"], false, false).await;
    assert_eq!(fixture.run(&["query"], true, false).await, 0);
    assert_eq!(fixture.run(&["query", "-o", "csv"], true, false).await, 0);
    assert_eq!(fixture.run(&["table", "describe"], true, false).await, 0);
}

/// Whoever writes a rejections file has it alone.
#[tokio::test]
async fn a_rejections_file_is_one_process_at_a_time() {
    let fixture = fixture(|_, _| good()).await;
    let path = fixture.stage.path().join("rejected.jsonl");
    std::fs::write(&path, "{}\n").unwrap();
    let held = std::fs::File::open(&path).unwrap();
    held.lock().unwrap();
    let arguments = ["run", "--rejected", "rejected.jsonl"];
    let output = fixture.stage.rowcast(&arguments).await;
    assert_eq!(output.code, Some(4), "{}", output.stderr);
    let said = "another process writes rejected.jsonl";
    assert!(output.stderr.contains(said), "{}", output.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n");
    drop(held);
    fixture.stage.rowcast(&arguments).await.ok();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
}

/// `/dev/full` takes nothing, as a full disk.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn rejections_that_are_not_kept_stop_the_run() {
    let fixture = fixture(|number, _| {
        if number < 3 {
            Reply::status(404, "{}")
        } else {
            good()
        }
    })
    .await;
    let arguments = ["run", "--report", "json", "--rejected", "/dev/full"];
    let output = fixture.stage.rowcast(&arguments).await;
    assert_eq!(output.code, Some(6), "{}", output.stderr);
    for said in ["rows       ", "/dev/full", "No space left", "--resume"] {
        assert!(
            output.stderr.contains(said),
            "{said} is not in {}",
            output.stderr
        );
    }
    let counts: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(counts["requests"]["rejected"], 3);
    // The run isn't finished: what was rejected is asked for again.
    let output = fixture.stage.rowcast(&["run"]).await.ok();
    assert!(
        output.stderr.contains("continuing the run"),
        "{}",
        output.stderr
    );
    assert_eq!(fixture.count().await, "60\n");
}
