//! A page that is counted, and what was received → the next count, or the end.

use super::super::links::{parameter, with_parameter};
use super::super::page::Page;
use super::end::Said;
use super::{Next, Place, Received};
use crate::settings::Mistakes;
use url::Url;

/// Lengths that pages are cut to by APIs that give less than they are asked for. Where
/// all pages have such a length, a short one may not be the last.
const USUAL: [usize; 12] = [10, 20, 25, 30, 40, 50, 60, 100, 200, 250, 500, 1_000];

/// A query parameter, or a place in the body, that counts.
pub(super) struct Count {
    pub place: Place,
    pub first: u64,
    pub size_parameter: Option<String>,
    pub size: Option<u32>,
}

impl Count {
    pub fn new(
        place: Option<Place>,
        first: u64,
        (size_parameter, size): (Option<&String>, Option<u32>),
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let counts = |name: &String| matches!(&place, Some(Place::Name(own)) if own == name);
        if size_parameter.is_some_and(|it| it.is_empty() || counts(it)) {
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
        Some(Self {
            place: place?,
            first,
            size_parameter: size_parameter.cloned(),
            size,
        })
    }

    /// The first page's URL.
    pub fn start(&self, url: Url) -> Url {
        let url = match &self.place {
            Place::Name(name) => with_parameter(&url, name, &self.first.to_string()),
            Place::Body(_) => url,
        };
        match self.size_parameter.as_ref().zip(self.size) {
            Some((parameter, size)) => with_parameter(&url, parameter, &size.to_string()),
            None => url,
        }
    }

    /// What a page counts.
    pub fn present(&self, page: &Page) -> u64 {
        let value = match &self.place {
            Place::Name(name) => parameter(&page.url, name),
            Place::Body(_) => page.cursor.clone(),
        };
        value
            .and_then(|value| value.parse().ok())
            .unwrap_or(self.first)
    }

    /// The page that counts so much more.
    pub fn advance(&self, present: &Page, step: u64) -> Page {
        let next = self.present(present).saturating_add(step).to_string();
        match &self.place {
            Place::Name(name) => with_parameter(&present.url, name, &next).into(),
            Place::Body(_) => Page {
                url: present.url.clone(),
                cursor: Some(next),
            },
        }
    }

    /// Whether pages end here.
    pub fn ends(&self, received: Received, said: Said) -> Option<Next> {
        let size = self
            .size
            .map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let short = size.is_some_and(|size| received.of_page < size);
        match (received.of_page, said) {
            (_, Said::Last) | (0, Said::Nothing) => Some(Next::End),
            (0, Said::MoreByTotal) => Some(Next::Short),
            (_, Said::More | Said::MoreByTotal) => None,
            (records, Said::Nothing) => {
                let pages = usize::try_from(received.pages).unwrap_or(usize::MAX);
                let cut =
                    USUAL.contains(&records) && records.checked_mul(pages) == Some(received.of_all);
                (short && !cut).then_some(Next::Unsaid)
            }
        }
    }
}
