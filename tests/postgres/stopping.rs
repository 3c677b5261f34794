//! Rows that end before their end → a run that accounts for those before.

use crate::support::postgres::{Postgres, describe};
use crate::support::stage::{host, rows_section, source_section};
use futures_util::StreamExt;
use rowcast::rows::{Rows, RowsError};
use rowcast::run::{Stopped, Tally};
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use std::sync::Arc;

/// Extracts over a query's rows, as `change` gives them on.
async fn extract(
    server: &Postgres,
    query: &str,
    change: impl FnOnce(Rows) -> Rows,
) -> (Tally, RowsError) {
    let source = ScriptedSource::start(|_, _| Reply::json("{}")).await;
    let configuration = [
        rows_section(&server.url(), query),
        source_section(&source.origin(), 4),
    ]
    .concat();
    let host = host(&configuration).await;
    let rows = change(host.rows().await.unwrap());
    let report = host.extract().unwrap().start(rows, |_| ()).await.unwrap();
    let tally = report.tally;
    assert_eq!(tally.rows.done, source.seen().len() as u64);
    assert_eq!(tally.rows.done, tally.documents.emitted);
    match report.stopped {
        Some(Stopped::Rows(error)) => (tally, error),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_middle_leaves_the_rows_before_it_done() {
    let server = Postgres::start().await;
    for before in [0, 2, 4, 7] {
        let query = format!(
            "SELECT n AS id, 1 / ({} - n) AS x FROM generate_series(1, 9) n",
            before + 1
        );
        let (tally, error) = extract(&server, &query, |rows| rows).await;
        assert_eq!(tally.rows.read, before, "{tally:?}");
        assert_eq!(tally.rows.done, before, "{tally:?}");
        let row = before + 1;
        assert_eq!(
            describe(&error),
            format!("read row {row} from PostgreSQL\n  because: ERROR: division by zero")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_terminated_stops_the_run_and_loses_nothing() {
    let server = Arc::new(Postgres::start().await);
    // Wide rows, so that few of them are on their way.
    let query = "SELECT n AS id, repeat('x', 100000) AS x FROM generate_series(1, 100000) n";
    let killer = Arc::clone(&server);
    let (tally, error) = extract(&server, query, |rows| {
        Box::pin(rows.enumerate().then(move |(number, row)| {
            let killer = Arc::clone(&killer);
            async move {
                if number == 9 {
                    let terminate = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
                        WHERE application_name = 'rowcast'";
                    assert_eq!(killer.ask(terminate).await.as_deref(), Some("true"));
                }
                row
            }
        }))
    })
    .await;
    assert!((10..1000).contains(&tally.rows.read), "{tally:?}");
    assert_eq!(tally.rows.done, tally.rows.read, "{tally:?}");
    let text = describe(&error);
    assert!(
        text.starts_with(&format!("read row {} from PostgreSQL", tally.rows.read + 1)),
        "{text}"
    );
    assert!(text.ends_with("unavailable"), "{text}");
    println!("{} rows, then: {text}", tally.rows.read);
}
