//! A moment, counted in what passes by, at which a process is to die: exactly
//! there, for whoever springs the trap waits until the process is gone.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "without its servers a test can't go on"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A countdown that whatever passes counts down.
#[derive(Default)]
pub struct Trap {
    left: AtomicI64,
    sprung: Notify,
}

impl Trap {
    /// Springs at the so-many-th passage from now; 0 is never.
    pub fn set(&self, passages: i64) {
        self.left.store(passages, Ordering::SeqCst);
    }

    /// Counts; true if this is the moment.
    pub fn springs(&self) -> bool {
        let springs = self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        if springs {
            self.sprung.notify_one();
        }
        springs
    }

    /// Waits for the moment.
    pub async fn sprung(&self) {
        self.sprung.notified().await;
    }
}

/// Passes bytes on to a server, and counts each piece on its way there and on
/// its way back, so that a trap can spring between a write and its answer.
pub struct Front {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Front {
    /// In front of `http://address:port`.
    pub async fn start(endpoint: &str, trap: Arc<Trap>) -> Self {
        let server = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, trap) = (server.clone(), Arc::clone(&trap));
                connections.spawn(async move {
                    let server = TcpStream::connect(server).await.unwrap();
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    // Either side's end ends both.
                    tokio::select! {
                        () = pass(from_client, to_server, &trap) => {}
                        () = pass(from_server, to_client, &trap) => {}
                    }
                });
            }
        });
        Self { address, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    trap: &Trap,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        if trap.springs() {
            // Nothing passes until the other side is gone.
            while from.read(&mut buffer).await.unwrap_or(0) > 0 {}
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
