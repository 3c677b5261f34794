//! The composed service, served by plain wasmtime: the pipeline over HTTP, its
//! failures over HTTP, secrets that callers only name, large answers, and clients
//! that go away.

mod failures;
mod secrets;

use crate::support::dynamodb::on_each;
use crate::support::proxy::Proxy;
use crate::support::stage::{Stage, table_section};
use rowcast_stand_ins::catalog::{Catalog, POPULARITY_OVER_90};
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use rowcast_stand_ins::spotify::{Credentials, SpotifyStandIn};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const OPENAPI: &str = include_str!("../component/service/openapi.json");

/// What the service needs to write to a DynamoDB.
fn aws(endpoint: &str) -> [(&str, &str); 4] {
    [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
    ]
}

fn top_tracks(origin: &str) -> Value {
    json!({
        "url": format!("{origin}/v1/artists/{{id}}/top-tracks?market={{country}}"),
        "matrix": {"country": ["US", "CA"]},
        "records": "/tracks",
        "attributes": {
            "artist_id": "{id}",
            "country": "{country}",
            "country_track": "{country}#{record:/id}",
        },
        "require": ["/id", "/popularity"],
        "auth": {
            "type": "client-credentials",
            "token_url": format!("{origin}/api/token"),
            "client_id": "client",
            "client_secret": "secret",
        },
    })
}

async fn spotify(catalog: Catalog) -> SpotifyStandIn {
    let credentials = Credentials {
        client_id: "client".to_owned(),
        client_secret: "secret".to_owned(),
    };
    SpotifyStandIn::start(catalog, credentials).await.unwrap()
}

