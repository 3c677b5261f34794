//! The program that one would write: reqwest, `serde_json` values and the
//! official SDK, which retries what isn't processed. With the argument `scan` it prints
//! the table instead.

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use rowcast_bench::{COUNTRIES, Work};
use serde_json::Value;
use std::collections::HashMap;
use std::io::Write as _;

type Item = HashMap<String, AttributeValue>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let work = Work::read()?;
    let source = reqwest::Client::new();
    let configuration = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(&work.dynamodb)
        .credentials_provider(Credentials::new("test", "test", None, None, "bench"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let table = Client::from_conf(configuration);
    if std::env::args().any(|argument| argument == "scan") {
        return scan(&table).await;
    }
    let rows = work.rows().await?;
    let cells = rows
        .iter()
        .flat_map(|row| COUNTRIES.map(|country| (row.as_str(), country)));
    let items = stream::iter(cells)
        .map(|(artist, country)| request(&source, &work, artist, country))
        .buffer_unordered(work.in_flight)
        .map_ok(|items| stream::iter(items.into_iter().map(anyhow::Ok)))
        .try_flatten();
    items
        .try_chunks(25)
        .map(|batch| async { write(&table, batch?).await })
        .buffer_unordered(work.in_flight)
        .try_collect::<()>()
        .await
}

async fn request(
    client: &reqwest::Client,
    work: &Work,
    artist: &str,
    country: &str,
) -> anyhow::Result<Vec<Item>> {
    let url = format!(
        "{}/v1/artists/{artist}/top-tracks?market={country}",
        work.source
    );
    let answer = client.get(url).send().await?.error_for_status()?;
    let body: Value = answer.json().await?;
    let tracks = body["tracks"].as_array().context("no tracks")?;
    tracks
        .iter()
        .map(|track| {
            let members = track.as_object().context("no object")?;
            let mut item: Item = members
                .iter()
                .map(|(name, value)| (name.clone(), attribute(value)))
                .collect();
            let id = track["id"].as_str().context("no id")?;
            item.insert("artist_id".into(), AttributeValue::S(artist.to_owned()));
            item.insert(
                "country_track".into(),
                AttributeValue::S(format!("{country}#{id}")),
            );
            Ok(item)
        })
        .collect()
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(truth) => AttributeValue::Bool(*truth),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(elements) => AttributeValue::L(elements.iter().map(attribute).collect()),
        Value::Object(members) => AttributeValue::M(
            members
                .iter()
                .map(|(name, value)| (name.clone(), attribute(value)))
                .collect(),
        ),
    }
}

/// All items, as JSON lines.
async fn scan(client: &Client) -> anyhow::Result<()> {
    let mut items = client
        .scan()
        .table_name("tracks")
        .into_paginator()
        .items()
        .send();
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    while let Some(item) = items.next().await {
        let members = item?;
        let members = members
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)));
        serde_json::to_writer(&mut output, &Value::Object(members.collect()))?;
        output.write_all(b"\n")?;
    }
    Ok(output.flush()?)
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Bool(truth) => Value::Bool(*truth),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or_default(),
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::L(elements) => Value::Array(elements.iter().map(plain).collect()),
        AttributeValue::M(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), plain(value)));
            Value::Object(members.collect())
        }
        _ => Value::Null,
    }
}

async fn write(client: &Client, items: Vec<Item>) -> anyhow::Result<()> {
    let puts = items.into_iter().map(|item| {
        let put = PutRequest::builder().set_item(Some(item)).build()?;
        Ok(WriteRequest::builder().put_request(put).build())
    });
    let puts: Vec<WriteRequest> = puts.collect::<anyhow::Result<_>>()?;
    let mut waiting = HashMap::from([("tracks".to_owned(), puts)]);
    for _ in 0..12 {
        let answer = client
            .batch_write_item()
            .set_request_items(Some(waiting))
            .send()
            .await?;
        waiting = answer.unprocessed_items.unwrap_or_default();
        if waiting.is_empty() {
            return Ok(());
        }
    }
    ensure!(waiting.is_empty(), "unprocessed items");
    Ok(())
}
