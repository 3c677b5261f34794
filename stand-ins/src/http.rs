//! Requests to a port of 127.0.0.1 → what a handler replies, by HTTP/1.1. The
//! port can be closed for a time, and a reply can be what no server should send.

mod message;
mod post;
#[cfg(test)]
mod tests;

pub use message::{Reply, Seen};
pub use post::{get, post};

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use message::Body;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Replies are ready soon, so whoever takes longer has stopped reading.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);
/// Accepting fails when file handles run out; they come back with time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

type Handler = dyn Fn(Seen) -> BoxFuture<'static, Reply> + Send + Sync;

/// Whether a server's port is open. Clones are of the same port.
#[derive(Clone, Debug)]
pub struct Port(watch::Sender<State>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    ClosedFor(Duration),
    Ended,
}

impl Default for Port {
    fn default() -> Self {
        Self(watch::Sender::new(State::Open))
    }
}

impl Port {
    /// Ends all connections and refuses new ones for that time.
    pub fn close_for(&self, lasting: Duration) {
        self.0.send_replace(State::ClosedFor(lasting));
    }
}

/// A running server; dropping it ends it and its connections.
pub struct Server {
    address: SocketAddr,
    port: Port,
    counts: Arc<Counts>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

struct Shared {
    handler: Box<Handler>,
    counts: Arc<Counts>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1 and replies from then on.
    pub async fn start<F>(handler: impl Fn(Seen) -> F + Send + Sync + 'static) -> io::Result<Self>
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self::start_at(Port::default(), handler).await
    }

    /// The same with a port that the handler can close.
    #[expect(
        clippy::unused_async,
        reason = "it starts a task, which needs the runtime that awaits it"
    )]
    pub async fn start_at<F>(
        port: Port,
        handler: impl Fn(Seen) -> F + Send + Sync + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = bound((Ipv4Addr::LOCALHOST, 0).into())?.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let shared = Arc::new(Shared {
            handler: Box::new(move |seen| Box::pin(handler(seen))),
            counts: Arc::clone(&counts),
        });
        let accepting = tokio::spawn(accept(listener, address, shared, port.0.subscribe()));
        Ok(Self {
            address,
            port,
            counts,
            accepting: Some(accepting),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Scheme, address and port, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Connections accepted until now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// The most requests that it had at once.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.counts.most_in_flight.load(Ordering::SeqCst)
    }

    /// Stops accepting, finishes the replies under way, and returns once the
    /// port is free.
    pub async fn shutdown(mut self) {
        self.port.0.send_replace(State::Ended);
        if let Some(mut accepting) = self.accepting.take()
            && tokio::time::timeout(SHUTDOWN_PATIENCE, &mut accepting)
                .await
                .is_err()
        {
            accepting.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

async fn accept(
    mut listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    mut port: watch::Receiver<State>,
) {
    // Dropped with this task, the set aborts what is left of it.
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    shared.counts.connections.fetch_add(1, Ordering::SeqCst);
                    open.spawn(serve(stream, Arc::clone(&shared), port.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = open.join_next() => {}
            state = changed(&mut port) => match state {
                State::Open => {}
                State::ClosedFor(lasting) => {
                    let Ok(closed) = bound(address) else {
                        return;
                    };
                    drop(listener);
                    open.shutdown().await;
                    tokio::time::sleep(lasting).await;
                    let Ok(reopened) = closed.listen(BACKLOG) else {
                        return;
                    };
                    listener = reopened;
                }
                State::Ended => break,
            },
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn changed(port: &mut watch::Receiver<State>) -> State {
    match port.changed().await {
        Ok(()) => *port.borrow_and_update(),
        // Nobody is there who could open it again.
        Err(_) => State::Ended,
    }
}

/// Bound, but not listening, a socket refuses connections, and nobody else gets
/// its port. A second one can be bound before the first is dropped: in between, a
/// connection of anybody's might take the port for its own end.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves one connection until either side has enough.
async fn serve(stream: TcpStream, shared: Arc<Shared>, mut port: watch::Receiver<State>) {
    // Nagle's algorithm would hold back the end of every reply.
    let _ = stream.set_nodelay(true);
    let (reset, mut resets) = watch::channel(None);
    let reset = Arc::new(reset);
    let service =
        service_fn(move |request| respond(Arc::clone(&shared), Arc::clone(&reset), request));
    let mut connection = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    // Why it broke off is the client's to say.
    tokio::select! {
        _ = &mut connection => {}
        () = reset_time(&mut resets) => {
            let stream = connection.into_parts().io.into_inner();
            let _ = stream.set_zero_linger();
        }
        () = end(&mut port) => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn end(port: &mut watch::Receiver<State>) {
    // An error means that the server is gone, which is the end as well.
    let _ = port.wait_for(|state| *state == State::Ended).await;
}

async fn reset_time(resets: &mut watch::Receiver<Option<Duration>>) {
    let after = match resets.wait_for(Option::is_some).await {
        Ok(after) => *after,
        Err(_) => None,
    };
    match after {
        Some(after) => tokio::time::sleep(after).await,
        None => std::future::pending().await,
    }
}

/// Counts a request that is being served; it may end by its connection's end.
struct InFlight<'a>(&'a Counts);

impl<'a> InFlight<'a> {
    fn begin(counts: &'a Counts) -> Self {
        let now = counts.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        counts.most_in_flight.fetch_max(now, Ordering::SeqCst);
        Self(counts)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn respond(
    shared: Arc<Shared>,
    reset: Arc<watch::Sender<Option<Duration>>>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let seen = Seen::read(request).await?;
    let reply = {
        // Over before the client can send the next one.
        let _in_flight = InFlight::begin(&shared.counts);
        (shared.handler)(seen).await
    };
    match reply {
        Reply::ThenReset(after, reply) => {
            reset.send_replace(Some(after));
            reply.response().await
        }
        reply => reply.response().await,
    }
}
