//! Every command at its most talkative, with and without failures → nothing it
//! leaves behind has a secret in it, in any form.

mod keys;

use crate::support::command::Output;
use crate::support::stage::{Stage, host};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::postgres::TemporaryPostgres;
use rowcast_stand_ins::scripted::ScriptedSource;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const CLIENT_SECRET: &str = "cl13nt/s3cr3t+of%us";
const TOKEN: &str = "t0k3n-granted-by-the-server";
const AWS_SECRET: &str = "aws/s3cr3t+access-key";
const AWS_TOKEN: &str = "aws-s3ss10n-token";
const WRONG_PASSWORD: &str = "wr0ng-p4ssw0rd";

/// A secret in each form that it takes on its way.
fn forms(secret: &str) -> Vec<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let pair = format!("client:{encoded}");
    vec![
        secret.to_owned(),
        STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        STANDARD.encode(pair),
        STANDARD.encode(format!("client:{secret}")),
        encoded,
    ]
}

fn search(what: &str, text: &str, secrets: &[String]) {
    for secret in secrets {
        for form in forms(secret) {
            let found = text.find(&form).map(|at| {
                let start = text[..at].rfind('\n').unwrap_or(0);
                &text[start..]
            });
            let found = found.map(|rest| rest.chars().take(300).collect::<String>());
            assert_eq!(found, None, "{what} shows {secret}");
        }
    }
}

#[test]
#[should_panic(expected = "the log shows cl13nt")]
fn the_search_finds_what_is_there() {
    let pair = "client:cl13nt%2Fs3cr3t%2Bof%25us";
    let log = format!("a line\nauthorization: Basic {}", STANDARD.encode(pair));
    search("the log", &log, &[CLIENT_SECRET.to_owned()]);
}

/// Where everything is, and how it is said to be reached.
#[derive(Clone)]
struct Setup {
    rows: String,
    source: String,
    by: &'static str,
    dynamodb: String,
    more: &'static str,
}

impl Setup {
    fn configuration(&self) -> String {
        let Self {
            rows,
            source,
            by,
            dynamodb,
            more,
        } = self;
        format!(
            r#"
[rows]
postgres = "{rows}"
query = "SELECT n AS id FROM generate_series(1, 3) AS n"

[source]
url = "{source}/artists/{{id}}"
require = ["/name"]
retry = {{ max_attempts = 2, base_delay_ms = 1, max_delay_ms = 2 }}

[source.attributes]
artist_id = "artist {{id}}"

[source.auth]
by = "{by}"
type = "client-credentials"
token_url = "{source}/token"
client_id = "client"
client_secret = "{CLIENT_SECRET}"

[egress]
addresses = ["127.0.0.1"]

[table]
name = "tracks"
region = "us-east-1"
endpoint = "{dynamodb}"
keys.partition = {{ name = "artist_id", type = "S" }}
retry = {{ max_attempts = 2, base_delay_ms = 1, max_delay_ms = 2 }}

[table.credentials]
access_key_id = "AKIAEXAMPLE"
secret_access_key = "{AWS_SECRET}"
session_token = "{AWS_TOKEN}"
{more}
"#
        )
    }
}

/// An API with a token endpoint; `artist` answers for the rest.
async fn api(
    token: impl Fn(Option<&str>) -> Reply + Send + Sync + 'static,
    artist: Reply,
) -> ScriptedSource {
    ScriptedSource::start(move |seen, _| {
        if seen.target.starts_with("/token") {
            token(seen.header("authorization"))
        } else {
            artist.clone()
        }
    })
    .await
}

fn grant(_: Option<&str>) -> Reply {
    Reply::json(format!(
        r#"{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":3600}}"#
    ))
}

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

async fn closed_port() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
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

