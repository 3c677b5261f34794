//! What a call left → what is rejected of it, for a reason of the host's own.

use super::Requests;
use crate::engine::{CallError, RejectionKind};
use crate::run::chunk::raw;
use crate::run::event::{Rejection, Stopped};
use crate::run::part::Part;
use crate::run::recording::Recording;
use crate::run::tally::Tally;

/// Calls in which the table took nothing of a part, as it has no capacity for it.
const MOST_PASSED_OVER: u32 = 3;

impl Requests<'_> {
    /// A call that was refused for its rows, or for a document: those whom it isn't about
    /// are asked for without the others. Where nobody was answered, it is about all.
    pub(super) async fn refused(
        &mut self,
        part: Part,
        stopped: Stopped,
        reason: &str,
        recording: &mut Recording,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        match part.split() {
            Err(part) if self.chunk.upstreams.answers_others().await => {
                self.reject(part, RejectionKind::Template, reason, recording, tally)
                    .await
            }
            Err(part) => {
                self.parts.push_front(part);
                Some(stopped)
            }
            halves => {
                self.put_back(halves);
                None
            }
        }
    }

    /// Whether the table kept documents waiting in so many calls, each of which took as
    /// long as it may, while it took others; or the last one, where it took others before.
    pub(super) fn is_passed_over(&self, part: &mut Part) -> bool {
        if !part.left.requests.is_empty() {
            return false;
        }
        let upstreams = self.chunk.upstreams;
        let written = upstreams.written();
        if part.failed == 0 {
            part.written = written;
        }
        part.failed += 1;
        let is_last = part.left.documents.len() == 1 && written > 0 && upstreams.is_alone();
        let others = written > part.written || is_last;
        part.failed >= MOST_PASSED_OVER && others
    }

    /// Which of them it is, is found by halves.
    pub(super) async fn passed_over(
        &mut self,
        part: Part,
        reason: &str,
        recording: &mut Recording,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        match part.split() {
            Err(part) => {
                self.reject(part, RejectionKind::Exhausted, reason, recording, tally)
                    .await
            }
            halves => {
                self.put_back(halves);
                None
            }
        }
    }

    /// A call that was too much at once is halved, down to a row that is too much alone.
    pub(super) async fn too_much(
        &mut self,
        part: Part,
        error: &CallError,
        recording: &mut Recording,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        match part.split() {
            Err(part) => {
                let reason = error.to_string();
                self.reject(part, RejectionKind::TooLarge, &reason, recording, tally)
                    .await
            }
            halves => {
                self.put_back(halves);
                None
            }
        }
    }

    /// Rejects what a call left, for a reason of the host's own; documents that
    /// it is not about are written yet.
    pub(super) async fn reject(
        &mut self,
        part: Part,
        kind: RejectionKind,
        reason: &str,
        recording: &mut Recording,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let reason = match kind {
            RejectionKind::Exhausted if part.left.requests.is_empty() => {
                format!("{reason}; other documents were written")
            }
            RejectionKind::Exhausted => format!("{reason}; other requests are answered"),
            _ => reason.to_owned(),
        };
        tally.requests.rejected += part.left.requests.len() as u64;
        self.rejected_rows
            .extend(part.requests().map(|request| request.row));
        let requests = part.requests().map(|it| self.rejected(it, None, &reason));
        let mut told: Vec<_> = requests.collect();
        let mut documents = part.left.documents;
        if told.is_empty() {
            tally.documents.rejected += documents.len() as u64;
            for document in documents.drain(..) {
                recording.unfinished(document.request.row);
                told.push(Rejection::Document {
                    document: raw(&document.document),
                    path: String::new(),
                    reason: reason.clone(),
                });
            }
        }
        self.put_back(Err(Part::new(Vec::new(), documents)));
        self.chunk.tell(told).await
    }
}
