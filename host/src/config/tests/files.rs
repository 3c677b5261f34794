//! Sections, and files as they are read.

use super::env;
use crate::config::*;

#[test]
fn sections_left_out_need_no_environment() {
    let text = "[rows]\npostgres = '${NO}'\nquery = 'x'\n[source]\nurl = '${NO}'\n\
                [table]\nname = 'tracks'";
    let draft = Draft::parse(text, &[Section::Table], |_| None).unwrap();
    let config = draft.finish().unwrap();
    assert!(config.rows.is_none() && config.written.tree.node.get("source").is_none());
    assert_eq!(config.table().unwrap().name, "tracks");
}

#[test]
fn a_missing_file_says_how_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let error = Config::load(&path, env).unwrap_err();
    assert!(error.hint().unwrap().as_str().contains("rowcast init"));
    std::fs::write(&path, "[run\n").unwrap();
    let message = Config::load(&path, env).unwrap_err().to_string();
    assert!(
        message.starts_with(&format!("{}:1:", path.display())),
        "{message}"
    );
}

#[test]
fn files_stand_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    std::fs::write(&path, "component = 'a.wasm'\n").unwrap();
    let config = Config::load(&path, env).unwrap();
    assert_eq!(config.component, Some(folder.path().join("a.wasm")));
    let ledger = folder.path().join(".rowcast/ledger.redb");
    assert_eq!(config.ledger, LedgerSettings::File(ledger));
}
