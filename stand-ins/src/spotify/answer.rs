//! A request → Spotify's answer to it. Knows nothing of sockets.

use super::{Counts, Credentials};
use crate::catalog::Catalog;
use crate::http::{Reply, Seen};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A token request has some hundred bytes.
const REQUEST_BODY_LIMIT: usize = 16 * 1024;

/// The token endpoint and the top tracks.
pub struct Service {
    catalog: Catalog,
    credentials: Credentials,
    lifetime: Duration,
    /// Tokens that were given out, and when each expires.
    tokens: Mutex<HashMap<String, Instant>>,
    latency_ms: AtomicU64,
    token_requests: AtomicU64,
    track_requests: AtomicU64,
}

impl Service {
    pub fn new(catalog: Catalog, credentials: Credentials, lifetime: Duration) -> Self {
        Self {
            catalog,
            credentials,
            lifetime,
            tokens: Mutex::default(),
            latency_ms: AtomicU64::new(0),
            token_requests: AtomicU64::new(0),
            track_requests: AtomicU64::new(0),
        }
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.load(Ordering::Relaxed))
    }

    pub fn delay_answers(&self, latency: Duration) {
        let latency = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.latency_ms.store(latency, Ordering::Relaxed);
    }

    pub fn counts(&self) -> Counts {
        Counts {
            token: self.token_requests.load(Ordering::Relaxed),
            tracks: self.track_requests.load(Ordering::Relaxed),
        }
    }

    pub fn answer(&self, seen: &Seen) -> Reply {
        if seen.body.len() > REQUEST_BODY_LIMIT {
            return error(413, "Payload Too Large");
        }
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let artist = path
            .strip_prefix("/v1/artists/")
            .and_then(|rest| rest.strip_suffix("/top-tracks"))
            .filter(|id| !id.contains('/'));
        match (path, artist, seen.method.as_str()) {
            ("/api/token", _, "POST") => {
                self.token_requests.fetch_add(1, Ordering::Relaxed);
                self.token(seen)
            }
            (_, Some(id), "GET") => {
                self.track_requests.fetch_add(1, Ordering::Relaxed);
                self.top_tracks(seen, id, query)
            }
            ("/api/token", ..) | (_, Some(_), _) => error(405, "Method not allowed"),
            _ => error(404, "Service not found"),
        }
    }

    fn token(&self, seen: &Seen) -> Reply {
        if !self.knows_client(seen) {
            return json_answer(
                401,
                &json!({
                    "error": "invalid_client",
                    "error_description": "Invalid client secret",
                }),
            );
        }
        if media_type(seen) != Some("application/x-www-form-urlencoded") {
            return error(415, "Unsupported Media Type");
        }
        if &*seen.body != b"grant_type=client_credentials" {
            return json_answer(
                400,
                &json!({
                    "error": "unsupported_grant_type",
                    "error_description": "grant_type must be client_credentials",
                }),
            );
        }
        let token = random_token();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(token.clone(), Instant::now() + self.lifetime);
        json_answer(
            200,
            &json!({
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": self.lifetime.as_secs(),
            }),
        )
    }

    fn knows_client(&self, seen: &Seen) -> bool {
        let Credentials {
            client_id,
            client_secret,
        } = &self.credentials;
        let expected = format!("{client_id}:{client_secret}");
        authorization(seen, "Basic")
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .is_some_and(|given| given == expected.as_bytes())
    }

    fn top_tracks(&self, seen: &Seen, artist_id: &str, query: &str) -> Reply {
        if let Err(reason) = self.check_token(seen) {
            return error(401, reason).with_header("www-authenticate", "Bearer realm=\"spotify\"");
        }
        let market = url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "market" || name == "country")
            .map(|(_, value)| value);
        if market.as_deref().is_some_and(|market| !is_market(market)) {
            return error(400, "Invalid market code");
        }
        match self.catalog.top_tracks(artist_id, market.as_deref()) {
            Some(body) => answer(200, body),
            None => error(404, "Resource not found"),
        }
    }

    fn check_token(&self, seen: &Seen) -> Result<(), &'static str> {
        if seen.header("authorization").is_none() {
            return Err("No token provided");
        }
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        match authorization(seen, "Bearer").and_then(|token| tokens.get(token)) {
            Some(expires) if *expires > Instant::now() => Ok(()),
            Some(_) => Err("The access token expired"),
            None => Err("Invalid access token"),
        }
    }
}

/// Spotify's shape of an error.
fn error(status: u16, message: &str) -> Reply {
    json_answer(
        status,
        &json!({"error": {"status": status, "message": message}}),
    )
}

fn json_answer(status: u16, body: &Value) -> Reply {
    answer(status, body.to_string().into())
}

fn answer(status: u16, body: Bytes) -> Reply {
    let kind = "application/json; charset=utf-8".to_owned();
    Reply::Answer(status, vec![("content-type".to_owned(), kind)], body)
}

fn authorization<'seen>(seen: &'seen Seen, scheme: &str) -> Option<&'seen str> {
    let (given, value) = seen.header("authorization")?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then_some(value)
}

fn media_type(seen: &Seen) -> Option<&str> {
    let value = seen.header("content-type")?;
    value.split(';').next().map(str::trim)
}

fn is_market(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn random_token() -> String {
    // The standard library's only random source, and enough for a stand-in.
    let random = || RandomState::new().build_hasher().finish();
    format!("BQ{:016x}{:016x}{:016x}", random(), random(), random())
}
