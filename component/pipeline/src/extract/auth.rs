//! Authentication → the `Authorization` header's value. An OAuth 2 token is
//! fetched once per call and shared by its requests. Nothing here can print a
//! secret.

use super::budget::Budget;
use super::checked::origin;
use super::cut::{self, Words};
use super::excerpt;
use super::json;
use super::verdict::retry_after_ms;
use crate::backoff;
use crate::bindings::rowcast::pipeline::types::Stop;
use crate::failure::{rate_limit, stop_reason};
use crate::platform::{Http, HttpError, HttpMethod, HttpRequest, HttpResponse};
use crate::settings::{Auth, ClientCredentials, Mistakes, Source};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::lock::Mutex;
use std::cell::Cell;
use std::time::SystemTime;
use url::Url;
use url::form_urlencoded::byte_serialize;

/// A token's answer is small; anything longer is no token.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// The token that a call starts with, and one more if the source refuses it.
const MOST_TOKENS: u32 = 2;

/// A call's credentials.
pub struct Credentials<'a> {
    source: &'a Source,
    /// The token endpoint's origin.
    upstream: String,
    vault: Mutex<Vault>,
    requests: Cell<u32>,
}

/// What a request is sent with.
pub struct Authorization {
    /// The header's value; none if the host adds it, or nobody.
    pub value: Option<String>,
    /// Which token it is, counted from 1.
    pub token: u32,
}

/// What becomes of a request whose credentials were refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Repeat it with another token.
    Repeat,
    /// The token had outlived its `expires_in`, and the call has had its two.
    Expired,
    /// The credentials are refused.
    Refused,
}

#[derive(Default)]
struct Vault {
    token: Option<Token>,
    fetched: u32,
    failed: Option<Stop>,
}

struct Token {
    header: String,
    expires_at_ms: Option<u64>,
}

/// What to do about a token endpoint's answer.
enum Answer {
    Token(String, Option<u64>),
    /// With the wait it asks for.
    Retry(String, Option<u64>),
    /// The same, but by 429.
    Throttled(String, Option<u64>),
    Denied(String),
}

/// Adds what can't work.
pub fn check(auth: &Auth, mistakes: &mut Mistakes) {
    match auth {
        Auth::None {} => {}
        Auth::Bearer(bearer) if bearer.token.expose().is_empty() => {
            mistakes.add("/auth/token", "is empty");
        }
        Auth::Bearer(bearer) if !is_visible(bearer.token.expose()) => mistakes.add(
            "/auth/token",
            "has characters that an HTTP header can't carry",
        ),
        Auth::Bearer(_) => {}
        Auth::Basic(basic) => {
            if basic.username.contains(':') {
                mistakes.add(
                    "/auth/username",
                    "has a colon, which HTTP Basic can't carry",
                );
            }
        }
        Auth::ClientCredentials(client) => {
            if client.client_id.is_empty() {
                mistakes.add("/auth/client_id", "is empty");
            }
            let url = Url::parse(&client.token_url).ok();
            let fits = url.is_some_and(|url| {
                let plain = url.username().is_empty() && url.password().is_none();
                matches!(url.scheme(), "http" | "https") && url.has_host() && plain
            });
            if !fits {
                mistakes.add(
                    "/auth/token_url",
                    "must start with https:// (or http://) and carry no credentials",
                );
            }
        }
    }
}

impl<'a> Credentials<'a> {
    /// Credentials as the source has them; no token yet.
    #[must_use]
    pub fn new(source: &'a Source) -> Self {
        let upstream = match &source.auth {
            Auth::ClientCredentials(client) => origin(&client.token_url),
            _ => String::new(),
        };
        Self {
            source,
            upstream,
            vault: Mutex::default(),
            requests: Cell::new(0),
        }
    }

