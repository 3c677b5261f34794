//! An answer's body as it comes → what it holds: gzip, of one member or several,
//! and deflate, with its wrapping or without it, as some servers send it.

use super::connect::BoxError;
use bytes::Bytes;
use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The codings that are asked for.
pub(super) const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip,deflate");

/// What gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// So many bytes are decoded at once. They may hold a thousand times as many, and
/// whoever bounds a body's size sees these first.
const PIECE: usize = 4_096;

/// Codings around each other that are taken off; of more, somebody means harm.
const MOST_LAYERS: usize = 3;

/// An answer's body without its codings: the one that the headers name, and gzip that they
/// don't.
pub struct Inbound {
    inner: Incoming,
    /// The outermost first.
    layers: Vec<Layer>,
    /// Nothing has come yet.
    begins: bool,
    ended: bool,
}

/// A coding, and what has come and isn't decoded yet.
struct Layer {
    decoder: Decoder,
    coded: Bytes,
    begins: bool,
    ended: bool,
}

impl Layer {
    fn new(coding: Coding) -> Self {
        Self {
            decoder: Decoder::new(coding),
            coded: Bytes::new(),
            begins: true,
            ended: false,
        }
    }
}

impl Inbound {
    /// A body that isn't there, as in the answer to HEAD, has no coding.
    pub(super) fn decode(answer: Response<Incoming>) -> Response<Self> {
        let (mut parts, inner) = answer.into_parts();
        let coding = Coding::named(&parts.headers);
        if coding.is_some() {
            parts.headers.remove(CONTENT_ENCODING);
        }
        let is_there = !inner.is_end_stream();
        if is_there {
            // It is the coded body's, and was checked where it was read.
            parts.headers.remove(CONTENT_LENGTH);
        }
        let layers = coding.filter(|_| is_there).map(Layer::new);
        let body = Self {
            inner,
            layers: layers.into_iter().collect(),
            begins: true,
            ended: false,
        };
        Response::from_parts(parts, body)
    }

    /// What comes next of what has been received; none if that is nothing.
    fn decoded(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            let waits = |layer: &Layer| !layer.coded.is_empty();
            let ends = |layer: &Layer| !layer.ended;
            let (at, plain) = if let Some(at) = self.layers.iter().rposition(waits) {
                let layer = self.layers.get_mut(at)?;
                let piece = layer.coded.len().min(PIECE);
                (at, layer.decoder.decode(&layer.coded.split_to(piece)))
            } else if self.ended {
                let at = self.layers.iter().position(ends)?;
                let layer = self.layers.get_mut(at)?;
                layer.ended = true;
                (at, layer.decoder.end())
            } else {
                return None;
            };
            let plain = match plain {
                Ok(plain) if plain.is_empty() => continue,
                Ok(plain) => Bytes::from(plain),
                Err(error) => return Some(Err(error)),
            };
            let begins = |layer: &mut Layer| std::mem::take(&mut layer.begins);
            if self.layers.get_mut(at).is_some_and(begins) && may_be_gzip(&plain) {
                if self.layers.len() == MOST_LAYERS {
                    let message = "the body is packed too often";
                    return Some(Err(io::Error::new(io::ErrorKind::InvalidData, message)));
                }
                self.layers.push(Layer::new(Coding::Gzip));
            }
            match self.layers.get_mut(at + 1) {
                Some(next) => next.coded = plain,
                None => return Some(Ok(plain)),
            }
        }
    }
}

/// Whether a body that begins so is gzip; one byte doesn't tell.
fn may_be_gzip(text: &[u8]) -> bool {
    text.starts_with(&GZIP) || (text.len() == 1 && GZIP.starts_with(text))
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        loop {
            if let Some(plain) = this.decoded() {
                return Poll::Ready(Some(plain.map(Frame::data).map_err(Into::into)));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            let frame = ready!(Pin::new(&mut this.inner).poll_frame(context));
            let data = match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    this.ended = true;
                    continue;
                }
            };
            if !data.is_empty()
                && std::mem::take(&mut this.begins)
                && this.layers.is_empty()
                && may_be_gzip(&data)
            {
                this.layers.push(Layer::new(Coding::Gzip));
            }
            match this.layers.first_mut() {
                Some(layer) => layer.coded = data,
                None => return Poll::Ready(Some(Ok(Frame::data(data)))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.layers.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.layers.is_empty() {
            return SizeHint::default();
        }
        if self.begins {
            let mut hint = SizeHint::new();
            hint.set_lower(self.inner.size_hint().lower());
            return hint;
        }
        self.inner.size_hint()
    }
}

/// A coding by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
}

impl Coding {
    fn named(headers: &HeaderMap) -> Option<Self> {
        let coding = headers.get(CONTENT_ENCODING)?.to_str().ok()?;
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }
}

/// A coded body of which a part has come.
struct Decoder {
    coding: Coding,
    /// Bytes before which it isn't known what they begin; fewer than two.
    first: Vec<u8>,
    stream: Option<Stream>,
    /// Something is complete.
    complete: bool,
}

enum Stream {
    Gzip(Box<GzDecoder<Vec<u8>>>),
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    Deflate(Box<DeflateDecoder<Vec<u8>>>),
    /// It isn't coded after all: a proxy has decoded it and kept the header.
    Plain(Vec<u8>),
    /// Nothing more belongs to it.
    Past,
}

impl Decoder {
    fn new(coding: Coding) -> Self {
        Self {
            coding,
            first: Vec::new(),
            stream: None,
            complete: false,
        }
    }

