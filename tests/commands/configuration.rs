//! What is wrong with the file, and `rowcast init`.

use super::files;
use crate::support::stage::Stage;
use expect_test::expect;

#[tokio::test]
async fn the_file_is_missing() {
    let stage = Stage::new("");
    stage
        .check(expect![[r#"
            $ rowcast run -c other.toml
            exit 2
            --- stderr
            error: read the configuration other.toml
              because: No such file or directory (os error 2)
              hint: `rowcast init` writes a commented one to start from
        "#]])
        .await;
}

#[tokio::test]
async fn the_file_is_no_toml() {
    Stage::new("[rows]\nfile = artists.csv\n")
        .check(expect![[r#"
            $ rowcast run
            exit 2
            --- stderr
            error: rowcast.toml:2:8: string values must be quoted, expected literal string
        "#]])
        .await;
}

#[tokio::test]
async fn a_setting_is_unknown() {
    let stage = Stage::new(
        "[rows]\nfile = \"artists.csv\"\n\n[source]\nurl = \"https://api.example.com\"\nrequires = [\"/id\"]\n",
    );
    stage
        .check(expect![[r#"
            $ rowcast extract
            exit 2
            --- stderr
            error: `source.requires` (line 6) is not a known setting
              hint: did you mean `require`?
        "#]])
        .await;
}

#[tokio::test]
async fn a_section_is_missing() {
    files("[rows]\nfile = \"artists.csv\"\n")
        .check(expect![[r#"
            $ rowcast extract
            exit 2
            --- stderr
            error: `source` is missing, and this command needs it
              hint: add [source]; `rowcast init` shows how
        "#]])
        .await;
}

#[tokio::test]
async fn a_variable_is_missing() {
    let stage =
        files("[rows]\nfile = \"artists.csv\"\n[source]\npreset = \"spotify-top-tracks\"\n");
    stage
        .check(expect![[r#"
            $ rowcast extract
            exit 2
            --- stderr
            error: the configuration has 2 problems:
              `source.auth.client_id` (line 3) needs the environment variable SPOTIFY_CLIENT_ID, which is not set
                hint: set it, or give a default in the file: ${SPOTIFY_CLIENT_ID:-…}
              `source.auth.client_secret` (line 3) needs the environment variable SPOTIFY_CLIENT_SECRET, which is not set
                hint: set it, or give a default in the file: ${SPOTIFY_CLIENT_SECRET:-…}
        "#]])
        .await;
}

#[tokio::test]
async fn a_preset_is_unknown() {
    Stage::new("")
        .check(expect![[r#"
            $ rowcast init --preset spotify -c new.toml
            exit 2
            --- stderr
            error: "spotify" is not the name of a preset
              hint: known presets: none, deezer-top-tracks, github-issues, listenbrainz-top-recordings, musicbrainz-recordings, spotify-top-tracks, tmdb-movie-credits
        "#]])
        .await;
}

#[tokio::test]
async fn the_query_has_the_columns_that_a_preset_needs() {
    let stage = Stage::new("");
    for (preset, query) in [
        ("spotify-top-tracks", "SELECT id FROM artists"),
        ("github-issues", "SELECT owner, repo FROM requests"),
        ("musicbrainz-recordings", "SELECT mbid FROM requests"),
        ("listenbrainz-top-recordings", "SELECT mbid FROM requests"),
    ] {
        let arguments = ["init", "--preset", preset, "-c", "new.toml", "--force"];
        stage.rowcast(&arguments).await.ok();
        let written = std::fs::read_to_string(stage.path().join("new.toml")).unwrap();
        assert!(
            written.contains(&format!("query = \"{query}\"\n")),
            "{preset}"
        );
    }
}

#[tokio::test]
async fn init_writes_once() {
    let stage = Stage::new("");
    stage
        .check(expect![[r#"
            $ rowcast init -c new.toml
            exit 0
            --- stderr
            wrote new.toml; next: edit it, then `rowcast --config new.toml check`
        "#]])
        .await;
    let written = std::fs::read_to_string(stage.path().join("new.toml")).unwrap();
    assert!(
        written.contains("preset = \"spotify-top-tracks\""),
        "{written}"
    );
    stage
        .check(expect![[r#"
            $ rowcast init -c new.toml
            exit 2
            --- stderr
            error: write new.toml
              because: File exists (os error 17)
              hint: --force replaces it
            $ rowcast init -c new.toml --force -q
            exit 0
        "#]])
        .await;
    let environment = [
        ("DATABASE_URL", "postgres://127.0.0.1:1/x"),
        ("SPOTIFY_CLIENT_ID", "id"),
        ("SPOTIFY_CLIENT_SECRET", "secret"),
    ];
    let schema = std::fs::read_to_string(stage.path().join(".rowcast/schema.json")).unwrap();
    let printed = stage
        .rowcast(&["component", "--schema", "config"])
        .await
        .ok();
    assert_eq!(printed.stdout.trim_end(), schema);
    assert!(
        written.starts_with("#:schema .rowcast/schema.json\n"),
        "{written}"
    );
    // What is written is read: it gets as far as the region.
    stage
        .check_with(&environment, expect![[r#"
            $ rowcast table describe -c new.toml
            exit 2
            --- stderr
            error: find the AWS region: none is configured
              hint: set `region` in [table] of rowcast.toml, or AWS_REGION, or `region` in the AWS profile
        "#]])
        .await;
}
