//! A request's head and body → Spotify's answer to it. Knows nothing of
//! sockets.

use super::{Counts, Credentials};
use crate::demo::catalog::Catalog;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

type Answer = Response<Full<Bytes>>;

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

    pub fn answer(&self, head: &Parts, body: &[u8]) -> Answer {
        let path = head.uri.path();
        let artist = path
            .strip_prefix("/v1/artists/")
            .and_then(|rest| rest.strip_suffix("/top-tracks"))
            .filter(|id| !id.contains('/'));
        match (path, artist) {
            ("/api/token", _) if head.method == Method::POST => {
                self.token_requests.fetch_add(1, Ordering::Relaxed);
                self.token(&head.headers, body)
            }
            (_, Some(id)) if head.method == Method::GET => {
                self.track_requests.fetch_add(1, Ordering::Relaxed);
                self.top_tracks(&head.headers, id, head.uri.query().unwrap_or_default())
            }
            ("/api/token", _) | (_, Some(_)) => {
                error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
            }
            _ => error(StatusCode::NOT_FOUND, "Service not found"),
        }
    }

    fn token(&self, headers: &HeaderMap, body: &[u8]) -> Answer {
        if !self.knows_client(headers) {
            return json_answer(
                StatusCode::UNAUTHORIZED,
                &json!({
                    "error": "invalid_client",
                    "error_description": "Invalid client secret",
                }),
            );
        }
        if media_type(headers) != Some("application/x-www-form-urlencoded") {
            return error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type");
        }
        if body != b"grant_type=client_credentials" {
            return json_answer(
                StatusCode::BAD_REQUEST,
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
            StatusCode::OK,
            &json!({
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": self.lifetime.as_secs(),
            }),
        )
    }

    fn knows_client(&self, headers: &HeaderMap) -> bool {
        let Credentials {
            client_id,
            client_secret,
        } = &self.credentials;
        let expected = format!("{client_id}:{}", client_secret.expose());
        authorization(headers, "Basic")
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .is_some_and(|given| given == expected.as_bytes())
    }

    fn top_tracks(&self, headers: &HeaderMap, artist_id: &str, query: &str) -> Answer {
        if let Err(reason) = self.check_token(headers) {
            let mut refusal = error(StatusCode::UNAUTHORIZED, reason);
            refusal.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"spotify\""),
            );
            return refusal;
        }
        let market = url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "market" || name == "country")
            .map(|(_, value)| value);
        if market.as_deref().is_some_and(|market| !is_market(market)) {
            return error(StatusCode::BAD_REQUEST, "Invalid market code");
        }
        match self.catalog.top_tracks(artist_id, market.as_deref()) {
            Some(body) => answer(StatusCode::OK, body),
            None => error(StatusCode::NOT_FOUND, "Resource not found"),
        }
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        if !headers.contains_key(header::AUTHORIZATION) {
            return Err("No token provided");
        }
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        match authorization(headers, "Bearer").and_then(|token| tokens.get(token)) {
            Some(expires) if *expires > Instant::now() => Ok(()),
            Some(_) => Err("The access token expired"),
            None => Err("Invalid access token"),
        }
    }
}

/// For a request whose body is longer than any token request, or cut short.
pub fn too_large() -> Answer {
    error(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large")
}

/// Spotify's shape of an error.
fn error(status: StatusCode, message: &str) -> Answer {
    json_answer(
        status,
        &json!({"error": {"status": status.as_u16(), "message": message}}),
    )
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    answer(status, body.to_string().into())
}

fn answer(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    answer
}

fn authorization<'headers>(headers: &'headers HeaderMap, scheme: &str) -> Option<&'headers str> {
    let (given, value) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then_some(value)
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
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
