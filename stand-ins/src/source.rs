//! A music API with faults and limits. Faults come in a given order, or by rates
//! and a seed; limits are capacities. It knows when it asked for a pause, and
//! who didn't keep it.

#![expect(
    clippy::expect_used,
    reason = "without a port a test can't go on, and no lock here is poisoned"
)]

mod answer;
mod log;
#[cfg(test)]
mod tests;

pub use answer::{Refusal, TRACKS};
pub use log::{Asked, Logged};

use crate::capacity::{Limit, Meter};
use crate::chance::Chance;
use crate::http::{Port, Reply, Seen, Server};
use answer::{Pause, artist_and_country, error, tracks};
use log::Log;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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
    /// A good answer, and 20 ms later the connection is reset.
    ThenReset,
}

/// The port is closed once.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// By the request with that number, from 0.
    pub at: usize,
    /// For so long.
    pub lasting: Duration,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct SourcePlan {
    /// Of all chances.
    pub seed: u64,
    /// Faults of the first requests, one after the other.
    pub first: &'static [SourceFault],
    /// Then faults by chances in a thousand.
    pub rates: &'static [(SourceFault, u64)],
    /// Artists in a thousand that are not there: 404.
    pub missing: u64,
    /// Artists for whom each request fails so.
    pub always: &'static [(&'static str, SourceFault)],
    /// After so many requests all tokens given until then expire.
    pub expire_tokens_after: Option<usize>,
    /// A token is good for so many requests.
    pub requests_per_token: Option<u32>,
    /// How much it lets through, and what it says to what it doesn't.
    pub limit: Option<(Limit, Refusal)>,
    /// When its port is closed.
    pub outage: Option<Outage>,
    /// Milliseconds that an answer takes: at least, and at most.
    pub latency_ms: (u64, u64),
}

impl SourcePlan {
    /// No faults. An answer takes a little, so that requests overlap.
    pub const QUIET: Self = Self {
        seed: 0,
        first: &[],
        rates: &[],
        missing: 0,
        always: &[],
        expire_tokens_after: None,
        requests_per_token: None,
        limit: None,
        outage: None,
        latency_ms: (15, 15),
    };
}

/// The music API on a port of its own; ends when it's dropped.
pub struct FaultySource {
    server: Server,
    service: Arc<Service>,
}

struct Service {
    plan: SourcePlan,
    port: Port,
    state: Mutex<State>,
}

struct State {
    meter: Option<Meter>,
    /// Requests by target.
    asked: HashMap<String, u32>,
    requests: usize,
    /// How often each token was used.
    tokens: Vec<u32>,
    /// Tokens before this one have expired.
    valid_from: usize,
    log: Log,
}

/// What a request gets, and how long it takes.
struct Decision {
    reply: Reply,
    /// It asks for a pause that begins when it is sent.
    pause: Option<Pause>,
    /// The port is closed for so long.
    closes: Option<Duration>,
    latency: Duration,
}

impl FaultySource {
    /// Listens, and replies as planned from then on.
    pub async fn start(plan: SourcePlan) -> Self {
        let service = Arc::new(Service {
            plan,
            port: Port::default(),
            state: Mutex::new(State::new(&plan)),
        });
        let serving = Arc::clone(&service);
        let server = Server::start_at(service.port.clone(), move |seen| {
            let service = Arc::clone(&serving);
            async move { service.reply(seen).await }
        });
        Self {
            server: server.await.expect("a free port"),
            service,
        }
    }

    /// `http://127.0.0.1:port`
    #[must_use]
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// Requests for tracks that reached it.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.log().len()
    }

    /// Requests that ended so.
    #[must_use]
    pub fn count(&self, outcome: Logged) -> usize {
        let log = self.log();
        log.iter().filter(|asked| asked.outcome == outcome).count()
    }

    /// Every request for tracks.
    #[must_use]
    pub fn log(&self) -> Vec<Asked> {
        let state = self.service.state.lock().expect("no poison");
        state.log.asked.clone()
    }

    /// Tokens that it gave.
    #[must_use]
    pub fn tokens(&self) -> usize {
        let state = self.service.state.lock().expect("no poison");
        state.tokens.len()
    }

    /// Requests that came in a pause which it had asked for.
    #[must_use]
    pub fn inside_pauses(&self) -> usize {
        let state = self.service.state.lock().expect("no poison");
        state.log.inside_pauses()
    }
}

