//! A page of an answer, and the history that keeps pages from running in circles.

use super::snippet;
use rowcast_json::Kind;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
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
    #[error("there are more than {0} pages; raise `max_pages` of the source or ask for less")]
    TooMany(u32),
    /// It doesn't say where they are.
    #[error(
        "the answer says that there are more pages, but not where the next one is; see `pagination` \
         of the source"
    )]
    NoNext,
    /// What counts isn't looked at.
    #[error(
        "the next page is the same again; the API doesn't seem to know `{0}`, by which pages are \
         counted"
    )]
    Same(String),
}

/// The pages of one request.
pub struct PageHistory {
    present: Page,
    seen: HashSet<(String, Option<String>)>,
    pages: u32,
    most: u32,
    /// Of the last body that was compared.
    last: Option<u64>,
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
            last: None,
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
        self.count()?;
        self.present = next;
        Ok(())
    }

    /// Asks for the present page again, as it names itself as the next one: some
    /// APIs count on their side. One whose body is the same again doesn't.
    pub fn repeat(&mut self, next: &Page, body: &[u8]) -> Result<(), PageError> {
        if *next != self.present || self.is_same(body) {
            return Err(PageError::Repeated(snippet::url(&next.url)));
        }
        self.count()
    }

    /// Whether a body is that of the last page that was compared.
    pub fn is_same(&mut self, body: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let body = hasher.finish();
        self.last.replace(body) == Some(body)
    }

    fn count(&mut self) -> Result<(), PageError> {
        if self.pages >= self.most {
            return Err(PageError::TooMany(self.most));
        }
        self.pages += 1;
        Ok(())
    }
}
