//! The servers that a hostile component tries to misuse, and what a host lends
//! it to reach them.

use rowcast::Secret;
use rowcast::dynamodb::credentials::StaticCredentials;
use rowcast::dynamodb::{DynamoDb, Settings};
use rowcast::engine::Capabilities;
use rowcast::http_out::authorizer::{Authorizer, Rule};
use rowcast::http_out::client::Client;
use rowcast::http_out::egress::Egress;
use rowcast::limits::Limits;
use rowcast_pipeline::settings::{Auth, Bearer};
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::raw::{Behaviour, Raw};
use rowcast_stand_ins::scripted::ScriptedSource;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Answers 200 and then sends as fast as it can, for ever.
const TORRENT: Behaviour = Behaviour::Pour(
    "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
    &[b'x'; 64 * 1024],
    Duration::ZERO,
);
/// The same, a byte at a time: a gigabyte would take a thousand years.
const DRIP: Behaviour = Behaviour::Pour(
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    b"1\r\nx\r\n",
    Duration::from_millis(50),
);

/// The servers that a guest tries to misuse.
pub struct World {
    pub source: ScriptedSource,
    /// Nothing may ever reach it.
    pub inner: ScriptedSource,
    /// Where it's known as `localhost`, which is configured, and yet is no
    /// public address.
    pub named: String,
    /// Sends for ever.
    pub torrent: Raw,
    /// Sends one byte from time to time, for ever.
    pub drip: Raw,
    pub dynamodb: ScriptedSource,
    /// Reads, and never answers.
    pub swallow: Raw,
}

impl World {
    pub async fn start() -> Self {
        let inner = ScriptedSource::start(|_, _| Reply::json("[]")).await;
        let target = format!("{}/secret", inner.origin());
        let source = ScriptedSource::start(move |seen, _| match seen.target.as_str() {
            "/redirect" => Reply::status(302, "").with_header("location", target.clone()),
            "/never" => Reply::Never,
            "/echo" => Reply::json(seen.header("authorization").unwrap_or_default()),
            _ => Reply::json(r#"[{"name":"one"}]"#),
        })
        .await;
        let page = format!(
            r#"{{"Items":[],"Filler":"{}"}}"#,
            "x".repeat(4 * 1024 * 1024)
        );
        Self {
            named: inner.origin().replace("127.0.0.1", "localhost"),
            torrent: Raw::start(TORRENT).await,
            drip: Raw::start(DRIP).await,
            dynamodb: ScriptedSource::start(move |_, _| Reply::json(page.clone())).await,
            source,
            inner,
            swallow: Raw::start(Behaviour::Silence).await,
        }
    }

    pub async fn capabilities(&self, limits: &Limits) -> Capabilities {
        let origins = [
            &self.source.origin(),
            &self.named,
            &self.torrent.origin(),
            &self.drip.origin(),
            &self.swallow.origin(),
        ];
        let egress = Arc::new(Egress {
            origins: origins.map(|origin| origin.parse().unwrap()).into(),
            trusted_hosts: BTreeSet::new(),
            addresses: BTreeSet::new(),
        });
        let client = Client::new(limits, egress.clone()).unwrap();
        let rule = Rule {
            origin: self.source.origin().parse().unwrap(),
            auth: Auth::Bearer(Bearer {
                token: "the-hosts-own".into(),
            }),
            plain_http: Vec::new(),
            settings: Vec::new(),
            posts: false,
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