/// Where no parser expects a secret: nobody knows which part of such an address
/// is the password, so nothing of it is shown but the scheme.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "two tables of addresses")]
async fn no_unreadable_address_is_shown() {
    let source = api(grant, Reply::json(r#"[{"name":"one"}]"#)).await;
    let setup = Setup {
        rows: "postgres://u@127.0.0.1:1/x".into(),
        source: source.origin(),
        by: "host",
        dynamodb: "http://127.0.0.1:1".into(),
        more: "",
    };
    let search = |what: &str, output: &Output| {
        for part in ["Tr0ub", "4dor", "3xyz", "me:", "db.example"] {
            let shown = output.stdout.contains(part) || output.stderr.contains(part);
            assert!(!shown, "{what} shows {part}: {output:?}");
        }
    };
    let refused = async |configuration: String, message: &str| {
        // `extract` reads nothing of the table.
        let last = configuration
            .contains("endpoint = \"https")
            .then_some("extract");
        for command in ["check", "run", "extract"]
            .into_iter()
            .filter(|it| last != Some(it))
        {
            let stage = Stage::new(&configuration);
            let output = stage.rowcast(&["-vvv", command]).await;
            assert_eq!(output.code, Some(2), "{command}: {output:?}");
            let said = output.stdout.contains(message) || output.stderr.contains(message);
            assert!(said, "{command} lacks {message}: {output:?}");
            search(command, &output);
        }
    };
    let at = "encode @ as %40 in the password";
    for (rows, message) in [
        ("postgres://me:Tr0ub4dor@3xyz@db.example.com/app", at),
        (
            "postgresql://me:Tr0ub4dor@@db.example.com:5432/app?sslmode=require",
            at,
        ),
        (
            "postgres://me:Tr0ub/4dor@db.example.com/app",
            "encode / as %2F in the password",
        ),
        ("postgres://me:Tr0ub4dor/app", "the port is 1 to 65535"),
        (
            "postgresql+psycopg2://me:Tr0ub4dor@db.example.com/app",
            "postgresql+psycopg2",
        ),
        ("mysql://me:Tr0ub4dor@db.example.com/app", "mysql"),
        ("'postgres://me:Tr0ub4dor@db.example.com/app'", "quotes"),
        ("me:Tr0ub4dor@db.example.com/app", "postgres://"),
        (
            "host=db.example.com user=me password=3xyz Tr0ub4dor",
            "name=value",
        ),
        ("host=db.example.com passwrod=Tr0ub4dor", "`password`"),
    ] {
        let setup = Setup {
            rows: rows.into(),
            ..setup.clone()
        };
        refused(setup.configuration(), message).await;
    }
    let whole = setup.configuration();
    let endpoint = "endpoint = \"http://127.0.0.1:1\"".to_owned();
    let token_url = format!("token_url = \"{}/token\"", source.origin());
    for (setting, from, to, message) in [
        (
            "a user in the token's URL",
            token_url.clone(),
            "token_url = \"https://me:Tr0ub4dor@db.example.com/token\"".to_owned(),
            "`source.auth.token_url`",
        ),
        (
            "a user in the source's URL",
            format!("url = \"{}/artists", source.origin()),
            "url = \"https://me:Tr0ub4dor@db.example.com/artists".to_owned(),
            "`source.url`",
        ),
        (
            "a port that is a password",
            format!("url = \"{}/artists", source.origin()),
            "url = \"https://me:Tr0ub4dor/artists".to_owned(),
            "`source.url`",
        ),
        (
            "a user in the endpoint",
            endpoint.clone(),
            "endpoint = \"https://me:Tr0ub4dor@db.example.com\"".to_owned(),
            "https://host",
        ),
        (
            "a path in the endpoint",
            endpoint.clone(),
            "endpoint = \"https://db.example.com/Tr0ub4dor?3xyz\"".to_owned(),
            "https://host",
        ),
        (
            "a key in an origin",
            "[egress]".to_owned(),
            "[egress]\norigins = [\"https://db.example.com/?key=Tr0ub4dor\"]".to_owned(),
            "`egress.origins.0`",
        ),
    ] {
        let configuration = whole.replace(&from, &to);
        assert_ne!(configuration, whole, "{setting}");
        refused(configuration, message).await;
    }
}

/// A secret in the query of a URL that is asked, whatever comes of it.
#[tokio::test(flavor = "multi_thread")]
async fn no_query_is_shown() {
    let gone = format!("http://{}", closed_port().await);
    let rows = "{\"id\":1}\n";
    for by in ["host", "component"] {
        for (status, body) in [
            (200, "{}"),
            (200, "{\"access_token\":"),
            (302, ""),
            (400, "{\"error\":\"invalid_client\"}"),
            (500, "oops"),
            (0, ""),
        ] {
            let endpoint = ScriptedSource::start(move |_, _| Reply::status(status, body)).await;
            let origin = if status == 0 {
                gone.clone()
            } else {
                endpoint.origin()
            };
            let stage = Stage::new(&format!(
                r#"
[rows]
file = "rows.jsonl"

[source]
url = "{origin}/items/{{id}}?api_key=SEKRET-1"
retry = {{ max_attempts = 2, base_delay_ms = 1, max_delay_ms = 2 }}

[source.auth]
by = "{by}"
type = "client-credentials"
token_url = "{origin}/token?client_secret=SEKRET-2"
client_id = "client"
client_secret = "other"

[egress]
addresses = ["127.0.0.1"]
"#
            ));
            std::fs::write(stage.path().join("rows.jsonl"), rows).unwrap();
            let output = stage
                .rowcast(&["-vvv", "extract", "--rejected", "no.jsonl"])
                .await;
            assert_ne!(output.code, Some(0), "{status}: {output:?}");
            assert!(output.stderr.contains(&origin), "{status}: {output:?}");
            let rejected = std::fs::read_to_string(stage.path().join("no.jsonl"));
            let shown = format!("{}{}{rejected:?}", output.stdout, output.stderr);
            assert!(!shown.contains("SEKRET"), "by the {by}, {status}: {shown}");
        }
    }
}

/// All that a subscriber is told.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The command doesn't show what dependencies trace; an application with a
/// subscriber of its own might.
#[tokio::test]
async fn no_dependency_traces_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let source = api(grant, Reply::json(r#"[{"name":"one"}]"#)).await;
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let setup = Setup {
        rows: "postgresql://me:pass@127.0.0.1/none".into(),
        source: source.origin(),
        by: "host",
        dynamodb: dynamodb.endpoint(),
        more: "",
    };
    let host = host(&setup.configuration()).await;
    host.create_table().await.unwrap();
    let source_text = host.source().unwrap().text();
    let rows = [r#"{"id":1}"#.to_owned()];
    let extraction = host
        .pipeline()
        .extract(source_text, &rows, None, None)
        .await;
    let table = host.checked_table().await.unwrap();
    let report = host
        .pipeline()
        .load(table.text(), &extraction.result.unwrap().documents, None)
        .await;
    assert_eq!(report.result.unwrap().written, 1);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("TRACE"), "{text}");
    let secrets = [CLIENT_SECRET, TOKEN, AWS_SECRET, AWS_TOKEN].map(str::to_owned);
    search("the trace", &text, &secrets);
}
