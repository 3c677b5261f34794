//! Rows through the example, against a source that fails and a real `DynamoDB`
//! implementation.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use rowcast::config::Config;
use rowcast::engine::STANDALONE;
use rowcast::host::Host;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A run takes seconds, and compiles the component first.
const PATIENCE: Duration = Duration::from_mins(5);

/// Every seventh request fails, and row 13 doesn't exist.
async fn source() -> ScriptedSource {
    let asked = AtomicU32::new(0);
    ScriptedSource::start(move |seen, _| {
        let id = seen.target.rsplit('/').next().unwrap();
        match (id, asked.fetch_add(1, Ordering::SeqCst) % 7) {
            ("13", _) => Reply::status(404, "{}"),
            (_, 6) => Reply::status(503, ""),
            _ => Reply::json(format!(r#"[{{"id":"{id}","popularity":{id}.50}}]"#)),
        }
    })
    .await
}

struct Output {
    success: bool,
    stdout: String,
    stderr: String,
}

async fn run(origin: &str, allowed: &[u8], dynamodb: &str, rows: u32) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rowcast-standalone.wasm");
    std::fs::write(&file, STANDALONE).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowcast-embed"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("AWS_") || name.starts_with("ROWCAST_") {
            command.env_remove(&*name);
        }
    }
    let mut child = command
        .arg(&file)
        .args([&format!("{origin}/{{id}}"), "tracks", "popularity > 118"])
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL", dynamodb)
        .env("ROWCAST_ALLOW", OsStr::from_bytes(allowed))
        // Somebody else's, in another encoding.
        .env("GREETING", OsStr::from_bytes(b"caf\xe9"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let text = (0..rows).fold(String::new(), |text, id| {
        text + &format!("{{\"id\":{id}}}\n")
    });
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).await.unwrap();
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output());
    let output = output.await.unwrap().unwrap();
    Output {
        success: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn table() -> TemporaryDynamoDb {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let table = format!(
        r#"
[table]
name = "tracks"
region = "us-east-1"
endpoint = "{}"
keys.partition = {{ name = "id", type = "S" }}
credentials = {{ access_key_id = "test", secret_access_key = "test" }}
"#,
        dynamodb.endpoint()
    );
    let host = Host::new(Config::parse(&table, |_| None).unwrap());
    host.await.unwrap().create_table().await.unwrap();
    dynamodb
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_become_documents_and_are_found() {
    let source = source().await;
    let dynamodb = table().await;
    let (origin, endpoint) = (source.origin(), dynamodb.endpoint());
    let said = run(&origin, origin.as_bytes(), &endpoint, 120).await;
    assert!(said.success, "{}", said.stderr);
    let counts = "120 rows: 119 documents written, 0 superseded, 1 rejected, 0 pending";
    assert!(said.stderr.contains(counts), "{}", said.stderr);
    let found: Vec<_> = said.stdout.lines().collect();
    let popular = ["118", "119"].map(|id| format!("\"popularity\":{id}.5"));
    assert_eq!(found.len(), 2, "{found:?}");
    // In any order, and so are a document's members.
    for popular in popular {
        let once = found.iter().filter(|line| line.contains(&popular)).count();
        assert_eq!(once, 1, "{popular} in {found:?}");
    }

    // The component keeps to the list, and the example gives up at once.
    let refused = run(&origin, endpoint.as_bytes(), &endpoint, 3).await;
    assert!(!refused.success, "{}", refused.stdout);
    for words in ["PermanentDenied", origin.as_str(), "ROWCAST_ALLOW"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

/// A source that has accepted the credentials refuses single requests: they are
/// rejected, and the others are written.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_the_middle_loses_nothing() {
    let source = ScriptedSource::start(|seen, _| {
        let id: u32 = seen.target.rsplit('/').next().unwrap().parse().unwrap();
        match id {
            0..40 => Reply::json(format!(r#"[{{"id":"{id}","popularity":200}}]"#)),
            _ => Reply::status(401, "{}"),
        }
    })
    .await;
    let dynamodb = table().await;
    let (origin, endpoint) = (source.origin(), dynamodb.endpoint());
    let said = run(&origin, origin.as_bytes(), &endpoint, 50).await;
    let counts = "50 rows: 40 documents written, 0 superseded, 10 rejected, 0 pending";
    assert!(said.stderr.contains(counts), "{}", said.stderr);
    // Without rows it only asks for what there is.
    let found = run(&origin, origin.as_bytes(), &endpoint, 0).await;
    assert_eq!(found.stdout.lines().count(), 40, "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_waited_for_or_read_ends_it() {
    let source = ScriptedSource::start(|_, _| {
        Reply::status(429, "{}").with_header("retry-after", "99999999999999999999")
    })
    .await;
    let (origin, nowhere) = (source.origin(), "http://127.0.0.1:9");
    let paused = run(&origin, origin.as_bytes(), nowhere, 3).await;
    assert!(!paused.success, "{}", paused.stdout);
    assert!(paused.stderr.contains("start again"), "{}", paused.stderr);

    let asked = source.seen().len();
    let illegible = run(&origin, b"\xff", nowhere, 3).await;
    assert!(!illegible.success, "{}", illegible.stdout);
    assert!(
        illegible.stderr.contains("ROWCAST_ALLOW: it is not UTF-8"),
        "{}",
        illegible.stderr
    );
    assert_eq!(source.seen().len(), asked);
}
