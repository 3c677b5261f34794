//! Authentication → what a request is sent with: a header or a query parameter. An OAuth 2 token is
//! fetched once per call and shared by its requests, until it is refused.
//! Nothing here can print a secret.

use super::answer::asked;
use super::budget::Budget;
use super::snippet;
use crate::bindings::rowcast::pipeline::types::Stop;
use crate::failure::{rate_limit, stop_reason};
use crate::oauth::{Attempts, Client, Failed, FailureKind, LONGEST_ANSWER, Reply, Token, Tokens};
use crate::platform::{Http, HttpError, HttpMethod, HttpRequest, HttpResponse};
use crate::settings::origin;
use crate::settings::{Auth, Header, Source};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::lock::Mutex;
use std::cell::{Cell, RefCell};
use std::time::SystemTime;

pub use crate::oauth::Renewal;
pub use check::check;

mod check;

/// A call's credentials.
pub struct Credentials<'a> {
    source: &'a Source,
    /// The token endpoint's origin.
    upstream: String,
    tokens: RefCell<Tokens<String>>,
    /// Whoever has it fetches a token. It holds why there will be none.
    fetching: Mutex<Option<Stop>>,
    requests: Cell<u32>,
    /// The refresh token that took the place of the settings' one.
    refresh_token: RefCell<Option<String>>,
}

/// What a request is sent with.
#[derive(Default)]
pub struct Authorization {
    /// A header and its value; none if the host adds it, or nobody.
    pub header: Option<(String, String)>,
    /// A query parameter and its value.
    pub parameter: Option<(String, String)>,
    /// Which token it is, counted from 1; 0 for none.
    pub token: u32,
}

/// The header that the credentials are in, in lower case; none where they
/// aren't in one.
#[must_use]
pub fn header_name(auth: &Auth) -> Option<String> {
    match auth {
        Auth::None {} => None,
        Auth::ApiKey(key) => key.header.as_ref().map(|name| name.to_ascii_lowercase()),
        Auth::Bearer(_) | Auth::Basic(_) | Auth::ClientCredentials(_) | Auth::RefreshToken(_) => {
            Some("authorization".to_owned())
        }
    }
}

/// A user's name beside a shorter password is the key, as some APIs want it.
const SHORTEST_PASSWORD: usize = 8;

/// What is secret of credentials that are sent as they are.
#[must_use]
pub fn secrets(auth: &Auth) -> Vec<&str> {
    match auth {
        Auth::Bearer(bearer) => vec![bearer.token.expose()],
        Auth::Basic(basic) => {
            let password = basic.password.expose();
            let key = Some(basic.username.as_str());
            let key = key.filter(|_| password.len() < SHORTEST_PASSWORD);
            [password].into_iter().chain(key).collect()
        }
        Auth::ApiKey(key) => vec![key.key.expose()],
        Auth::None {} | Auth::ClientCredentials(_) | Auth::RefreshToken(_) => Vec::new(),
    }
}

/// Foreign text without the credentials, which a server may have echoed.
#[must_use]
pub fn cleaned(auth: &Auth, text: &str) -> String {
    snippet::without(text, secrets(auth))
}

/// Where tokens come from; none where there are none.
#[must_use]
pub fn token_url(auth: &Auth) -> Option<&str> {
    match auth {
        Auth::ClientCredentials(client) => Some(&client.token_url),
        Auth::RefreshToken(client) => Some(&client.token_url),
        Auth::None {} | Auth::Bearer(_) | Auth::Basic(_) | Auth::ApiKey(_) => None,
    }
}

impl Authorization {
    fn by_header(value: String) -> Self {
        Self {
            header: Some(("authorization".to_owned(), value)),
            ..Self::default()
        }
    }
}

/// What every request is sent with; none where a token must be fetched.
#[must_use]
pub fn fixed(auth: &Auth) -> Option<Authorization> {
    Some(match auth {
        Auth::None {} => Authorization::default(),
        Auth::Bearer(it) => Authorization::by_header(format!("Bearer {}", it.token.expose())),
        Auth::Basic(it) => {
            Authorization::by_header(basic_header(&it.username, it.password.expose()))
        }
        Auth::ApiKey(key) => {
            let value = format!("{}{}", key.prefix, key.key.expose());
            let place = |name: &Option<String>| Some((name.clone()?, value.clone()));
            Authorization {
                header: place(&key.header),
                parameter: place(&key.parameter),
                token: 0,
            }
        }
        Auth::ClientCredentials(_) | Auth::RefreshToken(_) => return None,
    })
}

