//! A request as the service sees it, and an answer as the guest sends it.

use std::borrow::Cow;

/// One request.
#[derive(Clone, Debug)]
pub struct Request<B> {
    /// The method, as it came.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// What can be read once it is known to be wanted.
    pub body: B,
}

impl<B> Request<B> {
    /// The first header of that name, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }
}

/// A body that has not been read.
pub trait Body {
    /// Reads it to its end, if that comes within so many bytes.
    fn read(self, max_bytes: u64) -> Result<Vec<u8>, BodyError>;
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It's longer than was asked for.
    TooLong,
    /// The client went away in the middle.
    Broken,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body, whole.
    pub body: Cow<'static, [u8]>,
}

impl Response {
    /// An answer of that media type.
    #[must_use]
    pub fn new(status: u16, media_type: &str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        let body = body.into();
        let headers = vec![
            ("content-type", media_type.to_owned()),
            ("content-length", body.len().to_string()),
        ];
        Self {
            status,
            headers,
            body,
        }
    }

    /// The same with a header more.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// What HEAD gets. Hosts compare the length announced with what is
    /// written, so none is announced.
    #[must_use]
    pub fn without_body(mut self) -> Self {
        self.headers.retain(|(name, _)| *name != "content-length");
        self.body = Cow::Borrowed(&[]);
        self
    }
}
