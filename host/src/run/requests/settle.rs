//! A call's result → counts, rejections, and what is known of the upstreams.

use super::Requests;
use crate::engine::{Request, TransferReport};
use crate::run::answer::Answer;
use crate::run::chunk::{combination, raw};
use crate::run::event::{Rejection, Upstream};
use crate::run::part::Part;
use crate::run::recording::Recording;
use crate::run::tally::Tally;
use crate::run::upstreams::Answered;

impl Requests<'_> {
    /// Counts what a call settled; its rejections.
    pub(super) fn settled(
        &mut self,
        part: &Part,
        report: &TransferReport,
        recording: &mut Recording,
        tally: &mut Tally,
    ) -> Vec<Rejection> {
        let given = part.left.documents.len() as u64;
        Answer::count(report, given, self.table.is_none(), tally);
        let (chunk, upstreams) = (self.chunk, self.chunk.upstreams);
        if report.done > 0 {
            upstreams.succeeded(Upstream::Source);
            upstreams.answered(|| self.answered(part, report));
        }
        if report.written > 0 {
            upstreams.wrote();
        }
        for rejected in &report.rejected {
            self.rejected_rows.insert(rejected.request.row);
            match rejected.status {
                Some(401 | 403) => upstreams.refused(&rejected.reason),
                // It takes the credentials, and refuses the request.
                Some(_) => upstreams.succeeded(Upstream::Source),
                None => {}
            }
        }
        let incomplete = report.rejected_records.iter().map(|it| it.request);
        let unwritten = report.rejected_documents.iter().map(|it| it.request);
        incomplete
            .chain(unwritten)
            .for_each(|request| recording.unfinished(request.row));
        let requests = report
            .rejected
            .iter()
            .map(|it| self.rejected(it.request, it.status, &it.reason));
        let records = report.rejected_records.iter().map(|it| Rejection::Record {
            row_number: chunk.row_number(it.request),
            row: chunk.row(it.request),
            combination: combination(self.source, it.request),
            index: it.index,
            path: it.path.clone(),
            reason: it.reason.clone(),
        });
        let documents = report
            .rejected_documents
            .iter()
            .map(|it| Rejection::Document {
                document: raw(&it.document),
                path: it.path.clone(),
                reason: it.reason.clone(),
            });
        requests.chain(records).chain(documents).collect()
    }

    /// One of the requests that a call had answered.
    fn answered(&self, part: &Part, report: &TransferReport) -> Option<Answered> {
        let left = report.remaining.iter().flat_map(|left| &left.requests);
        let rejected = report.rejected.iter().map(|it| it.request);
        let unanswered: Vec<_> = left.map(|it| it.request).chain(rejected).collect();
        let request = part.requests().find(|it| !unanswered.contains(it))?;
        Some(self.answered_as(request))
    }

    pub(super) fn answered_as(&self, request: Request) -> Answered {
        Answered {
            row: self.chunk.row_text(request).to_owned(),
            combination: request.combination,
        }
    }

    pub(super) fn rejected(
        &self,
        request: Request,
        status: Option<u16>,
        reason: &str,
    ) -> Rejection {
        Rejection::Request {
            row_number: self.chunk.row_number(request),
            row: self.chunk.row(request),
            combination: combination(self.source, request),
            status,
            reason: reason.to_owned(),
        }
    }
}
