//! A host name → the addresses of it that policy admits.

use super::egress::{Denied, Egress};
use hyper_util::client::legacy::connect::dns::Name;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::{io, vec};
use tower_service::Service;

/// Looks names up as the system does, and leaves out what policy refuses. The
/// answer is what gets connected to: there is no second look-up in between.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    egress: Arc<Egress>,
}

/// Why a name led nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// Each of its addresses is refused; this is the first.
    #[error(transparent)]
    Denied(Denied),
    /// The system can't tell.
    #[error("look up the host's address")]
    Unknown(#[source] io::Error),
}

impl Resolver {
    pub(super) fn new(egress: Arc<Egress>) -> Self {
        Self { egress }
    }

    async fn resolve(&self, name: &str) -> Result<vec::IntoIter<SocketAddr>, ResolveError> {
        let found = tokio::net::lookup_host((name, 0)).await;
        let mut found: Vec<SocketAddr> = found.map_err(ResolveError::Unknown)?.collect();
        // Systems order addresses differently; a refusal names the same one
        // everywhere, and most servers on this machine listen on IPv4.
        found.sort_by_key(SocketAddr::is_ipv6);
        let name = name.to_ascii_lowercase();
        let (mut admitted, mut refused) = (Vec::new(), None);
        for socket in found {
            match self.egress.admit_address(&name, socket.ip()) {
                Ok(()) => admitted.push(socket),
                Err(denied) => refused = refused.or(Some(denied)),
            }
        }
        match refused {
            Some(denied) if admitted.is_empty() => Err(ResolveError::Denied(denied)),
            _ => Ok(admitted.into_iter()),
        }
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ResolveError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.clone();
        Box::pin(async move { resolver.resolve(name.as_str()).await })
    }
}
