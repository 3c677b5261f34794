//! A connection that remembers what passed: whether it has answered before, and
//! whether anything came back to the last request.

use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection as Connecting};
use hyper_util::rt::TokioIo;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A connection, TLS included.
pub(super) struct Connection {
    stream: TokioIo<Stream>,
    /// What goes over it is for a proxy to forward.
    forwarded: bool,
    past: Past,
}

/// What passed over a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Past(Arc<(AtomicBool, AtomicBool)>);

impl Past {
    /// Whether it has answered requests, but not a byte of the last: most likely
    /// the server had closed it before that request came.
    pub(super) fn left_unheard(&self) -> bool {
        let (answered, hears) = &*self.0;
        answered.load(Ordering::Acquire) && !hears.load(Ordering::Acquire)
    }

    fn writes(&self) {
        let (answered, hears) = &*self.0;
        if hears.swap(false, Ordering::AcqRel) {
            answered.store(true, Ordering::Release);
        }
    }

    fn reads(&self) {
        self.0.1.store(true, Ordering::Release);
    }
}

impl Connection {
    pub(super) fn new(stream: Stream, forwarded: bool) -> TokioIo<Self> {
        TokioIo::new(Self {
            stream: TokioIo::new(stream),
            forwarded,
            past: Past::default(),
        })
    }
}

impl Connecting for Connection {
    fn connected(&self) -> Connected {
        let connected = self.stream.inner().connected().extra(self.past.clone());
        connected.proxy(self.forwarded)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.past.reads();
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.past.writes();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.past.writes();
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
