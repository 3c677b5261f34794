//! Callers that need a token → one request for it, whoever asks and however
//! many they are. Which token is renewed, and which refusal is final, is decided
//! in `rowcast_pipeline::oauth`.

use super::grant::{Grant, NoToken, Token};
use super::{AuthorizeError, Credential};
use crate::Secret;
use crate::http_out::client::{Bounds, Client};
use crate::random::random;
use rowcast_pipeline::oauth::{self, Attempts, FailureKind, LONGEST_ANSWER, Renewal, TOKEN_URL};
use rowcast_pipeline::retry::Backoff;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Requests for one token at most.
const ATTEMPTS: u32 = 3;
/// Waits between them.
const BACKOFF: Backoff = Backoff {
    base_ms: 250,
    longest_ms: 2_000,
};
/// A refused client isn't asked about again for this long: requests of a run
/// that's ending needn't press the server.
const QUIET_AFTER_REFUSAL: Duration = Duration::from_secs(10);
/// The longest pause that's believed.
const LONGEST_QUIET: Duration = Duration::from_hours(7 * 24);

/// The tokens of one client, one at a time.
#[derive(Debug)]
pub struct Tokens {
    grant: Grant,
    client: Client,
    /// For obtaining a token, all attempts and waits included.
    time: Duration,
    started: Instant,
    /// How often obtaining one has come to an end, well or not.
    rounds: AtomicU64,
    state: Mutex<oauth::Tokens<Credential>>,
    /// Held while a token is fetched: whoever else needs one waits for it.
    fetching: tokio::sync::Mutex<Fetching>,
}

/// What the last request for a token left.
#[derive(Debug, Default)]
struct Fetching {
    failure: Option<Failure>,
    /// The refresh token that took the place of the settings' one.
    renewal: Option<Secret>,
}

#[derive(Debug)]
struct Failure {
    error: AuthorizeError,
    /// The token endpoint is left alone until then.
    quiet_until: Instant,
}

impl Tokens {
    /// Tokens by that grant, each obtained within `time`.
    pub fn new(grant: Grant, client: Client, time: Duration) -> Self {
        Self {
            grant,
            client,
            time,
            started: Instant::now(),
            rounds: AtomicU64::new(0),
            state: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// The present token or a new one, and its number.
    pub async fn present_or_new(&self) -> Result<(Credential, u32), AuthorizeError> {
        if let Some(present) = self.present() {
            return Ok(present);
        }
        let rounds = self.rounds.load(Ordering::Acquire);
        let mut last = self.fetching.lock().await;
        if let Some(present) = self.present() {
            return Ok(present);
        }
        // What the others who wanted this very token were told, counts for
        // this caller too: fifty of them don't fail one after the other.
        let waited = self.rounds.load(Ordering::Acquire) != rounds;
        if let Some(known) = &last.failure
            && (waited || Instant::now() < known.quiet_until)
        {
            return Err(known.error.clone());
        }
        let fetched = self.fetch(last.renewal.as_ref()).await;
        self.rounds.fetch_add(1, Ordering::Release);
        match fetched {
            Ok(Token {
                header,
                lifetime_ms,
                renewal,
            }) => {
                last.failure = None;
                last.renewal = renewal.or(last.renewal.take());
                let now = self.now_ms();
                let credential = Credential::of_token(header);
                let fetched = credential.clone();
                let number = self.state().fetched(fetched, lifetime_ms, now);
                Ok((credential, number))
            }
            Err(no_token) => {
                let has_worked = self.state().has_worked();
                let (error, quiet_until) = told(no_token, has_worked, Instant::now());
                last.failure = Some(Failure {
                    error: error.clone(),
                    quiet_until,
                });
                Err(error)
            }
        }
    }

    /// The source accepted a request with that token.
    pub fn worked(&self, token: u32) {
        self.state().worked(token);
    }

    /// The source answered 401 to it. Whether another may be had.
    pub fn refused(&self, token: u32, first: u32) -> bool {
        self.state().refused(token, first) == Renewal::Repeat
    }

    fn present(&self) -> Option<(Credential, u32)> {
        self.state().present(self.now_ms())
    }

    async fn fetch(&self, renewal: Option<&Secret>) -> Result<Token, NoToken> {
        let deadline = Instant::now() + self.time;
        let mut attempts = Attempts::new(ATTEMPTS, BACKOFF);
        loop {
            // One that hangs leaves time for another.
            let left = deadline.saturating_duration_since(Instant::now());
            let bounds = Bounds {
                time: (self.time / ATTEMPTS).min(left),
                body_bytes: LONGEST_ANSWER,
            };
            let request = self.grant.request(renewal);
            let outcome = self.client.exchange(request, bounds).await;
            let no_token = match self.grant.read(renewal, &outcome, SystemTime::now()) {
                Ok(token) => return Ok(token),
                Err(no_token) => no_token,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            match attempts.after(&no_token.failed, left_ms, random()) {
                Some(wait_ms) => tokio::time::sleep(Duration::from_millis(wait_ms)).await,
                None => return Err(no_token),
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn state(&self) -> MutexGuard<'_, oauth::Tokens<Credential>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What callers are told, and until when the token endpoint is left alone. One that has
/// given tokens which worked is out of order where it gives something else.
fn told(
    NoToken { failed, hint }: NoToken,
    has_worked: bool,
    now: Instant,
) -> (AuthorizeError, Instant) {
    let reason = failed.reason;
    match failed.kind {
        FailureKind::Denied if failed.check == Some(TOKEN_URL) && has_worked => {
            (AuthorizeError::Unavailable(reason), now)
        }
        FailureKind::Denied => {
            let quiet_until = now + QUIET_AFTER_REFUSAL;
            (AuthorizeError::Denied { reason, hint }, quiet_until)
        }
        FailureKind::Unavailable | FailureKind::Limited(None) => {
            (AuthorizeError::Unavailable(reason), now)
        }
        FailureKind::Limited(Some(asked_ms)) => {
            let until = now + Duration::from_millis(asked_ms).min(LONGEST_QUIET);
            (AuthorizeError::Limited { reason, until }, until)
        }
    }
}
