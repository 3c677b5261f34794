//! Callers that need a token → one request for it, whoever asks and however
//! many they are.

use super::AuthorizeError;
use super::grant::{ATTEMPTS, Circumstances, Grant, Verdict};
use crate::http_out::client::{Bounds, Client};
use http::HeaderValue;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// No token is longer than this.
const ANSWER_BYTES: u64 = 256 * 1024;
/// A server that refuses a new token this soon doesn't refuse it for its age,
/// and would refuse the next as well.
const YOUNG: Duration = Duration::from_secs(30);

/// The tokens of one client, one at a time.
#[derive(Debug)]
pub struct Tokens {
    grant: Grant,
    client: Client,
    /// For obtaining a token, all attempts and waits included.
    time: Duration,
    requests: AtomicU64,
    /// How often obtaining one has come to an end, well or not.
    rounds: AtomicU64,
    /// Held while a token is fetched: whoever else needs one waits for it.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    failure: Option<Failure>,
    /// The token before this one was refused.
    replacing: bool,
}

#[derive(Debug)]
struct Token {
    header: HeaderValue,
    fetched: Instant,
    usable_until: Instant,
    /// It was fetched because another was refused.
    replacement: bool,
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
        let (requests, rounds) = (AtomicU64::new(0), AtomicU64::new(0));
        Self {
            grant,
            client,
            time,
            requests,
            rounds,
            state: Mutex::default(),
        }
    }

    /// Requests sent to the token endpoint.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The header with the present token, or with a new one.
    pub async fn header(&self) -> Result<HeaderValue, AuthorizeError> {
        let rounds = self.rounds.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(token) = state
            .token
            .as_ref()
            .filter(|token| now < token.usable_until)
        {
            return Ok(token.header.clone());
        }
        // What the others who wanted this very token were told, counts for
        // this caller too: fifty of them don't fail one after the other.
        let waited = self.rounds.load(Ordering::Acquire) != rounds;
        if let Some(failure) = &state.failure
            && (waited || now < failure.quiet_until)
        {
            return Err(failure.error.clone());
        }
        let fetched = self.fetch().await;
        self.rounds.fetch_add(1, Ordering::Release);
        match fetched {
            Ok((header, life)) => {
                let fetched = Instant::now();
                let usable_until = fetched.checked_add(life).unwrap_or(fetched);
                let replacement = std::mem::take(&mut state.replacing);
                state.failure = None;
                let token = Token {
                    header: header.clone(),
                    fetched,
                    usable_until,
                    replacement,
                };
                state.token = Some(token);
                Ok(header)
            }
            Err((error, quiet)) => {
                let now = Instant::now();
                let quiet_until = now.checked_add(quiet).unwrap_or(now);
                state.failure = Some(Failure {
                    error: error.clone(),
                    quiet_until,
                });
                Err(error)
            }
        }
    }

    /// Forgets a refused token, unless that has been done already. Whether
    /// another may be had.
    pub async fn refused(&self, header: &HeaderValue) -> bool {
        let mut state = self.state.lock().await;
        // Compared, because ten requests that went out with one token come
        // back with ten refusals of it.
        let Some(token) = state.token.take_if(|token| token.header == *header) else {
            return true;
        };
        if token.replacement && token.fetched.elapsed() < YOUNG {
            state.token = Some(token);
            return false;
        }
        state.replacing = true;
        true
    }

    async fn fetch(&self) -> Result<(HeaderValue, Duration), (AuthorizeError, Duration)> {
        let deadline = Instant::now() + self.time;
        let mut attempt = 1;
        loop {
            // One that hangs leaves time for another.
            let left = deadline.saturating_duration_since(Instant::now());
            let time = (self.time / ATTEMPTS).min(left);
            let bounds = Bounds {
                time,
                body_bytes: ANSWER_BYTES,
            };
            self.requests.fetch_add(1, Ordering::Relaxed);
            let outcome = self.client.exchange(self.grant.request(), bounds).await;
            let circumstances = Circumstances {
                attempt,
                left: deadline.saturating_duration_since(Instant::now()),
                today: SystemTime::now(),
                random: random(),
            };
            match self.grant.judge(&outcome, circumstances) {
                Verdict::Token { header, life } => return Ok((header, life)),
                Verdict::Denied {
                    reason,
                    hint,
                    quiet,
                } => {
                    return Err((AuthorizeError::Denied { reason, hint }, quiet));
                }
                Verdict::Unavailable { reason, quiet } => {
                    return Err((AuthorizeError::Unavailable(reason), quiet));
                }
                Verdict::Again(pause) => {
                    tokio::time::sleep(pause).await;
                    attempt += 1;
                }
            }
        }
    }
}

/// A number that differs between hosts and calls, for jitter: the standard
/// library seeds its hash maps with it.
fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
