//! An answer → what it says of further pages, by the source's `end`.

use super::super::page::PageError;
use super::super::pointer::Pointer;
use super::Next;
use crate::settings::{self, Mistakes, Scalar};
use rowcast_json::Value;
use std::borrow::Cow;

/// Where an answer says that it is the last one.
#[derive(Default)]
pub(super) struct End {
    has_more: Option<Pointer>,
    total: Option<Pointer>,
    total_pages: Option<Pointer>,
    value: Option<Scalar>,
}

/// What an answer says of further pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Last,
    More,
    /// There are more records than were read, but totals are often too high: of
    /// what may not be seen, or by estimation.
    MoreByTotal,
}

impl Said {
    /// What comes after a page that has no link or token, or one that means the end
    /// and is `there`.
    pub fn without_link(self, there: bool) -> Result<Next, PageError> {
        match self {
            Self::More => Err(PageError::NoNext),
            Self::MoreByTotal => Ok(Next::Short),
            Self::Nothing if there => Ok(Next::End),
            Self::Nothing => Ok(Next::Unsaid),
            Self::Last => Ok(Next::End),
        }
    }
}

impl End {
    pub fn new(end: &settings::End, mistakes: &mut Mistakes) -> Self {
        let mut place = |name: &str, text: &Option<String>| {
            let text = text.as_ref()?;
            Pointer::of_setting(&format!("/pagination/end/{name}"), text, mistakes)
        };
        Self {
            has_more: place("has_more", &end.has_more),
            total: place("total", &end.total),
            total_pages: place("total_pages", &end.total_pages),
            value: end.value.clone(),
        }
    }

    /// Whether pages are counted by it.
    pub fn counts_pages(&self) -> bool {
        self.total_pages.is_some()
    }

    /// Whether that link or token means the end.
    pub fn is_last(&self, text: &str) -> bool {
        match &self.value {
            Some(Scalar::Text(end) | Scalar::Number(end)) => end == text,
            Some(Scalar::Null | Scalar::Boolean(_)) | None => text.is_empty(),
        }
    }

    /// What an answer says, after so many records; `page` is how many pages there
    /// were, where they are counted.
    pub fn says(&self, root: Value<'_>, received: usize, page: Option<u64>) -> Said {
        let more = |more: bool, said: Said| if more { said } else { Said::Last };
        if let Some(place) = &self.has_more {
            let value = place.find(root).map_or("null", Value::text);
            let nothing = ["null", "false", "0", "\"\"", "\"false\"", "[]", "{}"];
            return more(!nothing.contains(&value), Said::More);
        }
        let number = |place: &Option<Pointer>| {
            let value = place.as_ref()?.find(root)?;
            value
                .string()
                .unwrap_or(Cow::Borrowed(value.text()))
                .parse::<u64>()
                .ok()
        };
        if let Some(total) = number(&self.total) {
            let received = received.try_into().unwrap_or(u64::MAX);
            return more(total > received, Said::MoreByTotal);
        }
        match (number(&self.total_pages), page) {
            (Some(pages), Some(read)) => more(pages > read, Said::More),
            _ => Said::Nothing,
        }
    }
}
