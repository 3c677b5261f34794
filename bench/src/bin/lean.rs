//! The least that a native program can do for this work: one pooled client,
//! answers read once and written as DynamoDB's JSON on the way, batches signed
//! by `aws-sigv4`. No retries, no checks, no counts.

use anyhow::ensure;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rowcast_bench::{COUNTRIES, Work};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::Write as _;
use std::time::SystemTime;

type Http = Client<HttpConnector, Full<Bytes>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let work = Work::read()?;
    let client: Http = Client::builder(TokioExecutor::new()).build_http();
    let rows = work.rows().await?;
    let cells = rows
        .iter()
        .flat_map(|row| COUNTRIES.map(|country| (row.as_str(), country)));
    let items = stream::iter(cells)
        .map(|(artist, country)| request(&client, &work, artist, country))
        .buffer_unordered(work.in_flight)
        .map_ok(|items| stream::iter(items.into_iter().map(anyhow::Ok)))
        .try_flatten();
    items
        .try_chunks(25)
        .map(|batch| async { write(&client, &work, batch?).await })
        .buffer_unordered(work.in_flight)
        .try_collect::<()>()
        .await
}

async fn request(
    client: &Http,
    work: &Work,
    artist: &str,
    country: &str,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let url = format!(
        "{}/v1/artists/{artist}/top-tracks?market={country}",
        work.source
    );
    let answer = client.get(url.parse()?).await?;
    ensure!(answer.status() == 200, "{}", answer.status());
    let body = answer.into_body().collect().await?.to_bytes();
    let mut items = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(&body);
    Root(&mut items, artist, country).deserialize(&mut reader)?;
    Ok(items)
}

async fn write(client: &Http, work: &Work, items: Vec<Vec<u8>>) -> anyhow::Result<()> {
    let mut body = Vec::with_capacity(items.iter().map(|item| item.len() + 32).sum::<usize>() + 99);
    body.extend_from_slice(br#"{"RequestItems":{"tracks":["#);
    for (place, item) in items.iter().enumerate() {
        body.extend_from_slice(if place == 0 { b"" } else { b"," });
        body.extend_from_slice(br#"{"PutRequest":{"Item":"#);
        body.extend_from_slice(item);
        body.extend_from_slice(b"}}");
    }
    body.extend_from_slice(br#"]},"ReturnConsumedCapacity":"TOTAL"}"#);
    let body = Bytes::from(body);
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}/", work.dynamodb))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "DynamoDB_20120810.BatchWriteItem")
        .body(Full::new(body.clone()))?;
    let identity = Credentials::new("test", "test", None, None, "bench").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("dynamodb")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let uri = request.uri().to_string();
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new("POST", &uri, headers, SignableBody::Bytes(&body))?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    let answer = client.request(request).await?;
    ensure!(answer.status() == 200, "{}", answer.status());
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(
        body.starts_with(br#"{"UnprocessedItems":{}"#),
        "unprocessed"
    );
    Ok(())
}

/// The body: its tracks become items.
struct Root<'a>(&'a mut Vec<Vec<u8>>, &'a str, &'a str);

impl<'de> DeserializeSeed<'de> for Root<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = ();
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<&str>()? {
            if name == "tracks" {
                map.next_value_seed(Tracks(self.0, self.1, self.2))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Tracks<'a>(&'a mut Vec<Vec<u8>>, &'a str, &'a str);

impl<'de> DeserializeSeed<'de> for Tracks<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Tracks<'_> {
    type Value = ();
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut tracks: A) -> Result<(), A::Error> {
        loop {
            let mut item = Vec::with_capacity(4_096);
            let _ = write!(
                item,
                r#"{{"artist_id":{{"S":"{}"}},"country_track":{{"S":""#,
                self.1
            );
            let at = item.len();
            item.extend_from_slice(br#""}"#);
            let mut id = None;
            if tracks
                .next_element_seed(Track(&mut item, &mut id))?
                .is_none()
            {
                return Ok(());
            }
            let key = format!("{}#{}", self.2, id.unwrap_or_default());
            item.splice(at..at, key.into_bytes());
            item.push(b'}');
            self.0.push(item);
        }
    }
}

/// A record's members, after those that were added.
struct Track<'a, 'de>(&'a mut Vec<u8>, &'a mut Option<&'de str>);

impl<'de> DeserializeSeed<'de> for Track<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Track<'_, 'de> {
    type Value = ();
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<&str>()? {
            self.0.extend_from_slice(b",\"");
            self.0.extend_from_slice(name.as_bytes());
            self.0.extend_from_slice(b"\":");
            if name == "id" {
                let id: &str = map.next_value()?;
                let _ = write!(self.0, r#"{{"S":"{id}"}}"#);
                *self.1 = Some(id);
            } else {
                map.next_value_seed(Value(self.0))?;
            }
        }
        Ok(())
    }
}

struct Value<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.0.extend_from_slice(br#"{"S":"#);
        serde_json::to_writer(&mut *self.0, text).map_err(E::custom)?;
        self.0.push(b'}');
        Ok(())
    }
    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        let _ = write!(self.0, r#"{{"N":"{number}"}}"#);
        Ok(())
    }
    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        let _ = write!(self.0, r#"{{"N":"{number}"}}"#);
        Ok(())
    }
    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        let _ = write!(self.0, r#"{{"N":"{number}"}}"#);
        Ok(())
    }
    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        let _ = write!(self.0, r#"{{"BOOL":{truth}}}"#);
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.extend_from_slice(br#"{"NULL":true}"#);
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.0.extend_from_slice(br#"{"L":["#);
        let mut before = self.0.len();
        while elements.next_element_seed(Value(self.0))?.is_some() {
            before = self.0.len();
            self.0.push(b',');
        }
        self.0.truncate(before);
        self.0.extend_from_slice(b"]}");
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.extend_from_slice(br#"{"M":{"#);
        let mut is_first = true;
        while let Some(name) = map.next_key::<&str>()? {
            self.0.extend_from_slice(if std::mem::take(&mut is_first) {
                b"\""
            } else {
                b",\""
            });
            self.0.extend_from_slice(name.as_bytes());
            self.0.extend_from_slice(b"\":");
            map.next_value_seed(Value(self.0))?;
        }
        self.0.extend_from_slice(b"}}");
        Ok(())
    }
}

#[test]
fn a_track_becomes_an_item() -> anyhow::Result<()> {
    use anyhow::Context as _;
    let body = br#"{"tracks":[{"id":"k","a":[1,"x\"",{"b":null}],"c":true}]}"#;
    let mut items = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    Root(&mut items, "artist", "US").deserialize(&mut reader)?;
    let item = items.pop().context("an item")?;
    assert_eq!(
        String::from_utf8(item)?,
        r#"{"artist_id":{"S":"artist"},"country_track":{"S":"US#k"},"id":{"S":"k"},"a":{"L":[{"N":"1"},{"S":"x\""},{"M":{"b":{"NULL":true}}}]},"c":{"BOOL":true}}"#
    );
    Ok(())
}
