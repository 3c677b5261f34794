//! A chunk's requests → their documents, and the rest: rejected, waited for, or
//! left when the run stops.

use super::chunk::{Chunk, call_stopped, combination, combinations, is_too_much, stop_reason};
use super::event::{Rejection, Stopped, Upstream};
use super::recording::{Document, Recording};
use super::tally::Tally;
use super::upstreams::Answered;
use crate::engine::{
    CallError, Counter, Extraction, Failure, PendingRequest, RejectedRequest, RejectionKind,
    Request, Source, counted,
};
use crate::http_out::violation::Violation;
use std::collections::{BTreeSet, VecDeque};

/// Calls that may end for lack of budget without getting on before a chunk is
/// given up.
pub(super) const IDLE_CALLS: u32 = 2;

/// Calls that fail while the source answers others, before their requests are
/// asked for one by one.
const FAILED_CALLS: u32 = 2;

/// Requests that are asked for together.
struct Part {
    requests: Vec<PendingRequest>,
    /// Calls that ended without getting on: for lack of time, or by a failure.
    idle: u32,
    failed: u32,
}

impl Part {
    fn new(requests: Vec<PendingRequest>) -> Self {
        Self {
            requests,
            idle: 0,
            failed: 0,
        }
    }

    /// Two parts with half of the requests each.
    fn halves(mut self) -> [Self; 2] {
        let second = self.requests.split_off(self.requests.len() / 2);
        [Self::new(self.requests), Self::new(second)]
    }

    /// A part for each request.
    fn singles(self) -> impl DoubleEndedIterator<Item = Self> {
        let failed = self.failed;
        self.requests.into_iter().map(move |request| Self {
            requests: vec![request],
            idle: 0,
            failed,
        })
    }
}

/// What is known of a chunk's rows.
#[derive(Default)]
struct Rows {
    rejected: BTreeSet<u32>,
}

