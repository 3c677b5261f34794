//! The servers that a hostile component tries to misuse, and what a host lends
//! it to reach them.

use super::source::{Reply, ScriptedSource};
use rowcast::dynamodb::credentials::StaticCredentials;
use rowcast::dynamodb::{DynamoDb, Settings};
use rowcast::engine::Capabilities;
use rowcast::http_out::authorizer::{Authorizer, Method, Rule};
use rowcast::http_out::client::Client;
use rowcast::http_out::egress::Egress;
use rowcast::limits::Limits;
use rowcast::secret::Secret;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The servers that a guest tries to misuse.
pub struct World {
    pub source: ScriptedSource,
    /// Nothing may ever reach it.
    pub inner: ScriptedSource,
    /// Where it's known as `localhost`, which is configured, and yet is no
    /// public address.
    pub named: String,
    /// Sends for ever.
    pub torrent: String,
    /// Sends one byte from time to time, for ever.
    pub drip: String,
    pub dynamodb: ScriptedSource,
    /// Reads, and never answers; and how much it has read.
    pub swallow: String,
    pub swallowed: Arc<AtomicUsize>,
}

impl World {
    pub async fn start() -> Self {
        let inner = ScriptedSource::start(|_, _| Reply::json("[]")).await;
        let target = format!("{}/secret", inner.origin());
        let source = ScriptedSource::start(move |seen, _| match seen.target.as_str() {
            "/redirect" => Reply::status(302, "").with_header("location", target.clone()),
            "/never" => Reply::Never,
            _ => Reply::json(r#"[{"name":"one"}]"#),
        })
        .await;
        let page = format!(
            r#"{{"Items":[],"Filler":"{}"}}"#,
            "x".repeat(4 * 1024 * 1024)
        );
        let (swallow, swallowed) = swallow().await;
        Self {
            named: inner.origin().replace("127.0.0.1", "localhost"),
            torrent: pour(vec![b'x'; 64 * 1024], Duration::ZERO).await,
            drip: pour(b"1\r\nx\r\n".to_vec(), Duration::from_millis(50)).await,
            dynamodb: ScriptedSource::start(move |_, _| Reply::json(page.clone())).await,
            source,
            inner,
            swallow,
            swallowed,
        }
    }

    pub async fn capabilities(&self, limits: &Limits) -> Capabilities {
        let origins = [
            &self.source.origin(),
            &self.named,
            &self.torrent,
            &self.drip,
            &self.swallow,
        ];
        let egress = Arc::new(Egress {
            origins: origins.map(|origin| origin.parse().unwrap()).into(),
            trusted_hosts: BTreeSet::new(),
            addresses: BTreeSet::new(),
        });
        let client = Client::new(limits, egress.clone()).unwrap();
        let rule = Rule {
            origin: self.source.origin().parse().unwrap(),
            method: Method::Bearer(Secret::new("the-hosts-own")),
            plain_http: Vec::new(),
            settings: Vec::new(),
        };
        let settings = Settings {
            region: Some("us-east-1".into()),
            endpoint: Some(self.dynamodb.origin()),
            plain_http: Vec::new(),
            profile: None,
            credentials: Some(StaticCredentials {
                access_key_id: "key".into(),
                secret_access_key: Secret::new("secret"),
                session_token: None,
            }),
        };
        Capabilities {
            authorizer: Authorizer::new(vec![rule], &client, limits).unwrap(),
            dynamodb: Some(
                DynamoDb::connect(client.clone(), &settings, limits)
                    .await
                    .unwrap(),
            ),
            client,
            egress,
            tables: ["tracks".to_owned()].into(),
        }
    }
}

/// A server that answers 200 and then repeats those bytes for ever: one
/// gigabyte would take a second, or a thousand years.
async fn pour(bytes: Vec<u8>, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let head: &[u8] = if pause.is_zero() {
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
    } else {
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    };
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let mut sent = stream.write_all(head).await;
                while sent.is_ok() {
                    tokio::time::sleep(pause).await;
                    sent = stream.write_all(&bytes).await;
                }
            });
        }
    });
    origin
}

async fn swallow() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let swallowed = Arc::new(AtomicUsize::new(0));
    let counted = swallowed.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                counted.fetch_add(read, Ordering::SeqCst);
            }
        }
    });
    (origin, swallowed)
}
