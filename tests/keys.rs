//! The table's keys: the original's, foreign ones, taken from the table, and
//! keys that are numbers or bytes.

use crate::support::dynamodb::on_each;
use crate::support::stage::{Stage, host, rows_section, spotify_section};
use crate::support::table::{ask, table_keyed};
use rowcast_stand_ins::catalog::Catalog;
use rowcast_stand_ins::demo::Demo;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The ids of an artist's tracks in a market.
fn track_ids(catalog: &Catalog, artist: &str, market: &str) -> BTreeSet<String> {
    let body = catalog.top_tracks(artist, Some(market)).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["tracks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|track| track["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_originals_keys_the_later_country_supersedes_the_earlier_and_that_is_said_on_each_dynamodb()
 {
    let demo = Demo::start().await.unwrap();
    let catalog = demo.spotify().catalog();
    let (mut total, mut tracks, mut shared) = (0, 0, 0);
    for artist in catalog.artist_ids() {
        let lists = ["US", "CA"].map(|market| track_ids(catalog, artist, market));
        total += lists[0].len() + lists[1].len();
        tracks += lists[0].union(&lists[1]).count();
        shared += lists[0].intersection(&lists[1]).count();
    }
    assert!(shared > 0 && tracks + shared == total);
    on_each(async |dynamodb, table| {
        let configuration = [
            rows_section(&demo.postgres().url(), "SELECT id FROM artists"),
            spotify_section(&demo.spotify().origin()),
            table_keyed(&dynamodb, &table, "artist_id S, id S"),
        ]
        .concat();
        let stage = Stage::new(&configuration);
        stage.rowcast(&["table", "create"]).await.ok();
        let run = stage.rowcast(&["run", "--report", "json"]).await.ok();
        let counts: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            counts["documents"],
            json!({
                "total": total,
                "written": tracks,
                "unchanged": 0,
                "superseded": shared,
                "rejected": 0,
                "pending": 0,
                "emitted": 0,
            }),
            "{}",
            dynamodb.name
        );
        let said = format!("note: superseded: {shared}; ");
        assert!(run.stderr.contains(&said), "{}", run.stderr);

        let host = host(&configuration).await;
        let query = host.query("").unwrap();
        let found = ask(&host, &query).await;
        assert_eq!(found.documents.len(), tracks, "{}", dynamodb.name);
        for document in &found.documents {
            let artist = document["artist_id"].as_str().unwrap();
            let id = document["id"].as_str().unwrap();
            let in_canada = track_ids(catalog, artist, "CA").contains(id);
            let country = if in_canada { "CA" } else { "US" };
            assert_eq!(document["country"], country, "{artist} {id}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_other_keys_than_configured_is_not_written_to_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let section = |keys| table_keyed(&dynamodb, &table, keys);
        let stage = Stage::new(&section("artist_id S, id S"));
        stage.rowcast(&["table", "create"]).await.ok();
        let other = [
            (
                "artist_id S, country_track S",
                "artist_id (S), country_track (S)",
            ),
            ("id S, artist_id S", "id (S), artist_id (S)"),
            ("artist_id S, id N", "artist_id (S), id (N)"),
            ("artist_id S", "artist_id (S)"),
        ];
        for (keys, shown) in other {
            let stage = Stage::new(&section(keys));
            let document = r#"{"artist_id":"a","id":"b"}"#;
            let load = stage.rowcast_with_input(&["load"], document).await;
            assert_eq!(load.code, Some(2), "{keys}: {}", load.stderr);
            let error = format!(
                "error: write to the DynamoDB table `{table}`: its keys are \
                 artist_id (S), id (S), and `table.keys` says {shown}"
            );
            assert!(load.stderr.contains(&error), "{}", load.stderr);
            assert!(load.stderr.contains("hint: "), "{}", load.stderr);
        }
        let count = stage.rowcast(&["query", "--count"]).await.ok();
        assert_eq!(count.stdout, "0\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preset_only_proposes_keys_on_each_dynamodb() {
    let source = spotify_section("http://127.0.0.1:1");
    on_each(async |dynamodb, table| {
        let section = |keys| table_keyed(&dynamodb, &table, keys);
        let creating = Stage::new(&section("artist_id S, id S"));
        creating.rowcast(&["table", "create"]).await.ok();
        let rows = "[rows]\nfile = \"-\"\nformat = \"jsonl\"\n".to_owned();
        let stage = Stage::new(&[rows, source.clone(), section("")].concat());
        // No rows are enough: keys are compared before any is read.
        stage.rowcast_with_input(&["run"], "").await.ok();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_left_out_are_the_tables_own_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let section = |keys| table_keyed(&dynamodb, &table, keys);
        let creating = Stage::new(&section("pk N, sk S"));
        creating.rowcast(&["table", "create"]).await.ok();
        let stage = Stage::new(&section(""));
        let documents = "{\"pk\":1,\"sk\":\"a\"}\n{\"pk\":1.0,\"sk\":\"a\",\"later\":true}\n\
                         {\"pk\":\"1\",\"sk\":\"a\"}\n";
        let load = stage.rowcast_with_input(&["load"], documents).await;
        assert_eq!(load.code, Some(5), "{}", load.stderr);
        let counts = "3 in all: 1 written, 1 superseded, 1 rejected, 0 pending";
        assert!(load.stderr.contains(counts), "{}", load.stderr);
        let found = stage.rowcast(&["query", "pk = 1"]).await.ok().documents();
        assert_eq!(found, [json!({ "pk": 1, "sk": "a", "later": true })]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_a_table_needs_its_keys_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_keyed(&dynamodb, &table, ""));
        let create = stage.rowcast(&["table", "create"]).await;
        assert_eq!(create.code, Some(2), "{}", create.stderr);
        assert!(create.stderr.contains("table.keys"), "{}", create.stderr);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_numbers_and_bytes_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_keyed(&dynamodb, &table, "pk N, sk B"));
        stage.rowcast(&["table", "create"]).await.ok();
        // The bytes 00, 00 ff, 01 and 61 62.
        let keys = ["AA==", "AP8=", "AQ==", "YWI="];
        let documents: String = [-1.5, 0.0, 2.0]
            .iter()
            .flat_map(|pk| keys.map(|sk| format!("{{\"pk\":{pk:?},\"sk\":\"{sk}\"}}\n")))
            .chain([
                "{\"pk\":true,\"sk\":\"AA==\"}\n".to_owned(),
                "{\"pk\":1,\"sk\":\"no base64\"}\n".to_owned(),
                "{\"pk\":1,\"sk\":\"\"}\n".to_owned(),
                "{\"pk\":1,\"sk\":7}\n".to_owned(),
            ])
            .collect();
        let load = stage
            .rowcast_with_input(&["load", "--rejected", "rejected.jsonl"], &documents)
            .await;
        assert_eq!(load.code, Some(5), "{}", load.stderr);
        let rejected = std::fs::read_to_string(stage.path().join("rejected.jsonl")).unwrap();
        let mut rejected: Vec<_> = rejected
            .lines()
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                let text = |name: &str| line[name].as_str().unwrap().to_owned();
                format!("{}: {}", text("path"), text("reason"))
            })
            .collect();
        rejected.sort();
        expect_test::expect![[r#"
            /pk: the table's partition key must be a number (N), not a boolean
            /sk: the table's sort key must be bytes in base64 (B), not a number
            /sk: the table's sort key must be bytes in base64 (B), not other text
            /sk: the table's sort key must not be empty"#]]
        .assert_eq(&rejected.join("\n"));

        let queries = [
            ("", 12),
            ("pk = -1.5", 4),
            ("pk = 2e0", 4),
            ("pk = 2.00 AND sk = 'AP8='", 1),
            ("pk = 0 AND begins_with(sk, 'AA==')", 2),
            ("pk = -0.0 AND sk > 'AP8='", 2),
            ("pk = 0 AND sk BETWEEN 'AP8=' AND 'AQ=='", 2),
            ("pk > -1.5", 8),
            ("sk IN ('AQ==', 'YWI=')", 6),
        ];
        for (condition, expected) in queries {
            let count = stage.rowcast(&["query", "--count", condition]).await.ok();
            let place = format!("{}: {condition}", dynamodb.name);
            assert_eq!(count.stdout, format!("{expected}\n"), "{place}");
        }
        for condition in [
            "pk = '2'",
            "begins_with(pk, '2')",
            "pk = 0 AND sk = 'no base64'",
        ] {
            let query = stage.rowcast(&["query", condition]).await;
            assert_eq!(query.code, Some(2), "{condition}: {}", query.stderr);
            assert!(query.stderr.contains("column "), "{}", query.stderr);
        }
    })
    .await;
}
