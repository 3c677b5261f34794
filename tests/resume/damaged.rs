//! A ledger's file that isn't what it was: it says so and how to go on, and the
//! file stays.

use super::{ALL, check, work};
use std::fs::{hard_link, read, read_to_string, rename, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_ledger_is_said_to_be_damaged() {
    let (_dynamodb, _moody, stage) = work().await;
    check(&stage, &[], 0, &[("documents.written", ALL)]).await;
    let path = stage.path().join(".rowcast/ledger.redb");
    let whole = read(&path).unwrap();
    let mut bytes = whole.clone();
    // Everything but the first page, which says what the file is.
    bytes[4096..].fill(0xa5);
    write(&path, &bytes).unwrap();
    let refused = stage.rowcast(&["run"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    for part in ["it is damaged", "move it away: mv "] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    // As the hint says.
    rename(&path, path.with_extension("damaged")).unwrap();
    check(&stage, &[], 0, &[("documents.written", ALL)]).await;

    // Another name of the ledger's file isn't overwritten either.
    let other = stage.path().join("other.jsonl");
    hard_link(&path, &other).unwrap();
    let whole = read(&path).unwrap();
    for rejected in [".rowcast/ledger.redb", "other.jsonl"] {
        let refused = stage.rowcast(&["run", "--rejected", rejected]).await;
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("is the ledger"),
            "{}",
            refused.stderr
        );
    }
    assert!(read(&path).unwrap() == whole);

    let refused = stage.rowcast(&["run", "--rejected", "rowcast.toml"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("is the configuration"),
        "{}",
        refused.stderr
    );

    // Nor is what was never a ledger.
    let configuration = stage.path().join("rowcast.toml");
    let text = read_to_string(&configuration).unwrap();
    let configured = format!("{text}[ledger]\nfile = \"rows.jsonl\"\n");
    write(configuration, configured).unwrap();
    let rows = read(stage.path().join("rows.jsonl")).unwrap();
    let refused = stage.rowcast(&["run"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("is not a ledger"),
        "{}",
        refused.stderr
    );
    assert!(read(stage.path().join("rows.jsonl")).unwrap() == rows);
}
