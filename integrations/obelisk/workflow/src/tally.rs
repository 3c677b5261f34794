//! What the calls returned → one account of a chunk, and of a run.

use crate::bindings::rowcast::obelisk::types::{Rejection, Tally};
use crate::bindings::rowcast::pipeline::transfer::{Remaining, TransferReport};
use crate::bindings::rowcast::pipeline::types::{Request, Stop};

impl Tally {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            done: 0,
            documents: 0,
            written: 0,
            unchanged: 0,
            superseded: 0,
            refused: 0,
            undelivered: 0,
            rejected: Vec::new(),
            pending: Vec::new(),
            stopped: None,
            calls: 0,
            repeats: 0,
        }
    }

    /// Whether anything was achieved; being refused counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.written == 0 && self.done == 0 && self.rejected.is_empty()
    }

    /// Enters what a call settled; what it left is settled by a later one, or by
    /// [`leave`](Self::leave).
    pub fn transferred(&mut self, report: &TransferReport) {
        let refused = u32::try_from(report.rejected_documents.len()).unwrap_or(u32::MAX);
        for (sum, part) in [
            (&mut self.done, report.done),
            (&mut self.written, report.written),
            (&mut self.unchanged, report.unchanged),
            (&mut self.superseded, report.superseded),
            (&mut self.refused, refused),
        ] {
            *sum = sum.saturating_add(part);
        }
        let settled = [report.written, report.unchanged, report.superseded, refused];
        for part in settled {
            self.documents = self.documents.saturating_add(part);
        }
        let requests = report.rejected.iter();
        let requests = requests.map(|it| rejection(it.request, "", &it.reason));
        let records = report.rejected_records.iter();
        let records = records.map(|it| rejection(it.request, &it.path, &it.reason));
        let documents = report.rejected_documents.iter();
        let documents = documents.map(|it| rejection(it.request, &it.path, &it.reason));
        self.rejected
            .extend(requests.chain(records).chain(documents));
    }

    /// Says why something is pending.
    pub fn leave(&mut self, remaining: Option<Remaining>, stop: Stop) {
        if let Some(Remaining {
            requests,
            documents,
        }) = remaining
        {
            add(&mut self.undelivered, documents.len());
            add(&mut self.documents, documents.len());
            let requests = requests.into_iter().map(|pending| pending.request);
            let documents = documents.into_iter().map(|pending| pending.request);
            self.pending = requests.chain(documents).collect();
            self.pending.dedup();
        }
        self.stopped = Some(stop);
    }

    /// Makes rows count from the run's first instead of the chunk's.
    pub fn shift(&mut self, first_row: u32) {
        let rejected = self
            .rejected
            .iter_mut()
            .map(|rejection| &mut rejection.request);
        for request in rejected.chain(&mut self.pending) {
            request.row = request.row.saturating_add(first_row);
        }
    }

    /// Adds another account. The first reason for pending requests is kept.
    pub fn add(&mut self, other: Self) {
        for (sum, part) in [
            (&mut self.done, other.done),
            (&mut self.documents, other.documents),
            (&mut self.written, other.written),
            (&mut self.unchanged, other.unchanged),
            (&mut self.superseded, other.superseded),
            (&mut self.refused, other.refused),
            (&mut self.undelivered, other.undelivered),
            (&mut self.calls, other.calls),
            (&mut self.repeats, other.repeats),
        ] {
            *sum = sum.saturating_add(part);
        }
        self.rejected.extend(other.rejected);
        self.pending.extend(other.pending);
        self.stopped = self.stopped.take().or(other.stopped);
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

/// Adds a length to a count.
pub fn add(sum: &mut u32, length: usize) {
    *sum = sum.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
}

fn rejection(request: Request, path: &str, reason: &str) -> Rejection {
    Rejection {
        request,
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}
