//! Sessions behind a pooler, and slow ones.

use crate::support::pooler::Pooler;
use crate::support::postgres::{Postgres, all, open};
use futures_util::StreamExt;

#[tokio::test]
async fn a_pooler_is_left_as_it_was() {
    let server = Postgres::start().await;
    server
        .run("CREATE TYPE mood AS ENUM ('sad', 'happy')")
        .await;
    let pooler = Pooler::start(&server.port()).await;
    let url = server
        .url()
        .replace(&server.port(), &pooler.port().to_string());
    // A type that drivers look up, and keep what they asked by.
    let moods = "SELECT ARRAY['sad']::mood[] AS moods, 'happy'::mood AS mood";
    for _ in 0..2 {
        let rows = all(&url, moods).await.unwrap();
        assert_eq!(rows, [r#"{"moods":["sad"],"mood":"happy"}"#]);
    }
    assert!(all(&url, "SELECT nothing AS id").await.is_err());
    // One that ends in the middle of its rows.
    let mut rows = open(&url, "SELECT n AS id FROM generate_series(1, 100000) n")
        .await
        .unwrap();
    assert_eq!(rows.next().await.unwrap().unwrap(), r#"{"id":1}"#);
    drop(rows);
    assert_eq!(all(&url, "SELECT 1 AS id").await.unwrap(), [r#"{"id":1}"#]);
    let sessions = pooler.sessions();
    assert!(sessions.len() >= 4, "{sessions:?}");
    let names = sessions.concat();
    assert!(
        !names.is_empty() && names.iter().all(String::is_empty),
        "{names:?}"
    );
}

#[tokio::test]
async fn the_servers_bounds_on_time_do_not_hold_for_rows() {
    let server = Postgres::start().await;
    server
        .run(
            "CREATE ROLE hurried LOGIN PASSWORD 'h';
             ALTER ROLE hurried SET statement_timeout = '300ms';
             ALTER ROLE hurried SET idle_in_transaction_session_timeout = '300ms';",
        )
        .await;
    let url = server.url_of("hurried", "h");
    let settings = "SELECT current_setting('statement_timeout') AS statement,
        current_setting('idle_in_transaction_session_timeout') AS idle";
    let rows = all(&url, settings).await.unwrap();
    assert_eq!(rows, [r#"{"statement":"0","idle":"0"}"#]);
    // Twice the bound: rows that come slowly, none of them alone.
    let slow =
        "SELECT n AS id FROM generate_series(1, 3) n, LATERAL pg_sleep(0.2 + n * 0) AS slept";
    assert_eq!(all(&url, slow).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_row_that_is_too_long_is_rejected_and_the_next_is_read() {
    let server = Postgres::start().await;
    let query = "SELECT n AS id, repeat('x', CASE n WHEN 2 THEN 1048576 ELSE 1 END) AS x
        FROM generate_series(1, 3) n";
    let rows: Vec<_> = open(&server.url(), query).await.unwrap().collect().await;
    let shown: Vec<_> = rows
        .into_iter()
        .map(|row| row.unwrap_or_else(|error| error.to_string()))
        .collect();
    assert_eq!(
        shown,
        [
            r#"{"id":1,"x":"x"}"#,
            "read row 2 from PostgreSQL: it is longer than 1024 KiB (`limits.row_kib`)",
            r#"{"id":3,"x":"x"}"#,
        ]
    );
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_is_ended() {
    let server = Postgres::start().await;
    let url = server.url();
    let waiting = tokio::spawn(async move {
        let rows = open(&url, "SELECT 1 AS id, pg_sleep(3600) AS slept").await;
        rows.map(drop)
    });
    let active = "SELECT count(*)::text FROM pg_stat_activity
        WHERE application_name = 'rowcast' AND state = 'active' AND query LIKE '%pg_sleep%'";
    server.wait_for(active, "1").await;
    waiting.abort();
    server.wait_for(active, "0").await;
}
