//! A response → its JSON body, read once and only if somebody looks into it.

use super::format;
use super::records::{self, BodyError, Words};
use crate::platform::HttpResponse;
use crate::retry::Asked;
use crate::settings::Format;
use rowcast_json::{Bytes, Index, Value};
use std::cell::OnceCell;
use std::time::SystemTime;

/// A complete answer of the source.
#[derive(Debug)]
pub struct Answer {
    /// As it came, but for the body.
    pub response: HttpResponse,
    bytes: Bytes,
    format: Format,
    /// The index of the body, and the text that it is of where the body isn't
    /// JSON.
    body: OnceCell<Result<(Index, Option<String>), BodyError>>,
}

impl Answer {
    /// Nothing of it is read yet, but that its bytes are text.
    #[must_use]
    pub fn new(mut response: HttpResponse, format: Format) -> Self {
        // Errors are told in JSON, or in a page for people.
        let good = (200..300).contains(&response.status);
        Self {
            format: if good { format } else { Format::Json },
            bytes: Bytes::new(std::mem::take(&mut response.body)),
            response,
            body: OnceCell::new(),
        }
    }

    /// The body as it came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.bytes()
    }

    /// The body as JSON.
    pub fn body(&self) -> Result<Value<'_>, &BodyError> {
        let read = || format::read(self.format, &self.bytes);
        let (index, text) = self.body.get_or_init(read).as_ref()?;
        // What has an index is text.
        let own = || records::unmarked(self.bytes.text().unwrap_or_default());
        Ok(index.root(text.as_deref().unwrap_or_else(own)))
    }

    /// Whether there is no body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        records::without_mark(self.bytes()).trim_ascii().is_empty()
    }

    /// A header's value by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }

    /// What the body says of an error.
    #[must_use]
    pub fn words(&self) -> Words {
        self.body().map(Words::of).unwrap_or_default()
    }
}

/// What an answer's headers ask for; `today` is the time it came in.
#[must_use]
pub fn asked(response: &HttpResponse, today: SystemTime) -> Asked {
    let pairs = || {
        let headers = response.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    };
    Asked::read(pairs, today)
}