impl Chunk<'_> {
    pub(super) async fn extract(
        &self,
        source: &Source,
        recording: &mut Recording<'_>,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let mut rows = Rows::default();
        let requests = self.requests(combinations(source), recording);
        tally.requests.planned = requests.len() as u64;
        let mut parts: VecDeque<Part> = requests
            .chunks(self.pipeline.requests_per_part())
            .map(|part| Part::new(part.to_vec()))
            .collect();
        let mut stopped = None;
        while stopped.is_none()
            && let Some(part) = parts.pop_front()
        {
            if self.upstreams.stopping() && tally.requests.done + tally.requests.rejected > 0 {
                parts.push_front(part);
                stopped = Some(Stopped::Requested);
                break;
            }
            stopped = self
                .ask(source, part, &mut parts, &mut rows, recording, tally)
                .await;
        }
        let pending = parts.iter().flat_map(|part| &part.requests);
        let pending: Vec<Request> = pending.map(|pending| pending.request).collect();
        tally.requests.pending = pending.len() as u64;
        let pending_rows: BTreeSet<u32> = pending.iter().map(|request| request.row).collect();
        tally.rows.pending = pending_rows.len() as u64;
        tally.rows.rejected = rows.rejected.difference(&pending_rows).count() as u64;
        tally.rows.resumed = recording.resumed();
        tally.rows.done =
            tally.rows.read - tally.rows.pending - tally.rows.rejected - tally.rows.resumed;
        let unfinished = pending_rows.union(&rows.rejected);
        unfinished.for_each(|row| recording.unfinished(*row));
        stopped
    }

    /// One call. What is left of its part goes back to the parts.
    async fn ask(
        &self,
        source: &Source,
        mut part: Part,
        parts: &mut VecDeque<Part>,
        rows: &mut Rows,
        recording: &mut Recording<'_>,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let settings = source.text();
        let call = self
            .pipeline
            .extract(settings, self.rows, Some(&part.requests), None);
        let called = match self.in_time(call).await {
            Ok(called) => called,
            Err(stopped) => {
                parts.push_front(part);
                return Some(stopped);
            }
        };
        let (stopped, delivered) = match called.result {
            Ok(mut extraction) => {
                let too_many = called
                    .violation
                    .as_ref()
                    .is_some_and(Violation::is_too_many);
                let halved = too_many && part.requests.len() > 1;
                if halved {
                    take_back(&mut extraction);
                }
                let stopped = stop_reason(
                    extraction.stopped.as_ref(),
                    called.violation,
                    Upstream::Source,
                );
                let got_on = extraction.pending != part.requests;
                let told = self.settled(source, &part, &extraction, rows, recording, tally);
                let told = self.tell(told).await;
                part.requests.clone_from(&extraction.pending);
                if got_on {
                    (part.idle, part.failed) = (0, 0);
                }
                let delivered = self.deliver(self.documents(extraction), recording, tally);
                let delivered = told.or(delivered.await);
                if halved {
                    put_back(part.halves(), parts);
                    return delivered;
                }
                (stopped, delivered)
            }
            Err(error) if is_too_much(&error) => {
                if part.requests.len() > 1 {
                    put_back(part.halves(), parts);
                    return None;
                }
                let reason = error.to_string();
                let told =
                    self.reject_all(source, &part, RejectionKind::TooLarge, &reason, rows, tally);
                return self.tell(told).await;
            }
            Err(error) => {
                if let CallError::Failure(failure) = &error {
                    count_effort(counters(failure), tally);
                }
                (
                    Some(call_stopped(error, called.violation, Upstream::Source)),
                    None,
                )
            }
        };
        if part.requests.is_empty() {
            // Nothing is left that the reason could be about.
            return delivered;
        }
        if delivered.is_some() {
            parts.push_front(part);
            return delivered;
        }
        self.go_on(source, part, stopped, parts, rows, tally).await
    }

    /// What is done with requests that a call left: they are asked for again,
    /// now or after a wait, together or one by one; rejected; or left.
    async fn go_on(
        &self,
        source: &Source,
        mut part: Part,
        stopped: Option<Stopped>,
        parts: &mut VecDeque<Part>,
        rows: &mut Rows,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let (kind, reason, ends) = match stopped {
            None => {
                part.idle += 1;
                let given_up = part.idle >= IDLE_CALLS;
                parts.push_front(part);
                return given_up.then_some(Stopped::Budget);
            }
            Some(stopped @ Stopped::RateLimited { .. }) => {
                parts.push_front(part);
                return self.upstreams.wait_out(stopped).await;
            }
            Some(Stopped::Unavailable(reason)) => {
                part.failed += 1;
                if let Some(stopped) = self
                    .upstreams
                    .wait_for_recovery(Upstream::Source, &reason)
                    .await
                {
                    parts.push_front(part);
                    return Some(stopped);
                }
                (RejectionKind::Exhausted, reason, None)
            }
            // It has accepted these credentials before: it may be about the
            // request.
            Some(Stopped::Denied { by, reason })
                if self.upstreams.has_answered(Upstream::Source) =>
            {
                part.failed += FAILED_CALLS;
                let ends = Stopped::Denied {
                    by,
                    reason: reason.clone(),
                };
                (RejectionKind::Status, reason, Some(ends))
            }
            Some(other) => {
                parts.push_front(part);
                return Some(other);
            }
        };
        if part.failed < FAILED_CALLS || !self.upstreams.source_answers(source).await {
            parts.push_front(part);
            return ends;
        }
        // The source answers others.
        if part.requests.len() > 1 {
            part.singles().rev().for_each(|one| parts.push_front(one));
            return None;
        }
        let told = self.reject_all(source, &part, kind, &reason, rows, tally);
        self.tell(told).await
    }

    /// What is to be asked for: not what was finished before.
    fn requests(&self, combinations: u32, recording: &Recording<'_>) -> Vec<PendingRequest> {
        let rows = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        (0..rows)
            .filter(|row| !recording.is_resumed(*row))
            .flat_map(|row| (0..combinations).map(move |combination| Request { row, combination }))
            .filter(|request| {
                let only = self.only.get(&request.row);
                only.is_none_or(|only| *only == request.combination)
            })
            .map(|request| PendingRequest {
                request,
                resume: None,
            })
            .collect()
    }

    /// Counts what a call settled; its rejections.
    fn settled(
        &self,
        source: &Source,
        part: &Part,
        extraction: &Extraction,
        rows: &mut Rows,
        recording: &mut Recording<'_>,
        tally: &mut Tally,
    ) -> Vec<Rejection> {
        tally.requests.done += extraction.done.len() as u64;
        tally.requests.rejected += extraction.rejected.len() as u64;
        let documents = extraction.documents.len() as u64;
        tally.records.documents += documents;
        tally.records.rejected += extraction.rejected_records.len() as u64;
        tally.records.received += documents + extraction.rejected_records.len() as u64;
        count_effort(&extraction.counters, tally);
        let answered = extraction.done.first().map(|done| done.request);
        if let Some(answered) = answered {
            self.upstreams.succeeded(Upstream::Source);
            self.upstreams.answered(|| self.answered(answered));
        }
        rows.rejected.extend(
            extraction
                .rejected
                .iter()
                .map(|rejected| rejected.request.row),
        );
        for rejected in &extraction.rejected {
            match rejected.status {
                Some(401 | 403) => self.upstreams.refused(&rejected.reason),
                // It takes the credentials, and refuses the request.
                Some(_) => self.upstreams.succeeded(Upstream::Source),
                None => {}
            }
        }
        let incomplete = extraction.rejected_records.iter();
        incomplete.for_each(|rejected| recording.unfinished(rejected.request.row));
        debug_assert!(extraction.pending.len() <= part.requests.len());
        let requests = extraction.rejected.iter().map(|rejected| {
            self.rejected(source, rejected.request, rejected.status, &rejected.reason)
        });
        let records = extraction
            .rejected_records
            .iter()
            .map(|rejected| Rejection::Record {
                row_number: self.row_number(rejected.request),
                row: self.row(rejected.request),
                combination: combination(source, rejected.request),
                index: rejected.index,
                path: rejected.path.clone(),
                reason: rejected.reason.clone(),
            });
        requests.chain(records).collect()
    }

    fn answered(&self, request: Request) -> Answered {
        Answered {
            row: self.row_text(request).to_owned(),
            combination: request.combination,
        }
    }

    /// Rejects what a call left, for a reason of the host's own.
    fn reject_all(
        &self,
        source: &Source,
        part: &Part,
        kind: RejectionKind,
        reason: &str,
        rows: &mut Rows,
        tally: &mut Tally,
    ) -> Vec<Rejection> {
        tally.requests.rejected += part.requests.len() as u64;
        let requests = part.requests.iter().map(|pending| pending.request);
        rows.rejected
            .extend(requests.clone().map(|request| request.row));
        let reason = match kind {
            RejectionKind::Exhausted => format!("{reason}; other requests are answered"),
            _ => reason.to_owned(),
        };
        requests
            .map(|request| self.rejected(source, request, None, &reason))
            .collect()
    }

    fn rejected(
        &self,
        source: &Source,
        request: Request,
        status: Option<u16>,
        reason: &str,
    ) -> Rejection {
        Rejection::Request {
            row_number: self.row_number(request),
            row: self.row(request),
            combination: combination(source, request),
            status,
            reason: reason.to_owned(),
        }
    }

    /// An extraction's documents in their order.
    fn documents(&self, extraction: Extraction) -> Vec<Document> {
        let places = extraction.done.iter().flat_map(|done| {
            let Request { row, combination } = done.request;
            let first = u64::from(combination) << 32;
            (0..u64::from(done.documents)).map(move |index| (row, first | index))
        });
        let documents = places.zip(extraction.documents);
        documents
            .map(|((row, place), text)| self.document(row, place, text))
            .collect()
    }
}

