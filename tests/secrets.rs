//! Nothing that a command leaves behind has a secret in it, in any form. What these
//! tests share: the secrets, where they are configured, and how they are looked for.

mod addresses;
mod commands;
mod keys;
mod trace;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;

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

async fn closed_port() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}
