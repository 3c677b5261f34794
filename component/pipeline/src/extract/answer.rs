//! A response → its JSON body, read once and only if somebody looks into it.

use super::cut::{self, BodyError, Words};
use super::verdict::header;
use crate::platform::HttpResponse;
use rowcast_json::{Index, Value};
use std::cell::OnceCell;

/// A complete answer of the source.
#[derive(Debug)]
pub struct Answer {
    /// As it came.
    pub response: HttpResponse,
    body: OnceCell<Result<Index, BodyError>>,
}

impl Answer {
    /// Nothing of it is read yet.
    #[must_use]
    pub fn new(response: HttpResponse) -> Self {
        Self {
            response,
            body: OnceCell::new(),
        }
    }

    /// The body as JSON.
    pub fn body(&self) -> Result<Value<'_>, &BodyError> {
        let body = cut::without_mark(&self.response.body);
        let index = self.body.get_or_init(|| {
            let mut index = Index::default();
            cut::parse(&mut index, body)?;
            Ok(index)
        });
        // What has an index is text.
        let text = std::str::from_utf8(body).unwrap_or_default();
        index.as_ref().map(|index| index.root(text))
    }

    /// Whether there is no body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        cut::without_mark(&self.response.body)
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
