//! A request → its answer, over pooled connections. Follows no redirects,
//! repeats nothing.

use super::connect::Connector;
use super::egress::{Denied, Egress};
use crate::hint::Hint;
use crate::limits::Limits;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

pub use super::connect::ConnectError;

/// Any error, as hyper passes them on.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A request's body, whole or streamed.
pub type RequestBody = UnsyncBoxBody<Bytes, BoxError>;

/// Status and headers of an answer at the most, over HTTP/1.1. A component may
/// keep many of them.
const HEAD_BYTES: usize = 64 * 1024;

/// Bounds of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// From looking up the name to the body's last byte.
    pub time: Duration,
    /// Bytes of the answer's body at the most.
    pub body_bytes: u64,
}

/// One pool of connections: HTTP/1.1 and HTTP/2, with and without TLS. Cheap
/// to clone; clones share the pool.
#[derive(Clone, Debug)]
pub struct Client {
    pool: legacy::Client<Connector, RequestBody>,
    connector: Connector,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// rustls refuses the configuration.
    #[error("set up TLS")]
    Tls(#[source] rustls::Error),
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
    #[error("send a request without scheme and host: {0}")]
    Invalid(String),
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

    /// Whether time ran out, for connecting or for the answer.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::Timeout(_) | Self::Connect(ConnectError::Timeout { .. })
        )
    }

    /// Whether it is certain that the server has not seen the request.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Denied(_) | Self::Connect(_) | Self::Invalid(_))
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Timeout(_) | Self::Broken(_))
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        self.denied().and_then(Denied::hint)
    }
}

impl Client {
    /// A client with an empty pool. Its timers need a Tokio runtime once it is
    /// used, not before.
    pub fn new(limits: &Limits, egress: Arc<Egress>) -> Result<Self, ClientError> {
        let connector = Connector::new(limits.connect(), egress).map_err(ClientError::Tls)?;
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_buf_size(HEAD_BYTES)
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
            let (parts, body) = self.start(request.map(whole_body)).await?.into_parts();
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
    ) -> Result<Response<Incoming>, ExchangeError> {
        let url = request.uri();
        if url.scheme().is_none() || url.authority().is_none() {
            return Err(ExchangeError::Invalid(url.to_string()));
        }
        self.pool.request(request).await.map_err(classify)
    }

    /// Connections opened so far: how well they are kept shows in it.
    #[must_use]
    pub fn connections_opened(&self) -> u64 {
        self.connector.opened()
    }
}

/// A body that is there already.
pub fn whole_body(body: Bytes) -> RequestBody {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

async fn collect(body: Incoming, limit: u64) -> Result<Bytes, ExchangeError> {
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
