//! A catalogue → a server that answers as Spotify's Web API does: the token
//! endpoint and an artist's top tracks, over HTTP/1.1 on 127.0.0.1.

mod answer;
#[cfg(test)]
mod tests;

use crate::catalog::Catalog;
use crate::http::Server;
use answer::Service;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// As long as Spotify's tokens live.
const TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// The client that the stand-in gives tokens to.
#[derive(Clone)]
pub struct Credentials {
    /// Public.
    pub client_id: String,
    /// Not public.
    pub client_secret: String,
}

/// How many requests were answered, whatever the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// To the token endpoint.
    pub token: u64,
    /// For top tracks.
    pub tracks: u64,
}

/// A running stand-in for Spotify; dropping it ends it and its connections.
pub struct SpotifyStandIn {
    server: Server,
    service: Arc<Service>,
}

impl SpotifyStandIn {
    /// Listens on a free port of 127.0.0.1 and answers from then on.
    pub async fn start(catalog: Catalog, credentials: Credentials) -> io::Result<Self> {
        Self::start_with(Service::new(catalog, credentials, TOKEN_LIFETIME)).await
    }

    async fn start_with(service: Service) -> io::Result<Self> {
        let service = Arc::new(service);
        let serving = Arc::clone(&service);
        let server = Server::start(move |seen| {
            let service = Arc::clone(&serving);
            async move {
                tokio::time::sleep(service.latency()).await;
                service.answer(&seen)
            }
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

    /// From now on every answer takes that long, as across the internet.
    pub fn delay_answers(&self, latency: Duration) {
        self.service.delay_answers(latency);
    }

    /// What it answers from.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        self.service.catalog()
    }

    /// Requests answered until now.
    #[must_use]
    pub fn requests(&self) -> Counts {
        self.service.counts()
    }

    /// Connections accepted until now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.server.connections()
    }

    /// Stops accepting, finishes the answers under way, and returns once the
    /// port is free.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}
