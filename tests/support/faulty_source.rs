//! A music API that fails: in a given order, or by rates and a seed. It knows
//! when it asked for silence, and who didn't keep it.

use super::chance::Chance;
use super::source::{Reply, ScriptedSource, Seen};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// Tracks of each artist in each country.
pub const TRACKS: usize = 4;

/// Requests that were on their way when silence was asked for break no rule, if
/// they come soon and are few.
const ON_THE_WAY: Duration = Duration::from_millis(500);
const ON_THE_WAY_AT_MOST: usize = 20;

/// What an answer takes, so that requests overlap and a run lasts.
const DELAY: Duration = Duration::from_millis(15);

/// One way to fail.
#[derive(Clone, Copy, Debug)]
pub enum SourceFault {
    /// 429, and how many seconds to wait.
    RetryAfter(u64),
    /// 503, and until when to wait: so many seconds from now.
    RetryAfterDate(u64),
    /// 429 with Spotify's word for a used-up quota, without a time.
    QuotaExceeded,
    /// That status without more.
    Status(u16),
    /// The connection is closed before the headers.
    Reset,
    /// The connection is closed in the middle of the body.
    Cut,
    /// Half of the JSON, its length being right.
    Truncated,
    /// 200, and an error for a body.
    ErrorBody,
    /// The first record lacks what the configuration requires.
    Lacking,
    /// The first record holds a number that DynamoDB can't.
    Unstorable,
    /// A body that comes too slowly.
    Drip,
    /// No answer.
    Never,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct SourcePlan {
    pub seed: u64,
    /// Faults of the first requests, one after the other.
    pub first: &'static [SourceFault],
    /// Then faults by chances in a thousand.
    pub rates: &'static [(SourceFault, u64)],
    /// Artists in a thousand that are not there: 404.
    pub missing: u64,
    /// After so many requests all tokens given until then expire.
    pub expire_tokens_after: Option<usize>,
}

impl SourcePlan {
    /// No faults.
    pub const QUIET: Self = Self {
        seed: 0,
        first: &[],
        rates: &[],
        missing: 0,
        expire_tokens_after: None,
    };
}

pub struct FaultySource {
    server: ScriptedSource,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    /// Requests by target.
    asked: HashMap<String, u32>,
    requests: usize,
    tokens: u32,
    /// Tokens before this one have expired.
    valid_from: u32,
    silences: Vec<(Instant, Duration)>,
}

impl FaultySource {
    pub async fn start(plan: SourcePlan) -> Self {
        let books: Arc<Mutex<Books>> = Arc::default();
        let own = Arc::clone(&books);
        let server =
            ScriptedSource::slow(DELAY, move |seen, _| own.lock().unwrap().reply(&plan, seen))
                .await;
        Self { server, books }
    }

    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// Requests for tracks.
    pub fn requests(&self) -> usize {
        self.books.lock().unwrap().requests
    }

    /// Requests that came while silence was asked for.
    pub fn inside_silences(&self) -> usize {
        let silences = self.books.lock().unwrap().silences.clone();
        let seen = self.server.seen();
        let asked = seen.iter().filter(|seen| seen.method == "GET");
        let inside = |(from, length): &(Instant, Duration)| {
            let passed = asked
                .clone()
                .filter_map(|seen| seen.at.checked_duration_since(*from))
                .filter(|passed| passed < length);
            let (soon, late): (Vec<_>, Vec<_>) = passed.partition(|passed| *passed < ON_THE_WAY);
            late.len() + soon.len().saturating_sub(ON_THE_WAY_AT_MOST)
        };
        silences.iter().map(inside).sum()
    }
}

impl Books {
    fn reply(&mut self, plan: &SourcePlan, seen: &Seen) -> Reply {
        if seen.target == "/api/token" {
            self.tokens += 1;
            let token = format!("token-{}", self.tokens);
            return Reply::json(format!(
                r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#
            ));
        }
        let number = self.requests;
        self.requests += 1;
        if plan.expire_tokens_after == Some(number) {
            self.valid_from = self.tokens + 1;
        }
        let token = seen.header("authorization").unwrap_or_default();
        let token: u32 = token
            .strip_prefix("Bearer token-")
            .map_or(0, |it| it.parse().unwrap());
        if token < self.valid_from.max(1) {
            return error(401, "The access token expired");
        }
        if let Some(fault) = plan.first.get(number) {
            return self.fail(*fault, seen);
        }
        let artist = artist_and_country(&seen.target).0;
        if Chance::of(plan.seed, artist, 0)
            .among(&[((), plan.missing)])
            .is_some()
        {
            return error(404, "Resource not found");
        }
        let turn = self.asked.entry(seen.target.clone()).or_default();
        *turn += 1;
        match Chance::of(plan.seed, &seen.target, *turn).among(plan.rates) {
            Some(fault) => self.fail(fault, seen),
            None => Reply::json(tracks(&seen.target)),
        }
    }

