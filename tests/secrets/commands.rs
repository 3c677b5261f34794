//! Every command at its most talkative, with and without failures.

use super::{
    AWS_SECRET, AWS_TOKEN, CLIENT_SECRET, Setup, TOKEN, WRONG_PASSWORD, api, closed_port, grant,
    search,
};
use crate::support::command::Output;
use crate::support::stage::Stage;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::postgres::TemporaryPostgres;
use rowcast_stand_ins::scripted::ScriptedSource;
use std::path::{Path, PathBuf};

const COMMANDS: &[&[&str]] = &[
    &["check"],
    &["table", "create"],
    &["table", "describe"],
    &["extract", "--rejected", "extract.jsonl"],
    &["run", "--rejected", "run.jsonl", "--report", "json"],
    &["load", "-", "--rejected", "load.jsonl"],
    &["query", "artist_id > 'a'"],
    &["query", "--count"],
    &["component"],
    &["init", "--force"],
];

/// What `extract` and `run` end with. A command that ends early shows little: it
/// is to fail where the setup is wrong, and nowhere else.
type Codes = (i32, i32);

/// Runs every command there and searches all that it leaves.
async fn commands(
    what: &str,
    configuration: &str,
    secrets: &[String],
    expected: Codes,
) -> Vec<Output> {
    let mut outputs = Vec::new();
    for command in COMMANDS {
        // A new folder each time: `init` replaces the configuration.
        let stage = Stage::new(configuration);
        let arguments = [&["-vvv"], *command].concat();
        let document = r#"{"artist_id":"x","name":"x"}"#;
        let output = stage.rowcast_with_input(&arguments, document).await;
        let what = format!("{what}: {}", command.join(" "));
        search(&format!("{what}: stdout"), &output.stdout, secrets);
        search(&format!("{what}: stderr"), &output.stderr, secrets);
        for path in files(stage.path()) {
            if !path.ends_with("rowcast.toml") {
                // The ledger's file isn't text, but a secret in it would be.
                let bytes = std::fs::read(&path).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                search(&format!("{what}: {}", path.display()), &text, secrets);
            }
        }
        outputs.push(output);
    }
    let codes = codes(&outputs);
    assert_eq!((codes[3], codes[4]), expected, "{what}: {outputs:#?}");
    // These ask nobody.
    assert_eq!(codes[8..], [0, 0], "{what}: {outputs:#?}");
    outputs
}

/// All files in a folder, however deep.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

fn codes(outputs: &[Output]) -> Vec<i32> {
    outputs.iter().map(|output| output.code.unwrap()).collect()
}

