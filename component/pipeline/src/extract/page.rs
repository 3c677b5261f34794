//! A page of an answer, and the history that keeps pages from running in circles.

use super::snippet;
use rowcast_json::Kind;
use std::collections::HashSet;
use url::Url;

/// A page that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its URL.
    pub url: Url,
    /// The token that goes into the request's body, as JSON text.
    pub cursor: Option<String>,
}

/// Why the next page isn't asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A link or token of another type.
    #[error("the body has {kind} at `{pointer}`, which is not a link to a next page")]
    NoLink {
        /// Where the link should be.
        pointer: String,
        /// What is there.
        kind: Kind,
    },
    /// Not a URL.
    #[error("the next page's link is not a URL: {0}")]
    NoUrl(String),
    /// Credentials would leak.
    #[error(
        "the next page is at {0}, another origin than the first; it isn't asked for because the \
         credentials would go there"
    )]
    OtherOrigin(String),
    /// A circle.
    #[error("the next page, {0}, was read already; the pages run in circles")]
    Repeated(String),
    /// Too many.
    #[error("there are more than {0} pages; raise max-pages or ask for less")]
    TooMany(u32),
}

/// The pages of one request.
pub struct PageHistory {
    present: Page,
    seen: HashSet<(String, Option<String>)>,
    pages: u32,
    most: u32,
}

impl Page {
    fn key(&self) -> (String, Option<String>) {
        (self.url.as_str().to_owned(), self.cursor.clone())
    }
}

impl From<Url> for Page {
    fn from(url: Url) -> Self {
        Self { url, cursor: None }
    }
}

impl PageHistory {
    /// Starts at the first page.
    #[must_use]
    pub fn new(first: Page, most: u32) -> Self {
        Self {
            seen: HashSet::from([first.key()]),
            present: first,
            pages: 1,
            most,
        }
    }

    /// The same page as an earlier call had reached.
    #[must_use]
    pub fn at(mut self, pages: u32) -> Self {
        self.pages = pages;
        self
    }

    /// How many the present page is.
    #[must_use]
    pub fn page(&self) -> u32 {
        self.pages
    }

    /// Whether that page was read, or is the present one.
    #[must_use]
    pub fn knows(&self, page: &Page) -> bool {
        self.seen.contains(&page.key())
    }

    /// The page to ask for.
    #[must_use]
    pub fn present(&self) -> &Page {
        &self.present
    }

    /// Goes on to the next page.
    pub fn advance(&mut self, next: Page) -> Result<(), PageError> {
        // Headers go with every page, so every page stays where they belong.
        if next.url.origin() != self.present.url.origin() {
            return Err(PageError::OtherOrigin(snippet::line(
                &next.url.origin().ascii_serialization(),
            )));
        }
        if !self.seen.insert(next.key()) {
            return Err(PageError::Repeated(snippet::url(&next.url)));
        }
        if self.pages >= self.most {
            return Err(PageError::TooMany(self.most));
        }
        self.pages += 1;
        self.present = next;
        Ok(())
    }
}
