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

/// An answer's body without its coding.
pub struct Inbound {
    inner: Incoming,
    decoder: Option<Decoder>,
    /// What has come and isn't decoded yet.
    coded: Bytes,
}

impl Inbound {
    /// Takes the coding off that the headers name. A body that isn't there, as in
    /// the answer to HEAD, has none.
    pub(super) fn decode(answer: Response<Incoming>) -> Response<Self> {
        let (mut parts, inner) = answer.into_parts();
        let decoder = Coding::named(&parts.headers).map(Decoder::new);
        if decoder.is_some() {
            parts.headers.remove(CONTENT_ENCODING);
            parts.headers.remove(CONTENT_LENGTH);
        }
        let decoder = decoder.filter(|_| !inner.is_end_stream());
        let coded = Bytes::new();
        Response::from_parts(
            parts,
            Self {
                inner,
                decoder,
                coded,
            },
        )
    }
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
            let Some(decoder) = &mut this.decoder else {
                let frame = ready!(Pin::new(&mut this.inner).poll_frame(context));
                return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
            };
            let plain = if this.coded.is_empty() {
                let frame = ready!(Pin::new(&mut this.inner).poll_frame(context));
                match frame.map(|frame| frame.map(Frame::into_data)) {
                    Some(Ok(Ok(coded))) => {
                        this.coded = coded;
                        continue;
                    }
                    Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                    None => {
                        let last = decoder.end();
                        this.decoder = None;
                        last
                    }
                }
            } else {
                let piece = this.coded.len().min(PIECE);
                decoder.decode(&this.coded.split_to(piece))
            };
            match plain {
                Ok(plain) if plain.is_empty() => {}
                Ok(plain) => return Poll::Ready(Some(Ok(Frame::data(plain.into())))),
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.decoder.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.decoder {
            None => self.inner.size_hint(),
            Some(_) => SizeHint::default(),
        }
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
            Coding::Gzip if first == GZIP => Stream::Gzip(Box::new(GzDecoder::new(Vec::new()))),
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
