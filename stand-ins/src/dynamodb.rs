//! Nothing → an in-memory DynamoDB in this process, over HTTP on 127.0.0.1.

#[cfg(test)]
mod tests;

use crate::StartError;
use dynoxide::{Database, server};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Requests take milliseconds, so whoever takes longer has stopped reading.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// A DynamoDB without tables. It wants requests signed, but accepts any key
/// and signature. Dropping it ends it.
pub struct TemporaryDynamoDb {
    address: SocketAddr,
    /// Ends the server by being dropped.
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), String>>,
}

impl TemporaryDynamoDb {
    /// Listens on a free port of 127.0.0.1 and answers from then on.
    pub async fn start() -> Result<Self, StartError> {
        let listen = |source| StartError::Listen {
            server: "DynamoDB",
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let database = Database::memory().map_err(|error| StartError::DynamoDb(error.into()))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server::serve_with_shutdown(listener, database, async {
            // An error means that the sender is gone, which is the signal.
            let _ = stopped.await;
        }));
        Ok(Self {
            address,
            stop,
            serving,
        })
    }

    /// The URL to send requests to.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Finishes the requests under way and returns once the port is free.
    pub async fn shutdown(self) {
        drop(self.stop);
        let mut serving = self.serving;
        if tokio::time::timeout(SHUTDOWN_PATIENCE, &mut serving)
            .await
            .is_err()
        {
            serving.abort();
        }
    }
}