/// Halves are asked for next, the first one first.
fn put_back(halves: [Part; 2], parts: &mut VecDeque<Part>) {
    let halves = halves.into_iter().rev();
    halves
        .filter(|half| !half.requests.is_empty())
        .for_each(|half| parts.push_front(half));
}

/// What policy refused because there was too much at once isn't rejected: it
/// is asked for again.
fn take_back(extraction: &mut Extraction) {
    let (refused, rejected): (Vec<RejectedRequest>, _) = std::mem::take(&mut extraction.rejected)
        .into_iter()
        .partition(|rejected| rejected.kind == RejectionKind::Policy);
    extraction.rejected = rejected;
    extraction
        .pending
        .extend(refused.into_iter().map(|rejected| PendingRequest {
            request: rejected.request,
            resume: None,
        }));
    let place = |pending: &PendingRequest| (pending.request.row, pending.request.combination);
    extraction.pending.sort_by_key(place);
}

fn count_effort(counters: &[Counter], tally: &mut Tally) {
    tally.effort.source_requests += whole(counted(counters, "source.requests"));
    tally.effort.source_retries += whole(counted(counters, "source.retries"));
    tally.effort.source_empty += whole(counted(counters, "source.empty"));
    tally.effort.source_unfollowed += whole(counted(counters, "source.unfollowed"));
    tally.effort.then_done += whole(counted(counters, "then.done"));
    tally.effort.then_rejected += whole(counted(counters, "then.rejected"));
}

/// What a call that achieved nothing took.
pub(super) fn counters(failure: &Failure) -> &[Counter] {
    match failure {
        Failure::ExecutionFailed => &[],
        Failure::Unavailable(problem)
        | Failure::PermanentInvalid(problem)
        | Failure::PermanentDenied(problem) => &problem.counters,
        Failure::RateLimited(limit) => &limit.counters,
    }
}

/// A counter that counts whole things.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters are checked to be amounts; no run counts beyond 2^53"
)]
pub(super) fn whole(counter: f64) -> u64 {
    counter.round() as u64
}
