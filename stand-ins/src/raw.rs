//! Servers on 127.0.0.1 that speak no HTTP of their own: any bytes, also what
//! no HTTP library would send.

#![expect(clippy::expect_used, reason = "without a port a test can't go on")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A complete answer.
pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What a server does with each request.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Answers, and keeps the connection.
    Answer(&'static str),
    /// Answers, and closes the connection.
    AnswerAndClose(&'static str),
    /// Reads, and never answers.
    Silence,
    /// Speaks first, and something else.
    Greet(&'static str),
    /// Answers, and then sends these bytes for ever, with that pause before
    /// each time.
    Pour(&'static str, &'static [u8], Duration),
}

/// A running server; it lives as long as the runtime.
#[derive(Clone, Debug)]
pub struct Raw {
    address: SocketAddr,
    read: Arc<AtomicUsize>,
}

impl Raw {
    /// Starts a server that does that.
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let read = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&read);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, behaviour, Arc::clone(&counting)));
            }
        });
        Self { address, read }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many bytes it has read.
    #[must_use]
    pub fn read(&self) -> usize {
        self.read.load(Ordering::SeqCst)
    }
}

/// Starts a server that does that, and says where.
pub async fn serve(behaviour: Behaviour) -> SocketAddr {
    Raw::start(behaviour).await.address()
}

async fn converse(
    mut stream: TcpStream,
    behaviour: Behaviour,
    read: Arc<AtomicUsize>,
) -> io::Result<()> {
    if let Behaviour::Greet(text) = behaviour {
        return stream.write_all(text.as_bytes()).await;
    }
    let mut request = Vec::new();
    loop {
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            let more = stream.read_buf(&mut request).await?;
            if more == 0 {
                return Ok(());
            }
            read.fetch_add(more, Ordering::SeqCst);
            if matches!(behaviour, Behaviour::Silence) {
                request.clear();
            }
        }
        request.clear();
        match behaviour {
            Behaviour::Answer(text) => stream.write_all(text.as_bytes()).await?,
            Behaviour::AnswerAndClose(text) => return stream.write_all(text.as_bytes()).await,
            Behaviour::Pour(head, bytes, pause) => {
                stream.write_all(head.as_bytes()).await?;
                loop {
                    tokio::time::sleep(pause).await;
                    stream.write_all(bytes).await?;
                }
            }
            Behaviour::Silence | Behaviour::Greet(_) => {}
        }
    }
}
