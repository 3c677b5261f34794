//! `rowcast check`: all well, and each step failing.

use super::{ARTISTS, files, spotify, stage, tracks};
use crate::support::stage::{rows_section, spotify_section, table_section};
use expect_test::expect;
use rowcast_stand_ins::demo::Demo;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well() {
    let demo = Demo::start().await.unwrap();
    let configuration = [
        rows_section(&demo.postgres().url(), "SELECT id, name FROM artists"),
        spotify_section(&demo.spotify().origin()),
        table_section(&demo.dynamodb().endpoint(), "top_tracks"),
    ];
    let stage = files(&configuration.concat());
    stage.rowcast(&["table", "create"]).await.ok();
    let output = stage.rowcast(&["check"]).await;
    let output = super::after(
        &super::snapshot(&stage, &output),
        "PostgreSQL ",
        "VERSION",
        |byte| !b";".contains(&byte),
    );
    expect![[r#"
        exit 0
        --- stdout
        ok      rows        PostgreSQL VERSION; columns id, name
        ok      source      one request, 10 records in the answer
        ok      table       `top_tracks`, keys artist_id (S), country_track (S), which the source's records have
        ok      permission  BatchWriteItem may be called
        ok      ledger      it can be opened
    "#]]
    .assert_eq(&output);
    assert_eq!(
        stage.rowcast(&["query", "--count", "-q"]).await.ok().stdout,
        "0\n"
    );
}

#[tokio::test]
async fn rows_fail() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = spotify(tracks).await;
    let stage = stage(&spotify_section(&source.origin()), &dynamodb).await;
    std::fs::write(stage.path().join("artists.csv"), "id,name\n").unwrap();
    stage
        .check(expect![[r#"
            $ rowcast check
            exit 0
            --- stdout
            ok      rows        no row; no columns known
            skipped source      there is no row to ask it for
            ok      table       `top_tracks`, keys artist_id (S), country_track (S)
            ok      permission  BatchWriteItem may be called
            ok      ledger      it can be opened
        "#]])
        .await;
    std::fs::remove_file(stage.path().join("artists.csv")).unwrap();
    stage
        .check(expect![[r#"
            $ rowcast check
            exit 2
            --- stdout
            FAILED  rows        open artists.csv
                      because: No such file or directory (os error 2)
                      hint: check the file's name; a relative one is looked for where the command is run
            skipped source      there is no row to ask it for
            ok      table       `top_tracks`, keys artist_id (S), country_track (S)
            ok      permission  BatchWriteItem may be called
            ok      ledger      it can be opened
        "#]])
        .await;
}

#[tokio::test]
async fn the_source_fails() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let refusing =
        ScriptedSource::start(|_, _| Reply::status(401, r#"{"error":"invalid_client"}"#)).await;
    stage(&spotify_section(&refusing.origin()), &dynamodb)
        .await
        .check(expect![[r#"
            $ rowcast check
            exit 3
            --- stdout
            ok      rows        columns id, name, label
            FAILED  source      ask the source for the first row
                      because: the token endpoint http://127.0.0.1:PORT answered 401: invalid_client
                      hint: check source.auth.client_id, source.auth.client_secret
            ok      table       `top_tracks`, keys artist_id (S), country_track (S)
            ok      permission  BatchWriteItem may be called
            ok      ledger      it can be opened
        "#]])
        .await;
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let lacking = spotify(|_| Reply::json(r#"{"tracks":[{"id":"t1"}]}"#)).await;
    stage(&spotify_section(&lacking.origin()), &dynamodb).await
        .check(expect![[r#"
            $ rowcast check
            exit 5
            --- stdout
            ok      rows        columns id, name, label
            FAILED  source      ask the source for the first row
                      because: the record has no `/popularity`, which the source requires; the upstream may not send it
            ok      table       `top_tracks`, keys artist_id (S), country_track (S)
            ok      permission  BatchWriteItem may be called
            ok      ledger      it can be opened
        "#]])
        .await;
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let limited = spotify(|_| Reply::status(429, "{}").with_header("retry-after", "86400")).await;
    stage(&spotify_section(&limited.origin()), &dynamodb).await
        .check(expect![[r#"
            $ rowcast check
            exit 6
            --- stdout
            ok      rows        columns id, name, label
            FAILED  source      ask the source for the first row
                      because: http://127.0.0.1:PORT/v1/artists/a1/top-tracks answered 429; it asks to wait 1 day
                      hint: run again at or after TIME UTC
            ok      table       `top_tracks`, keys artist_id (S), country_track (S)
            ok      permission  BatchWriteItem may be called
            ok      ledger      it can be opened
        "#]])
        .await;
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let local = spotify(tracks).await;
    let section = spotify_section(&local.origin().replace("127.0.0.1", "localhost"));
    let section = section.split("[egress]").next().unwrap();
    stage(section, &dynamodb).await
        .check(expect![[r#"
            $ rowcast check
            exit 3
            --- stdout
            ok      rows        columns id, name, label
            FAILED  source      ask the source for the first row
                      because: fetch a token from http://localhost:PORT: policy refuses to connect to localhost at 127.0.0.1, a loopback address
                      hint: if it is meant, set `[egress] addresses = ["127.0.0.1"]` in rowcast.toml
            ok      table       `top_tracks`, keys artist_id (S), country_track (S)
            ok      permission  BatchWriteItem may be called
            ok      ledger      it can be opened
        "#]])
        .await;
}

#[tokio::test]
async fn the_table_fails() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = spotify(tracks).await;
    let section = spotify_section(&source.origin());
    let table = table_section(&dynamodb.endpoint(), "top_tracks");
    let unmade = files(&[ARTISTS, &section, &table].concat());
    unmade
        .check(expect![[r#"
            $ rowcast check
            exit 2
            --- stdout
            ok      rows        columns id, name, label
            ok      source      one request, 1 record in the answer
            FAILED  table       find the DynamoDB table `top_tracks`: there is none in this account and region
                      hint: create it with `rowcast table create`, or correct the table's name or `region` in rowcast.toml
            skipped permission  the table comes first
            skipped ledger      the table comes first
        "#]])
        .await;
    let other = files(&table.replace("country_track", "market"));
    other.rowcast(&["table", "create"]).await.ok();
    unmade
        .check(expect![[r#"
            $ rowcast check
            exit 2
            --- stdout
            ok      rows        columns id, name, label
            ok      source      one request, 1 record in the answer
            FAILED  table       write to the DynamoDB table `top_tracks`: its keys are artist_id (S), market (S), and `table.keys` says artist_id (S), country_track (S)
                      hint: make `table.keys` the table's own (leave it out to take them as they are), or name another table
            skipped permission  the table comes first
            skipped ledger      the table comes first
        "#]])
        .await;
    let keyless = table.replace("keys.", "# keys.").replace("[table]", "[table]\nkeys.partition = { name = \"artist_id\", type = \"S\" }\nkeys.sort = { name = \"market\", type = \"S\" }");
    files(&[ARTISTS, &section, &keyless].concat())
        .check(expect![[r#"
            $ rowcast check
            exit 2
            --- stdout
            ok      rows        columns id, name, label
            ok      source      one request, 1 record in the answer
            FAILED  table       write the source's records to `top_tracks`: they lack its key attribute `market`
                      hint: fix it under [source.attributes], or name another table
            skipped permission  the table comes first
            skipped ledger      the table comes first
        "#]])
        .await;
    let numbers = table
        .replace("\"country_track\", type = \"S\"", "\"name\", type = \"N\"")
        .replace("\"top_tracks\"", "\"numbers\"");
    let numbers = files(&[ARTISTS, &section, &numbers].concat());
    numbers.rowcast(&["table", "create"]).await.ok();
    numbers
        .check(expect![[r#"
            $ rowcast check
            exit 2
            --- stdout
            ok      rows        columns id, name, label
            ok      source      one request, 1 record in the answer
            FAILED  table       write the source's records to `numbers`: its key attribute `name` must be a number, and isn't
                      hint: fix it under [source.attributes], or name another table
            skipped permission  the table comes first
            skipped ledger      the table comes first
        "#]])
        .await;
}

#[tokio::test]
async fn dynamodb_refuses() {
    // As AWS answers an identity that may look at the table, and no more.
    let described = r#"{"Table":{"TableName":"top_tracks","TableStatus":"ACTIVE","KeySchema":[{"AttributeName":"artist_id","KeyType":"HASH"},{"AttributeName":"country_track","KeyType":"RANGE"}],"AttributeDefinitions":[{"AttributeName":"artist_id","AttributeType":"S"},{"AttributeName":"country_track","AttributeType":"S"}],"ItemCount":0,"TableSizeBytes":0,"BillingModeSummary":{"BillingMode":"PAY_PER_REQUEST"}}}"#;
    let refused = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:aws:iam::123456789012:user/reader is not authorized to perform: dynamodb:BatchWriteItem on resource: arn:aws:dynamodb:us-east-1:123456789012:table/top_tracks because no identity-based policy allows the dynamodb:BatchWriteItem action"}"#;
    let dynamodb = ScriptedSource::start(move |seen, _| {
        if seen
            .header("x-amz-target")
            .unwrap()
            .ends_with(".DescribeTable")
        {
            Reply::json(described)
        } else {
            Reply::status(400, refused)
        }
    })
    .await;
    let source = spotify(tracks).await;
    let table = table_section(&dynamodb.origin(), "top_tracks");
    let stage = files(&[ARTISTS, &spotify_section(&source.origin()), &table].concat());
    stage
        .check(expect![[r#"
            $ rowcast check
            exit 3
            --- stdout
            ok      rows        columns id, name, label
            ok      source      one request, 1 record in the answer
            ok      table       `top_tracks`, keys artist_id (S), country_track (S), which the source's records have
            FAILED  permission  try to write, without an item
                      because: BatchWriteItem of the DynamoDB table `top_tracks`: AccessDeniedException: User: arn:aws:iam::123456789012:user/reader is not authorized to perform: dynamodb:BatchWriteItem on resource: arn:aws:dynamodb:us-east-1:123456789012:table/top_tracks because no identity-based policy allows the dynamodb:BatchWriteItem action
                      hint: the AWS identity needs dynamodb:BatchWriteItem and dynamodb:PutItem on the table
            ok      ledger      it can be opened
            $ rowcast run
            exit 3
            --- stderr
            rows       2 read: 2 done, 0 rejected, 0 pending
            requests   4 planned: 4 done, 0 rejected, 0 pending (4 sent, 0 of them repeats)
            records    4 received: 4 accepted, 0 rejected
            documents  4 in all: 0 written, 0 superseded, 0 rejected, 4 pending
            DynamoDB   7 sent, 6 of them repeats; 0 write capacity units
            time       SECONDS s
            error: the run stopped before its end
              because: AccessDeniedException: User: arn:aws:iam::123456789012:user/reader is not authorized to perform: dynamodb:BatchWriteItem on resource: arn:aws:dynamodb:us-east-1:123456789012:table/top_tracks because no identity-based policy allows the dynamodb:BatchWriteItem action
              hint: check the AWS credentials; to load, they need dynamodb:BatchWriteItem and dynamodb:PutItem on the table; to query, dynamodb:Query, dynamodb:Scan and dynamodb:DescribeTable; then `rowcast run --resume RUN` continues where it stopped
        "#]])
        .await;
    let nowhere = table
        .split("[table.credentials]")
        .next()
        .unwrap()
        .to_owned();
    let stage = files(&[ARTISTS, &spotify_section(&source.origin()), &nowhere].concat());
    stage
        .check(expect![[r#"
            $ rowcast check
            exit 3
            --- stdout
            ok      rows        columns id, name, label
            ok      source      one request, 1 record in the answer
            FAILED  table       find AWS credentials: tried the environment (AWS_ACCESS_KEY_ID), the AWS profile, a web identity token, the container's and the EC2 instance's role, and found none; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a `profile` in [table] of rowcast.toml; a DynamoDB on this machine takes any
            skipped permission  the table comes first
            skipped ledger      the table comes first
        "#]])
        .await;
}

/// What a run would leave out is said before the run.
#[tokio::test]
async fn more_is_announced_than_is_asked_for() {
    let check = async |body: &'static str, pagination: &str, expected: bool| {
        let dynamodb = TemporaryDynamoDb::start().await.unwrap();
        let source = ScriptedSource::start(move |_, _| Reply::json(body)).await;
        let section = format!(
            "[source]\nurl = \"{}/{{id}}\"\nrecords = \"/items\"\n{pagination}\n\
             attributes = {{ artist_id = \"{{id}}\", country_track = \"{{record:/id}}\" }}\n\
             [egress]\naddresses = [\"127.0.0.1\"]\n",
            source.origin()
        );
        let stage = stage(&section, &dynamodb).await;
        let output = stage.rowcast(&["check"]).await;
        let note = "note: the answer announces more than was read; `pagination` of the source";
        let said = output.stdout.contains(note);
        assert_eq!(said, expected, "{body}: {output:?}");
        assert_eq!(output.code, Some(0), "{body}: {output:?}");
    };
    let next = r#"{"items":[{"id":"a"}],"next":"https://api.example/2"}"#;
    let total = r#"{"items":[{"id":"a"}],"total":3}"#;
    check(next, "", true).await;
    check(total, "", true).await;
    check(total, "pagination = { type = \"none\" }", false).await;
    check(r#"{"items":[{"id":"a"}],"total":1}"#, "", false).await;
}