/// All pages of a query.
async fn ask(proxy: &Proxy, query: &Value) -> Vec<Value> {
    let mut documents = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let body = json!({"query": query, "cursor": cursor});
        let answer = proxy.post("/query", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut page = answer.json();
        documents.append(page["documents"].as_array_mut().unwrap());
        cursor = page["cursor"].take();
        if cursor.is_null() {
            return documents;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_pipeline_runs_over_http_on_each_dynamodb() {
    let catalog = Catalog::demo();
    let rows: Vec<Value> = catalog.artist_ids().map(|id| json!({"id": id})).collect();
    let source = spotify(catalog).await;
    on_each(async |dynamodb, table| {
        let stage = Stage::new(&table_section(&dynamodb.endpoint, &table));
        stage.rowcast(&["table", "create"]).await.ok();
        let proxy = Proxy::start(&aws(&dynamodb.endpoint)).await;

        let body = json!({"source": top_tracks(&source.origin()), "rows": rows});
        let extracted = proxy.post("/extract", &body).await;
        assert_eq!(extracted.status, 200, "{}", extracted.text());
        let extraction = extracted.json();
        assert_eq!(extraction["done"].as_array().unwrap().len(), 72);
        assert_eq!(extraction["stopped"], Value::Null);
        let counters = extraction["counters"].as_array().unwrap();
        assert!(counters.contains(&json!({"name": "token.requests", "value": 1.0})));

        let body = json!({"table": {"name": table}, "documents": extraction["documents"]});
        let loaded = proxy.post("/load", &body).await;
        assert_eq!(loaded.status, 200, "{}", loaded.text());
        assert_eq!(loaded.json()["written"], 720, "{}", dynamodb.name);

        let query = json!({"table": table, "filter": "popularity > 90"});
        let mut found = ask(&proxy, &query).await;
        for document in &mut found {
            let added = document.as_object_mut().unwrap().remove("country_track");
            let track = format!("US#{}", document["id"].as_str().unwrap());
            assert_eq!(added, Some(Value::String(track)));
        }
        let id = |document: &Value| document["id"].as_str().unwrap().to_owned();
        let mut expected: Vec<Value> = serde_json::from_str(POPULARITY_OVER_90).unwrap();
        found.sort_by_key(id);
        expected.sort_by_key(id);
        assert_eq!(found, expected, "{}", dynamodb.name);

        let query = json!({"table": table, "filter": "popularity > '90'"});
        let explained = proxy.post("/explain", &json!({"query": query})).await;
        assert_eq!(explained.status, 200, "{}", explained.text());
        let diagnosis = &explained.json()["diagnoses"][0];
        assert_eq!(
            (&diagnosis["expected"], &diagnosis["other_type"]),
            (&json!("S"), &json!(720))
        );
        assert!(proxy.ended().iter().all(Result::is_ok));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_do_not_fit_are_refused() {
    let proxy = Proxy::start(&[("ROWCAST_MAX_BODY_BYTES", "1000")]).await;
    let json_type = ("content-type", "application/json");
    let long = format!("\"{}\"", "x".repeat(1000));
    let check = async |line: &str, headers: &[(&str, &str)], body: &str, status, detail: &str| {
        let answer = proxy.send(line, headers, body).await;
        assert_eq!(answer.status, status, "{line}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["status"], status);
        let found = problem["detail"].as_str().unwrap();
        assert!(found.contains(detail), "{found}");
        answer
    };
    let unknown = r#"{"query":{"table":"t"},"cursr":"c"}"#;
    check(
        "POST /query",
        &[json_type],
        unknown,
        400,
        "`/cursr` is not known",
    )
    .await;
    check("POST /query", &[json_type], "{", 400, "is not JSON").await;
    check("POST /query", &[json_type], &long, 413, "1000 bytes").await;
    let plain = [("content-type", "text/plain")];
    check("POST /query", &plain, unknown, 415, "application/json").await;
    check("GET /nowhere", &[], "", 404, "POST /extract").await;
    let answer = check("PUT /query", &[json_type], unknown, 405, "POST").await;
    assert_eq!(answer.header("allow"), Some("POST"));
    assert!(proxy.ended().iter().all(Result::is_ok));
}

/// A chunked body announces no length, so it's read until it is too long.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_without_a_length_have_the_limit_too() {
    let proxy = Proxy::start(&[("ROWCAST_MAX_BODY_BYTES", "1000")]).await;
    for (bytes, status) in [(900, "400"), (1100, "413")] {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        let body = "x".repeat(bytes);
        let request = format!(
            "POST /load HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\nconnection: close\r\n\r\n\
             {bytes:x}\r\n{body}\r\n0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_the_description_are_served() {
    let proxy = Proxy::start(&[]).await;
    let health = proxy.send("GET /health", &[], "").await;
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["version"], env!("CARGO_PKG_VERSION"));
    let description = proxy.send("GET /openapi.json", &[], "").await;
    assert_eq!(description.header("content-type"), Some("application/json"));
    assert_eq!(description.text(), OPENAPI);
    for path in ["/health", "/openapi.json"] {
        let head = proxy.send(&format!("HEAD {path}"), &[], "").await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-type"), Some("application/json"));
    }
    assert!(proxy.ended().iter().all(Result::is_ok));
}

/// Some megabytes, which no host takes at once.
fn large() -> String {
    let record = format!(r#"{{"n":1.10,"text":"{}"}}"#, "x".repeat(1000));
    format!("[{}]", vec![record; 5000].join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_come_whole_and_digit_by_digit() {
    let source = ScriptedSource::start(|_, _| Reply::json(large())).await;
    let proxy = Proxy::start(&[]).await;
    let body =
        json!({"source": {"url": format!("{}/{{id}}", source.origin())}, "rows": [{"id": 1}]});
    let answer = proxy.post("/extract", &body).await;
    assert_eq!(answer.status, 200);
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!(answer.body.len(), length);
    assert!(length > 5_000_000, "{length}");
    let whole = large();
    assert!(
        answer
            .text()
            .starts_with(&format!(r#"{{"documents":{whole},"done":"#))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_is_nothing_to_fail_for() {
    let source = ScriptedSource::start(|_, _| Reply::json(large())).await;
    let proxy = Proxy::start(&[]).await;
    let body = json!({"source": {"url": source.origin()}, "rows": [{}]}).to_string();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let request = format!(
        "POST /extract HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut beginning = [0; 1000];
    stream.read_exact(&mut beginning).await.unwrap();
    drop(stream);
    while proxy.ended().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(proxy.ended(), [Ok(())]);
    assert_eq!(proxy.send("GET /health", &[], "").await.status, 200);
}
