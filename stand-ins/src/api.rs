//! A description of an API → a server on 127.0.0.1 that answers as that API
//! does: shapes, pages, who may ask, limits and how it refuses. One server for
//! all APIs that presets are for, but Spotify's.

mod answer;
mod description;
#[cfg(test)]
mod tests;

pub use answer::{KEY, TOKEN};
pub use description::{Api, Span};

use crate::capacity::{Limit, Meter};
use crate::http::{Reply, Seen, Server};
use crate::source::{Log, Logged, Pause, Refusal};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What an answer takes.
const LATENCY: Duration = Duration::from_millis(15);

/// A running stand-in; dropping it ends it and its connections.
pub struct ApiStandIn {
    server: Server,
    service: Arc<Service>,
}

struct Service {
    api: Api,
    state: Mutex<State>,
}

struct State {
    meter: Meter,
    log: Log,
}

/// What is replied, and what that was.
struct Answer {
    reply: Reply,
    outcome: Logged,
    pause: Option<Pause>,
}

impl ApiStandIn {
    /// Listens on a free port of 127.0.0.1 and answers from then on.
    pub async fn start(api: Api) -> io::Result<Self> {
        let meter = Meter::new(api.limit());
        let service = Arc::new(Service {
            api,
            state: Mutex::new(State {
                meter,
                log: Log::default(),
            }),
        });
        let serving = Arc::clone(&service);
        let server = Server::start(move |seen| {
            let service = Arc::clone(&serving);
            async move { service.reply(&seen).await }
        });
        Ok(Self {
            server: server.await?,
            service,
        })
    }

    /// Scheme, address and port, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// What it answers as.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.service.api
    }

    /// How many records it has, on all pages of such a request.
    #[must_use]
    pub fn records(&self, target: &str) -> u64 {
        answer::read(self.api(), target, "").map_or(0, |asked| asked.total())
    }

    /// Every request until now.
    #[must_use]
    pub fn log(&self) -> Log {
        self.service.with(|state| state.log.clone())
    }

    /// Stops accepting, finishes the answers under way, and returns once the
    /// port is free.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

impl Service {
    async fn reply(&self, seen: &Seen) -> Reply {
        let answer = self.with(|state| {
            let answer = state.answer(&self.api, seen);
            state.log.push(seen, answer.outcome);
            answer
        });
        tokio::time::sleep(LATENCY).await;
        if let Some(pause) = answer.pause {
            let now = Instant::now();
            self.with(|state| state.log.pause(now, pause.left(now)));
        }
        answer.reply
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn answer(&mut self, api: &Api, seen: &Seen) -> Answer {
        let answer = |reply, outcome| Answer {
            reply,
            outcome,
            pause: None,
        };
        let host = seen.header("host").unwrap_or_default();
        let asked = answer::read(api, &seen.target, host).filter(|_| seen.method == "GET");
        let Some(asked) = asked else {
            return answer(Reply::status(404, "{}"), Logged::Failed);
        };
        if let Some(reply) = answer::unmet(api, seen) {
            return answer(reply, Logged::Unauthorised);
        }
        if let Err(wait) = self.meter.take(1.0, seen.at) {
            let body = |status| api.refusal(status);
            let (reply, pause) = api.refuses.reply(api.limit(), wait, body);
            let outcome = Logged::Refused;
            return Answer {
                reply,
                outcome,
                pause,
            };
        }
        // By how often this very request came.
        let same = self.log.asked.iter().filter(|it| it.target == seen.target);
        let before = u32::try_from(same.count()).unwrap_or(u32::MAX);
        let (reply, outcome) = match asked.hiccup(before) {
            Some(reply) => (reply, Logged::Failed),
            None => (asked.reply(), Logged::Good),
        };
        answer(self.announced(api, reply, seen.at), outcome)
    }

    /// What is left is said with every answer, by those who say it at all.
    fn announced(&mut self, api: &Api, reply: Reply, now: Instant) -> Reply {
        let (name, of_epoch) = match api.refuses {
            Refusal::TooManyIn => ("x-ratelimit-reset-in", false),
            Refusal::ForbiddenUntil | Refusal::TooManyUntil => ("x-ratelimit-reset", true),
            Refusal::RetryAfter
            | Refusal::TooMany
            | Refusal::Unavailable
            | Refusal::Overloaded
            | Refusal::Forbidden
            | Refusal::InBody => return reply,
        };
        let Some((left, reset)) = self.meter.left(now) else {
            return reply;
        };
        let since = if of_epoch {
            let epoch = std::time::SystemTime::UNIX_EPOCH.elapsed();
            epoch.unwrap_or_default()
        } else {
            Duration::ZERO
        };
        let reset = (since + reset).as_secs() + 1;
        reply
            .with_header("x-ratelimit-limit", api.limit().most())
            .with_header("x-ratelimit-remaining", left.to_string())
            .with_header(name, reset.to_string())
    }
}

impl Api {
    /// How much it lets through.
    #[must_use]
    pub fn limit(&self) -> Limit {
        let (most, span) = (self.limit.most, Duration::from_millis(self.limit.per_ms));
        if self.limit.fixed {
            Limit::Fixed { most, span }
        } else {
            Limit::Window { most, span }
        }
    }
}
