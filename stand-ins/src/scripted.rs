//! A test's script → a server that replies what it says, and keeps what it saw.

#![expect(
    clippy::expect_used,
    reason = "without a port a test can't go on, and no lock here is poisoned"
)]

use crate::http::{Reply, Seen, Server};
use bytes::Bytes;
use http::Request;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// How long requests are waited for.
const PATIENCE: Duration = Duration::from_mins(2);

/// A scripted server on a port of its own; ends when it's dropped.
pub struct ScriptedSource {
    server: Server,
    state: Arc<State>,
}

type Script = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

struct State {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    /// Requests from this number on are held until that's over.
    held_from: usize,
    held: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

impl ScriptedSource {
    /// The script is given each request and its number, from 0.
    pub async fn start(script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::holding(usize::MAX, script).await
    }

    /// Gives these replies one by one, the last one for ever.
    pub async fn replies(replies: Vec<Reply>) -> Self {
        Self::start(move |_, number| {
            let reply = replies.get(number).or(replies.last());
            reply.cloned().unwrap_or(Reply::Reset)
        })
        .await
    }

    /// Requests from that number on are answered after `release`.
    pub async fn holding(
        held_from: usize,
        script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let state = Arc::new(State {
            script: Box::new(script),
            seen: Mutex::default(),
            held_from,
            held: watch::Sender::new(0),
            released: watch::Sender::new(false),
        });
        let serving = Arc::clone(&state);
        let server = Server::start(move |seen| {
            let state = Arc::clone(&serving);
            async move { state.reply(seen).await }
        });
        let server = server.await.expect("a free port");
        Self { server, state }
    }

    /// `http://127.0.0.1:port`
    #[must_use]
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().expect("no poison").clone()
    }

    /// The same as requests.
    #[must_use]
    pub fn received(&self) -> Vec<Request<Bytes>> {
        let seen = self.seen();
        let requests = seen.iter().map(Seen::request);
        requests
            .collect::<Result<_, _>>()
            .expect("what was a request")
    }

    /// Returns once that many requests are held.
    pub async fn held(&self, requests: usize) {
        let mut held = self.state.held.subscribe();
        let enough = held.wait_for(|held| *held >= requests);
        tokio::time::timeout(PATIENCE, enough)
            .await
            .expect("enough requests in time")
            .expect("a sender");
    }

    /// Answers what is held, and holds nothing any more.
    pub fn release(&self) {
        self.state.released.send_replace(true);
    }

    /// Connections accepted until now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.server.connections()
    }

    /// The most requests that it had at once.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.server.most_in_flight()
    }
}

impl State {
    async fn reply(&self, seen: Seen) -> Reply {
        let number = {
            let mut all = self.seen.lock().expect("no poison");
            all.push(seen.clone());
            all.len() - 1
        };
        if number >= self.held_from {
            self.held.send_modify(|held| *held += 1);
            let mut released = self.released.subscribe();
            if released.wait_for(|released| *released).await.is_err() {
                return Reply::Reset;
            }
        }
        (self.script)(&seen, number)
    }
}
