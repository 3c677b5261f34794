//! An answer → the next page's URL, if there is one; and the trail that keeps
//! pages from running in circles.

use super::excerpt;
use super::pointer::Pointer;
use rowcast_json::{Kind, Value};
use std::borrow::Cow;
use std::collections::HashSet;
use url::{Url, form_urlencoded};

/// How the next page is found.
pub enum Paging {
    /// One request is the whole answer.
    None,
    /// The next URL is in the body.
    NextUrl(Pointer),
    /// A token in the body goes into the query.
    Cursor {
        /// Where the token is.
        pointer: Pointer,
        /// The query parameter that takes it.
        parameter: String,
    },
    /// The next URL is in a `Link` header.
    LinkHeader,
}

/// Why the next page isn't asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A link or token of another type.
    #[error("the body has {kind} at `{pointer}`, which leads to no next page")]
    NoLink {
        /// Where the link should be.
        pointer: String,
        /// What is there.
        kind: Kind,
    },
    /// Not a URL.
    #[error("the next page's link is no URL: {0}")]
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
pub struct Trail {
    present: Url,
    seen: HashSet<String>,
    pages: u32,
    most: u32,
}

impl Paging {
    /// The page after `present`, by its answer.
    pub fn next(
        &self,
        present: &Url,
        body: Value<'_>,
        headers: &[(String, String)],
    ) -> Result<Option<Url>, PageError> {
        match self {
            Self::None => Ok(None),
            Self::NextUrl(pointer) => match link(pointer, body)? {
                Some(text) => join(present, &text).map(Some),
                None => Ok(None),
            },
            Self::Cursor { pointer, parameter } => {
                Ok(link(pointer, body)?.map(|token| with_parameter(present, parameter, &token)))
            }
            Self::LinkHeader => {
                let links = headers.iter().filter(|(name, _)| name == "link");
                let next = links.into_iter().find_map(|(_, value)| next_link(value));
                next.map(|target| join(present, target)).transpose()
            }
        }
    }
}

impl Trail {
    /// Starts at the first page.
    #[must_use]
    pub fn new(first: Url, most: u32) -> Self {
        let seen = HashSet::from([first.as_str().to_owned()]);
        Self {
            present: first,
            seen,
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
    pub fn knows(&self, page: &Url) -> bool {
        self.seen.contains(page.as_str())
    }

    /// The page to ask for.
    #[must_use]
    pub fn present(&self) -> &Url {
        &self.present
    }

    /// Goes on to the next page.
    pub fn advance(&mut self, next: Url) -> Result<(), PageError> {
        // Headers go with every page, so every page stays where they belong.
        if next.origin() != self.present.origin() {
            return Err(PageError::OtherOrigin(excerpt::line(
                &next.origin().ascii_serialization(),
            )));
        }
        if !self.seen.insert(next.as_str().to_owned()) {
            return Err(PageError::Repeated(excerpt::url(&next)));
        }
        if self.pages >= self.most {
            return Err(PageError::TooMany(self.most));
        }
        self.pages += 1;
        self.present = next;
        Ok(())
    }
}

fn link<'a>(pointer: &Pointer, body: Value<'a>) -> Result<Option<Cow<'a, str>>, PageError> {
    let Some(value) = pointer.find(body) else {
        return Ok(None);
    };
    let text = match value.kind() {
        Kind::Null => None,
        Kind::Number => Some(Cow::Borrowed(value.text())),
        Kind::String => value.string().filter(|text| !text.is_empty()),
        // What several APIs write instead of null.
        Kind::Boolean if value.text() == "false" => None,
        kind @ (Kind::Boolean | Kind::Array | Kind::Object) => {
            return Err(PageError::NoLink {
                pointer: pointer.as_str().to_owned(),
                kind,
            });
        }
    };
    Ok(text)
}

fn join(present: &Url, target: &str) -> Result<Url, PageError> {
    let mut next = present
        .join(target)
        .map_err(|error| PageError::NoUrl(error.to_string()))?;
    next.set_fragment(None);
    if !next.username().is_empty() || next.password().is_some() {
        return Err(PageError::NoUrl(
            "it carries credentials of its own".to_owned(),
        ));
    }
    Ok(next)
}

/// Replaces one query parameter and leaves the others as they were written.
fn with_parameter(present: &Url, parameter: &str, value: &str) -> Url {
    let is_other = |pair: &&str| {
        !pair.is_empty()
            && form_urlencoded::parse(pair.as_bytes())
                .next()
                .is_none_or(|(name, _)| name != parameter)
    };
    let mut query: String = present
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(is_other)
        .flat_map(|pair| [pair, "&"])
        .collect();
    query.extend(form_urlencoded::byte_serialize(parameter.as_bytes()));
    query.push('=');
    query.extend(form_urlencoded::byte_serialize(value.as_bytes()));
    let mut next = present.clone();
    next.set_query(Some(&query));
    next
}

/// The target of the first link with `rel="next"` (RFC 8288).
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, from) = rest.split_once('<')?;
        let (target, after) = from.split_once('>')?;
        let mut relation = None;
        rest = after.trim_start();
        while let Some(parameter) = rest.strip_prefix(';') {
            let end = parameter.find(['=', ';', ',']).unwrap_or(parameter.len());
            let (name, after) = parameter.split_at_checked(end)?;
            let (value, after) = match after.strip_prefix('=') {
                Some(value) => parameter_value(value.trim_start()),
                None => ("", after),
            };
            // RFC 8288: of several `rel`, all but the first are ignored.
            if name.trim().eq_ignore_ascii_case("rel") && relation.is_none() {
                relation = Some(value);
            }
            rest = after.trim_start();
        }
        let relations = relation.unwrap_or_default();
        if relations
            .split_ascii_whitespace()
            .any(|name| name.eq_ignore_ascii_case("next"))
        {
            return Some(target);
        }
    }
}

/// A quoted string's or a token's content, and what follows it.
fn parameter_value(text: &str) -> (&str, &str) {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = quoted.find(|character| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let (value, after) = end
            .and_then(|end| quoted.split_at_checked(end))
            .unwrap_or((quoted, ""));
        return (value, after.strip_prefix('"').unwrap_or(after));
    }
    let end = text.find([';', ',']).unwrap_or(text.len());
    let (value, after) = text.split_at_checked(end).unwrap_or((text, ""));
    (value.trim_end(), after)
}

#[cfg(test)]
mod tests;