    /// How many token requests were sent.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.requests.get()
    }

    /// What to send a request with. While one request fetches the token, the
    /// others wait for it here.
    pub async fn authorization<H: Http>(
        &self,
        http: &H,
        budget: Budget,
    ) -> Result<Authorization, Stop> {
        let client = match &self.source.auth {
            Auth::None {} => {
                return Ok(Authorization {
                    value: None,
                    token: 0,
                });
            }
            Auth::Bearer(bearer) => {
                return Ok(Authorization {
                    value: Some(format!("Bearer {}", bearer.token.expose())),
                    token: 0,
                });
            }
            Auth::Basic(basic) => {
                let value = basic_header(&basic.username, basic.password.expose());
                return Ok(Authorization {
                    value: Some(value),
                    token: 0,
                });
            }
            Auth::ClientCredentials(client) => client,
        };
        let mut vault = self.vault.lock().await;
        if let Some(stop) = &vault.failed {
            return Err(stop.clone());
        }
        let now = http.now_ms();
        if let Some(token) = &vault.token {
            // An expired token is worth a try where there may be no other.
            if !token.is_expired(now) || vault.fetched >= MOST_TOKENS {
                let value = Some(token.header.clone());
                return Ok(Authorization {
                    value,
                    token: vault.fetched,
                });
            }
        }
        match self.fetch(http, budget, client).await {
            Ok(token) => {
                let value = Some(token.header.clone());
                vault.token = Some(token);
                vault.fetched += 1;
                Ok(Authorization {
                    value,
                    token: vault.fetched,
                })
            }
            Err(stop) => {
                vault.failed = Some(stop.clone());
                Err(stop)
            }
        }
    }

    /// The source answered 401 to that token.
    pub async fn refused(&self, token: u32, now_ms: u64) -> Renewal {
        if !matches!(self.source.auth, Auth::ClientCredentials(_)) {
            return Renewal::Refused;
        }
        let mut vault = self.vault.lock().await;
        // Another request's 401 may have had it renewed already.
        if vault.fetched > token || vault.token.is_none() {
            return Renewal::Repeat;
        }
        if vault.fetched < MOST_TOKENS {
            vault.token = None;
            return Renewal::Repeat;
        }
        match &vault.token {
            Some(token) if token.is_expired(now_ms) => Renewal::Expired,
            Some(_) | None => Renewal::Refused,
        }
    }

    async fn fetch<H: Http>(
        &self,
        http: &H,
        budget: Budget,
        client: &ClientCredentials,
    ) -> Result<Token, Stop> {
        let retry = &self.source.retry;
        for attempt in 1.. {
            let time = budget.remaining_ms(http.now_ms());
            if time == 0 {
                break;
            }
            self.requests.set(self.requests.get().saturating_add(1));
            let timeout = time.min(self.source.request_timeout_ms.into());
            let outcome = http.send(token_request(client, timeout)).await;
            let (reason, asked, throttled) = match read(client, &outcome, http.today()) {
                Answer::Token(token, expires_in) => {
                    let lifetime = expires_in.map(|seconds| seconds.saturating_mul(1_000));
                    return Ok(Token {
                        header: format!("Bearer {token}"),
                        expires_at_ms: lifetime.map(|ms| http.now_ms().saturating_add(ms)),
                    });
                }
                Answer::Denied(reason) => {
                    return Err(Stop::Denied(stop_reason(&self.upstream, reason)));
                }
                Answer::Retry(reason, asked) => (reason, asked, asked.is_some()),
                Answer::Throttled(reason, asked) => (reason, asked, true),
            };
            let wait = asked.unwrap_or_else(|| backoff::delay_ms(retry, attempt, http.random()));
            let fits = wait < budget.remaining_ms(http.now_ms());
            let too_long = asked.is_some_and(|asked| asked > retry.max_retry_after_ms);
            if attempt >= retry.max_attempts || too_long || (throttled && !fits) {
                return Err(if throttled {
                    let retry_after_ms = asked.unwrap_or(retry.max_delay_ms.into());
                    Stop::RateLimited(rate_limit(&self.upstream, retry_after_ms, reason))
                } else {
                    Stop::Unavailable(stop_reason(&self.upstream, reason))
                });
            }
            if !fits {
                break;
            }
            http.sleep_ms(wait).await;
        }
        Err(Stop::Budget)
    }
}

impl Token {
    fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_some_and(|at| now_ms >= at)
    }
}

