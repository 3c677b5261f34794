//! A URL → a connection to its origin, TLS included, if policy admits the
//! address. The only place that opens connections for HTTP.

use super::egress::{Denied, Egress, Origin};
use super::resolve::{ResolveError, Resolver};
use http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// Policy refuses the address.
    #[error(transparent)]
    Denied(Denied),
    /// The name has no address.
    #[error("look up the address of {host}")]
    Name {
        /// The host as the URL names it.
        host: String,
        /// What the system said.
        #[source]
        cause: Arc<io::Error>,
    },
    /// Nothing at the address accepts connections.
    #[error("connect to {origin}")]
    Tcp {
        /// Where to.
        origin: String,
        /// What the system said.
        #[source]
        cause: Arc<io::Error>,
    },
    /// TLS was not agreed on, or the certificate is not trusted.
    #[error("agree on TLS with {origin}")]
    Tls {
        /// With whom.
        origin: String,
        /// What rustls said.
        #[source]
        cause: Arc<dyn Error + Send + Sync>,
    },
    /// It took too long.
    #[error("connect to {origin} within {limit:?}")]
    Timeout {
        /// Where to.
        origin: String,
        /// The setting `[limits] connect_seconds`.
        limit: Duration,
    },
}

/// Opens connections and counts them.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector<Resolver>>,
    egress: Arc<Egress>,
    limit: Duration,
    opened: Arc<AtomicU64>,
}

type Connection = MaybeHttpsStream<TokioIo<TcpStream>>;

impl Connector {
    pub(super) fn new(limit: Duration, egress: Arc<Egress>) -> Result<Self, rustls::Error> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(egress.clone()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Shared by the addresses of a name, so that a dead one leaves time
        // for the next. The whole, TLS included, is bounded in `connect`.
        tcp.set_connect_timeout(Some(limit));
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls()?)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(tcp);
        Ok(Self {
            inner,
            egress,
            limit,
            opened: Arc::default(),
        })
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    async fn connect(mut self, url: Uri) -> Result<Connection, ConnectError> {
        let origin = Origin::of(&url).map_err(|error| ConnectError::Denied(Denied::Url(error)))?;
        // The resolver never sees a literal address.
        if let Some(address) = origin.address() {
            self.egress
                .admit_address(origin.host(), address)
                .map_err(ConnectError::Denied)?;
        }
        match tokio::time::timeout(self.limit, self.inner.call(url)).await {
            Ok(Ok(connection)) => {
                self.opened.fetch_add(1, Ordering::Relaxed);
                Ok(connection)
            }
            Ok(Err(error)) => Err(classify(&origin, error)),
            Err(_) => Err(ConnectError::Timeout {
                origin: origin.to_string(),
                limit: self.limit,
            }),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        // Neither the resolver nor the TCP connector ever makes callers wait.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        Box::pin(self.clone().connect(url))
    }
}

/// Trusts what the machine trusts; where it has no certificates of its own, as
/// in a minimal container, Mozilla's.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    let builder = if roots.is_empty() {
        builder.with_webpki_roots()
    } else {
        builder.with_root_certificates(roots)
    };
    Ok(builder.with_no_client_auth())
}

/// TCP errors come as hyper's own type with the cause inside; what is none of
/// them comes from TLS.
fn classify(origin: &Origin, error: Box<dyn Error + Send + Sync>) -> ConnectError {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = cause {
        match inner.downcast_ref::<ResolveError>() {
            Some(ResolveError::Denied(denied)) => return ConnectError::Denied(denied.clone()),
            Some(ResolveError::Unknown(io)) => {
                return ConnectError::Name {
                    host: origin.host().to_owned(),
                    cause: Arc::new(copy(io)),
                };
            }
            None => {}
        }
        if !error.is::<io::Error>()
            && let Some(io) = inner.downcast_ref::<io::Error>()
        {
            let origin = origin.to_string();
            return ConnectError::Tcp {
                origin,
                cause: Arc::new(copy(io)),
            };
        }
        cause = inner.source();
    }
    ConnectError::Tls {
        origin: origin.to_string(),
        cause: Arc::from(error),
    }
}

/// `io::Error` can't be cloned; kind and text are what anyone asks of it.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
