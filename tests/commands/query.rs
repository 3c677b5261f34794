//! Queries and their answers, as they are printed.

use super::files;
use crate::support::command::prepare;
use crate::support::stage::{Stage, table_section};
use expect_test::expect;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

/// A table with three tracks.
async fn filled(dynamodb: &TemporaryDynamoDb) -> Stage {
    let stage = files(&table_section(&dynamodb.endpoint(), "top_tracks"));
    stage.rowcast(&["table", "create"]).await.ok();
    let documents = r#"{"artist_id":"a","country_track":"CA#1","name":"Ænima","popularity":91,"explicit":true}
{"artist_id":"a","country_track":"US#1","name":"Ænima","popularity":7,"album":{"images":[{"height":300}]}}
{"artist_id":"b","country_track":"US#2","name":"It's, \"quoted\"","popularity":100.50,"score":null}
"#;
    stage
        .rowcast_with_input(&["load", "-"], documents)
        .await
        .ok();
    stage
}

#[tokio::test]
async fn formats() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let stage = filled(&dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast query "artist_id = 'a' AND country_track = 'CA#1'" --select name,popularity,artist_id
            exit 0
            --- stdout
            {"name":"Ænima","popularity":91,"artist_id":"a"}
            --- stderr
            matches: 1, in 1 items read; 0.5 read capacity units
        "#]])
        .await;
    stage
        .check(expect![[r#"
            $ rowcast query "artist_id = 'a' AND country_track = 'CA#1'" --output json --select popularity,name
            exit 0
            --- stdout
            [
            {"popularity":91,"name":"Ænima"}
            ]
            --- stderr
            matches: 1, in 1 items read; 0.5 read capacity units
        "#]])
        .await;
    stage
        .check(expect![[r#"
            $ rowcast query "artist_id = 'a'" --output table
            exit 0
            --- stdout
            ┌───────────┬───────────────┬─────────────────────────────┬──────────┬───────┬────────────┐
            │ artist_id ┆ country_track ┆ album                       ┆ explicit ┆ name  ┆ popularity │
            ╞═══════════╪═══════════════╪═════════════════════════════╪══════════╪═══════╪════════════╡
            │ a         ┆ CA#1          ┆                             ┆ true     ┆ Ænima ┆         91 │
            │ a         ┆ US#1          ┆ {"images":[{"height":300}]} ┆          ┆ Ænima ┆          7 │
            └───────────┴───────────────┴─────────────────────────────┴──────────┴───────┴────────────┘
            --- stderr
            matches: 2, in 2 items read; 0.5 read capacity units
        "#]])
        .await;
}

#[tokio::test]
async fn formats_with_columns_and_counts() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let stage = filled(&dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast query "artist_id = 'b'" --output csv -q
            exit 0
            --- stdout
            artist_id,country_track,name,popularity,score
            b,US#2,"It's, ""quoted""",100.5,
            $ rowcast query "artist_id = 'a'" --output csv -q --select popularity,album.images[0].height,name
            exit 0
            --- stdout
            popularity,album,name
            91,,Ænima
            7,"{""images"":[{""height"":300}]}",Ænima
            $ rowcast query "artist_id = 'a'" --output table -q --select popularity,name
            exit 0
            --- stdout
            ┌────────────┬───────┐
            │ popularity ┆ name  │
            ╞════════════╪═══════╡
            │         91 ┆ Ænima │
            │          7 ┆ Ænima │
            └────────────┴───────┘
            $ rowcast query --count
            exit 0
            --- stdout
            3
            --- stderr
            matches: 3, in 3 items read; 2 read capacity units
            $ rowcast query --count --limit 2
            exit 0
            --- stdout
            2
            --- stderr
            matches: 2, in 2 items read; 0.5 read capacity units
        "#]])
        .await;
}

#[tokio::test]
async fn nothing_matches() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let stage = filled(&dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast query "score > 1 AND popularity = 'x'"
            exit 0
            --- stderr
            matches: 0, in 3 items read; 2 read capacity units
            note: 2 of 3 items have no `score`
            note: 1 of 3 items hold `score` with another type than N
            note: 3 of 3 items hold `popularity` with another type than S
            $ rowcast query "popularity > 1000" --output table
            exit 0
            --- stderr
            matches: 0, in 3 items read; 2 read capacity units
            $ rowcast query "popularity > 1000" --output json -q
            exit 0
            --- stdout
            []
        "#]])
        .await;
}

#[tokio::test]
async fn the_query_is_wrong() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let stage = filled(&dynamodb).await;
    stage
        .check(expect![[r#"
            $ rowcast query "popularity > > 90"
            exit 2
            --- stderr
            error: the query could not be answered
              because: query: /filter can't be read: column 14: expected a name or a value, found `>`
        "#]])
        .await;
    stage
        .check(expect![[r#"
            $ rowcast query 'name = "x"'
            exit 2
            --- stderr
            error: the query could not be answered
              because: query: /filter can't be read: column 8: `"` can't be here; text goes in single quotes, names between backticks
        "#]])
        .await;
    stage
        .check(expect![[r#"
            $ rowcast query "popularity > 90" --select name,,
            exit 2
            --- stderr
            error: the query could not be answered
              because: query: /select/1 can't be read: column 1: expected a name or a value, found the end; /select/2 can't be read: column 1: expected a name or a value, found the end
            $ rowcast query "popularity > 90" --index none
            exit 2
            --- stderr
            error: the query could not be answered
              because: table `top_tracks` has no index `none`; it has none
            $ rowcast query "popularity > 90" --count --output csv
            exit 2
            --- stderr
            error: the argument '--count' cannot be used with '--output <FORMAT>'

            Usage: rowcast query --count <CONDITION>

            For more information, try '--help'.
        "#]])
        .await;
}

#[tokio::test]
async fn nobody_reads_on() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let stage = filled(&dynamodb).await;
    let text = "x".repeat(100);
    let documents: Vec<_> = (0..5000)
        .map(|number| {
            format!(r#"{{"artist_id":"m","country_track":"US#{number}","text":"{text}"}}"#)
        })
        .collect();
    let documents = documents.join("\n");
    stage
        .rowcast_with_input(&["load", "-"], &documents)
        .await
        .ok();
    for format in ["jsonl", "json", "table", "csv"] {
        let mut child = prepare(stage.path(), &["query", "--output", format], &[])
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next_line().await.unwrap().is_some(), "{format}");
        drop(lines);
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .await
            .unwrap();
        let code = child.wait().await.unwrap().code();
        assert_eq!((code, said.as_str()), (Some(0), ""), "{format}");
    }
}
