//! Settings of pagination, checked; a page and its answer → the next page, if
//! there is one.

mod count;
mod end;

use super::answer::Answer;
use super::links::{next_link, with_parameter};
use super::page::{Page, PageError};
use super::pointer::Pointer;
use crate::message::is_header_name;
use crate::settings::{self, Mistakes, Pagination, Source};
use count::Count;
use end::{End, Said};
use rowcast_json::{Kind, Value, quoted};
use std::borrow::Cow;
use url::Url;

/// How the next page is found.
pub struct Paging {
    way: Way,
    end: End,
    /// Whether somebody chose it, rather than nobody having thought of pages.
    chosen: bool,
}

enum Way {
    None,
    PageNumber(Count),
    Offset(Count),
    Cursor { from: Place, into: Place },
    NextUrl(Pointer, bool),
    LinkHeader(bool),
}

/// Where a cursor or a count is, or goes: a name of a header or a parameter, or a
/// place in a body.
enum Place {
    Name(String),
    Body(Pointer),
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Another one.
    Page(Page),
    /// Nothing: it was said, or the page is empty.
    End,
    /// Nothing that would be known: what else the answer announces may tell more.
    Unsaid,
    /// Nothing that could be asked for, but there are more records by their total.
    Short,
}

/// What was read of a request, the present page included.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Records of the present page.
    pub of_page: usize,
    /// Records of all pages.
    pub of_all: usize,
    /// How many pages.
    pub pages: u32,
}

impl Paging {
    /// Checks a source's pagination.
    pub fn new(source: &Source, mistakes: &mut Mistakes) -> Option<Self> {
        let Some(pagination) = &source.pagination else {
            return Some(Self {
                way: Way::None,
                end: End::default(),
                chosen: false,
            });
        };
        let default = settings::End::default();
        let (way, end) = match pagination {
            Pagination::None {} => (Some(Way::None), &default),
            Pagination::PageNumber(it) => {
                let (parameter, body_pointer) = (it.parameter.as_ref(), it.body_pointer.as_ref());
                let into = into(parameter, body_pointer, "number", source, mistakes);
                let size = (it.size_parameter.as_ref(), it.size);
                let count = Count::new(into, it.first, size, mistakes);
                (count.map(Way::PageNumber), &it.end)
            }
            Pagination::Offset(it) => {
                let (parameter, body_pointer) = (it.parameter.as_ref(), it.body_pointer.as_ref());
                let into = into(parameter, body_pointer, "offset", source, mistakes);
                let size = (it.size_parameter.as_ref(), it.size);
                let count = Count::new(into, it.first, size, mistakes);
                (count.map(Way::Offset), &it.end)
            }
            Pagination::Cursor(it) => (cursor(it, source, mistakes), &it.end),
            Pagination::NextUrl(it) => {
                let place = Pointer::of_setting("/pagination/pointer", &it.pointer, mistakes);
                (
                    place.map(|place| Way::NextUrl(place, it.keep_origin)),
                    &it.end,
                )
            }
            Pagination::LinkHeader(it) => (Some(Way::LinkHeader(it.keep_origin)), &it.end),
        };
        let end = End::new(end, mistakes);
        if end.counts_pages() && !matches!(way, Some(Way::PageNumber(_))) {
            let message = "is only for `type` \"page-number\"";
            mistakes.add("/pagination/end/total_pages", message);
        }
        Some(Self {
            way: way?,
            end,
            chosen: true,
        })
    }

    /// Whether more than one page is read.
    #[must_use]
    pub fn is_paged(&self) -> bool {
        !matches!(self.way, Way::None)
    }

    /// Whether somebody wants one request only, whatever there is more.
    #[must_use]
    pub fn wants_one(&self) -> bool {
        self.chosen && !self.is_paged()
    }

    /// Where the cursor or the count goes in a request's body.
    #[must_use]
    pub fn body_place(&self) -> Option<&[String]> {
        let into = match &self.way {
            Way::Cursor { into, .. } => into,
            Way::PageNumber(count) | Way::Offset(count) => &count.place,
            Way::None | Way::NextUrl(..) | Way::LinkHeader(_) => return None,
        };
        match into {
            Place::Body(place) => Some(place.tokens()),
            Place::Name(_) => None,
        }
    }

    /// The first page's URL, with the parameters that count.
    #[must_use]
    pub fn first(&self, url: Url) -> Url {
        match &self.way {
            Way::PageNumber(count) | Way::Offset(count) => count.start(url),
            Way::None | Way::Cursor { .. } | Way::NextUrl(..) | Way::LinkHeader(_) => url,
        }
    }

    /// The parameter or place that counts, for messages; none where nothing counts.
    #[must_use]
    pub fn counts_in(&self) -> Option<&str> {
        match &self.way {
            Way::PageNumber(count) | Way::Offset(count) => Some(match &count.place {
                Place::Name(name) => name,
                Place::Body(place) => place.as_str(),
            }),
            Way::None | Way::Cursor { .. } | Way::NextUrl(..) | Way::LinkHeader(_) => None,
        }
    }

