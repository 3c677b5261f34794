//! What dependencies trace, to a subscriber that takes all of it.

use super::{AWS_SECRET, AWS_TOKEN, CLIENT_SECRET, Setup, TOKEN, api, grant, search};
use crate::support::stage::host;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// All that a subscriber is told.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The command doesn't show what dependencies trace; an application with a
/// subscriber of its own might.
#[tokio::test]
async fn no_dependency_traces_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let source = api(grant, Reply::json(r#"[{"name":"one"}]"#)).await;
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let setup = Setup {
        rows: "postgresql://me:pass@127.0.0.1/none".into(),
        source: source.origin(),
        by: "host",
        dynamodb: dynamodb.endpoint(),
        more: "",
    };
    let host = host(&setup.configuration()).await;
    host.create_table().await.unwrap();
    let source_text = host.source().unwrap().text();
    let rows = [r#"{"id":1}"#.to_owned()];
    let extraction = host
        .pipeline()
        .extract(source_text, &rows, None, None)
        .await;
    let table = host.checked_table().await.unwrap();
    let report = host
        .pipeline()
        .load(table.text(), &extraction.result.unwrap().documents, None)
        .await;
    assert_eq!(report.result.unwrap().written, 1);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("TRACE"), "{text}");
    let secrets = [CLIENT_SECRET, TOKEN, AWS_SECRET, AWS_TOKEN].map(str::to_owned);
    search("the trace", &text, &secrets);
}
