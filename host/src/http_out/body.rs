//! Bodies of answers to the component, with their bounds: bytes, time, and the
//! slot that an exchange holds until its last byte.

use super::client::Inbound;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

/// Bounds of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnswerBounds {
    pub(super) bytes: u64,
    pub(super) deadline: Instant,
    /// The longest pause between two pieces, where the guest set one.
    pub(super) pause: Option<Duration>,
}

/// An answer's body on its way to the guest.
pub(super) struct Answer {
    inner: Inbound,
    bounds: AnswerBounds,
    left: u64,
    deadline: Pin<Box<Sleep>>,
    pause: Option<Pin<Box<Sleep>>>,
    let_go: Pin<Box<dyn Future<Output = ()> + Send>>,
    ended: bool,
    slot: Option<OwnedSemaphorePermit>,
}

impl Answer {
    /// It is waited for until `let_go`.
    pub(super) fn new(
        inner: Inbound,
        bounds: AnswerBounds,
        slot: OwnedSemaphorePermit,
        let_go: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let ended = inner.is_end_stream();
        Self {
            inner,
            bounds,
            left: bounds.bytes,
            deadline: Box::pin(tokio::time::sleep_until(bounds.deadline)),
            pause: bounds
                .pause
                .map(|pause| Box::pin(tokio::time::sleep(pause))),
            let_go: Box::pin(let_go),
            ended,
            slot: Some(slot).filter(|_| !ended),
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.slot = None;
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let outcome = match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => match self.left.checked_sub(length(&frame)) {
                Some(left) => {
                    self.left = left;
                    let pause = self.bounds.pause;
                    if let (Some(timer), Some(pause)) = (&mut self.pause, pause) {
                        timer.as_mut().reset(Instant::now() + pause);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                None => Some(Err(Error::HttpResponseBodySize(Some(self.bounds.bytes)))),
            },
            Poll::Ready(Some(Err(error))) => Some(Err(super::fault::of_answer(error.as_ref()))),
            Poll::Ready(None) => None,
            Poll::Pending if self.deadline.as_mut().poll(context).is_ready() => {
                Some(Err(Error::HttpResponseTimeout))
            }
            Poll::Pending if self.let_go.as_mut().poll(context).is_ready() => {
                Some(Err(Error::ConnectionTerminated))
            }
            Poll::Pending => match &mut self.pause {
                Some(timer) => {
                    ready!(timer.as_mut().poll(context));
                    Some(Err(Error::ConnectionReadTimeout))
                }
                None => return Poll::Pending,
            },
        };
        self.end();
        Poll::Ready(outcome)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn length(frame: &Frame<Bytes>) -> u64 {
    let data = frame.data_ref().map_or(0, Bytes::len);
    u64::try_from(data).unwrap_or(u64::MAX)
}
