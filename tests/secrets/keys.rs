//! Keys that the host adds to requests, and servers that repeat them.

use super::search;
use crate::support::stage::Stage;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;

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
            let origin = source.origin();
            let stage = Stage::new(&format!(
                r#"
[rows]
file = "rows.jsonl"

[source]
url = "{origin}/items/{{id}}?page=1"
retry = {{ max_attempts = 2, base_delay_ms = 1, max_delay_ms = 2 }}
auth = {{ type = "api-key", key = "{KEY}", {place} = "{own}" }}

[egress]
addresses = ["127.0.0.1"]
"#
            ));
            std::fs::write(stage.path().join("rows.jsonl"), "{\"id\":1}\n").unwrap();
            let arguments = ["-vvv", "extract", "--rejected", "no.jsonl"];
            let output = stage.rowcast(&arguments).await;
            let what = format!("{place}, {status}");
            assert_eq!(output.code, Some(code), "{what}: {output:?}");
            assert_eq!(output.stdout.contains("told"), status == 200, "{what}");
            search(&what, &output.stdout, &secrets);
            search(&what, &output.stderr, &secrets);
            let rejected = std::fs::read_to_string(stage.path().join("no.jsonl"));
            search(&what, &rejected.unwrap_or_default(), &secrets);
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