impl Service {
    async fn reply(&self, seen: Seen) -> Reply {
        let decision = self
            .state
            .lock()
            .expect("no poison")
            .decide(&self.plan, &seen);
        if let Some(lasting) = decision.closes {
            self.port.close_for(lasting);
        }
        tokio::time::sleep(decision.latency).await;
        if let Some(pause) = decision.pause {
            let mut state = self.state.lock().expect("no poison");
            let now = Instant::now();
            state.log.pause(now, pause.left(now));
        }
        decision.reply
    }
}

impl State {
    fn new(plan: &SourcePlan) -> Self {
        Self {
            meter: plan.limit.map(|(limit, _)| Meter::new(limit)),
            asked: HashMap::new(),
            requests: 0,
            tokens: Vec::new(),
            valid_from: 0,
            log: Log::default(),
        }
    }

    fn decide(&mut self, plan: &SourcePlan, seen: &Seen) -> Decision {
        let (least, most) = plan.latency_ms;
        let turn = u32::try_from(self.requests).unwrap_or(u32::MAX);
        let drawn = Chance::of(plan.seed, "latency", turn).draw();
        let latency = Duration::from_millis(least + drawn % (most.saturating_sub(least) + 1));
        if seen.target == "/api/token" {
            return Decision {
                reply: self.token(),
                pause: None,
                closes: None,
                latency,
            };
        }
        let outage = plan.outage.filter(|outage| outage.at == self.requests);
        let (reply, outcome, pause) = match outage {
            Some(_) => (Reply::Reset, Logged::Failed, None),
            None => self.tracks(plan, seen),
        };
        self.requests += 1;
        self.log.push(seen, outcome);
        Decision {
            reply,
            pause,
            closes: outage.map(|outage| outage.lasting),
            latency,
        }
    }

    fn token(&mut self) -> Reply {
        let token = format!("token-{}", self.tokens.len());
        self.tokens.push(0);
        Reply::json(format!(
            r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#
        ))
    }

    fn tracks(&mut self, plan: &SourcePlan, seen: &Seen) -> (Reply, Logged, Option<Pause>) {
        let number = self.requests;
        if let (Some(meter), Some((limit, refusal))) = (&mut self.meter, plan.limit)
            && let Err(wait) = meter.take(1.0, seen.at)
        {
            let (reply, pause) = refusal.reply(limit, wait);
            return (reply, Logged::Refused, pause);
        }
        if plan.expire_tokens_after == Some(number) {
            self.valid_from = self.tokens.len();
        }
        if !self.knows_token(plan, seen) {
            let reply = error(401, "The access token expired");
            return (reply, Logged::Unauthorised, None);
        }
        match self.fault(plan, seen, number) {
            Some(fault) => {
                let (reply, pause) = answer::fault(fault, &seen.target);
                (reply, Logged::Failed, pause)
            }
            None => (Reply::json(tracks(&seen.target)), Logged::Good, None),
        }
    }

    fn knows_token(&mut self, plan: &SourcePlan, seen: &Seen) -> bool {
        let token = seen.header("authorization").unwrap_or_default();
        let token = token.strip_prefix("Bearer token-");
        let Some(number) = token.and_then(|token| token.parse::<usize>().ok()) else {
            return false;
        };
        let Some(used) = self.tokens.get_mut(number) else {
            return false;
        };
        *used += 1;
        number >= self.valid_from && plan.requests_per_token.is_none_or(|most| *used <= most)
    }

    fn fault(&mut self, plan: &SourcePlan, seen: &Seen, number: usize) -> Option<SourceFault> {
        if let Some(fault) = plan.first.get(number) {
            return Some(*fault);
        }
        let artist = artist_and_country(&seen.target).0;
        if let Some((_, fault)) = plan.always.iter().find(|(failing, _)| *failing == artist) {
            return Some(*fault);
        }
        let missing = Chance::of(plan.seed, artist, 0).among(&[((), plan.missing)]);
        if missing.is_some() {
            return Some(SourceFault::Status(404));
        }
        let turn = self.asked.entry(seen.target.clone()).or_default();
        *turn += 1;
        Chance::of(plan.seed, &seen.target, *turn).among(plan.rates)
    }
}
