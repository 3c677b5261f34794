//! A row whose records need more requests than one call may send: the next call
//! continues where it was.

use crate::support::dynamodb::{Dynamo, table_name};
use crate::support::table::table_keyed;
use rowcast::config::Config;
use rowcast::host::Host;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use serde_json::json;

const RECORDS: u64 = 700;

/// A host whose calls may send four batches.
async fn host(configuration: &str) -> Host {
    let mut config = Config::parse(configuration, |_| None).unwrap();
    config.limits.dynamodb_per_call = 4;
    Host::new(config).await.unwrap()
}

fn records() -> impl Iterator<Item = String> {
    (0..RECORDS).map(|number| json!({ "k": number.to_string() }).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn more_batches_than_a_call_may_send_are_written() {
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let endpoint = dynamodb.endpoint();
    let table = || {
        let dynamodb = Dynamo {
            name: "dynoxide",
            endpoint: endpoint.clone(),
        };
        table_keyed(&dynamodb, &table_name(), "k S") + "\n[ledger]\noff = true\n"
    };
    let answer = format!("[{}]", records().collect::<Vec<_>>().join(","));
    let source = ScriptedSource::start(move |_, _| Reply::json(&answer)).await;
    let configuration = format!(
        "{}\n[source]\nurl = \"{}/{{id}}\"\n[egress]\naddresses = [\"127.0.0.1\"]\n",
        table(),
        source.origin()
    );
    let transfer = host(&configuration).await;
    transfer.create_table().await.unwrap();
    let rows = futures_util::stream::iter([Ok(r#"{"id":1}"#.to_owned())]);
    let run = transfer.run().await.unwrap();
    let report = run.start(Box::pin(rows), |_| ()).await.unwrap();
    assert!(report.stopped.is_none(), "{:?}", report.stopped);
    assert_eq!(report.tally.documents.written, RECORDS);
    assert_eq!(source.seen().len(), 1);

    let load = host(&table()).await;
    load.create_table().await.unwrap();
    let rows = futures_util::stream::iter(records().map(Ok).collect::<Vec<_>>());
    let run = load.load().await.unwrap();
    let report = run.start(Box::pin(rows), |_| ()).await.unwrap();
    assert!(report.stopped.is_none(), "{:?}", report.stopped);
    assert_eq!(report.tally.documents.written, RECORDS);
}
