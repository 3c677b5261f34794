//! Settings of pagination, checked; a page and its answer → the next page, if
//! there is one.

use super::answer::Answer;
use super::links::{next_link, parameter, with_parameter};
use super::page::{Page, PageError};
use super::pointer::Pointer;
use crate::message::is_header_name;
use crate::settings::{self, Mistakes, Pagination, Scalar, Source};
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

/// A query parameter that counts.
struct Count {
    parameter: String,
    first: u64,
    size_parameter: Option<String>,
    size: Option<u32>,
}

/// Where a cursor is, or goes: a name of a header or a parameter, or a place in
/// a body.
enum Place {
    Name(String),
    Body(Pointer),
}

#[derive(Default)]
struct End {
    has_more: Option<Pointer>,
    total: Option<Pointer>,
    total_pages: Option<Pointer>,
    value: Option<Scalar>,
}

/// What was read of a request, the present page included.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Records of the present page.
    pub of_page: usize,
    /// Records of all pages.
    pub of_all: usize,
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
                let size = (it.size_parameter.as_ref(), it.size);
                let count = Count::new(&it.parameter, it.first, size, mistakes);
                (Some(Way::PageNumber(count)), &it.end)
            }
            Pagination::Offset(it) => {
                let size = (it.size_parameter.as_ref(), it.size);
                let count = Count::new(&it.parameter, it.first, size, mistakes);
                (Some(Way::Offset(count)), &it.end)
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
        let mut place = |name: &str, text: &Option<String>| {
            let text = text.as_ref()?;
            Pointer::of_setting(&format!("/pagination/end/{name}"), text, mistakes)
        };
        let end = End {
            has_more: place("has_more", &end.has_more),
            total: place("total", &end.total),
            total_pages: place("total_pages", &end.total_pages),
            value: end.value.clone(),
        };
        if end.total_pages.is_some() && !matches!(way, Some(Way::PageNumber(_))) {
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

    /// Where the cursor goes in a request's body.
    #[must_use]
    pub fn body_place(&self) -> Option<&[String]> {
        match &self.way {
            Way::Cursor {
                into: Place::Body(place),
                ..
            } => Some(place.tokens()),
            _ => None,
        }
    }

    /// The first page's URL, with the parameters that count.
    #[must_use]
    pub fn first(&self, url: Url) -> Url {
        match &self.way {
            Way::PageNumber(count) | Way::Offset(count) => {
                let size = count.size_parameter.as_ref().zip(count.size);
                let url = with_parameter(&url, &count.parameter, &count.first.to_string());
                match size {
                    Some((parameter, size)) => with_parameter(&url, parameter, &size.to_string()),
                    None => url,
                }
            }
            Way::None | Way::Cursor { .. } | Way::NextUrl(..) | Way::LinkHeader(_) => url,
        }
    }

    /// The page after `present`, by its answer.
    pub fn next(
        &self,
        present: &Page,
        root: Value<'_>,
        answer: &Answer,
        received: Received,
    ) -> Result<Option<Page>, PageError> {
        let said = self.says_more(present, root, received.of_all);
        if said == Some(false) {
            return Ok(None);
        }
        let counted = |count: &Count, step: u64| {
            let short = count
                .size
                .is_some_and(|size| received.of_page < usize::try_from(size).unwrap_or(usize::MAX));
            if received.of_page == 0 || (short && said.is_none()) {
                return None;
            }
            let next = count.present(&present.url).saturating_add(step);
            let url = with_parameter(&present.url, &count.parameter, &next.to_string());
            Some(Page::from(url))
        };
        let ends = |text: &str| match &self.end.value {
            Some(Scalar::Text(end) | Scalar::Number(end)) => end == text,
            Some(Scalar::Null | Scalar::Boolean(_)) | None => text.is_empty(),
        };
        let to_url = |target: &str, keep_origin: bool| {
            let url = join(&present.url, target, keep_origin)?;
            Ok(Some(Page::from(url)))
        };
        match &self.way {
            Way::None => Ok(None),
            Way::PageNumber(count) => Ok(counted(count, 1)),
            Way::Offset(count) => Ok(counted(
                count,
                received.of_page.try_into().unwrap_or(u64::MAX),
            )),
            Way::NextUrl(place, keep_origin) => match link(place, root)? {
                Some(text) if !ends(&text) => to_url(&text, *keep_origin),
                Some(_) | None => Ok(None),
            },
            Way::LinkHeader(keep_origin) => {
                let links = answer.response.headers.iter();
                let mut links = links.filter(|(name, _)| name == "link");
                match links.find_map(|(_, value)| next_link(value)) {
                    Some(target) if !ends(target) => to_url(target, *keep_origin),
                    Some(_) | None => Ok(None),
                }
            }
            Way::Cursor { from, into } => {
                let token = match from {
                    Place::Name(header) => answer.header(header).map(Cow::Borrowed),
                    Place::Body(place) => link(place, root)?,
                };
                let Some(token) = token.filter(|it| !it.is_empty() && !ends(it)) else {
                    return Ok(None);
                };
                let number = match from {
                    Place::Name(_) => None,
                    Place::Body(place) => place.find(root).filter(|it| it.kind() == Kind::Number),
                };
                Ok(Some(match into {
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

    /// Whether the answer says that there are more pages; none where it says
    /// nothing of that.
    fn says_more(&self, present: &Page, root: Value<'_>, received: usize) -> Option<bool> {
        if let Some(place) = &self.end.has_more {
            let value = place.find(root).map_or("null", Value::text);
            let nothing = ["null", "false", "0", "\"\"", "\"false\"", "[]", "{}"];
            return Some(!nothing.contains(&value));
        }
        let number = |place: &Option<Pointer>| {
            let value = place.as_ref()?.find(root)?;
            value
                .string()
                .unwrap_or(Cow::Borrowed(value.text()))
                .parse::<u64>()
                .ok()
        };
        if let Some(total) = number(&self.end.total) {
            return Some(total > received.try_into().unwrap_or(u64::MAX));
        }
        if let (Some(pages), Way::PageNumber(count)) = (number(&self.end.total_pages), &self.way) {
            let read = count.present(&present.url).saturating_sub(count.first) + 1;
            return Some(pages > read);
        }
        None
    }
}

impl Count {
    fn new(
        parameter: &str,
        first: u64,
        (size_parameter, size): (Option<&String>, Option<u32>),
        mistakes: &mut Mistakes,
    ) -> Self {
        if parameter.is_empty() {
            mistakes.add("/pagination/parameter", "is empty");
        }
        if size_parameter.is_some_and(|it| it.is_empty() || it == parameter) {
            mistakes.add(
                "/pagination/size_parameter",
                "is empty or the same as `parameter`",
            );
        }
        if size_parameter.is_some() && size.is_none() {
            let hint = "say how many records a full page has";
            mistakes.add_with_hint("/pagination/size", "is missing", hint);
        }
        if size == Some(0) {
            mistakes.add("/pagination/size", "is 0; it must be at least 1");
        }
        Self {
            parameter: parameter.to_owned(),
            first,
            size_parameter: size_parameter.cloned(),
            size,
        }
    }

    /// What a page's URL counts.
    fn present(&self, url: &Url) -> u64 {
        let value = parameter(url, &self.parameter);
        value
            .and_then(|value| value.parse().ok())
            .unwrap_or(self.first)
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
    let into = match (&cursor.parameter, &cursor.body_pointer) {
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
            mistakes.add(
                at,
                "must have either `parameter` or `body_pointer`, where the token goes",
            );
            None
        }
    };
    Some(Way::Cursor {
        from: from?,
        into: into?,
    })
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
