//! A request as it came, and what is replied to it.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use std::io;
use std::time::{Duration, Instant};

/// A reply's body, piece by piece.
pub(super) type Body = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET`
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Bytes,
    /// When it was complete.
    pub at: Instant,
}

impl Seen {
    pub(super) async fn read(request: Request<Incoming>) -> io::Result<Self> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Ok(Self {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            headers: headers.collect(),
            body,
            at: Instant::now(),
        })
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The request that it was.
    pub fn request(&self) -> http::Result<Request<Bytes>> {
        let request = Request::builder()
            .method(self.method.as_str())
            .uri(&self.target);
        let request = self.headers.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        request.body(self.body.clone())
    }
}

/// What is replied.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A whole answer: status, further headers, body.
    Answer(u16, Vec<(String, String)>, Bytes),
    /// The connection is closed before the headers.
    Reset,
    /// Headers announce the body, and half of it comes.
    Cut(Bytes),
    /// Nothing, until the client gives up.
    Never,
    /// A whole answer whose body comes byte by byte, with that pause before
    /// each.
    Drip(Duration, Bytes),
    /// The same reply; so long after it the connection is reset.
    ThenReset(Duration, Box<Reply>),
}

impl Reply {
    /// A success with that JSON.
    pub fn json(body: impl AsRef<[u8]>) -> Self {
        Self::status(200, body)
    }

    /// An answer with that JSON.
    pub fn status(status: u16, body: impl AsRef<[u8]>) -> Self {
        let headers = vec![(CONTENT_TYPE.as_str().into(), "application/json".into())];
        Self::Answer(status, headers, Bytes::copy_from_slice(body.as_ref()))
    }

    /// Adds a header to a whole answer.
    #[must_use]
    pub fn with_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        match self {
            Self::Answer(status, mut headers, body) => {
                headers.push((name.into(), value.into()));
                Self::Answer(status, headers, body)
            }
            other => other,
        }
    }

    /// An error closes the connection.
    pub(super) async fn response(self) -> io::Result<Response<Body>> {
        match self {
            Self::Answer(status, headers, body) => answer(status, &headers, body),
            Self::Reset => Err(io::ErrorKind::ConnectionReset.into()),
            Self::Never => std::future::pending().await,
            Self::Cut(body) => {
                let half = body.slice(..body.len() / 2);
                let sent = stream::iter([Ok(Frame::data(half))]);
                let cut = stream::once(async {
                    // What was sent goes out before the connection ends.
                    tokio::task::yield_now().await;
                    Err(io::ErrorKind::ConnectionReset.into())
                });
                Ok(announced(body.len(), sent.chain(cut).boxed()))
            }
            Self::Drip(pause, body) => {
                let length = body.len();
                let pieces = stream::unfold(body, move |mut rest| async move {
                    if rest.is_empty() {
                        return None;
                    }
                    tokio::time::sleep(pause).await;
                    let piece = rest.split_to(1);
                    Some((Ok(Frame::data(piece)), rest))
                });
                Ok(announced(length, pieces.boxed()))
            }
            Self::ThenReset(_, reply) => Box::pin(reply.response()).await,
        }
    }
}

fn answer(status: u16, headers: &[(String, String)], body: Bytes) -> io::Result<Response<Body>> {
    let length = body.len();
    let pieces = (!body.is_empty()).then(|| Ok(Frame::data(body)));
    let mut response = announced(length, stream::iter(pieces).boxed());
    *response.status_mut() = status.try_into().map_err(io::Error::other)?;
    for (name, value) in headers {
        let name: HeaderName = name.parse().map_err(io::Error::other)?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(io::Error::other)?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

fn announced(
    length: usize,
    pieces: BoxStream<'static, io::Result<Frame<Bytes>>>,
) -> Response<Body> {
    let mut response = Response::new(StreamBody::new(pieces));
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length.into());
    response
}
