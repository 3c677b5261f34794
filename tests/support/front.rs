//! A proxy in front of a real DynamoDB: it counts connections and requests,
//! shows each request to whoever looks, and forwards it unchanged.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// Is shown each request before it is forwarded.
type Look = dyn Fn(&Parts, &Bytes) + Send + Sync;

/// A running proxy on a port of its own; ends when it's dropped.
pub struct Front {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    /// Where the requests go, such as `http://127.0.0.1:8000`.
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    look: Box<Look>,
    connections: AtomicU64,
    requests: AtomicU64,
}

impl Front {
    /// Stands before that origin. What `look` finds wrong it must keep for the
    /// test: a panic in a server's task stops no test.
    pub async fn start(
        upstream: &str,
        look: impl Fn(&Parts, &Bytes) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            upstream: upstream.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            look: Box::new(look),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            accepting,
        }
    }

    /// `http://127.0.0.1:port`
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:port`, as a `Host` header has it.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Connections that were opened to it.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Requests that came over them.
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // Dropped with this task, the set aborts what is left of it.
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        stream.set_nodelay(true).unwrap();
        let state = Arc::clone(&state);
        let service = service_fn(move |request| forward(Arc::clone(&state), request));
        open.spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn forward(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    state.requests.fetch_add(1, Ordering::SeqCst);
    (state.look)(&parts, &body);
    parts.uri = format!("{}{}", state.upstream, parts.uri).parse()?;
    let request = Request::from_parts(parts, Full::new(body));
    let (parts, body) = state.client.request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(parts, Full::new(body)))
}
