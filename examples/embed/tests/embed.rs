//! Rows through the example, against a source that fails and a real `DynamoDB`
//! implementation.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

#[path = "../../../tests/support/source.rs"]
#[expect(dead_code, reason = "shared with the other tests, which need more")]
mod source;

use rowcast::config::Config;
use rowcast::demo::dynamodb::TemporaryDynamoDb;
use rowcast::engine::STANDALONE;
use rowcast::host::Host;
use source::{Reply, ScriptedSource};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

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

struct Said {
    success: bool,
    stdout: String,
    stderr: String,
}

async fn run(origin: &str, allowed: &str, dynamodb: &str, rows: u32) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rowcast-standalone.wasm");
    std::fs::write(&file, STANDALONE).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_rowcast-embed"))
        .arg(&file)
        .args([&format!("{origin}/{{id}}"), "tracks", "popularity > 118"])
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL", dynamodb)
        .env("ROWCAST_ALLOW", allowed)
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
    let output = child.wait_with_output().await.unwrap();
    Said {
        success: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_become_documents_and_are_found() {
    let source = source().await;
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
    let host = Host::new(Config::parse(&table, &|_| None).unwrap());
    host.await.unwrap().create_table().await.unwrap();

    let (origin, endpoint) = (source.origin(), dynamodb.endpoint());
    let said = run(&origin, &origin, &endpoint, 120).await;
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
    let refused = run(&origin, &endpoint, &endpoint, 3).await;
    assert!(!refused.success, "{}", refused.stdout);
    for words in ["PermanentDenied", origin.as_str(), "ROWCAST_ALLOW"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}