    fn fail(&mut self, fault: SourceFault, seen: &Seen) -> Reply {
        let body = tracks(&seen.target);
        match fault {
            SourceFault::RetryAfter(seconds) => {
                self.silence(seconds);
                error(429, "API rate limit exceeded")
                    .with_header("retry-after", seconds.to_string())
            }
            SourceFault::RetryAfterDate(seconds) => {
                self.silence(seconds);
                let now = SystemTime::now();
                let until = now + Duration::from_secs(seconds);
                error(503, "Service unavailable")
                    .with_header("date", httpdate::fmt_http_date(now))
                    .with_header("retry-after", httpdate::fmt_http_date(until))
            }
            SourceFault::QuotaExceeded => Reply::status(
                429,
                r#"{"error":{"status":429,"message":"Quota exceeded","reason":"QUOTA_EXCEEDED"}}"#,
            ),
            SourceFault::Status(status) => error(status, "Something went wrong"),
            SourceFault::Reset => Reply::Reset,
            SourceFault::Cut => Reply::Cut(body),
            SourceFault::Truncated => Reply::json(&body[..body.len() / 2]),
            SourceFault::ErrorBody => {
                Reply::json(r#"{"error":{"status":500,"message":"Something went wrong"}}"#)
            }
            SourceFault::Lacking => Reply::json(body.replacen("popularity", "fame", 1)),
            SourceFault::Unstorable => {
                let digits = "7".repeat(39);
                Reply::json(body.replacen(
                    "\"energy\":",
                    &format!("\"energy\":{digits},\"was\":"),
                    1,
                ))
            }
            SourceFault::Drip => Reply::Drip(Duration::from_millis(20), body),
            SourceFault::Never => Reply::Never,
        }
    }

    fn silence(&mut self, seconds: u64) {
        self.silences
            .push((Instant::now(), Duration::from_secs(seconds)));
    }
}

fn error(status: u16, message: &str) -> Reply {
    let body = format!(r#"{{"error":{{"status":{status},"message":"{message}"}}}}"#);
    Reply::status(status, body)
}

/// Of `/v1/artists/…/top-tracks?market=…`.
fn artist_and_country(target: &str) -> (&str, &str) {
    let rest = target.strip_prefix("/v1/artists/").unwrap();
    let (artist, rest) = rest.split_once('/').unwrap();
    (artist, rest.strip_prefix("top-tracks?market=").unwrap())
}

fn tracks(target: &str) -> String {
    let (artist, country) = artist_and_country(target);
    let tracks: Vec<String> = (0..TRACKS)
        .map(|track| {
            let popularity = Chance::of(0, target, 0).draw() % 100;
            format!(
                r#"{{"id":"{artist}-{track}","name":"Nº {track} \u00fcber {country}","popularity":{popularity},"energy":0.{popularity}1234567890123456789,"tags":["a",null,{{}}]}}"#
            )
        })
        .collect();
    format!(r#"{{"tracks":[{}]}}"#, tracks.join(","))
}
