//! A request → its answer, over pooled connections. Follows no redirects,
//! repeats nothing.

use super::coding::ACCEPTED;
use super::connect::Connector;
use super::connection::Past;
use super::egress::{Denied, Egress};
use super::proxy::Proxies;
use super::trust;
use crate::hint::Hint;
use crate::limits::Limits;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, PROXY_AUTHORIZATION};
use http::{Extensions, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub use super::coding::Inbound;
pub use super::connect::{BoxError, ConnectError};
pub use super::proxy::ProxyError;
pub use super::trust::{Authorities, TrustError};

/// A request's body: one that is there and can be sent twice, or a stream.
#[derive(Debug)]
pub enum RequestBody {
    /// All of it.
    Whole(Bytes),
    /// What comes.
    Stream(UnsyncBoxBody<Bytes, BoxError>),
}

/// Status and headers of an answer at most. A component may keep many of
/// them.
const HEAD_BYTES: u16 = u16::MAX;
/// Headers of an answer at most: some servers send over a hundred.
const HEADERS: usize = 1024;
/// How often a request is repeated for having met a connection that the server
/// was closing: an idle pool may have several of those.
const REPEATS: u32 = 8;

/// How many requests were sent once more by themselves, how many weren't sent at all, and
/// how many reached nobody. A request that has it among its extensions counts in it; clones
/// share the numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repeats(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    again: AtomicU32,
    unsent: AtomicU32,
    unreached: AtomicU32,
}

impl Repeats {
    pub(crate) fn add(&self) {
        self.0.again.fetch_add(1, Ordering::Relaxed);
    }

    /// What somebody thinks to have sent stayed here.
    pub(crate) fn add_unsent(&self) {
        self.0.unsent.fetch_add(1, Ordering::Relaxed);
    }

    /// No connection could be made for it.
    pub(crate) fn add_unreached(&self) {
        self.0.unreached.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.again.load(Ordering::Relaxed)
    }

    pub(crate) fn unsent(&self) -> u32 {
        self.0.unsent.load(Ordering::Relaxed)
    }

    pub(crate) fn unreached(&self) -> u32 {
        self.0.unreached.load(Ordering::Relaxed)
    }
}

/// Bounds of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// From looking up the name to the body's last byte.
    pub time: Duration,
    /// Bytes of the answer's body at most.
    pub body_bytes: u64,
}

/// One pool of connections: HTTP/1.1 and HTTP/2, with and without TLS. Cheap
/// to clone; clones share the pool.
#[derive(Clone, Debug)]
pub struct Client {
    pool: legacy::Client<Connector, UnsyncBoxBody<Bytes, BoxError>>,
    connector: Connector,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It isn't known how to speak TLS.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The environment names a proxy that can't be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

impl ClientError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Trust(error) => error.hint(),
            Self::Proxy(error) => Some(error.hint()),
        }
    }
}

/// Why there is no complete answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// Policy refuses it; nothing was sent.
    #[error(transparent)]
    Denied(Denied),
    /// There is no connection; nothing was sent.
    #[error(transparent)]
    Connect(ConnectError),
    /// No complete answer in time. The request may have been carried out.
    #[error("get a complete answer within {0:?}")]
    Timeout(Duration),
    /// The answer's body is longer than that many bytes.
    #[error("read an answer longer than {0} bytes")]
    TooLarge(u64),
    /// The connection failed on the way. The request may have been carried out.
    #[error("exchange a request and its answer")]
    Broken(#[source] BoxError),
    /// The request itself can't be sent.
    #[error("send a request: its URL has no scheme and host")]
    Invalid,
}

impl ExchangeError {
    /// What policy refused, if that was the reason.
    #[must_use]
    pub fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Denied(denied) => Some(denied),
            _ => None,
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(error) => !error.is_lasting(),
            Self::Timeout(_) | Self::Broken(_) => true,
            Self::Denied(_) | Self::TooLarge(_) | Self::Invalid => false,
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Denied(denied) => denied.hint(),
            Self::Connect(error) => error.hint(),
            _ => None,
        }
    }
}

impl Client {
    /// A client with an empty pool; proxies and further authorities are the
    /// process's environment's. Its timers need a Tokio runtime once it is
    /// used, not before.
    pub fn new(limits: &Limits, egress: Arc<Egress>) -> Result<Self, ClientError> {
        let env = |name: &str| std::env::var(name).ok();
        Self::with_environment(Authorities::read(), limits, egress, &env)
    }

