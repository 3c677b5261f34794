//! One request's answers, page by page → its documents, and the next page to
//! ask for. Knows nothing of attempts.

use super::announced::announces_more;
use super::answer::Answer;
use super::checked::Checked;
use super::extracted::Extracted;
use super::format;
use super::links::without_parameter;
use super::page::{Page, PageError, PageHistory};
use super::paging::{Next, Received};
use super::plan::{Plan, PreparedRequest};
use super::progress::Progress;
use super::records::{self, BodyError};
use super::snippet;
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use crate::document::Sink;
use crate::settings::{Auth, RecordsAs};
use rowcast_json::{Index, Kind, Value};
use std::borrow::Cow;

/// The pages of one request.
pub struct Pages {
    history: PageHistory,
    /// Of each row.
    by_row: Vec<Extracted>,
    /// Records of all pages.
    received: usize,
    exhausted: u32,
    failed: u32,
    asked: bool,
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
    pub fn new(prepared: &PreparedRequest<'_>, progress: Progress, most: u32) -> Self {
        let first = Page::from(prepared.url.clone());
        let (history, extracted) = match progress.page {
            // Credentials go with every page, so every page stays where they
            // belong.
            Some((at, page)) if at.url.origin() == first.url.origin() => {
                (PageHistory::new(at, most).at(page), progress.extracted)
            }
            Some(_) | None => (PageHistory::new(first, most), Extracted::default()),
        };
        let received = extracted.documents.len() + extracted.rejected.len();
        let mut by_row = vec![extracted];
        by_row.resize_with(prepared.rows.len().max(1), Extracted::default);
        Self {
            history,
            by_row,
            received,
            exhausted: progress.exhausted,
            failed: progress.failed,
            asked: progress.asked,
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

    /// Whether the present page was asked for before.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.asked || self.failed + self.exhausted > 0
    }

    /// The present page was asked for.
    pub fn ask(&mut self) {
        self.asked = true;
    }

    /// Whether no page was read yet.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.history.page() == 1
    }

    /// The page to ask for.
    #[must_use]
    pub fn present(&self) -> &Page {
        self.history.present()
    }

    /// Whether the last answer announces more than was read.
    #[must_use]
    pub fn is_unfollowed(&self) -> bool {
        self.unfollowed
    }

    /// What all pages gave for each row.
    #[must_use]
    pub fn finish(self) -> Vec<Extracted> {
        self.by_row
    }

    /// What there is so far of each row, for a call that continues. A batch
    /// starts over: its rows may be others then.
    #[must_use]
    pub fn progress(mut self) -> Vec<Progress> {
        let (exhausted, failed, asked) = (self.exhausted, self.failed, self.asked);
        let alone = self.by_row.len() == 1;
        let page = (self.history.present().clone(), self.history.page());
        let progress = |extracted| Progress {
            page: alone.then(|| page.clone()),
            extracted: if alone {
                extracted
            } else {
                Extracted::default()
            },
            exhausted,
            failed,
            asked,
        };
        self.by_row.drain(..).map(progress).collect()
    }

