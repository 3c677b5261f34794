//! A catalogue → a server that answers as Spotify's Web API does: the token
//! endpoint and an artist's top tracks, over HTTP/1.1 on 127.0.0.1.

mod answer;
#[cfg(test)]
mod tests;

use super::catalog::Catalog;
use crate::secret::Secret;
use answer::Service;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// As long as Spotify's tokens live.
const TOKEN_LIFETIME: Duration = Duration::from_hours(1);
/// A token request has some hundred bytes.
const REQUEST_BODY_LIMIT: usize = 16 * 1024;
/// Answers are ready at once, so whoever takes longer has stopped reading.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);
/// Accepting fails when file handles run out; they come back with time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The client that the stand-in gives tokens to.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Public.
    pub client_id: String,
    /// Not public.
    pub client_secret: Secret,
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
    address: SocketAddr,
    service: Arc<Service>,
    connections: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    accepting: Option<JoinHandle<()>>,
}

impl SpotifyStandIn {
    /// Listens on a free port of 127.0.0.1 and answers from then on.
    pub async fn start(catalog: Catalog, credentials: Credentials) -> io::Result<Self> {
        Self::start_with(Service::new(catalog, credentials, TOKEN_LIFETIME)).await
    }

    async fn start_with(service: Service) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let service = Arc::new(service);
        let connections = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(
            listener,
            Arc::clone(&service),
            Arc::clone(&connections),
            stopped,
        ));
        Ok(Self {
            address,
            service,
            connections,
            stop,
            accepting: Some(accepting),
        })
    }

    /// Scheme, address and port, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
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
        self.connections.load(Ordering::Relaxed)
    }

    /// Stops accepting, finishes the answers under way, and returns once the
    /// port is free.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Some(mut accepting) = self.accepting.take()
            && tokio::time::timeout(SHUTDOWN_PATIENCE, &mut accepting)
                .await
                .is_err()
        {
            accepting.abort();
        }
    }
}

impl Drop for SpotifyStandIn {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

async fn accept(
    listener: TcpListener,
    service: Arc<Service>,
    connections: Arc<AtomicU64>,
    stopped: watch::Receiver<bool>,
) {
    // Dropped with this task, the set aborts what is left of it.
    let mut open = JoinSet::new();
    let mut end = stopped.clone();
    let mut end = pin!(ended(&mut end));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.fetch_add(1, Ordering::Relaxed);
                    open.spawn(serve(stream, Arc::clone(&service), stopped.clone()));
                }
                Err(error) => {
                    tracing::debug!(%error, "the stand-in for Spotify cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = open.join_next() => {}
            () = &mut end => break,
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, service: Arc<Service>, mut stopped: watch::Receiver<bool>) {
    // Nagle's algorithm would hold back the end of every answer.
    let _ = stream.set_nodelay(true);
    let respond = service_fn(move |request| respond(Arc::clone(&service), request));
    let mut connection =
        pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), respond));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = ended(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to the stand-in for Spotify broke off");
    }
}

async fn ended(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which ends it as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn respond(
    service: Arc<Service>,
    request: Request<Incoming>,
) -> Result<Response<Full<bytes::Bytes>>, Infallible> {
    tokio::time::sleep(service.latency()).await;
    let (head, body) = request.into_parts();
    Ok(
        match Limited::new(body, REQUEST_BODY_LIMIT).collect().await {
            Ok(body) => service.answer(&head, &body.to_bytes()),
            Err(_) => answer::too_large(),
        },
    )
}
