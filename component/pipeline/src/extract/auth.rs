//! Authentication → the `Authorization` header's value. An OAuth 2 token is
//! fetched once per call and shared by its requests, until it is refused.
//! Nothing here can print a secret.

use super::budget::Budget;
use super::checked::origin;
use super::excerpt;
use super::verdict::{asked, header};
use crate::bindings::rowcast::pipeline::types::Stop;
use crate::failure::{rate_limit, stop_reason};
use crate::oauth::{Attempts, Client, Failed, FailureKind, LONGEST_ANSWER, Reply, Token, Tokens};
use crate::platform::{Http, HttpError, HttpMethod, HttpRequest, HttpResponse};
use crate::retry::Backoff;
use crate::settings::{Auth, ClientCredentials, Mistakes, Source};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::lock::Mutex;
use std::cell::{Cell, RefCell};
use std::time::SystemTime;
use url::Url;

pub use crate::oauth::Renewal;

/// A call's credentials.
pub struct Credentials<'a> {
    source: &'a Source,
    /// The token endpoint's origin.
    upstream: String,
    tokens: RefCell<Tokens<String>>,
    /// Whoever has it fetches a token. It holds why there will be none.
    fetching: Mutex<Option<Stop>>,
    requests: Cell<u32>,
}

/// What a request is sent with.
pub struct Authorization {
    /// The header's value; none if the host adds it, or nobody.
    pub value: Option<String>,
    /// Which token it is, counted from 1; 0 for none.
    pub token: u32,
}

/// Adds what can't work.
pub fn check(auth: &Auth, mistakes: &mut Mistakes) {
    match auth {
        Auth::Bearer(bearer) if bearer.token.expose().is_empty() => {
            mistakes.add("/auth/token", "is empty");
        }
        Auth::Bearer(bearer) if !is_visible(bearer.token.expose()) => mistakes.add(
            "/auth/token",
            "has characters that an HTTP header can't carry",
        ),
        Auth::None {} | Auth::Bearer(_) => {}
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
            tokens: RefCell::default(),
            fetching: Mutex::default(),
            requests: Cell::new(0),
        }
    }

    /// How many token requests were sent.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.requests.get()
    }

    /// What to send a request with now; none if a token must be fetched.
    #[must_use]
    pub fn present(&self, now_ms: u64) -> Option<Authorization> {
        let fixed = |value| Some(Authorization { value, token: 0 });
        match &self.source.auth {
            Auth::None {} => fixed(None),
            Auth::Bearer(bearer) => fixed(Some(format!("Bearer {}", bearer.token.expose()))),
            Auth::Basic(basic) => {
                fixed(Some(basic_header(&basic.username, basic.password.expose())))
            }
            Auth::ClientCredentials(_) => {
                let present = self.tokens.borrow().present(now_ms);
                present.map(|(value, token)| Authorization {
                    value: Some(value),
                    token,
                })
            }
        }
    }

    /// What to send a request with. While one request fetches the token, the
    /// others wait for it here.
    pub async fn authorization<H: Http>(
        &self,
        http: &H,
        budget: Budget,
    ) -> Result<Authorization, Stop> {
        if let Some(present) = self.present(http.now_ms()) {
            return Ok(present);
        }
        let mut failed = self.fetching.lock().await;
        if let Some(stop) = &*failed {
            return Err(stop.clone());
        }
        if let Some(present) = self.present(http.now_ms()) {
            return Ok(present);
        }
        let Auth::ClientCredentials(client) = &self.source.auth else {
            return Ok(Authorization {
                value: None,
                token: 0,
            });
        };
        match self.fetch(http, budget, &of(client)).await {
            Ok(token) => {
                let value = token.header.clone();
                let serial = self.tokens.borrow_mut().fetched(
                    token.header,
                    token.lifetime_ms,
                    http.now_ms(),
                );
                Ok(Authorization {
                    value: Some(value),
                    token: serial,
                })
            }
            Err(stop) => {
                *failed = Some(stop.clone());
                Err(stop)
            }
        }
    }

    /// The source accepted a request with that token.
    pub fn worked(&self, token: u32) {
        self.tokens.borrow_mut().worked(token);
    }

    /// The source answered 401 to that token.
    pub fn refused(&self, token: u32) -> Renewal {
        match &self.source.auth {
            Auth::ClientCredentials(_) => self.tokens.borrow_mut().refused(token),
            Auth::None {} | Auth::Bearer(_) | Auth::Basic(_) => Renewal::Refused,
        }
    }

    async fn fetch<H: Http>(
        &self,
        http: &H,
        budget: Budget,
        client: &Client<'_>,
    ) -> Result<Token, Stop> {
        let retry = &self.source.retry;
        let backoff = Backoff {
            base_ms: retry.base_delay_ms.into(),
            longest_ms: retry.max_delay_ms.into(),
        };
        let mut attempts = Attempts::new(retry.max_attempts, backoff);
        loop {
            let time = budget.remaining_ms(http.now_ms());
            if time == 0 {
                return Err(Stop::Budget);
            }
            self.requests.set(self.requests.get().saturating_add(1));
            let timeout = time.min(self.source.request_timeout_ms.into());
            let outcome = http.send(token_request(client, timeout)).await;
            let failed = match read(client, &outcome, http.today()) {
                Ok(token) => return Ok(token),
                Err(failed) => failed,
            };
            let left = budget.remaining_ms(http.now_ms());
            let within = left.min(retry.max_retry_after_ms.saturating_add(1_000));
            match attempts.after(&failed, within, http.random()) {
                Some(wait) => http.sleep_ms(wait).await,
                None => return Err(self.stop(failed, left)),
            }
        }
    }

    /// Why there is no token.
    fn stop(&self, failed: Failed, left_ms: u64) -> Stop {
        let Failed { kind, reason } = failed;
        match kind {
            FailureKind::Denied => Stop::Denied(stop_reason(&self.upstream, reason)),
            FailureKind::Unavailable if left_ms == 0 => Stop::Budget,
            FailureKind::Unavailable => Stop::Unavailable(stop_reason(&self.upstream, reason)),
            FailureKind::Limited(wait) => {
                let wait = wait.unwrap_or(self.source.retry.max_delay_ms.into());
                Stop::RateLimited(rate_limit(&self.upstream, wait, reason))
            }
        }
    }
}

