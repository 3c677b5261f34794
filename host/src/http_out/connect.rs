//! A URL → a connection to its origin, TLS included, if policy admits the
//! address. The only place that opens connections for HTTP.

use super::connection::Connection;
use super::egress::{Denied, Egress, Origin, Scheme};
use super::proxy::Proxies;
use super::resolve::{ResolveError, Resolver};
use crate::hint::Hint;
use http::{HeaderValue, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::{CertificateError, ClientConfig};
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// Any error, as hyper passes them on.
pub type BoxError = Box<dyn Error + Send + Sync>;

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
    /// The proxy can't be reached, or doesn't let this through.
    #[error("reach {origin} through the proxy {proxy}")]
    Proxy {
        /// Where to.
        origin: String,
        /// The proxy's own origin.
        proxy: String,
        /// What it, or the system, said.
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

impl ConnectError {
    /// Whether trying again won't help: TLS was refused by one side, for a
    /// reason.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Tls { cause, .. } => find::<rustls::Error>(cause.as_ref()).is_some(),
            Self::Denied(_) => true,
            Self::Name { .. } | Self::Tcp { .. } | Self::Proxy { .. } | Self::Timeout { .. } => {
                false
            }
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Denied(denied) => denied.hint(),
            Self::Tls { cause, .. } => find::<rustls::Error>(cause.as_ref()).and_then(tls_hint),
            Self::Proxy { .. } => Some(Hint::new(
                "the proxy is that of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; NO_PROXY lists hosts to \
                 reach without it",
            )),
            Self::Name { .. } | Self::Tcp { .. } | Self::Timeout { .. } => None,
        }
    }
}

fn tls_hint(error: &rustls::Error) -> Option<Hint> {
    Some(Hint::new(match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer => {
                "if the authority is to be trusted, name a file with its certificate in \
                 SSL_CERT_FILE or AWS_CA_BUNDLE"
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "the server needs a new certificate, or this machine's clock is wrong"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "use a name that the certificate has"
            }
            _ => return None,
        },
        rustls::Error::InvalidMessage(_) => "does the server speak TLS on this port?",
        _ => return None,
    }))
}

/// Opens connections and counts them. Cheap to clone, as hyper does for each
/// request.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    direct: HttpsConnector<HttpConnector<Resolver>>,
    proxies: Proxies,
    tls: ClientConfig,
    egress: Arc<Egress>,
    limit: Duration,
    opened: AtomicU64,
}

impl Connector {
    pub(super) fn new(
        limit: Duration,
        egress: Arc<Egress>,
        proxies: Proxies,
        tls: ClientConfig,
    ) -> Self {
        let tcp = HttpConnector::new_with_resolver(Resolver::new(egress.clone()));
        let shared = Shared {
            direct: over(configured(tcp, limit), tls.clone()),
            proxies,
            tls,
            egress,
            limit,
            opened: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    pub(super) fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::Relaxed)
    }

    /// The header that a proxy wants with each request it forwards. What it
    /// tunnels has it in the request for the tunnel.
    pub(super) fn proxy_authorization(&self, url: &Uri) -> Option<HeaderValue> {
        let origin = Origin::of(url)
            .ok()
            .filter(|it| it.scheme() == Scheme::Http)?;
        let proxy = self.shared.proxies.of_url(url, &origin)?;
        proxy.basic_auth().cloned()
    }
}

impl Shared {
    async fn connect(&self, url: Uri) -> Result<TokioIo<Connection>, ConnectError> {
        let origin = Origin::of(&url).map_err(|error| ConnectError::Denied(Denied::Url(error)))?;
        // The resolver never sees a literal address; nor a name that the proxy
        // looks up.
        if let Some(address) = origin.address() {
            self.egress
                .admit_address(origin.host(), address)
                .map_err(ConnectError::Denied)?;
        }
        let opening = async {
            match self.proxies.of_url(&url, &origin) {
                None => {
                    let stream = self.direct.clone().call(url).await;
                    let stream = stream.map_err(|error| classify(&origin, error))?;
                    Ok(Connection::new(stream, false))
                }
                Some(proxy) => self.through(&proxy, &origin, url).await,
            }
        };
        match tokio::time::timeout(self.limit, opening).await {
            Ok(connected) => {
                let connection = connected?;
                self.opened.fetch_add(1, Ordering::Relaxed);
                Ok(connection)
            }
            Err(_) => Err(ConnectError::Timeout {
                origin: origin.to_string(),
                limit: self.limit,
            }),
        }
    }

    /// Connects to the proxy, whose address is the operator's business, and has
    /// it tunnel what is to be encrypted. What isn't, it is to forward.
    async fn through(
        &self,
        proxy: &Intercept,
        origin: &Origin,
        url: Uri,
    ) -> Result<TokioIo<Connection>, ConnectError> {
        let mut tcp = configured(HttpConnector::new(), self.limit);
        let failed = |cause: BoxError| ConnectError::Proxy {
            origin: origin.to_string(),
            proxy: Origin::of(proxy.uri()).map_or_else(|_| String::new(), |it| it.to_string()),
            cause: Arc::from(cause),
        };
        if origin.scheme() == Scheme::Http {
            let stream = tcp.call(proxy.uri().clone()).await;
            let stream = stream.map_err(|error| failed(error.into()))?;
            return Ok(Connection::new(MaybeHttpsStream::Http(stream), true));
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
        if let Some(authorization) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(authorization.clone());
        }
        match over(tunnel, self.tls.clone()).call(url).await {
            Ok(stream) => Ok(Connection::new(stream, false)),
            Err(error) if find::<rustls::Error>(error.as_ref()).is_some() => {
                Err(classify(origin, error))
            }
            Err(error) => Err(failed(error)),
        }
    }
}

fn configured<R>(mut tcp: HttpConnector<R>, limit: Duration) -> HttpConnector<R> {
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // Shared by the addresses of a name, so that a dead one leaves time for
    // the next. The whole, TLS included, is bounded in `connect`.
    tcp.set_connect_timeout(Some(limit));
    tcp
}

fn over<C>(connector: C, tls: ClientConfig) -> HttpsConnector<C> {
    HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(connector)
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Connection>, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        // Neither the resolver nor the TCP connector ever makes callers wait.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let shared = self.shared.clone();
        Box::pin(async move { shared.connect(url).await })
    }
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

/// The first error of that type among an error and its causes. `io::Error`
/// skips what it wraps in `source()`, so it's asked itself.
pub(super) fn find<'a, Wanted: Error + 'static>(
    error: &'a (dyn Error + 'static),
) -> Option<&'a Wanted> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(wanted) = error.downcast_ref() {
            return Some(wanted);
        }
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
