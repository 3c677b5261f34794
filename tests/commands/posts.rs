//! A source that is read by POST, with the host's credentials.

use super::stage;
use expect_test::expect;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::{Reply, Seen};
use rowcast_stand_ins::scripted::ScriptedSource;
use std::sync::atomic::{AtomicUsize, Ordering};

fn section(origin: &str, method: &str) -> String {
    format!(
        r#"
[source]
url = "{origin}/graphql"
method = "{method}"
records = "/data/tracks"
attributes = {{ artist_id = "{{id}}", country_track = "{{record:/n}}" }}
concurrency = 1
body = {{ query = "query($id: ID!) {{ tracks(id: $id) {{ n }} }}", variables = {{ id = "{{id}}" }} }}

[source.auth]
type = "client-credentials"
token_url = "{origin}/token"
client_id = "id"
client_secret = "hunter2"
"#
    )
}

/// A token expires while it is used: the request and its body are sent again.
#[tokio::test]
async fn the_hosts_credentials_go_with_a_post_and_are_renewed() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let tokens = AtomicUsize::new(0);
    let source = ScriptedSource::start(move |seen, _| {
        if seen.target == "/token" {
            let number = tokens.fetch_add(1, Ordering::SeqCst);
            return Reply::json(format!(
                r#"{{"access_token":"t{number}","token_type":"Bearer","expires_in":3600}}"#
            ));
        }
        let body = String::from_utf8_lossy(&seen.body);
        let second = body.contains("a2");
        match seen.header("authorization") {
            Some("Bearer t0") if second => Reply::status(401, "{}"),
            Some("Bearer t0" | "Bearer t1") if body.contains("variables") => {
                Reply::json(r#"{"data":{"tracks":[{"n":"x"}]}}"#)
            }
            _ => Reply::status(400, "{}"),
        }
    })
    .await;
    let stage = stage(&section(&source.origin(), "POST"), &dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast run
            exit 0
            --- stderr
            rows       2 read: 2 done, 0 rejected, 0 pending
            requests   2 planned: 2 done, 0 rejected, 0 pending (3 sent, 1 of them repeats)
            records    2 received: 2 accepted, 0 rejected
            documents  2 in all: 2 written, 0 superseded, 0 rejected, 0 pending
            DynamoDB   1 sent, 0 of them repeats; 2 write capacity units
            time       SECONDS s
        "#]])
        .await;
    let posts = |seen: &&Seen| seen.target == "/graphql";
    assert_eq!(source.seen().iter().filter(posts).count(), 3);
}
