//! Small HTTP/1.1 servers on loopback, for tests: no port is fixed.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with each request.
#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    /// Answers, and keeps the connection.
    Answer(&'static str),
    /// Answers, and closes the connection.
    AnswerAndClose(&'static str),
    /// Reads, and never answers.
    Silence,
    /// Speaks first, and something else.
    Greet(&'static str),
}

/// An answer.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Starts a server; it lives as long as the test.
pub(crate) async fn serve(behaviour: Behaviour) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, behaviour));
        }
    });
    address
}

async fn converse(mut stream: TcpStream, behaviour: Behaviour) -> std::io::Result<()> {
    if let Behaviour::Greet(text) = behaviour {
        return stream.write_all(text.as_bytes()).await;
    }
    let mut request = Vec::new();
    loop {
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await?);
        }
        request.clear();
        match behaviour {
            Behaviour::Answer(text) => stream.write_all(text.as_bytes()).await?,
            Behaviour::AnswerAndClose(text) => return stream.write_all(text.as_bytes()).await,
            Behaviour::Silence | Behaviour::Greet(_) => {}
        }
    }
}
