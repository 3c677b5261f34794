//! Configurations with the embedded component → what everybody is given, or
//! everything that is wrong.

use super::*;
use crate::config::Section;
use crate::engine::{COMPONENT, Runtime};
use crate::limits::Limits;

fn env(name: &str) -> Option<String> {
    match name {
        "SPOTIFY_CLIENT_ID" => Some("id-1".into()),
        "SPOTIFY_CLIENT_SECRET" => Some("hunter2".into()),
        "NUMBER" => Some("12".into()),
        _ => None,
    }
}

async fn plan(text: &str, trusted: bool) -> Result<Plan, HostError> {
    let draft = Draft::parse(text, Section::ALL, env).unwrap();
    let runtime = Runtime::new(Limits::default()).unwrap();
    let loaded = runtime.load(COMPONENT).unwrap();
    let planned = Plan::new(draft, &loaded, trusted).await;
    planned.map(|(_, plan)| plan)
}

fn origins(origins: &BTreeSet<Origin>) -> Vec<String> {
    origins.iter().map(ToString::to_string).collect()
}

const PRESET: &str = "[source]\npreset = 'spotify-top-tracks'\n";

#[tokio::test]
async fn the_preset_fills_what_is_not_given() {
    let found = plan(&format!("{PRESET}[table]\nname = 'tracks'"), true).await;
    let found = found.unwrap();
    let source = found.source.unwrap();
    let text = source.text();
    assert!(
        text.starts_with("{\"url\":\"https://api.spotify.com/v1/artists/{id}/"),
        "{text}"
    );
    assert!(!text.contains("preset") && !text.contains("auth"), "{text}");
    assert_eq!(source.matrix.first().unwrap().values, ["US", "CA"]);
    let Auth::ClientCredentials(client) = found.auth else {
        unreachable!("client credentials")
    };
    assert_eq!(
        (&*client.client_id, client.client_secret.expose()),
        ("id-1", "hunter2")
    );
    assert_eq!(found.table.unwrap().keys, None);
    assert_eq!(
        found.proposed_keys.unwrap().to_string(),
        "artist_id (S), country_track (S)"
    );
    assert_eq!(origins(&found.origins), ["https://api.spotify.com"]);
    assert_eq!(origins(&found.authenticated), ["https://api.spotify.com"]);
}

#[tokio::test]
async fn what_is_given_replaces_the_preset() {
    let text = format!(
        "{PRESET}url = 'https://127.0.0.1:1/{{id}}/{{zone}}'\nconcurrency = '${{NUMBER}}'\n\
         attributes = {{ zone = '{{zone}}' }}\n[source.matrix]\nzone = ['SE']\n\
         [source.auth]\nby = 'component'\nclient_id = '7'\ntoken_url = 'https://127.0.0.1:2/token'"
    );
    let source = plan(&text, false).await.unwrap();
    assert_eq!(
        origins(&source.origins),
        ["https://127.0.0.1:1", "https://127.0.0.1:2"]
    );
    assert_eq!(source.auth, Auth::default());
    let text = source.source.unwrap().text().to_owned();
    let expected = "{\"url\":\"https://127.0.0.1:1/{id}/{zone}\",\"concurrency\":12,\
         \"attributes\":{\"zone\":\"{zone}\"},\"matrix\":{\"zone\":[\"SE\"]},\
         \"auth\":{\"client_id\":\"7\",\"token_url\":\"https://127.0.0.1:2/token\",\
         \"type\":\"client-credentials\",\"client_secret\":\"hunter2\"},\
         \"records\":\"/tracks\",\"require\":[\"/id\",\"/popularity\"]";
    assert!(text.starts_with(expected), "{text}");
    // Of another type nothing of the preset's is left over.
    let none = plan(&format!("{PRESET}auth.type = 'none'"), true).await;
    assert_eq!(none.unwrap().auth, Auth::default());
}

