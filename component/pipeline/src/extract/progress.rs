//! What a request that isn't finished has so far ↔ the opaque text that a
//! caller passes back: the page it had reached, what the pages before gave, and
//! how often its attempts ran out. A text that can't be read starts anew.

use super::extracted::Extracted;
use super::page::Page;
use crate::bindings::rowcast::pipeline::types::{RejectedRecord, RejectionKind, Request};
use crate::document::Document;
use serde::{Deserialize, Serialize};
use url::Url;

/// What a request has so far.
#[derive(Debug, Default)]
pub struct Progress {
    /// The page to ask for, and how many it is; none for the first.
    pub page: Option<(Page, u32)>,
    /// What the pages before it gave.
    pub extracted: Extracted,
    /// In how many calls its attempts ran out.
    pub exhausted: u32,
    /// How many attempts at the page failed.
    pub failed: u32,
    /// Whether the page was asked for.
    pub asked: bool,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Text {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    page: u32,
    #[serde(skip_serializing_if = "is_zero")]
    exhausted: u32,
    #[serde(skip_serializing_if = "is_zero")]
    failed: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    asked: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    documents: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<Record>,
}

/// A rejected record without the request that it is of.
#[derive(Deserialize, Serialize)]
pub struct Record {
    index: u32,
    kind: u8,
    path: String,
    reason: String,
}

/// The kinds that a record can be rejected for; their places are in the text.
const KINDS: [RejectionKind; 9] = [
    RejectionKind::Body,
    RejectionKind::Required,
    RejectionKind::Clash,
    RejectionKind::Template,
    RejectionKind::Status,
    RejectionKind::Policy,
    RejectionKind::Exhausted,
    RejectionKind::TooLarge,
    RejectionKind::Item,
];

impl From<RejectedRecord> for Record {
    fn from(record: RejectedRecord) -> Self {
        Self {
            index: record.index,
            kind: place(record.kind),
            path: record.path,
            reason: record.reason,
        }
    }
}

impl Record {
    /// For a later request that is given up.
    #[must_use]
    pub fn given_up(rejected: RejectionKind, reason: String) -> Self {
        Self {
            index: 0,
            kind: place(rejected),
            path: String::new(),
            reason,
        }
    }

    /// The rejected record of that request.
    #[must_use]
    pub fn of(self, request: Request) -> RejectedRecord {
        RejectedRecord {
            request,
            index: self.index,
            kind: kind(self.kind),
            path: self.path,
            reason: self.reason,
        }
    }
}

impl Progress {
    /// Its attempts ran out once more: the next ones count from one.
    #[must_use]
    pub fn exhausted(mut self) -> Self {
        self.exhausted = self.exhausted.saturating_add(1);
        self.failed = 0;
        self
    }

    /// What requests have that go out together: of one all, of several only
    /// how often they failed.
    #[must_use]
    pub fn together(all: impl Iterator<Item = Self>) -> Self {
        let graver = |one: Self, other: Self| Self {
            exhausted: one.exhausted.max(other.exhausted),
            failed: one.failed.max(other.failed),
            asked: one.asked || other.asked,
            ..Self::default()
        };
        all.reduce(graver).unwrap_or_default()
    }

    /// Reads what [`write`](Self::write) wrote.
    #[must_use]
    pub fn read(request: Request, text: Option<&str>) -> Self {
        let text = text.and_then(|text| serde_json::from_str(text).ok());
        let text: Text = text.unwrap_or_default();
        let (exhausted, failed, asked) = (text.exhausted, text.failed, text.asked);
        let url = text.url.and_then(|url| Url::parse(&url).ok());
        let Some(url) = url else {
            return Self {
                exhausted,
                failed,
                asked,
                ..Self::default()
            };
        };
        let rejected = text.rejected.into_iter().map(|it| it.of(request));
        Self {
            page: Some((
                Page {
                    url,
                    cursor: text.cursor,
                },
                text.page,
            )),
            extracted: Extracted {
                documents: text.documents.into_iter().map(Document::Text).collect(),
                rejected: rejected.collect(),
            },
            exhausted,
            failed,
            asked,
        }
    }

    /// Whether it has got on, or failed to.
    #[must_use]
    pub fn is_tried(&self) -> bool {
        let begun = |(_, page): &(Page, u32)| *page > 1;
        self.exhausted + self.failed > 0 || self.page.as_ref().is_some_and(begun)
    }

    /// The text; none where there is nothing to pass on.
    #[must_use]
    pub fn write(self) -> Option<String> {
        if !self.asked && !self.is_tried() {
            return None;
        }
        let (url, cursor, page) = match self.page {
            Some((at, page)) if page > 1 => (Some(at.url.into()), at.cursor, page),
            Some(_) | None => (None, None, 0),
        };
        let rejected = self.extracted.rejected.into_iter().map(Record::from);
        let documents = self.extracted.documents.into_iter();
        let text = Text {
            url,
            cursor,
            page,
            exhausted: self.exhausted,
            failed: self.failed,
            asked: self.asked,
            documents: documents.map(Document::into_text).collect(),
            rejected: rejected.collect(),
        };
        serde_json::to_string(&text).ok()
    }
}

fn kind(place: u8) -> RejectionKind {
    let kind = KINDS.get(usize::from(place));
    kind.copied().unwrap_or(RejectionKind::Body)
}

fn place(kind: RejectionKind) -> u8 {
    let place = KINDS.iter().position(|known| *known == kind);
    place.and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