fn of(client: &ClientCredentials) -> Client<'_> {
    Client {
        token_url: &client.token_url,
        client_id: &client.client_id,
        client_secret: client.client_secret.expose(),
        scope: &client.scope,
    }
}

fn token_request(client: &Client<'_>, timeout_ms: u64) -> HttpRequest {
    let headers = client.headers();
    HttpRequest {
        method: HttpMethod::Post,
        url: client.token_url.to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        body: client.body().into_bytes(),
        timeout_ms,
        max_body_bytes: LONGEST_ANSWER,
    }
}

fn read(
    client: &Client<'_>,
    outcome: &Result<HttpResponse, HttpError>,
    today: SystemTime,
) -> Result<Token, Failed> {
    let shown = client.shown();
    let failed = |kind, reason| Err(Failed { kind, reason });
    match outcome {
        Ok(response) => client.read(Reply {
            status: response.status,
            body: &response.body,
            location: header(&response.headers, "location"),
            asked: asked(response, today),
        }),
        Err(HttpError::Unavailable(cause)) => {
            let cause = excerpt::line(cause);
            let reason = format!("{shown} gave no complete answer: {cause}");
            failed(FailureKind::Unavailable, reason)
        }
        Err(HttpError::Timeout) => failed(
            FailureKind::Unavailable,
            format!("{shown} gave no complete answer in time"),
        ),
        Err(HttpError::TooLarge) => failed(
            FailureKind::Denied,
            format!("{shown} answered too much for a token"),
        ),
        Err(HttpError::Denied(words)) => failed(FailureKind::Denied, words.clone()),
        Err(HttpError::Invalid(cause)) => {
            let cause = excerpt::line(cause);
            let reason = format!("the request to {shown} can't be made: {cause}");
            failed(FailureKind::Denied, reason)
        }
    }
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
