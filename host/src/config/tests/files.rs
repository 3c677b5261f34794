//! Presets, sections, and files as they are written and read.

use super::{env, parse};
use crate::config::*;

#[test]
fn the_preset_fills_what_is_not_given() {
    let config = parse("[source]\npreset = 'spotify-top-tracks'\n[table]\nname = 'tracks'");
    let source = config.source().unwrap();
    assert!(
        source
            .url
            .starts_with("https://api.spotify.com/v1/artists/{id}/")
    );
    assert_eq!(source.matrix[0].values, ["US", "CA"]);
    assert_eq!(source.attributes.len(), 3);
    let AuthMethod::ClientCredentials { client_id, .. } = &source.auth.method else {
        panic!("client credentials")
    };
    assert_eq!(client_id, "id-1");
    let table = config.table().unwrap();
    assert_eq!(table.keys, None);
    let proposed = table.preset_keys.as_ref().unwrap();
    assert_eq!(proposed.to_string(), "artist_id (S), country_track (S)");
}

#[test]
fn what_is_given_replaces_the_preset() {
    let config = parse(
        "[source]\npreset = 'spotify-top-tracks'\nurl = 'http://127.0.0.1:1/{id}'\n\
         [source.matrix]\nzone = ['SE']\n[source.auth]\nclient_id = 'mine'\n\
         token_url = 'http://127.0.0.1:1/token'\ntype = 'client-credentials'",
    );
    let source = config.source().unwrap();
    assert_eq!(source.url, "http://127.0.0.1:1/{id}");
    assert_eq!(
        source.matrix,
        [Axis {
            name: "zone".into(),
            values: vec!["SE".into()]
        }]
    );
    let AuthMethod::ClientCredentials {
        token_url,
        client_id,
        client_secret,
        ..
    } = &source.auth.method
    else {
        panic!("client credentials")
    };
    assert_eq!(
        (token_url.as_str(), client_id.as_str()),
        ("http://127.0.0.1:1/token", "mine")
    );
    assert_eq!(client_secret.expose(), "hunter2");
    // Of another type nothing of the preset's is left over, variables included.
    let config = Config::parse(
        "[source]\npreset = 'spotify-top-tracks'\nauth.type = 'none'",
        &|_| None,
    );
    assert_eq!(config.unwrap().source.unwrap().auth, Auth::default());
}

#[test]
fn sections_left_out_need_no_environment() {
    let text = "[rows]\npostgres = '${NO}'\nquery = 'x'\n[source]\nurl = '${NO}'\n\
                [table]\nname = 'tracks'";
    let config = Config::parse_sections(text, &[Section::Table], &|_| None).unwrap();
    assert_eq!(
        (config.rows.is_none(), config.source.is_none()),
        (true, true)
    );
    assert_eq!(config.table().unwrap().name, "tracks");
}

#[test]
fn the_written_file_is_read_and_its_comments_hold() {
    for preset in PRESETS.iter().map(|name| Some(*name)).chain([None]) {
        let text = commented(preset).unwrap();
        parse(&text);
        for (number, line) in text.lines().enumerate() {
            if let Some(setting) = line.strip_prefix("# ").filter(|text| is_setting(text)) {
                check_commented(&text, number, setting);
            }
        }
    }
    assert_eq!(
        commented(Some("x")).unwrap_err().setting(),
        Some("source.preset")
    );
}

fn is_setting(text: &str) -> bool {
    let name = text.split(" = ").next().unwrap();
    name.len() < text.len()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "_-".contains(c))
}

/// A setting that is written as a comment, uncommented alone with its section,
/// is known and of its type; it may clash with what is there or need more.
fn check_commented(text: &str, number: usize, setting: &str) {
    let mut lines: Vec<_> = text.lines().collect();
    lines[number] = setting;
    let is_header = |line: &&str| line.ends_with(']') && !line.contains('=');
    let header = lines[..number].iter().rposition(is_header).unwrap();
    lines[header] = lines[header].trim_start_matches("# ");
    if let Err(error) = Config::parse(&lines.join("\n"), &|name| env(name).or(Some("x".into()))) {
        let message = error.to_string();
        let harmless = ["exclude", "no meaning", "is for", "is missing"];
        assert!(
            harmless.iter().any(|part| message.contains(part)),
            "{setting}: {message}"
        );
    }
}

#[test]
fn a_missing_file_says_how_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let error = Config::load(&path, &env).unwrap_err();
    assert!(error.hint().unwrap().as_str().contains("rowcast init"));
    std::fs::write(&path, "[run\n").unwrap();
    let message = Config::load(&path, &env).unwrap_err().to_string();
    assert!(
        message.starts_with(&format!("{}:1:", path.display())),
        "{message}"
    );
}