    /// What these bytes hold.
    fn decode(&mut self, mut bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut decoded = Vec::new();
        while let Some((&byte, rest)) = bytes.split_first() {
            let Some(stream) = &mut self.stream else {
                self.first.push(byte);
                bytes = rest;
                if let [one, two] = self.first[..] {
                    self.first.clear();
                    let mut stream = self.begin([one, two]);
                    stream.write(&[one, two], &mut decoded)?;
                    self.stream = Some(stream);
                }
                continue;
            };
            let used = stream.write(bytes, &mut decoded)?;
            bytes = bytes.get(used..).unwrap_or_default();
            if used == 0 {
                stream.finish(&mut decoded)?;
                self.complete = true;
                self.stream = match self.coding {
                    Coding::Gzip => None,
                    Coding::Deflate => Some(Stream::Past),
                };
            }
        }
        Ok(decoded)
    }

    /// What begins with these.
    fn begin(&self, first: [u8; 2]) -> Stream {
        let zlib = first[0] & 0x0f == 8 && u16::from_be_bytes(first).is_multiple_of(31);
        match self.coding {
            // No deflate begins so.
            _ if first == GZIP => Stream::Gzip(Box::new(GzDecoder::new(Vec::new()))),
            // Some pad the end with zeros.
            Coding::Gzip if self.complete => Stream::Past,
            Coding::Gzip => Stream::Plain(Vec::new()),
            Coding::Deflate if zlib => Stream::Zlib(Box::new(ZlibDecoder::new(Vec::new()))),
            Coding::Deflate => Stream::Deflate(Box::new(DeflateDecoder::new(Vec::new()))),
        }
    }

    /// The body ends here.
    fn end(&mut self) -> io::Result<Vec<u8>> {
        let mut decoded = Vec::new();
        match &mut self.stream {
            Some(stream) => stream.finish(&mut decoded)?,
            None if self.complete => {}
            None => decoded.append(&mut self.first),
        }
        Ok(decoded)
    }
}

impl Stream {
    /// Decodes some of these bytes, which are not none; how many. Zero: they don't
    /// belong to it.
    fn write(&mut self, bytes: &[u8], decoded: &mut Vec<u8>) -> io::Result<usize> {
        let (used, written) = match self {
            Self::Gzip(stream) => (stream.write(bytes)?, stream.get_mut()),
            Self::Zlib(stream) => (stream.write(bytes)?, stream.get_mut()),
            Self::Deflate(stream) => (stream.write(bytes)?, stream.get_mut()),
            Self::Plain(written) => (written.write(bytes)?, written),
            Self::Past => return Ok(bytes.len()),
        };
        decoded.append(written);
        Ok(used)
    }

    /// The rest; an error where it is cut short.
    fn finish(&mut self, decoded: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Gzip(stream) => {
                stream.try_finish()?;
                decoded.append(stream.get_mut());
            }
            // Only a stream that isn't complete takes one more byte.
            Self::Zlib(_) | Self::Deflate(_) => {
                if self.write(&[0], decoded)? > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Self::Plain(_) | Self::Past => {}
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    const TEXT: &[u8] = b"{\"a\":[1,2,3,\"....................................\"]}";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// In pieces of so many bytes.
    fn decoded(coding: Coding, body: &[u8], size: usize) -> io::Result<Vec<u8>> {
        let mut decoder = Decoder::new(coding);
        let mut all = Vec::new();
        for piece in body.chunks(size) {
            all.extend(decoder.decode(piece)?);
        }
        all.extend(decoder.end()?);
        Ok(all)
    }

    fn check(coding: Coding, body: &[u8], expected: Option<&[u8]>) {
        for size in [1, 2, 3, 7, 1_000] {
            let found = decoded(coding, body, size).ok();
            assert_eq!(found.as_deref(), expected, "{body:?} by {size}");
        }
    }

    #[test]
    fn gzip_has_one_member_or_several() {
        let (one, empty) = (gzip(TEXT), gzip(b""));
        let (head, tail) = TEXT.split_at(9);
        check(Coding::Gzip, &one, Some(TEXT));
        check(Coding::Gzip, &empty, Some(b""));
        check(Coding::Gzip, &[gzip(head), gzip(tail)].concat(), Some(TEXT));
        check(Coding::Gzip, &[&empty[..], &one].concat(), Some(TEXT));
        check(Coding::Gzip, &[&one[..], &[0; 9]].concat(), Some(TEXT));
        check(Coding::Gzip, &[&one[..], &[0]].concat(), Some(TEXT));
        check(Coding::Gzip, &[&one[..], b"more"].concat(), Some(TEXT));
        // Decoded by a proxy that left the header.
        check(Coding::Gzip, TEXT, Some(TEXT));
        check(Coding::Gzip, b"1", Some(b"1"));
    }

    #[test]
    fn what_is_cut_short_or_damaged_is_an_error() {
        let one = gzip(TEXT);
        for length in 2..one.len() {
            check(Coding::Gzip, one.split_at(length).0, None);
        }
        let two = [&one[..], one.split_at(20).0].concat();
        check(Coding::Gzip, &two, None);
        let mut damaged = one;
        *damaged.last_mut().unwrap() ^= 1;
        check(Coding::Gzip, &damaged, None);
    }

    #[test]
    fn deflate_is_wrapped_or_not() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(TEXT).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::best());
        raw.write_all(TEXT).unwrap();
        for coded in [zlib.finish().unwrap(), raw.finish().unwrap()] {
            check(Coding::Deflate, &coded, Some(TEXT));
            check(Coding::Deflate, &[&coded[..], b"more"].concat(), Some(TEXT));
            for length in 2..coded.len() - 5 {
                check(Coding::Deflate, coded.split_at(length).0, None);
            }
        }
    }
}
