//! Only what changed is written.

use super::{ALL, Moody, answer, check, configuration, counts, documents, stage};
use crate::support::dynamodb::on_each;
use crate::support::stage::host;
use rowcast_stand_ins::http::Reply;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_written_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let moody = Moody::start().await;
        let configuration = configuration(&moody.source, &dynamodb.endpoint, &table);
        let stage = stage(&configuration).await;
        let expect = |written, unchanged| {
            [
                ("documents.total", ALL),
                ("documents.written", written),
                ("documents.unchanged", unchanged),
            ]
        };
        check(&stage, &[], 0, &expect(ALL, 0)).await;
        let second = check(&stage, &[], 0, &expect(0, ALL)).await;
        assert_eq!(counts(&second)["effort"]["write_capacity"], json!(0.0));
        assert_eq!(
            counts(&second)["effort"]["write_capacity_saved"],
            json!(f64::from(144))
        );
        // Another notation is no change; another value is.
        moody.answer(|seen, _| {
            let mut body = answer(seen);
            if seen.target == "/artists/a7?country=CA" {
                body["tracks"][1]["n"] = json!(2);
            }
            Reply::json(body.to_string().replace("\"n\":1", "\"n\":1.0"))
        });
        check(&stage, &[], 0, &expect(1, ALL - 1)).await;
        check(&stage, &["--write-unchanged"], 0, &expect(ALL, 0)).await;
        check(&stage, &["--verify"], 0, &expect(0, ALL)).await;
        let kept = documents(&stage).await;

        let host = host(&configuration).await;
        let item = json!({
            "artist_id": { "S": "a3" }, "country_track": { "S": "US#t0" }, "n": { "N": "9" },
        });
        let put = json!({ "TableName": table, "Item": item }).to_string();
        let answer = host.dynamodb().unwrap().send("PutItem", put).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        // The ledger can't know.
        check(&stage, &[], 0, &expect(0, ALL)).await;
        assert!(documents(&stage).await != kept);
        check(&stage, &["--verify"], 0, &expect(1, ALL - 1)).await;
        assert!(documents(&stage).await == kept);

        // A new table of the same name has nothing of the old one's.
        let delete = json!({ "TableName": table }).to_string();
        let answer = host
            .dynamodb()
            .unwrap()
            .send("DeleteTable", delete)
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        stage.rowcast(&["table", "create"]).await.ok();
        check(&stage, &[], 0, &expect(ALL, 0)).await;

        // Without a ledger everything is written.
        let off = format!("{configuration}[ledger]\noff = true\n");
        std::fs::write(stage.path().join("rowcast.toml"), off).unwrap();
        check(&stage, &[], 0, &expect(ALL, 0)).await;
        check(&stage, &[], 0, &expect(ALL, 0)).await;
    })
    .await;
}