fn token_request(client: &ClientCredentials, timeout_ms: u64) -> HttpRequest {
    let mut body = "grant_type=client_credentials".to_owned();
    if !client.scope.is_empty() {
        body.push_str("&scope=");
        body.extend(byte_serialize(client.scope.as_bytes()));
    }
    // RFC 6749, section 2.3.1: both are form-encoded before Basic encodes them.
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let basic = basic_header(
        &encoded(&client.client_id),
        &encoded(client.client_secret.expose()),
    );
    let headers = [
        ("accept", "application/json"),
        ("authorization", basic.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    HttpRequest {
        method: HttpMethod::Post,
        url: client.token_url.clone(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        body: body.into_bytes(),
        timeout_ms,
        max_body_bytes: LONGEST_ANSWER,
    }
}

fn read(
    client: &ClientCredentials,
    outcome: &Result<HttpResponse, HttpError>,
    today: SystemTime,
) -> Answer {
    let shown = Url::parse(&client.token_url)
        .map(|url| excerpt::url(&url))
        .unwrap_or_default();
    let shown = format!("the token endpoint {shown}");
    let response = match outcome {
        Ok(response) => response,
        Err(HttpError::Unavailable(cause)) => {
            let reason = format!("{shown} gave no complete answer: {}", excerpt::line(cause));
            return Answer::Retry(reason, None);
        }
        Err(HttpError::Timeout) => {
            return Answer::Retry(format!("{shown} gave no complete answer in time"), None);
        }
        Err(HttpError::TooLarge) => {
            return Answer::Denied(format!("{shown} answered too much for a token"));
        }
        Err(HttpError::Denied(words)) => return Answer::Denied(words.clone()),
        Err(HttpError::Invalid(cause)) => {
            let cause = excerpt::line(cause);
            return Answer::Denied(format!("the request to {shown} can't be made: {cause}"));
        }
    };
    let status = response.status;
    if status == 200 {
        return match read_token(&response.body) {
            Ok((token, expires_in)) => Answer::Token(token, expires_in),
            // Cut short, most likely on the way; what there is may be a secret.
            Err(None) => Answer::Retry(format!("{shown} gave no complete answer"), None),
            Err(Some(what)) => Answer::Denied(format!("{shown} answered {what}; check token-url")),
        };
    }
    let words = Words::read(&response.body)
        .line()
        .map(|line| format!(": {line}"));
    let reason = format!("{shown} answered {status}{}", words.unwrap_or_default());
    let asked = retry_after_ms(&response.headers, today);
    match status {
        429 => Answer::Throttled(reason, asked),
        503 => Answer::Retry(reason, asked),
        408 | 425 | 500..=599 => Answer::Retry(reason, None),
        400 | 401 | 403 => Answer::Denied(format!(
            "{reason}; check client-id, client-secret and scope"
        )),
        _ => Answer::Denied(format!("{reason}; check token-url")),
    }
}

/// Token and lifetime in seconds; or what there is instead, none if the answer
/// was cut short.
fn read_token(body: &[u8]) -> Result<(String, Option<u64>), Option<&'static str>> {
    let root = cut::parse(body).map_err(|error| match error {
        cut::BodyError::Truncated(..) => None,
        _ => Some("something that is not JSON"),
    })?;
    let text = |name| json::member(root, name).and_then(json::string);
    let token = text("access_token").filter(|token| !token.is_empty());
    let token = token.ok_or(Some("no access_token"))?;
    if !is_visible(&token) {
        return Err(Some("an access_token that an HTTP header can't carry"));
    }
    if text("token_type").is_some_and(|name| !name.eq_ignore_ascii_case("bearer")) {
        return Err(Some("a token_type other than Bearer"));
    }
    // Some write the seconds as a string.
    let expires_in = json::member(root, "expires_in")
        .and_then(|value| value.get().trim_matches('"').parse().ok())
        .filter(|&seconds| seconds > 0);
    Ok((token.into_owned(), expires_in))
}

fn basic_header(username: &str, password: &str) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("{username}:{password}"))
    )
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}
