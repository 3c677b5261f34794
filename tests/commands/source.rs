//! What the source answers, and what the run makes of it.

use super::{spotify, stage, tracks};
use crate::support::stage::spotify_section;
use expect_test::expect;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;

/// The preset with one market and one request at a time.
fn section(origin: &str) -> String {
    let more = "concurrency = 1\nmatrix.country = [\"US\"]\n\n[source.auth]";
    spotify_section(origin).replace("\n[source.auth]", more)
}

#[tokio::test]
async fn everything_goes_well() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = spotify(tracks).await;
    let stage = stage(&section(&source.origin()), &dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast run
            exit 0
            --- stderr
            rows       2 read: 2 done, 0 rejected, 0 pending
            requests   2 planned: 2 done, 0 rejected, 0 pending (2 sent, 0 of them repeats)
            records    2 received: 2 accepted, 0 rejected
            documents  2 in all: 2 written, 0 superseded, 0 rejected, 0 pending
            DynamoDB   1 sent, 0 of them repeats; 2 write capacity units
            time       SECONDS s
            $ rowcast run -q --report json
            exit 0
            --- stdout
            {"rows":{"read":2,"done":2,"rejected":0,"pending":0,"resumed":0},"requests":{"planned":2,"done":2,"rejected":0,"pending":0},"records":{"received":2,"documents":2,"rejected":0},"documents":{"total":2,"written":0,"unchanged":2,"superseded":0,"rejected":0,"pending":0,"emitted":0},"effort":{"source_requests":2,"source_retries":0,"source_empty":0,"source_unfollowed":0,"then_done":0,"then_rejected":0,"dynamodb_requests":0,"dynamodb_retries":0,"write_capacity":0.0,"write_capacity_saved":2.0}}
            $ rowcast run
            exit 0
            --- stderr
            rows       2 read: 2 done, 0 rejected, 0 pending
            requests   2 planned: 2 done, 0 rejected, 0 pending (2 sent, 0 of them repeats)
            records    2 received: 2 accepted, 0 rejected
            documents  2 in all: 0 written, 0 superseded, 0 rejected, 0 pending, 2 unchanged
            DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
            time       SECONDS s
            unchanged  2 documents are in the table as they are; about 2 write capacity units saved
            $ rowcast extract -q
            exit 0
            --- stdout
            {"artist_id":"a1","country":"US","country_track":"US#t1","id":"t1","name":"One","popularity":95}
            {"artist_id":"a2","country":"US","country_track":"US#t1","id":"t1","name":"One","popularity":95}
        "#]])
        .await;
}