#[expect(clippy::too_many_lines, reason = "one flat list of failures")]
#[tokio::test(flavor = "multi_thread")]
async fn no_command_shows_a_secret() {
    let postgres = TemporaryPostgres::start(&[]).await.unwrap();
    let url = postgres.url();
    let (before, _) = url.rsplit_once('@').unwrap();
    let password = before.rsplit(':').next().unwrap().to_owned();
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let artist = Reply::json(r#"[{"name":"one"},{"title":"lacks its name"}]"#);
    let good = api(grant, artist.clone()).await;
    let secrets: Vec<String> = [CLIENT_SECRET, TOKEN, AWS_SECRET, AWS_TOKEN, WRONG_PASSWORD]
        .map(str::to_owned)
        .into_iter()
        .chain([password.clone()])
        .collect();
    let setup = Setup {
        rows: url.clone(),
        source: good.origin(),
        by: "host",
        dynamodb: dynamodb.endpoint(),
        more: "",
    };
    let check = async |what: &str, setup: &Setup, codes: Codes| {
        commands(what, &setup.configuration(), &secrets, codes).await
    };

    let outputs = check("all is well", &setup, (5, 5)).await;
    assert_eq!(
        codes(&outputs),
        [5, 0, 0, 5, 5, 0, 0, 0, 0, 0],
        "{outputs:?}"
    );
    assert!(outputs[4].stdout.contains("\"written\""), "{outputs:?}");
    let by_component = Setup {
        by: "component",
        ..setup.clone()
    };
    check("by the component", &by_component, (5, 5)).await;

    let away = closed_port().await;
    for (what, rows, codes) in [
        (
            "a wrong password",
            url.replace(&password, WRONG_PASSWORD),
            (3, 3),
        ),
        (
            "PostgreSQL is away",
            format!("postgresql://me:{password}@{away}/db"),
            (4, 4),
        ),
        (
            "an unreadable URL",
            format!("postgresql://me:{password}@127.0.0.1:port/db?sslmode={password}"),
            (2, 2),
        ),
    ] {
        let setup = Setup {
            rows,
            ..setup.clone()
        };
        check(what, &setup, codes).await;
    }

    let echo = |header: Option<&str>| {
        let header = header.unwrap_or_default();
        let words = format!("client:{CLIENT_SECRET} {header}");
        let words = serde_json::json!({"error": "invalid_client", "error_description": words});
        Reply::status(401, words.to_string())
    };
    let garbage = |_: Option<&str>| Reply::json(format!(r#"{{"access_token":"{TOKEN}""#));
    let half = Reply::Cut(r#"[{"name":"one"}]"#.into());
    for (what, api, codes) in [
        ("an echo", api(echo, artist.clone()).await, (3, 3)),
        ("half a token", api(garbage, artist).await, (4, 4)),
        (
            "401",
            api(grant, Reply::status(401, r#"{"error":"expired"}"#)).await,
            (3, 3),
        ),
        ("500", api(grant, Reply::status(500, "oops")).await, (4, 4)),
        ("a reset", api(grant, Reply::Reset).await, (4, 4)),
        ("a cut", api(grant, half).await, (4, 4)),
    ] {
        let setup = Setup {
            source: api.origin(),
            ..setup.clone()
        };
        let outputs = check(what, &setup, codes).await;
        let echoed = outputs[4].stderr.contains("invalid_client");
        assert_eq!(echoed, what == "an echo", "{outputs:?}");
    }
    let away = Setup {
        source: format!("http://{}", closed_port().await),
        ..setup.clone()
    };
    check("the API is away", &away, (4, 4)).await;

    for (what, status, kind, codes) in [
        ("no access", 400, "AccessDeniedException", (5, 3)),
        ("no client", 400, "UnrecognizedClientException", (5, 3)),
        ("expired", 400, "ExpiredTokenException", (5, 3)),
        ("a fault", 500, "InternalServerError", (5, 4)),
    ] {
        let body = format!(r#"{{"__type":"com.amazonaws#{kind}","message":"refused"}}"#);
        let refusing = ScriptedSource::start(move |_, _| Reply::status(status, &*body)).await;
        let setup = Setup {
            dynamodb: refusing.origin(),
            ..setup.clone()
        };
        check(what, &setup, codes).await;
    }
    let away = Setup {
        dynamodb: format!("http://{}", closed_port().await),
        ..setup.clone()
    };
    check("DynamoDB is away", &away, (5, 4)).await;
    let little_memory = Setup {
        more: "[limits]\nmemory_mib = 2",
        ..setup.clone()
    };
    check("little memory", &little_memory, (5, 5)).await;

    let whole = setup.configuration();
    let secret = format!("\"{CLIENT_SECRET}\"");
    for (what, place, broken, codes) in [
        (
            "an open quote",
            secret.as_str(),
            &secret[..secret.len() - 1],
            (2, 2),
        ),
        ("no quotes", &secret, CLIENT_SECRET, (2, 2)),
        ("a wrong type", &secret, &format!("[{secret}]"), (2, 2)),
        ("a wrong name", "client_secret", "client_secrt", (2, 2)),
        (
            "a secret as type",
            "client-credentials",
            CLIENT_SECRET,
            (2, 2),
        ),
        ("an open URL", &format!("{url}\""), &url, (2, 2)),
    ] {
        let broken = whole.replace(place, broken);
        commands(what, &broken, &secrets, codes).await;
    }
}
