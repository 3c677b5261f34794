//! A source of two steps: a search for each row, then the details of what was
//! found.

use super::stage;
use expect_test::expect;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::{Reply, Seen};
use rowcast_stand_ins::scripted::ScriptedSource;

fn section(search: &str, details: &str, more: &str) -> String {
    format!(
        r#"
[source]
url = "{search}/search/{{id}}"
records = "/found"
attributes = {{ artist_id = "{{id}}" }}

[source.auth]
type = "bearer"
token = "t0k3n"

[[source.then]]
url = "{details}/details/{{/track/id}}"
records = ""
attributes = {{ artist_id = "{{artist_id}}", country_track = "{{/track/id}}" }}
{more}
"#
    )
}

/// Two tracks for each artist; the second one of the second artist is gone.
fn answer(seen: &Seen) -> Reply {
    let last = seen.target.rsplit('/').next().unwrap_or_default();
    match seen.target.strip_prefix("/details/") {
        Some("a2y") => Reply::status(404, r#"{"error":"gone"}"#),
        Some(_) => Reply::json(format!(r#"{{"name":"{last}"}}"#)),
        None => Reply::json(format!(
            r#"{{"found":[{{"track":{{"id":"{last}x"}}}},{{"track":{{"id":"{last}y"}}}}]}}"#
        )),
    }
}

#[tokio::test]
async fn details_of_what_was_found_are_kept() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = ScriptedSource::start(|seen, _| answer(seen)).await;
    let section = section(&source.origin(), &source.origin(), "");
    let stage = stage(&section, &dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast run
            exit 5
            --- stderr
            rejected: row 2, record 2: http://127.0.0.1:PORT/details/a2y answered 404: gone
            rows       2 read: 2 done, 0 rejected, 0 pending
            requests   2 planned: 2 done, 0 rejected, 0 pending (6 sent, 0 of them repeats)
            then       4 requests of further steps: 3 done, 1 rejected
            records    4 received: 3 accepted, 1 rejected
            documents  3 in all: 3 written, 0 superseded, 0 rejected, 0 pending
            DynamoDB   1 sent, 0 of them repeats; 3 write capacity units
            time       SECONDS s
            $ rowcast query "artist_id = 'a1'" --select name
            exit 0
            --- stdout
            {"name":"a1x"}
            {"name":"a1y"}
            --- stderr
            matches: 2, in 2 items read; 0.5 read capacity units
        "#]])
        .await;
    let with_token = |seen: &Seen| seen.header("authorization") == Some("Bearer t0k3n");
    assert!(source.seen().iter().all(with_token));
}

/// The host's credentials are for the source's own origin.
#[tokio::test]
async fn another_origin_gets_no_credentials() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let search = ScriptedSource::start(|seen, _| answer(seen)).await;
    let details = ScriptedSource::start(|seen, _| answer(seen)).await;
    let section = section(&search.origin(), &details.origin(), "");
    let stage = stage(&section, &dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast run -q
            exit 5
        "#]])
        .await;
    let seen = details.seen();
    assert_eq!(seen.len(), 4);
    assert!(
        seen.iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

#[tokio::test]
async fn credentials_of_a_step_are_the_components() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let search = ScriptedSource::start(|seen, _| answer(seen)).await;
    let details = ScriptedSource::start(|seen, _| answer(seen)).await;
    let auth = r#"auth = { type = "bearer", token = "s3cr3t" }"#;
    let written = section(&search.origin(), &details.origin(), auth);
    stage(&written, &dynamodb).await
        .check(expect![[r#"
            $ rowcast run -q
            exit 2
            --- stderr
            error: `source.then.0.auth` (line 17) is not done by the host for a step
              hint: leave it out where the step asks the origin of [source]; otherwise add `by = "component"`: the component is given the secret then
        "#]])
        .await;
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let by = r#"auth = { by = "component", type = "bearer", token = "s3cr3t" }"#;
    let written = section(&search.origin(), &details.origin(), by);
    stage(&written, &dynamodb)
        .await
        .check(expect![[r#"
            $ rowcast run -q
            exit 5
        "#]])
        .await;
    let with_token = |seen: &Seen| seen.header("authorization") == Some("Bearer s3cr3t");
    assert!(details.seen().iter().all(with_token));
    // The host would add its own.
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let by = r#"auth = { type = "none" }"#;
    let written = section(&search.origin(), &search.origin(), by);
    stage(&written, &dynamodb)
        .await
        .check(expect![[r#"
            $ rowcast run -q
            exit 2
            --- stderr
            error: `source.then.0.auth` (line 17) can't be another than the source's: the host adds that to all requests to its origin
              hint: leave it out; or add `by = "component"` to [source.auth], too: the component is given the secrets then
        "#]])
        .await;
}
