//! An answer → the same without the secrets that its request was sent with: a
//! server may repeat them, as in the next page's URL or in an error. Each is
//! overwritten by as many letters, so that no length changes.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use hyper::body::{Body, Frame, SizeHint};
use memchr::memmem::Finder;
use rowcast_pipeline::extract::echo::Echo;
use rowcast_pipeline::extract::mask::LETTER;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Secrets to be overwritten.
#[derive(Clone, Default)]
pub(crate) struct Mask(Arc<[(Finder<'static>, Echo)]>);

impl std::fmt::Debug for Mask {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Mask(…)")
    }
}

impl Mask {
    /// These secrets.
    pub(crate) fn new(echoes: impl IntoIterator<Item = Echo>) -> Self {
        let finders = echoes.into_iter().map(|echo| {
            let finder = Finder::new(echo.anchor().as_bytes()).into_owned();
            (finder, echo)
        });
        Self(finders.collect())
    }

    /// Overwrites them in headers.
    pub(crate) fn headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            let masked = self.masked(&Bytes::copy_from_slice(value.as_bytes()));
            if let Some(masked) = masked.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok()) {
                *value = masked;
            }
        }
    }

    /// A body without them.
    pub(crate) fn body<B>(self, inner: B) -> Masked<B> {
        Masked {
            inner,
            mask: self,
            held: Bytes::new(),
            ended: false,
        }
    }

    /// The text without them; none if they aren't in it.
    fn masked(&self, text: &Bytes) -> Option<Bytes> {
        let mut masked: Option<BytesMut> = None;
        for (finder, echo) in &*self.0 {
            let mut from = 0;
            while let Some(hit) = text.get(from..).and_then(|rest| finder.find(rest)) {
                from += hit + 1;
                let Some(found) = echo.around(text, from - 1) else {
                    continue;
                };
                from = found.end;
                let copy = masked.get_or_insert_with(|| BytesMut::from(&**text));
                if let Some(found) = copy.get_mut(found) {
                    found.fill(LETTER);
                }
            }
        }
        masked.map(BytesMut::freeze)
    }

    /// How many bytes at the end may be the beginning of one.
    fn begun(&self, text: &[u8]) -> usize {
        let begun = self.0.iter().map(|(_, echo)| echo.begun(text));
        begun.max().unwrap_or(0)
    }
}

/// A body without the secrets of its request.
pub(crate) struct Masked<B> {
    inner: B,
    mask: Mask,
    /// The end of what came, which may be the beginning of a secret.
    held: Bytes,
    ended: bool,
}

impl<B> Masked<B> {
    /// What can be passed on of the bytes that came.
    fn pass(&mut self, came: Bytes) -> Bytes {
        let mut text = if self.held.is_empty() {
            came
        } else {
            let mut joined = BytesMut::from(&*self.held);
            joined.extend_from_slice(&came);
            joined.freeze()
        };
        if let Some(masked) = self.mask.masked(&text) {
            text = masked;
        }
        self.held = text.split_off(text.len() - self.mask.begun(&text));
        text
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Masked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => {
                    // Nobody reads trailers.
                    let passed = frame.into_data().map(|data| self.pass(data));
                    if let Ok(passed) = passed
                        && !passed.is_empty()
                    {
                        return Poll::Ready(Some(Ok(Frame::data(passed))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.ended = true;
                    let held = std::mem::take(&mut self.held);
                    if !held.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(held))));
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || (self.held.is_empty() && self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.inner.size_hint();
        let held = u64::try_from(self.held.len()).unwrap_or(u64::MAX);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(held));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body_util::{BodyExt, StreamBody};
    use std::convert::Infallible;

    fn mask() -> Mask {
        Mask::new(
            ["hunter2-hunter3", "hunter4/"]
                .into_iter()
                .filter_map(Echo::of),
        )
    }

    /// However the body is cut into pieces.
    #[tokio::test]
    async fn secrets_are_overwritten_wherever_they_are_cut() {
        for (text, expected) in [
            ("", ""),
            ("nothing of it, and short", "nothing of it, and short"),
            ("a hunter2-hunter3 b", "a xxxxxxxxxxxxxxx b"),
            ("hunter2-hunter3hunter4%2F", "xxxxxxxxxxxxxxxxxxxxxxxxx"),
            (
                r"a hunter4\/ \\u002F hunter4\\u002F\\",
                r"a xxxxxxxxx \\u002F xxxxxxxxxxxxxx\\",
            ),
            (
                "hunter2-hunterhunter2-hunter3",
                "hunter2-hunterxxxxxxxxxxxxxxx",
            ),
            (
                "ends as it begins: hunter2-hunter",
                "ends as it begins: hunter2-hunter",
            ),
            ("hunter2", "hunter2"),
        ] {
            for size in 1..=text.len().max(1) {
                let pieces = text.as_bytes().chunks(size).map(Bytes::copy_from_slice);
                let frames: Vec<_> = pieces
                    .map(|piece| Ok::<_, Infallible>(Frame::data(piece)))
                    .collect();
                let body = mask().body(StreamBody::new(stream::iter(frames)));
                let found = body.collect().await.unwrap().to_bytes();
                assert_eq!(found, expected, "{text} by {size}");
            }
        }
    }

    #[test]
    fn headers_too() {
        let mut headers = HeaderMap::new();
        let value = "https://a.example/?key=hunter4%2f&page=2";
        headers.insert("location", value.parse().unwrap());
        headers.insert("etag", "\"1\"".parse().unwrap());
        mask().headers(&mut headers);
        let value = headers.get("location").unwrap();
        assert_eq!(value, "https://a.example/?key=xxxxxxxxxx&page=2");
        assert_eq!(headers.get("etag").unwrap(), "\"1\"");
    }
}