impl<'a> Credentials<'a> {
    /// Credentials as the source has them; no token yet.
    #[must_use]
    pub fn new(source: &'a Source) -> Self {
        let upstream = token_url(&source.auth).map(origin).unwrap_or_default();
        Self {
            source,
            upstream,
            tokens: RefCell::default(),
            fetching: Mutex::default(),
            requests: Cell::new(0),
            refresh_token: RefCell::default(),
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
        if let Some(fixed) = fixed(&self.source.auth) {
            return Some(fixed);
        }
        let (value, token) = self.tokens.borrow().present(now_ms)?;
        Some(Authorization {
            token,
            ..Authorization::by_header(value)
        })
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
        let renewed = self.refresh_token.borrow().clone();
        let Some(client) = client(&self.source.auth, renewed.as_deref()) else {
            return Ok(Authorization::default());
        };
        match self.fetch(http, budget, &client).await {
            Ok(token) => {
                if token.refresh_token.is_some() {
                    self.refresh_token.replace(token.refresh_token);
                }
                let now_ms = http.now_ms();
                let header = Some(("authorization".to_owned(), token.header.clone()));
                let mut tokens = self.tokens.borrow_mut();
                Ok(Authorization {
                    header,
                    token: tokens.fetched(token.header, token.lifetime_ms, now_ms),
                    ..Authorization::default()
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

    /// The source answered 401 to that token, to a request that was sent with `first` at
    /// first.
    pub fn refused(&self, token: u32, first: u32) -> Renewal {
        match &self.source.auth {
            Auth::ClientCredentials(_) | Auth::RefreshToken(_) => {
                self.tokens.borrow_mut().refused(token, first)
            }
            Auth::None {} | Auth::Bearer(_) | Auth::Basic(_) | Auth::ApiKey(_) => Renewal::Refused,
        }
    }

    async fn fetch<H: Http>(
        &self,
        http: &H,
        budget: Budget,
        client: &Client<'_>,
    ) -> Result<Token, Stop> {
        let retry = &self.source.retry;
        let mut attempts = Attempts::new(retry.max_attempts, retry.backoff());
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
                None => return Err(self.stop(&failed, left)),
            }
        }
    }

    /// Why there is no token.
    fn stop(&self, failed: &Failed, left_ms: u64) -> Stop {
        let (kind, reason) = (failed.kind, failed.sentence());
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

/// Who asks for tokens; none where there are none. `renewed` is a refresh token
/// that took the place of the settings' one.
#[must_use]
pub fn client<'c>(auth: &'c Auth, renewed: Option<&'c str>) -> Option<Client<'c>> {
    let pair = |it: &'c Header| (it.name.as_str(), it.value.expose());
    match auth {
        Auth::ClientCredentials(it) => {
            let audience = Some(it.audience.as_str()).filter(|it| !it.is_empty());
            let audience = audience.map(|audience| ("audience", audience));
            Some(Client {
                token_url: &it.token_url,
                client_id: &it.client_id,
                client_secret: it.client_secret.expose(),
                refresh_token: None,
                scope: &it.scope,
                credentials_in: it.credentials_in,
                parameters: audience
                    .into_iter()
                    .chain(it.parameters.iter().map(pair))
                    .collect(),
            })
        }
        Auth::RefreshToken(it) => Some(Client {
            token_url: &it.token_url,
            client_id: &it.client_id,
            client_secret: it.client_secret.expose(),
            refresh_token: Some(renewed.unwrap_or(it.refresh_token.expose())),
            scope: &it.scope,
            credentials_in: it.credentials_in,
            parameters: it.parameters.iter().map(pair).collect(),
        }),
        Auth::None {} | Auth::Bearer(_) | Auth::Basic(_) | Auth::ApiKey(_) => None,
    }
}

fn token_request(client: &Client<'_>, timeout_ms: u64) -> HttpRequest {
    let headers = client.headers();
    HttpRequest {
        method: HttpMethod::Post,
        url: client.token_url.to_owned(),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
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
    let check = None;
    let failed = |kind, reason| {
        Err(Failed {
            kind,
            reason,
            check,
        })
    };
    match outcome {
        Ok(response) => client.read(Reply {
            status: response.status,
            body: &response.body,
            location: response.header("location"),
            asked: asked(response, today),
        }),
        Err(HttpError::Unreached(cause) | HttpError::Unavailable(cause)) => {
            let cause = snippet::line(cause);
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
            let cause = snippet::line(cause);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Mistakes, read};

    #[test]
    fn a_key_in_the_users_place_is_a_secret() {
        let check = |username: &str, password: &str, expected: &[&str]| {
            let text =
                format!(r#"{{"type":"basic","username":"{username}","password":"{password}"}}"#);
            let node = crate::settings::Node::parse(&text, &mut Mistakes::default());
            let auth: Option<Auth> = node.and_then(|node| read(node, &mut Mistakes::default()));
            assert!(
                auth.as_ref().is_some_and(|auth| secrets(auth) == expected),
                "{text}"
            );
        };
        check("sk_live_1", "", &["", "sk_live_1"]);
        check("sk_live_1", "X", &["X", "sk_live_1"]);
        check("me", "long enough", &["long enough"]);
    }
}
