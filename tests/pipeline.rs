//! Rows → extract → load → query, through the command and the component, on
//! both DynamoDBs.

use crate::support::dynamodb::on_each;
use crate::support::stage::{Stage, rows_section, spotify_section, table_section};
use rowcast::demo::Demo;
use rowcast::demo::catalog::POPULARITY_OVER_90;
use serde_json::Value;

/// The three documents that the original pipeline ended with.
fn expected() -> Vec<Value> {
    serde_json::from_str(POPULARITY_OVER_90).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_documents_come_back_member_by_member_and_digit_by_digit() {
    let demo = Demo::start().await.unwrap();
    on_each(async |dynamodb, table| {
        let stage = Stage::new(
            &[
                rows_section(&demo.postgres().url(), "SELECT id FROM artists"),
                spotify_section(&demo.spotify().origin()),
                table_section(&dynamodb.endpoint, &table),
            ]
            .concat(),
        );
        stage.rowcast(&["table", "create"]).await.ok();
        let run = stage.rowcast(&["run", "--report", "json"]).await.ok();
        let counts: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(counts["rows"]["done"], 36, "{}", dynamodb.name);
        assert_eq!(counts["documents"]["written"], 720, "{}", dynamodb.name);

        let mut found = stage
            .rowcast(&["query", "popularity > 90"])
            .await
            .ok()
            .documents();
        for document in &mut found {
            let added = document
                .as_object_mut()
                .unwrap()
                .remove("country_track")
                .unwrap();
            let track = format!("US#{}", document["id"].as_str().unwrap());
            assert_eq!(added, Value::String(track));
        }
        let id = |document: &Value| document["id"].as_str().unwrap().to_owned();
        let mut expected = expected();
        found.sort_by_key(id);
        expected.sort_by_key(id);
        assert_eq!(found, expected, "{}", dynamodb.name);
    })
    .await;
}
