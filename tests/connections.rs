//! A run of many requests opens few connections: they are kept and used again.

use crate::support::dynamodb::on_each;
use crate::support::stage::{Stage, rows_section, source_section, spotify_section, table_section};
use rowcast_stand_ins::catalog::Catalog;
use rowcast_stand_ins::demo::Demo;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use rowcast_stand_ins::table::{DynamoPlan, FaultyDynamo};

const ARTISTS: usize = 200;
const WORKERS: u64 = 2;
const SOURCE_CONCURRENCY: u64 = 8;
const TABLE_CONCURRENCY: u64 = 4;

/// Connections that so many requests at once explain. A request that begins to
/// open one takes another that comes free meanwhile; the pool keeps both.
fn most(at_once: u64) -> u64 {
    2 * at_once
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_and_used_again_on_each_dynamodb() {
    let demo = Demo::start_with(Catalog::synthetic(ARTISTS, 20))
        .await
        .unwrap();
    on_each(async |dynamodb, table| {
        let front = FaultyDynamo::start(DynamoPlan::QUIET, &dynamodb.endpoint).await;
        let source = spotify_section(&demo.spotify().origin());
        let source = source.replace(
            "\n[source.auth]",
            &format!("concurrency = {SOURCE_CONCURRENCY}\n[source.auth]"),
        );
        let target = table_section(&front.endpoint(), &table);
        let target = target.replace(
            "\n[table.credentials]",
            &format!("concurrency = {TABLE_CONCURRENCY}\n[table.credentials]"),
        );
        let run = format!("\n[run]\nworkers = {WORKERS}\nchunk_rows = 25\n");
        let rows = rows_section(&demo.postgres().url(), "SELECT id FROM artists");
        let stage = Stage::new(&[rows, source, target, run].concat());
        stage.rowcast(&["table", "create"]).await.ok();

        let (source, calls) = (demo.spotify().connections(), demo.spotify().requests());
        let (connections, requests) = (front.connections(), front.seen().len());
        stage.rowcast(&["run"]).await.ok();
        let opened = demo.spotify().connections() - source;
        let asked = demo.spotify().requests().tracks - calls.tracks;
        let fetched = demo.spotify().requests().token - calls.token;
        assert_eq!(asked, 2 * ARTISTS as u64, "{}", dynamodb.name);
        assert_eq!(fetched, 1, "tokens");
        assert!(
            (1..=most(WORKERS * SOURCE_CONCURRENCY)).contains(&opened),
            "{opened} connections to the source for {asked} requests"
        );

        let opened = front.connections() - connections;
        let sent = front.seen().split_off(requests);
        let (described, sent): (Vec<_>, Vec<_>) = sent.iter().partition(|seen| {
            let operation = seen.header("x-amz-target").unwrap_or_default();
            operation.ends_with(".DescribeTable")
        });
        // For its keys, and for what the ledger knows it by.
        assert_eq!(described.len(), 1, "{}", dynamodb.name);
        let sent = sent.len();
        // 25 documents a batch at most.
        assert!(sent >= 2 * ARTISTS * 20 / 25, "{sent} writes");
        assert!(
            (1..=most(WORKERS * TABLE_CONCURRENCY)).contains(&opened),
            "{opened} connections to {} for {sent} calls",
            dynamodb.name
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_call_are_in_flight_at_once() {
    // By then the pace has learnt that eight at once are not too many.
    let source = ScriptedSource::holding(24, |_, _| Reply::json("[]")).await;
    let rows = "[rows]\nfile = \"-\"\nformat = \"jsonl\"\n";
    let configuration = [rows, &source_section(&source.origin(), 40), "workers = 1\n"].concat();
    let configuration = configuration.replace("[egress]", "concurrency = 8\n[egress]");
    let stage = Stage::new(&configuration);
    let rows: String = (0..40)
        .map(|id| format!("{{\"id\":{id}}}\n"))
        .collect::<Vec<_>>()
        .concat();
    // The first of these is answered when all have arrived.
    let (extracted, ()) = tokio::join!(stage.rowcast_with_input(&["extract"], &rows), async {
        source.held(8).await;
        source.release();
    });
    extracted.ok();
    assert_eq!(source.seen().len(), 40);
    assert_eq!(source.most_in_flight(), 8);
    assert!(source.connections() <= most(8), "{}", source.connections());
}