    /// What comes after the page `present`, by its answer.
    pub fn next(
        &self,
        present: &Page,
        root: Value<'_>,
        answer: &Answer,
        received: Received,
    ) -> Result<Next, PageError> {
        let page = match &self.way {
            Way::PageNumber(count) => Some(count.present(present).saturating_sub(count.first) + 1),
            _ => None,
        };
        let said = self.end.says(root, received.of_all, page);
        if said == Said::Last {
            return Ok(Next::End);
        }
        let to_url = |target: &str, keep_origin: bool| {
            let url = join(&present.url, target, keep_origin)?;
            Ok(Next::Page(url.into()))
        };
        match &self.way {
            Way::None => Ok(Next::Unsaid),
            Way::PageNumber(count) => match count.ends(received, said) {
                Some(end) => Ok(end),
                None => Ok(Next::Page(count.advance(present, 1))),
            },
            Way::Offset(count) => {
                let full = count.size.unwrap_or_default().into();
                let step = match u64::try_from(received.of_page).unwrap_or(u64::MAX) {
                    0 => full,
                    records => records,
                };
                match count.ends(received, said) {
                    Some(end) => Ok(end),
                    None if step == 0 => Err(PageError::NoNext),
                    None => Ok(Next::Page(count.advance(present, step))),
                }
            }
            Way::NextUrl(place, keep_origin) => match link(place, root)? {
                Some(text) if !self.end.is_last(&text) => to_url(&text, *keep_origin),
                _ => said.without_link(place.find(root).is_some()),
            },
            Way::LinkHeader(keep_origin) => {
                let links = answer.response.headers.iter();
                let mut links = links.filter(|(name, _)| name == "link");
                match links.find_map(|(_, value)| next_link(value)) {
                    Some(target) if !self.end.is_last(target) => to_url(target, *keep_origin),
                    other => said.without_link(other.is_some()),
                }
            }
            Way::Cursor { from, into } => {
                let (token, there) = match from {
                    Place::Name(header) => {
                        let token = answer.header(header).map(Cow::Borrowed);
                        let there = token.is_some();
                        (token, there)
                    }
                    Place::Body(place) => (link(place, root)?, place.find(root).is_some()),
                };
                let Some(token) = token.filter(|it| !it.is_empty() && !self.end.is_last(it)) else {
                    return said.without_link(there);
                };
                let number = match from {
                    Place::Name(_) => None,
                    Place::Body(place) => place.find(root).filter(|it| it.kind() == Kind::Number),
                };
                Ok(Next::Page(match into {
                    Place::Name(name) => with_parameter(&present.url, name, &token).into(),
                    Place::Body(_) => Page {
                        url: present.url.clone(),
                        cursor: Some(
                            number.map_or_else(|| quoted(&token), |it| it.text().to_owned()),
                        ),
                    },
                }))
            }
        }
    }
}

fn cursor(
    cursor: &settings::CursorPagination,
    source: &Source,
    mistakes: &mut Mistakes,
) -> Option<Way> {
    let at = "/pagination";
    let from = match (&cursor.pointer, &cursor.header) {
        (Some(text), None) => {
            Pointer::of_setting("/pagination/pointer", text, mistakes).map(Place::Body)
        }
        (None, Some(name)) => {
            if !is_header_name(name) {
                mistakes.add("/pagination/header", "is not the name of an HTTP header");
            }
            Some(Place::Name(name.to_ascii_lowercase()))
        }
        _ => {
            mistakes.add(
                at,
                "must have either `pointer` or `header`, where the token is",
            );
            None
        }
    };
    let (parameter, body_pointer) = (cursor.parameter.as_ref(), cursor.body_pointer.as_ref());
    let into = into(parameter, body_pointer, "token", source, mistakes);
    Some(Way::Cursor {
        from: from?,
        into: into?,
    })
}

/// Where a token or a count goes.
fn into(
    parameter: Option<&String>,
    body_pointer: Option<&String>,
    what: &str,
    source: &Source,
    mistakes: &mut Mistakes,
) -> Option<Place> {
    match (parameter, body_pointer) {
        (Some(name), None) => {
            if name.is_empty() {
                mistakes.add("/pagination/parameter", "is empty");
            }
            Some(Place::Name(name.clone()))
        }
        (None, Some(text)) => {
            let at = "/pagination/body_pointer";
            if source.body.is_none() {
                mistakes.add(at, "needs a `body`, which the source doesn't have");
            }
            Pointer::of_setting(at, text, mistakes).map(Place::Body)
        }
        _ => {
            let message =
                format!("must have either `parameter` or `body_pointer`, where the {what} goes");
            mistakes.add("/pagination", message);
            None
        }
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

/// The URL of a link.
fn join(present: &Url, target: &str, keep_origin: bool) -> Result<Url, PageError> {
    let mut next = present
        .join(target)
        .map_err(|error| PageError::NoUrl(error.to_string()))?;
    next.set_fragment(None);
    if keep_origin && matches!(next.scheme(), "http" | "https") {
        let mut own = present.clone();
        own.set_path(next.path());
        own.set_query(next.query());
        return Ok(own);
    }
    if !next.username().is_empty() || next.password().is_some() {
        return Err(PageError::NoUrl(
            "it carries credentials of its own".to_owned(),
        ));
    }
    Ok(next)
}

#[cfg(test)]
mod tests;
