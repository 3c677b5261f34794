//! Keys and tokens in URLs, and keys that the host adds to requests: servers may
//! repeat them.

use super::{closed_port, search};
use crate::support::command::Output;
use crate::support::stage::Stage;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;

/// Extracts one row from `origin/items/1` with that query and `[source.auth]`. The
/// command's output, and what it kept of rejections.
async fn extract(origin: &str, query: &str, auth: &str) -> (Output, String) {
    let stage = Stage::new(&format!(
        r#"
[rows]
file = "rows.jsonl"

[source]
url = "{origin}/items/{{id}}?{query}"
retry = {{ max_attempts = 2, base_delay_ms = 1, max_delay_ms = 2 }}

[source.auth]
{auth}

[egress]
addresses = ["127.0.0.1"]
"#
    ));
    std::fs::write(stage.path().join("rows.jsonl"), "{\"id\":1}\n").unwrap();
    let arguments = ["-vvv", "extract", "--rejected", "no.jsonl"];
    let output = stage.rowcast(&arguments).await;
    let rejected = std::fs::read_to_string(stage.path().join("no.jsonl"));
    (output, rejected.unwrap_or_default())
}

/// A key that the host adds, wherever it is put, from a server that repeats all
/// that it is told.
#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_shown() {
    const KEY: &str = "k3y/of+the h0st";
    let secrets = [KEY.to_owned()];
    for (place, own) in [("header", "X-Key"), ("parameter", "api_key")] {
        for (status, code) in [(200, 0), (302, 5), (401, 3), (403, 3), (500, 4), (0, 4)] {
            let source = ScriptedSource::start(move |seen, _| {
                let told = format!(
                    "{} {}",
                    seen.target,
                    seen.header("x-key").unwrap_or_default()
                );
                let body = serde_json::json!([{"name": "one", "told": told, "error": told}]);
                match status {
                    0 => Reply::Reset,
                    200 => Reply::json(body.to_string()),
                    _ => Reply::status(status, body.to_string())
                        .with_header("location", &seen.target)
                        .with_header("www-authenticate", told),
                }
            })
            .await;
            let auth = format!("type = \"api-key\"\nkey = \"{KEY}\"\n{place} = \"{own}\"");
            let (output, rejected) = extract(&source.origin(), "page=1", &auth).await;
            let what = format!("{place}, {status}");
            assert_eq!(output.code, Some(code), "{what}: {output:?}");
            assert_eq!(output.stdout.contains("told"), status == 200, "{what}");
            search(&what, &output.stdout, &secrets);
            search(&what, &output.stderr, &secrets);
            search(&what, &rejected, &secrets);
            // It was sent, once in each request.
            let seen = source.seen();
            assert!(!seen.is_empty(), "{what}");
            for seen in seen {
                let sent = match place {
                    "header" => seen.header("x-key") == Some(KEY),
                    _ => seen.target == "/items/1?page=1&api_key=k3y%2Fof%2Bthe+h0st",
                };
                assert!(sent, "{what}: {seen:?}");
            }
        }
    }
}

/// A secret in the query of a URL that is asked, whatever comes of it.
#[tokio::test(flavor = "multi_thread")]
async fn no_query_is_shown() {
    let gone = format!("http://{}", closed_port().await);
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
            let auth = format!(
                "by = \"{by}\"\ntype = \"client-credentials\"\nclient_id = \"client\"\n\
                 client_secret = \"other\"\n\
                 token_url = \"{origin}/token?client_secret=SEKRET-2\""
            );
            let (output, rejected) = extract(&origin, "api_key=SEKRET-1", &auth).await;
            assert_ne!(output.code, Some(0), "{status}: {output:?}");
            assert!(output.stderr.contains(&origin), "{status}: {output:?}");
            let shown = format!("{}{}{rejected}", output.stdout, output.stderr);
            assert!(!shown.contains("SEKRET"), "by the {by}, {status}: {shown}");
        }
    }
}