#[tokio::test]
async fn an_origin_is_granted_where_the_operator_wrote_it() {
    let source =
        "[source]\nurl = 'https://a.example/{id}'\nauth = { type = 'bearer', token = 'x' }\n";
    let found = plan(
        &format!("{source}[egress]\norigins = ['https://b.example']"),
        false,
    )
    .await;
    let found = found.unwrap();
    assert_eq!(
        origins(&found.origins),
        ["https://a.example", "https://b.example"]
    );
    assert_eq!(origins(&found.authenticated), ["https://a.example"]);

    // The preset of a component that isn't trusted is not the operator's word.
    let error = plan(PRESET, false).await.unwrap_err();
    assert_eq!(
        error.hint().unwrap().as_str(),
        "to allow it, set `[egress] origins = [\"https://api.spotify.com\"]` in rowcast.toml"
    );
    // Nor do credentials go where only `[egress]` allows requests.
    let named =
        format!("{PRESET}auth.type = 'none'\n[egress]\norigins = ['https://api.spotify.com']");
    let found = plan(&named, false).await.unwrap();
    assert_eq!(origins(&found.origins), ["https://api.spotify.com"]);
    let error = plan(&named.replace("auth.type = 'none'", ""), false).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "`source.auth` is for none of the origins that `[source]` names"
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_at_its_line() {
    async fn check(text: &str, expected: &str) {
        let error = plan(text, true).await.unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
        assert!(!format!("{error:?}").contains("hunter2"), "{text}");
    }
    check(
        "[source]\nurl = 'ftp://x'\nconcurency = 8\nrecords = 'a.b'\nmatrix.c = ['a', 'a']\n\
         auth = { type = 'basic', username = 'a:b', password = 'hunter2' }\n[table]\nname = 'x'\nretry.max_attempts = 0\n\
         [run]\nworkers = 0",
        "the configuration has 8 problems:\n  \
         `source.url` (line 2) must start with https:// (or http://, where the host allows it) and a host name\n  \
         `source.concurency` (line 3) is not a known setting\n    hint: did you mean `concurrency`?\n  \
         `source.records` (line 4) is not a JSON Pointer: a JSON Pointer is empty or starts with `/`\n    hint: perhaps \"/a/b\"\n  \
         `source.matrix.c` (line 5) has a value twice\n  \
         `source.auth.username` (line 6) has a colon, which HTTP Basic can't carry\n  \
         `table.name` (line 8) must be 3 to 255 letters, digits, `_`, `-` and `.`\n  \
         `table.retry.max_attempts` (line 9) is 0; it must be 1 to 20\n  \
         `run.workers` (line 11) is 0; it must be 1 to 32",
    )
    .await;
    check(
        "[source]\npreset = 'spotify-top-track'\nurl = 'https://a.example'",
        "`source.preset` (line 2) is not the name of a preset",
    )
    .await;
    check(
        "[source]\nurl = 'https://{id}.example'",
        "`source` names an origin that can't be used",
    )
    .await;
    check(
        "[source]\nurl = 'https://a.example'\nheaders.authorization = 'x'\n\
         auth = { type = 'bearer', token = '', by = 'hots' }",
        "the configuration has 3 problems:\n  \
         `source.headers.authorization` (line 3) is already set by `auth`\n  \
         `source.auth.by` (line 4) is none of `host`, `component`\n    hint: did you mean \"host\"?\n  \
         `source.auth.token` (line 4) is empty",
    )
    .await;
}

/// A preset of one's own is the operator's word, as the configuration is.
#[tokio::test]
async fn a_preset_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rowcast.toml");
    let load = async |configuration: &str, preset: &str| {
        std::fs::write(&path, configuration).unwrap();
        std::fs::write(folder.path().join("mine.toml"), preset).unwrap();
        let draft = Draft::load(&path, Section::ALL, env)?;
        let runtime = Runtime::new(Limits::default()).unwrap();
        let loaded = runtime.load(COMPONENT).unwrap();
        Plan::new(draft, &loaded, true).await.map(|(_, plan)| plan)
    };
    let mine = "[source]\nurl = 'https://a.example/{id}'\nrecords = '/items'\n\
        auth = { type = 'bearer', token = '${SPOTIFY_CLIENT_SECRET}' }\n\
        [table.keys]\npartition = { name = 'id', type = 'S' }\n";
    let configuration =
        "[source]\npreset = './mine.toml'\nrecords = '/data'\n[table]\nname = 'abc'\n";
    let found = load(configuration, mine).await.unwrap();
    assert_eq!(
        found.source.unwrap().text(),
        r#"{"records":"/data","url":"https://a.example/{id}"}"#
    );
    let Auth::Bearer(bearer) = found.auth else {
        unreachable!("a bearer token")
    };
    assert_eq!(bearer.token.expose(), "hunter2");
    assert_eq!(origins(&found.authenticated), ["https://a.example"]);
    assert_eq!(found.proposed_keys.unwrap().to_string(), "id (S)");

    let check = async |configuration: &str, preset: &str, expected: &str| {
        let error = load(configuration, preset).await.unwrap_err();
        let folder = format!("{}/", folder.path().display());
        assert_eq!(error.to_string().replace(&folder, ""), expected);
    };
    // Each mistake at its place in its file.
    check(
        &format!("{configuration}keys = 1\n[source.matrix]\nc = ['a', 'a']\n"),
        "[source]\nurl = 'https://a.example/{id}'\nrequire = ['/id']\nconcurency = 8\n\
         headers.x = '${NONE}'\npagination = { type = 'offset' }\n",
        "the configuration has 5 problems:\n  \
         `table.keys` (line 6) is a whole number; it must be an object\n  \
         `source.matrix.c` (line 8) has a value twice\n  \
         `source.concurency` (./mine.toml, line 4) is not a known setting\n    \
         hint: did you mean `concurrency`?\n  \
         `source.headers.x` (./mine.toml, line 5) needs the environment variable NONE, which is not set\n    \
         hint: set it, or give a default in the file: ${NONE:-…}\n  \
         `source.pagination` (./mine.toml, line 6) must have either `parameter` or `body_pointer`, where the offset goes",
    )
    .await;
    check(
        configuration,
        "[source",
        "./mine.toml:1:8: unclosed table, expected `]`",
    )
    .await;
    let gone = configuration.replace("mine", "other");
    check(&gone, mine, "read the preset ./other.toml").await;
}

#[tokio::test]
async fn another_key_makes_no_other_work() {
    let hash = async |auth: &str, url: &str| {
        let text = format!(
            "[rows]\nfile = 'rows.jsonl'\n[source]\nurl = 'https://a.example/{url}'\n{auth}"
        );
        let source = plan(&text, false).await.unwrap().source.unwrap();
        work(&Identity::Known("rows".to_owned()), &source)
    };
    let key = |key: &str| format!("auth = {{ type = 'api-key', key = '{key}', parameter = 'k' }}");
    let first = hash(&key("one"), "{id}").await;
    assert_eq!(first, hash(&key("two"), "{id}").await);
    assert_eq!(first, hash("", "{id}").await);
    assert_ne!(first, hash(&key("one"), "{id}/x").await);
}
