//! Two processes and one ledger, in a table: the second is refused as long as
//! the first has it, and not for ever where the first was killed.

use super::{ALL, check, configuration, documents, reply, stage};
use crate::support::command::prepare;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_in_a_table_is_one_process_at_a_time() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let source = ScriptedSource::holding(5, |seen, _| reply(seen)).await;
    let text = configuration(&source, &dynamodb.endpoint(), "tracks");
    let stage = stage(&format!("{text}[ledger]\ntable = \"ledger\"\n")).await;
    stage.rowcast(&["table", "create", "--ledger"]).await.ok();
    let mut first = prepare(stage.path(), &["run"], &[]).spawn().unwrap();
    source.held(1).await;
    let holder = format!("process {} on ", first.id().unwrap());
    let refused = async |arguments: &[&str]| {
        let refused = stage.rowcast(arguments).await;
        assert_eq!(refused.code, Some(4), "{}", refused.stderr);
        let said = refused.stderr.contains(&holder) && refused.stderr.contains(" UTC at least");
        assert!(said, "{}", refused.stderr);
    };
    refused(&["run"]).await;
    refused(&["run", "--fresh"]).await;
    refused(&["load", "rows.jsonl"]).await;
    // Whoever only reads needs no ledger.
    stage.rowcast(&["query"]).await.ok();

    first.kill().await.unwrap();
    refused(&["run"]).await;
    // Its time passes.
    let query = json!({
        "TableName": "ledger",
        "KeyConditionExpression": "id = :lease",
        "ExpressionAttributeValues": { ":lease": { "S": "lease" } },
    });
    let mut found = dynamodb.call("Query", &query).await.1;
    let lease: &mut Value = &mut found["Items"][0];
    lease["until"] = json!({ "N": "1000" });
    let put = json!({ "TableName": "ledger", "Item": lease });
    assert_eq!(dynamodb.call("PutItem", &put).await.0, 200);
    source.release();
    check(&stage, &[], 0, &[("documents.pending", 0)]).await;
    assert_eq!(documents(&stage).await.len() as u64, ALL);
    // One that has ended lets go at once, also where it failed.
    check(&stage, &[], 0, &[("documents.unchanged", ALL)]).await;
    let missing = stage.rowcast(&["run", "--rejected", "no/folder"]).await;
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
    check(&stage, &[], 0, &[("documents.unchanged", ALL)]).await;
}