#[tokio::test]
async fn a_template_does_not_fit_the_rows() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = spotify(tracks).await;
    let unknown = section(&source.origin()).replace("{id}", "{artist}");
    stage(&unknown, &dynamodb).await
        .check(expect![[r#"
            $ rowcast run
            exit 2
            --- stderr
            rows       2 read: 0 done, 0 rejected, 2 pending
            requests   2 planned: 0 done, 0 rejected, 2 pending (0 sent, 0 of them repeats)
            records    0 received: 0 accepted, 0 rejected
            documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
            DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
            time       SECONDS s
            error: the run stopped before its end
              because: no row has `artist`, and no matrix axis has this name; known are `country`, `id`, `label`, `name`
        "#]])
        .await;
    let null = section(&source.origin()).replace("{id}", "{label}");
    stage(&null, &TemporaryDynamoDb::start().await.unwrap()).await
        .check(expect![[r#"
            $ rowcast run
            exit 5
            --- stderr
            rejected: row 1, country US: fill the template of url: `label` is null; a template takes strings, numbers and booleans
            rejected: row 2, country US: fill the template of url: `label` is null; a template takes strings, numbers and booleans
            rows       2 read: 0 done, 2 rejected, 0 pending
            requests   2 planned: 0 done, 2 rejected, 0 pending (0 sent, 0 of them repeats)
            records    0 received: 0 accepted, 0 rejected
            documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
            DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
            time       SECONDS s
        "#]])
        .await;
}

#[tokio::test]
async fn the_client_is_refused() {
    let body = r#"{"error":"invalid_client","error_description":"Invalid client secret"}"#;
    let source = ScriptedSource::start(move |_, _| Reply::status(401, body)).await;
    for (by, expected) in [
        (
            "host",
            expect![[r#"
                $ rowcast run
                exit 3
                --- stderr
                rows       2 read: 0 done, 0 rejected, 2 pending
                requests   2 planned: 0 done, 0 rejected, 2 pending (0 sent, 0 of them repeats)
                records    0 received: 0 accepted, 0 rejected
                documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
                DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
                time       SECONDS s
                error: the run stopped before its end
                  because: the token endpoint http://127.0.0.1:PORT answered 401: invalid_client: Invalid client secret
                  hint: check source.auth.client_id, source.auth.client_secret; then `rowcast run --resume RUN` continues where it stopped
            "#]],
        ),
        (
            "component",
            expect![[r#"
                $ rowcast run
                exit 3
                --- stderr
                rows       2 read: 0 done, 0 rejected, 2 pending
                requests   2 planned: 0 done, 0 rejected, 2 pending (0 sent, 0 of them repeats)
                records    0 received: 0 accepted, 0 rejected
                documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
                DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
                time       SECONDS s
                error: the run stopped before its end
                  because: the token endpoint http://127.0.0.1:PORT answered 401: invalid_client: Invalid client secret; check client_id, client_secret and scope
                  hint: check [source.auth] in rowcast.toml, and what the source lets these credentials do; then `rowcast run --resume RUN` continues where it stopped
            "#]],
        ),
    ] {
        let dynamodb = TemporaryDynamoDb::start().await.unwrap();
        let section = section(&source.origin())
            .replace("[source.auth]", &format!("[source.auth]\nby = \"{by}\""));
        stage(&section, &dynamodb).await.check(expected).await;
    }
}

#[tokio::test]
async fn the_token_is_refused() {
    let source = spotify(|_| {
        Reply::status(
            401,
            r#"{"error":{"status":401,"message":"Invalid access token"}}"#,
        )
    })
    .await;
    for (by, expected) in [
        (
            "host",
            expect![[r#"
                $ rowcast run
                exit 3
                --- stderr
                rows       2 read: 0 done, 0 rejected, 2 pending
                requests   2 planned: 0 done, 0 rejected, 2 pending (3 sent, 1 of them repeats)
                records    0 received: 0 accepted, 0 rejected
                documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
                DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
                time       SECONDS s
                error: the run stopped before its end
                  because: http://127.0.0.1:PORT/v1/artists/a1/top-tracks answered 401: Invalid access token; check the source's credentials
                  hint: check [source.auth] in rowcast.toml, and what the source lets these credentials do; then `rowcast run --resume RUN` continues where it stopped
            "#]],
        ),
        (
            "component",
            expect![[r#"
                $ rowcast run
                exit 3
                --- stderr
                rows       2 read: 0 done, 0 rejected, 2 pending
                requests   2 planned: 0 done, 0 rejected, 2 pending (3 sent, 1 of them repeats)
                records    0 received: 0 accepted, 0 rejected
                documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
                DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
                time       SECONDS s
                error: the run stopped before its end
                  because: http://127.0.0.1:PORT/v1/artists/a1/top-tracks answered 401: Invalid access token; check the source's credentials
                  hint: check [source.auth] in rowcast.toml, and what the source lets these credentials do; then `rowcast run --resume RUN` continues where it stopped
            "#]],
        ),
    ] {
        let dynamodb = TemporaryDynamoDb::start().await.unwrap();
        let section = section(&source.origin())
            .replace("[source.auth]", &format!("[source.auth]\nby = \"{by}\""));
        stage(&section, &dynamodb).await.check(expected).await;
    }
}

#[tokio::test]
async fn top_tracks_are_forbidden() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source =
        spotify(|_| Reply::status(403, r#"{"error":{"status":403,"message":"Forbidden"}}"#)).await;
    let stage = stage(&section(&source.origin()), &dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast run
            exit 3
            --- stderr
            rejected: row 1, country US: http://127.0.0.1:PORT/v1/artists/a1/top-tracks answered 403: Forbidden; since February 2026 Spotify's Development Mode serves neither /artists/{id}/top-tracks nor popularity; apps with Extended Quota are unaffected; request it in Spotify's developer dashboard
            rejected: row 2, country US: http://127.0.0.1:PORT/v1/artists/a2/top-tracks answered 403: Forbidden; since February 2026 Spotify's Development Mode serves neither /artists/{id}/top-tracks nor popularity; apps with Extended Quota are unaffected; request it in Spotify's developer dashboard
            rows       2 read: 0 done, 2 rejected, 0 pending
            requests   2 planned: 0 done, 2 rejected, 0 pending (2 sent, 0 of them repeats)
            records    0 received: 0 accepted, 0 rejected
            documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
            DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
            time       SECONDS s
            error: the run stopped before its end
              because: http://127.0.0.1:PORT/v1/artists/a1/top-tracks answered 403: Forbidden; since February 2026 Spotify's Development Mode serves neither /artists/{id}/top-tracks nor popularity; apps with Extended Quota are unaffected; request it in Spotify's developer dashboard
              hint: check [source.auth] in rowcast.toml, and what the source lets these credentials do; then `rowcast run --resume RUN` continues where it stopped
        "#]])
        .await;
}

#[tokio::test]
async fn one_artist_is_not_found() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = spotify(|seen| {
        if seen.target.contains("/a1/") {
            Reply::status(
                404,
                r#"{"error":{"status":404,"message":"Resource not found"}}"#,
            )
        } else {
            tracks(seen)
        }
    })
    .await;
    let stage = stage(&section(&source.origin()), &dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast run --rejected rejected.jsonl
            exit 5
            --- stderr
            rejected: row 1, country US: http://127.0.0.1:PORT/v1/artists/a1/top-tracks answered 404: Resource not found
            rows       2 read: 1 done, 1 rejected, 0 pending
            requests   2 planned: 1 done, 1 rejected, 0 pending (2 sent, 0 of them repeats)
            records    1 received: 1 accepted, 0 rejected
            documents  1 in all: 1 written, 0 superseded, 0 rejected, 0 pending
            DynamoDB   1 sent, 0 of them repeats; 1 write capacity units
            time       SECONDS s
        "#]])
        .await;
    let rejected = std::fs::read_to_string(stage.path().join("rejected.jsonl")).unwrap();
    expect![[r#"
        {"what":"request","row_number":1,"row":{"id":"a1","name":"Ann","label":null},"combination":[["country","US"]],"status":404,"reason":"http://127.0.0.1:PORT/v1/artists/a1/top-tracks answered 404: Resource not found"}
    "#]].assert_eq(&super::settled(&rejected));
}

#[tokio::test]
async fn silence_is_asked_for() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = spotify(|seen| {
        if seen.target.contains("/a1/") {
            tracks(seen)
        } else {
            Reply::status(
                429,
                r#"{"error":{"status":429,"message":"API rate limit exceeded"}}"#,
            )
            .with_header("retry-after", "86400")
        }
    })
    .await;
    let stage = stage(&section(&source.origin()), &dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast run
            exit 6
            --- stderr
            rows       2 read: 1 done, 0 rejected, 1 pending
            requests   2 planned: 1 done, 0 rejected, 1 pending (2 sent, 0 of them repeats)
            records    1 received: 1 accepted, 0 rejected
            documents  1 in all: 1 written, 0 superseded, 0 rejected, 0 pending
            DynamoDB   1 sent, 0 of them repeats; 1 write capacity units
            time       SECONDS s
            error: the run stopped before its end
              because: http://127.0.0.1:PORT/v1/artists/a2/top-tracks answered 429: API rate limit exceeded; it asks to wait 1 day
              hint: `rowcast run --resume RUN` continues at or after TIME UTC
        "#]])
        .await;
}

#[tokio::test]
async fn answers_are_not_as_configured() {
    for (body, expected) in [
        (
            r#"{"items":[]}"#,
            expect![[r#"
                $ rowcast run
                exit 5
                --- stderr
                rejected: row 1, country US: http://127.0.0.1:PORT/v1/artists/a1/top-tracks: the body has nothing at `/tracks`; its members are `items`
                rejected: row 2, country US: http://127.0.0.1:PORT/v1/artists/a2/top-tracks: the body has nothing at `/tracks`; its members are `items`
                rows       2 read: 0 done, 2 rejected, 0 pending
                requests   2 planned: 0 done, 2 rejected, 0 pending (2 sent, 0 of them repeats)
                records    0 received: 0 accepted, 0 rejected
                documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
                DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
                time       SECONDS s
            "#]],
        ),
        (
            r#"{"tracks":[{"id":"t1","name":"One"}]}"#,
            expect![[r#"
                $ rowcast run
                exit 5
                --- stderr
                rejected: row 1, country US, record 1: the record has no `/popularity`, which the source requires; the upstream may not send it
                rejected: row 2, country US, record 1: the record has no `/popularity`, which the source requires; the upstream may not send it
                rows       2 read: 2 done, 0 rejected, 0 pending
                requests   2 planned: 2 done, 0 rejected, 0 pending (2 sent, 0 of them repeats)
                records    2 received: 0 accepted, 2 rejected
                documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
                DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
                time       SECONDS s
            "#]],
        ),
        (
            "<html>maintenance</html>",
            expect![[r#"
                $ rowcast run
                exit 5
                --- stderr
                rejected: row 1, country US: http://127.0.0.1:PORT/v1/artists/a1/top-tracks: the body is not JSON; it starts with: <html>maintenance</html>
                rejected: row 2, country US: http://127.0.0.1:PORT/v1/artists/a2/top-tracks: the body is not JSON; it starts with: <html>maintenance</html>
                rows       2 read: 0 done, 2 rejected, 0 pending
                requests   2 planned: 0 done, 2 rejected, 0 pending (2 sent, 0 of them repeats)
                records    0 received: 0 accepted, 0 rejected
                documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
                DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
                time       SECONDS s
            "#]],
        ),
    ] {
        let dynamodb = TemporaryDynamoDb::start().await.unwrap();
        let source = spotify(move |_| Reply::json(body)).await;
        stage(&section(&source.origin()), &dynamodb)
            .await
            .check(expected)
            .await;
    }
}

#[tokio::test]
async fn the_source_is_not_there() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = spotify(tracks).await;
    let quick = "[source.retry]\nmax_attempts = 2\nbase_delay_ms = 1\n\n[egress]";
    let section = section(&source.origin()).replace("[egress]", quick);
    drop(source);
    stage(&section, &dynamodb).await
        .check(expect![[r#"
            $ rowcast run
            exit 4
            --- stderr
            rows       2 read: 0 done, 0 rejected, 2 pending
            requests   2 planned: 0 done, 0 rejected, 2 pending (0 sent, 0 of them repeats)
            records    0 received: 0 accepted, 0 rejected
            documents  0 in all: 0 written, 0 superseded, 0 rejected, 0 pending
            DynamoDB   0 sent, 0 of them repeats; 0 write capacity units
            time       SECONDS s
            error: the run stopped before its end
              because: http://127.0.0.1:PORT/v1/artists/a1/top-tracks gave no complete answer: fetch a token from http://127.0.0.1:PORT: connect to http://127.0.0.1:PORT: Connection refused (os error 111)
              hint: run again later, or see `rowcast check`; then `rowcast run --resume RUN` continues where it stopped
        "#]])
        .await;
}
