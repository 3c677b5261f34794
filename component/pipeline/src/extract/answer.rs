//! A response → its JSON body, read once and only if somebody looks into it.

use super::format;
use super::records::{self, BodyError, Words};
use super::verdict::header;
use crate::platform::HttpResponse;
use crate::settings::Format;
use rowcast_json::{Index, Value};
use std::cell::OnceCell;

/// A complete answer of the source.
#[derive(Debug)]
pub struct Answer {
    /// As it came.
    pub response: HttpResponse,
    format: Format,
    /// The index of the body, and the text that it is of where the body isn't
    /// JSON.
    body: OnceCell<Result<(Index, Option<String>), BodyError>>,
}

impl Answer {
    /// Nothing of it is read yet.
    #[must_use]
    pub fn new(response: HttpResponse, format: Format) -> Self {
        // Errors are told in JSON, or in a page for people.
        let good = (200..300).contains(&response.status);
        Self {
            format: if good { format } else { Format::Json },
            response,
            body: OnceCell::new(),
        }
    }

    /// The body as JSON.
    pub fn body(&self) -> Result<Value<'_>, &BodyError> {
        let body = &self.response.body;
        let read = self.body.get_or_init(|| format::read(self.format, body));
        let (index, text) = read.as_ref()?;
        // What has an index is text.
        let own = || std::str::from_utf8(records::without_mark(body)).unwrap_or_default();
        Ok(index.root(text.as_deref().unwrap_or_else(own)))
    }

    /// Whether there is no body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        records::without_mark(&self.response.body)
            .trim_ascii()
            .is_empty()
    }

    /// A header's value by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.response.headers, name)
    }

    /// What the body says of an error.
    #[must_use]
    pub fn words(&self) -> Words {
        self.body().map(Words::of).unwrap_or_default()
    }
}
