//! The table: missing, there already, with other keys, out of reach.

use super::{ARTISTS, files, spotify, tracks};
use crate::support::stage::{spotify_section, table_section};
use expect_test::expect;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;

#[tokio::test]
async fn missing_then_created_then_there_already() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = spotify(tracks).await;
    let section = spotify_section(&source.origin());
    let table = table_section(&dynamodb.endpoint(), "top_tracks");
    let stage = files(&[ARTISTS, &section, &table].concat());
    stage
        .check(expect![[r#"
            $ rowcast run
            exit 2
            --- stderr
            error: find the DynamoDB table `top_tracks`: there is none in this account and region
              hint: create it with `rowcast table create`, or correct the table's name or `region` in rowcast.toml
            $ rowcast query "popularity > 90"
            exit 2
            --- stderr
            error: the query could not be answered
              because: DynamoDB has no table `top_tracks` in this account and region; `rowcast table create` makes it
            $ rowcast table describe
            exit 2
            --- stderr
            error: find the DynamoDB table `top_tracks`: there is none in this account and region
              hint: create it with `rowcast table create`, or correct the table's name or `region` in rowcast.toml
            $ rowcast table create
            exit 0
            --- stdout
            {"name":"top_tracks","status":"ACTIVE","keys":"artist_id (S), country_track (S)","indexes":[],"billing":"on demand","items":0,"bytes":0}
            --- stderr
            created `top_tracks` with the keys artist_id (S), country_track (S)
            $ rowcast table create
            exit 2
            --- stderr
            error: create the DynamoDB table `top_tracks`: there is one already
              hint: `rowcast table describe` shows its keys
        "#]])
        .await;
    let other = table.replace("country_track", "id");
    let other = files(&[ARTISTS, &section, &other].concat());
    other
        .check(expect![[r#"
            $ rowcast run
            exit 2
            --- stderr
            error: write to the DynamoDB table `top_tracks`: its keys are artist_id (S), country_track (S), and `table.keys` says artist_id (S), id (S)
              hint: make `table.keys` the table's own (leave it out to take them as they are), or name another table
        "#]])
        .await;
    let none = table.replace("keys.", "# keys.");
    files(&none)
        .check(expect![[r#"
            $ rowcast table create
            exit 2
            --- stderr
            error: `table.keys` is missing, and this command needs it
              hint: `rowcast init` writes a file that shows it
        "#]])
        .await;
}

#[tokio::test]
async fn documents_lack_the_keys() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let stage = files(&table_section(&dynamodb.endpoint(), "top_tracks"));
    stage.rowcast(&["table", "create"]).await.ok();
    let documents = "{\"artist_id\":\"a\",\"country_track\":\"US#1\"}\n{\"artist_id\":\"a\"}\n";
    std::fs::write(stage.path().join("documents.jsonl"), documents).unwrap();
    stage
        .check(expect![[r#"
            $ rowcast load documents.jsonl
            exit 5
            --- stderr
            rejected: document, /country_track: the table's sort key `country_track` is missing
            lines      2 read: 2 done, 0 rejected, 0 pending
            documents  2 in all: 1 written, 0 superseded, 1 rejected, 0 pending
            DynamoDB   1 sent, 0 of them repeats; 1 write capacity units
            time       SECONDS s
        "#]])
        .await;
}

#[tokio::test]
async fn dynamodb_is_not_there() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let endpoint = dynamodb.endpoint();
    dynamodb.shutdown().await;
    let table = format!(
        "{}[table.retry]\nmax_attempts = 2\nbase_delay_ms = 1\n",
        table_section(&endpoint, "top_tracks")
    );
    let stage = files(&table);
    stage
        .check(expect![[r#"
            $ rowcast table describe
            exit 4
            --- stderr
            error: send DescribeTable to http://127.0.0.1:PORT: connect to http://127.0.0.1:PORT: Connection refused (os error 111)
              hint: check `endpoint` and `region` in [table] of rowcast.toml, and the network on the way; or try again later
            $ rowcast query "popularity > 90"
            exit 4
            --- stderr
            error: the query could not be answered
              because: send DescribeTable to http://127.0.0.1:PORT: connect to http://127.0.0.1:PORT: Connection refused (os error 111)
              hint: run again later, or see `rowcast check`
        "#]])
        .await;
}

#[tokio::test]
async fn aws_is_not_configured() {
    let stage = files("[table]\nname = \"top_tracks\"\nregion = \"us-east-1\"\n");
    stage
        .check(expect![[r#"
            $ rowcast table describe
            exit 3
            --- stderr
            error: find AWS credentials: tried the environment (AWS_ACCESS_KEY_ID), the AWS profile, a web identity token, the container's and the EC2 instance's role, and found none; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a `profile` in [table] of rowcast.toml; a DynamoDB on this machine takes any
            $ rowcast query "popularity > 90"
            exit 3
            --- stderr
            error: the query could not be answered
              because: find AWS credentials: tried the environment (AWS_ACCESS_KEY_ID), the AWS profile, a web identity token, the container's and the EC2 instance's role, and found none; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a `profile` in [table] of rowcast.toml; a DynamoDB on this machine takes any
              hint: check the AWS credentials; to load, they need dynamodb:BatchWriteItem and dynamodb:PutItem on the table; to query, dynamodb:Query, dynamodb:Scan and dynamodb:DescribeTable
        "#]])
        .await;
    let stage = files("[table]\nname = \"top_tracks\"\n");
    stage
        .check(expect![[r#"
            $ rowcast table describe
            exit 2
            --- stderr
            error: find the AWS region: none is configured
              hint: set `region` in [table] of rowcast.toml, or AWS_REGION, or `region` in the AWS profile
        "#]])
        .await;
    let stage =
        files("[table]\nname = \"top_tracks\"\nregion = \"us-east-1\"\nprofile = \"none\"\n");
    stage
        .check_with(&[("AWS_EC2_METADATA_DISABLED", "true")], expect![[r#"
            $ rowcast table describe
            exit 3
            --- stderr
            error: find AWS credentials: tried the AWS profile `none`, and found none; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a `profile` in [table] of rowcast.toml; a DynamoDB on this machine takes any
        "#]])
        .await;
}
