//! One request's answers, page by page → its documents, and the next page to
//! ask for. Knows nothing of attempts.

use super::announced::announces_more;
use super::answer::Answer;
use super::checked::Checked;
use super::cut::{self, BodyError};
use super::ledger::Harvest;
use super::links::without_parameter;
use super::page::{Page, Trail};
use super::paging::Received;
use super::plan::{Order, Plan};
use super::resume::Progress;
use super::{document, format};
use crate::bindings::rowcast::pipeline::types::{RejectedRecord, Request};
use crate::settings::{Auth, RecordsAs};
use rowcast_json::{Index, Value};
use url::Url;

/// The pages of one request.
pub struct Pages {
    request: Request,
    trail: Trail,
    harvest: Harvest,
    exhausted: u32,
    failed: u32,
    unfollowed: bool,
}

/// Why a page isn't kept.
#[derive(Debug)]
pub enum PageFault {
    /// Cut short, perhaps on the way.
    Truncated(String),
    /// It won't be better if it is asked for again.
    Other(String),
}

/// The records' text where they are in another shape than a list.
fn list(checked: &Checked<'_>, root: Value<'_>) -> Result<Option<String>, BodyError> {
    let source = checked.source;
    let found = checked
        .records
        .find(root)
        .filter(|_| source.records_as != RecordsAs::List);
    let Some(value) = found else {
        return Ok(None);
    };
    let id_attribute = source.id_attribute.as_deref();
    format::reshaped(
        value,
        source.records_as,
        id_attribute,
        checked.records.as_str(),
    )
}

impl Pages {
    /// Starts at the first page, or at the one that an earlier call had reached.
    #[must_use]
    pub fn new(request: Request, first: Url, progress: Progress, most: u32) -> Self {
        let first = Page::from(first);
        let (trail, harvest) = match progress.page {
            // Credentials go with every page, so every page stays where they
            // belong.
            Some((at, page)) if at.url.origin() == first.url.origin() => {
                (Trail::new(at, most).at(page), progress.harvest)
            }
            Some(_) | None => (Trail::new(first, most), Harvest::default()),
        };
        Self {
            request,
            trail,
            harvest,
            exhausted: progress.exhausted,
            failed: progress.failed,
            unfollowed: false,
        }
    }

    /// Another attempt at the present page failed; how many have.
    pub fn fail(&mut self) -> u32 {
        self.failed = self.failed.saturating_add(1);
        self.failed
    }

    /// How many attempts at the present page failed.
    #[must_use]
    pub fn failed(&self) -> u32 {
        self.failed
    }

    /// Whether no page was read yet.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.trail.page() == 1
    }

    /// The page to ask for.
    #[must_use]
    pub fn present(&self) -> &Page {
        self.trail.present()
    }

    /// Whether the last answer announces more than was read.
    #[must_use]
    pub fn is_unfollowed(&self) -> bool {
        self.unfollowed
    }

    /// What all pages gave.
    #[must_use]
    pub fn finish(self) -> Harvest {
        self.harvest
    }

    /// What there is so far, for a call that continues.
    #[must_use]
    pub fn progress(self) -> Progress {
        Progress {
            page: Some((self.trail.present().clone(), self.trail.page())),
            harvest: self.harvest,
            exhausted: self.exhausted,
            failed: self.failed,
        }
    }

    /// Makes documents of a good answer, and turns to the next page. Whether
    /// there is one.
    pub fn keep(
        &mut self,
        plan: &Plan<'_>,
        order: &Order<'_>,
        answer: &Answer,
    ) -> Result<bool, PageFault> {
        let fault = |error: &BodyError| match error {
            BodyError::Truncated(..) | BodyError::Empty => PageFault::Truncated(error.to_string()),
            other => PageFault::Other(other.to_string()),
        };
        let root = answer.body().map_err(fault)?;
        let checked = &plan.checked;
        let fault = |error: BodyError| fault(&error);
        let mut index = Index::default();
        let list = list(checked, root).map_err(fault)?;
        let records = match &list {
            None => cut::records(root, &checked.records).map_err(fault)?,
            Some(text) => cut::parse(&mut index, text.as_bytes())
                .map_err(fault)?
                .elements()
                .collect(),
        };
        let paging = &checked.paging;
        let received = Received {
            of_page: records.len(),
            of_all: self.harvest.documents.len() + self.harvest.rejected.len() + records.len(),
        };
        let next = paging.next(self.trail.present(), root, answer, received);
        let mut next = next.map_err(|error| PageFault::Other(error.to_string()))?;
        // An API may have repeated the key in the link; it's added again.
        if let (Auth::ApiKey(key), Some(next)) = (&checked.source.auth, &mut next)
            && let Some(parameter) = &key.parameter
        {
            next.url = without_parameter(&next.url, parameter);
        }
        let empty = records.is_empty();
        for record in records {
            match document::build(&order.attributes, &checked.require, record) {
                Ok(document) => self.harvest.documents.push(document),
                Err(error) => {
                    let index = self.harvest.documents.len() + self.harvest.rejected.len();
                    self.harvest.rejected.push(RejectedRecord {
                        request: self.request,
                        index: u32::try_from(index).unwrap_or(u32::MAX),
                        kind: error.kind(),
                        path: error.path(),
                        reason: error.to_string(),
                    });
                }
            }
        }
        match next {
            None => {
                let headers = &answer.response.headers;
                let announced = || {
                    let (records, all) = (&checked.records, received.of_all);
                    announces_more(root, records, headers, all, paging.is_paged())
                };
                self.unfollowed = !paging.wants_one() && announced();
                Ok(false)
            }
            // The last page's cursor is that of the page before: the end.
            Some(next) if empty && self.trail.knows(&next) => Ok(false),
            Some(next) => {
                let advanced = self.trail.advance(next);
                advanced.map_err(|error| PageFault::Other(error.to_string()))?;
                // An attempt that succeeded: it isn't stuck.
                self.exhausted = 0;
                self.failed = 0;
                Ok(true)
            }
        }
    }
}