    /// Makes documents of a good answer, and turns to the next page. Whether
    /// there is one.
    pub fn keep(
        &mut self,
        plan: &Plan<'_>,
        prepared: &PreparedRequest<'_>,
        answer: &Answer,
        sink: &Sink<'_>,
    ) -> Result<bool, PageFault> {
        let fault = |error: &BodyError| match error {
            BodyError::Truncated(..) | BodyError::Empty => PageFault::Truncated(error.to_string()),
            BodyError::NotText | BodyError::NotJson(_) => {
                PageFault::Other(format!("{error}{}", coded(answer)))
            }
            other => PageFault::Other(other.to_string()),
        };
        let root = answer.body().map_err(fault)?;
        let checked = &plan.checked;
        let fault = |error: BodyError| fault(&error);
        let mut index = Index::default();
        let list = list(checked, root).map_err(fault)?;
        let records = match &list {
            None => records::records(root, &checked.records).map_err(fault)?,
            Some(text) => records::parse(&mut index, text)
                .map_err(fault)?
                .elements()
                .collect(),
        };
        let paging = &checked.paging;
        self.received += records.len();
        let received = Received {
            of_page: records.len(),
            of_all: self.received,
            pages: self.history.page(),
        };
        let page_fault = |error: PageError| PageFault::Other(error.to_string());
        if let Some(counts) = paging.counts_in()
            && !records.is_empty()
            && self.history.is_same(answer.bytes())
        {
            return Err(page_fault(PageError::Same(snippet::line(counts))));
        }
        let next = paging.next(self.history.present(), root, answer, received);
        let mut next = next.map_err(page_fault)?;
        // An API may have repeated the key in the link; it's added again.
        if let (Auth::ApiKey(key), Next::Page(next)) = (&checked.source.auth, &mut next)
            && let Some(parameter) = &key.parameter
        {
            next.url = without_parameter(&next.url, parameter);
        }
        let empty = records.is_empty();
        for record in records {
            self.keep_record(checked, prepared, record, sink);
        }
        let ended = match next {
            Next::Page(next) if empty && self.history.knows(&next) => {
                // The last page's cursor is that of the page before: the end.
                return Ok(false);
            }
            Next::Page(next) => {
                let advanced = if self.history.knows(&next) {
                    self.history.repeat(&next, answer.bytes())
                } else {
                    self.history.advance(next)
                };
                advanced.map_err(page_fault)?;
                // An attempt that succeeded: it isn't stuck.
                self.exhausted = 0;
                self.failed = 0;
                self.asked = false;
                return Ok(true);
            }
            end => end,
        };
        let announced = || {
            let (records, headers) = (&checked.records, &answer.response.headers);
            announces_more(root, records, headers, received, ended == Next::End)
        };
        self.unfollowed = !paging.wants_one() && (ended == Next::Short || announced());
        Ok(false)
    }

    /// Makes a document of a record for each row that it belongs to.
    fn keep_record(
        &mut self,
        checked: &Checked<'_>,
        prepared: &PreparedRequest<'_>,
        record: Value<'_>,
        sink: &Sink<'_>,
    ) {
        let own = checked.batch.as_ref().filter(|_| prepared.rows.len() > 1);
        let id = own.and_then(|place| place.find(record)).and_then(scalar);
        let mut found = false;
        for (row, extracted) in prepared.rows.iter().zip(&mut self.by_row) {
            if own.is_some() && row.id.as_deref() != id.as_deref() {
                continue;
            }
            found = true;
            match sink.document(&row.attributes, &checked.require, record) {
                Ok(document) => extracted.documents.push(document),
                Err(error) => {
                    let (kind, path) = (error.kind(), error.path());
                    extracted.reject(row.request, kind, path, error.to_string());
                }
            }
        }
        let (Some(place), false) = (own, found) else {
            return;
        };
        // It must be in some list: the first row's.
        if let (Some(row), Some(extracted)) = (prepared.rows.first(), self.by_row.first_mut()) {
            let path = place.as_str().to_owned();
            let reason = format!("the record belongs to no row of its request, by its `{path}`");
            extracted.reject(row.request, RejectionKind::Required, path, reason);
        }
    }
}

fn scalar(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::String => value.string(),
        Kind::Number | Kind::Boolean => Some(value.text().into()),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

/// What to add where a body is in a coding that isn't read.
fn coded(answer: &Answer) -> String {
    let coding = answer.header("content-encoding").map(str::trim);
    match coding.filter(|coding| !coding.is_empty() && *coding != "identity") {
        Some(coding) => format!(
            "; its Content-Encoding is `{}`, which wasn't asked for: gzip is",
            snippet::line(coding)
        ),
        None => String::new(),
    }
}