    /// The same in that environment, and with authorities that may be being read
    /// already.
    pub fn with_environment(
        authorities: Authorities,
        limits: &Limits,
        egress: Arc<Egress>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ClientError> {
        let tls = trust::tls(authorities, env)?;
        let connector = Connector::new(limits.connect(), egress, Proxies::of(env)?, tls);
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_buf_size(usize::from(HEAD_BYTES))
            .http1_max_headers(HEADERS)
            .http2_max_header_list_size(HEAD_BYTES.into())
            .pool_idle_timeout(Duration::from_secs(limits.idle_seconds))
            // One HTTP/2 connection carries everything to its origin: if the
            // network forgets it, that has to be noticed.
            .http2_keep_alive_interval(limits.connect())
            .http2_keep_alive_timeout(limits.connect())
            .build(connector.clone());
        Ok(Self { pool, connector })
    }

    /// The whole exchange, its body collected. For the host's own requests:
    /// addresses are checked, origins aren't.
    pub async fn exchange(
        &self,
        request: Request<Bytes>,
        bounds: Bounds,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let whole = async {
            let (parts, body) = self
                .start(request.map(RequestBody::Whole))
                .await?
                .into_parts();
            let body = collect(body, bounds.body_bytes).await?;
            Ok(Response::from_parts(parts, body))
        };
        tokio::time::timeout(bounds.time, whole)
            .await
            .unwrap_or(Err(ExchangeError::Timeout(bounds.time)))
    }

    /// Status and headers; the body streams. Only connecting is bounded in
    /// time, the rest is the caller's.
    pub async fn start(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<Inbound>, ExchangeError> {
        let url = request.uri();
        if url.scheme().is_none() || url.authority().is_none() {
            return Err(ExchangeError::Invalid);
        }
        self.send(request).await.map(Inbound::decode)
    }

    /// A whole request is sent again, at once, where it met a connection that
    /// had answered others and then closed without a byte for this one: the
    /// server hadn't seen it, or may see it twice as after any other failure.
    async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, ExchangeError> {
        let (mut parts, mut body) = request.into_parts();
        if let Some(authorization) = self.connector.proxy_authorization(&parts.uri) {
            parts.headers.insert(PROXY_AUTHORIZATION, authorization);
        }
        parts.headers.entry(ACCEPT_ENCODING).or_insert(ACCEPTED);
        let mut repeats = 0;
        loop {
            let (sent, whole) = match body {
                RequestBody::Whole(bytes) => (whole(bytes.clone()), Some(bytes)),
                RequestBody::Stream(stream) => (stream, None),
            };
            let request = Request::from_parts(parts.clone(), sent);
            match (self.pool.request(request).await, whole) {
                (Ok(answer), _) => return Ok(answer),
                (Err(error), Some(bytes)) if repeats < REPEATS && met_a_closed_one(&error) => {
                    repeats += 1;
                    if let Some(repeats) = parts.extensions.get::<Repeats>() {
                        repeats.add();
                    }
                    body = RequestBody::Whole(bytes);
                }
                (Err(error), _) => return Err(classify(error)),
            }
        }
    }

    /// Connections opened so far: how well they are kept shows in it.
    #[must_use]
    pub fn connections_opened(&self) -> u64 {
        self.connector.opened()
    }
}

fn whole(body: Bytes) -> UnsyncBoxBody<Bytes, BoxError> {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn met_a_closed_one(error: &legacy::Error) -> bool {
    let mut extensions = Extensions::new();
    if let Some(connected) = error.connect_info() {
        connected.get_extras(&mut extensions);
    }
    extensions.get::<Past>().is_some_and(Past::left_unheard)
}

async fn collect(body: Inbound, limit: u64) -> Result<Bytes, ExchangeError> {
    // A length that is announced need not be read.
    if body.size_hint().lower() > limit {
        return Err(ExchangeError::TooLarge(limit));
    }
    let bound = usize::try_from(limit).unwrap_or(usize::MAX);
    match Limited::new(body, bound).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ExchangeError::TooLarge(limit)),
        Err(error) => Err(ExchangeError::Broken(error)),
    }
}

fn classify(error: legacy::Error) -> ExchangeError {
    match error
        .source()
        .and_then(|cause| cause.downcast_ref::<ConnectError>())
    {
        Some(ConnectError::Denied(denied)) => ExchangeError::Denied(denied.clone()),
        Some(connect) => ExchangeError::Connect(connect.clone()),
        None => ExchangeError::Broken(error.into()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
pub(crate) mod tests;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod wire;
