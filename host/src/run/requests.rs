//! A chunk's requests → their documents in the table, or with the observer, and
//! the rest: rejected, waited for, or left when the run stops.

mod refused;
mod settle;

use super::answer::{Answer, count_failure, count_repeats, sent_only};
use super::chunk::{
    Chunk, blamed, call_stopped, combinations, is_refused_unsent, is_too_much, stop_reason,
};
use super::event::{Stopped, Upstream};
use super::part::Part;
use super::recording::Recording;
use super::tally::Tally;
use crate::engine::{
    CallResult, PendingRequest, RejectionKind, Remaining, Request, Source, Table, TransferReport,
};
use crate::http_out::violation::Violation;
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// Calls that may end for lack of budget without getting on before a chunk is
/// given up.
pub(super) const IDLE_CALLS: u32 = 2;

/// Calls that fail while the source answers others, before their requests are
/// asked for one by one.
const FAILED_CALLS: u32 = 2;

/// A call that fails after that time was no bad luck: it counts as all of them.
const LONG_CALL: Duration = Duration::from_mins(1);

/// A chunk's requests on their way.
pub(super) struct Requests<'c> {
    chunk: &'c Chunk<'c>,
    source: &'c Source,
    /// None: the observer takes the documents.
    table: Option<&'c Table>,
    parts: VecDeque<Part>,
    rejected_rows: BTreeSet<u32>,
}

impl<'c> Requests<'c> {
    pub fn new(chunk: &'c Chunk<'c>, source: &'c Source, table: Option<&'c Table>) -> Self {
        Self {
            chunk,
            source,
            table,
            parts: VecDeque::new(),
            rejected_rows: BTreeSet::new(),
        }
    }

    /// Does all of it.
    pub async fn run(mut self, recording: &mut Recording, tally: &mut Tally) -> Option<Stopped> {
        let requests = self.planned(recording);
        tally.requests.planned = requests.len() as u64;
        self.parts = requests
            .chunks(self.chunk.pipeline.requests_per_part())
            .map(|part| Part::new(part.to_vec(), Vec::new()))
            .collect();
        let mut stopped = None;
        while stopped.is_none()
            && let Some(part) = self.parts.pop_front()
        {
            let begun = tally.requests.done + tally.requests.rejected > 0;
            // Documents are written all the same.
            if self.chunk.upstreams.stopping() && begun && part.left.documents.is_empty() {
                self.parts.push_front(part);
                stopped = Some(Stopped::Requested);
                break;
            }
            stopped = self.ask(part, recording, tally).await;
        }
        self.close(recording, tally);
        stopped
    }

    /// What is to be asked for: not what was finished before.
    fn planned(&self, recording: &Recording) -> Vec<PendingRequest> {
        let rows = u32::try_from(self.chunk.rows.len()).unwrap_or(u32::MAX);
        let combinations = combinations(self.source);
        // The source answered it in the run that this one continues.
        let finished = (0..rows).find(|row| recording.is_resumed(*row));
        if let Some(row) = finished {
            let combination = self.chunk.only.get(&row).copied().unwrap_or_default();
            let request = Request { row, combination };
            self.chunk
                .upstreams
                .answered(|| Some(self.answered_as(request)));
        }
        (0..rows)
            .filter(|row| !recording.is_resumed(*row))
            .flat_map(|row| (0..combinations).map(move |combination| Request { row, combination }))
            .filter(|request| {
                let only = self.chunk.only.get(&request.row);
                only.is_none_or(|only| *only == request.combination)
            })
            .map(|request| PendingRequest {
                request,
                resume: None,
            })
            .collect()
    }

    /// Counts what is left, and the rows.
    fn close(self, recording: &mut Recording, tally: &mut Tally) {
        let pending: BTreeSet<u32> = self
            .parts
            .iter()
            .flat_map(|part| part.requests().map(|request| request.row))
            .collect();
        for part in &self.parts {
            tally.requests.pending += part.left.requests.len() as u64;
            tally.documents.pending += part.left.documents.len() as u64;
            for left in &part.left.documents {
                recording.unfinished(left.request.row);
            }
        }
        tally.rows.pending = pending.len() as u64;
        tally.rows.rejected = self.rejected_rows.difference(&pending).count() as u64;
        tally.rows.resumed = recording.resumed();
        tally.rows.done =
            tally.rows.read - tally.rows.pending - tally.rows.rejected - tally.rows.resumed;
        let unfinished = pending.union(&self.rejected_rows);
        unfinished.for_each(|row| recording.unfinished(*row));
        tally.effort.write_capacity_saved += recording.saved();
    }

    async fn call(
        &self,
        part: &Part,
        recording: &Recording,
    ) -> Result<CallResult<Answer>, Stopped> {
        let (chunk, settings) = (self.chunk, self.source.text());
        let Some(table) = self.table else {
            let requests = Some(&part.left.requests[..]);
            let call = chunk.pipeline.extract(settings, chunk.rows, requests, None);
            return Ok(sent_only(chunk.in_time(call).await?.map(Answer::from)));
        };
        let pipeline = chunk.pipeline.with_admission(recording.of_call(None));
        let left = Some(&part.left);
        let call = pipeline.transfer(settings, table.text(), chunk.rows, left, None);
        let called = chunk.in_time(call).await;
        match recording.call_ended() {
            Some(error) => Err(Stopped::Ledger(error)),
            None => Ok(sent_only(called?.map(Answer::from))),
        }
    }

    /// One call. What is left of its part goes back to the parts.
    async fn ask(
        &mut self,
        mut part: Part,
        recording: &mut Recording,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let upstreams = self.chunk.upstreams;
        let under_way = upstreams.begin_call();
        let begun = Instant::now();
        let called = match self.call(&part, recording).await {
            Ok(called) => called,
            Err(stopped) => {
                self.parts.push_front(part);
                return Some(stopped);
            }
        };
        count_repeats(called.repeats, tally);
        let before = tally.effort.first_requests();
        let (by, stopped) = match called.result {
            Ok(Answer {
                mut report,
                emitted,
            }) => {
                let too_many = called
                    .violation
                    .as_ref()
                    .is_some_and(Violation::is_too_many);
                let halved = too_many && part.left.requests.len() > 1;
                let violation = called.violation.as_ref();
                let denied = violation.is_some_and(Violation::is_no_credentials);
                if halved || denied {
                    take_back(&mut report);
                }
                let by = report.stopped.as_ref().map_or(Upstream::Source, blamed);
                let told = self.settled(&part, &report, recording, tally);
                count_again(&mut part, before, tally);
                let left = report.remaining.take().unwrap_or(nothing());
                let got_on = left != part.left;
                if got_on {
                    part.idle = 0;
                }
                // Another call may send as much again.
                let stopped = if too_many && got_on {
                    None
                } else if denied {
                    called.violation.map(Stopped::Policy)
                } else {
                    stop_reason(report.stopped.as_ref(), called.violation, by)
                };
                // What else is remembered of a request may be how often it failed.
                let count = |left: &Remaining| (left.requests.len(), left.documents.len());
                if count(&left) != count(&part.left) {
                    part.failed = 0;
                }
                part.left = left;
                let told = match self.chunk.tell(told).await {
                    None if !emitted.is_empty() => self.chunk.emit(emitted).await,
                    told => told,
                };
                if halved {
                    self.put_back(part.split());
                    return told;
                }
                if told.is_some() {
                    self.put_back(Err(part));
                    return told;
                }
                (by, stopped)
            }
            Err(error) if is_too_much(&error) => {
                return self.too_much(part, &error, recording, tally).await;
            }
            Err(error) if is_refused_unsent(&error) && !part.left.requests.is_empty() => {
                drop(under_way);
                let reason = error.to_string();
                let stopped = call_stopped(error, called.violation, Upstream::Source);
                return self.refused(part, stopped, &reason, recording, tally).await;
            }
            Err(error) => {
                count_failure(&error, tally);
                // It doesn't say which it sent.
                let sent = part.sent;
                part.sent = sent + count_again(&mut part, before, tally);
                // Where there are requests, a call that fails to write says so
                // in its result.
                let by = if part.left.requests.is_empty() {
                    Upstream::Table
                } else {
                    Upstream::Source
                };
                (by, Some(call_stopped(error, called.violation, by)))
            }
        };
        drop(under_way);
        if part.is_empty() {
            // Nothing is left that the reason could be about.
            return None;
        }
        let weight = match called.repeats.unreached {
            // An outage says nothing about requests, however often it is met.
            1.. => 0,
            0 if begun.elapsed() < LONG_CALL => 1,
            0 => FAILED_CALLS,
        };
        self.go_on(part, by, stopped, weight, recording, tally)
            .await
    }

    /// What is done with what a call left: it is asked for again, now or after
    /// a wait, together or one by one; rejected; or left. Where it failed, it counts
    /// as `weight` calls.
    async fn go_on(
        &mut self,
        mut part: Part,
        by: Upstream,
        stopped: Option<Stopped>,
        weight: u32,
        recording: &mut Recording,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let upstreams = self.chunk.upstreams;
        let (kind, reason, ends) = match (by, stopped) {
            (_, None) => {
                part.idle += 1;
                let given_up = part.idle >= IDLE_CALLS;
                self.parts.push_front(part);
                return given_up.then(|| upstreams.out_of_time());
            }
            (by, Some(limited @ Stopped::RateLimited { .. })) => {
                let reason = limited.to_string();
                let stopped = upstreams.wait_out(limited).await;
                if stopped.is_none() && by == Upstream::Table && self.is_passed_over(&mut part) {
                    return self.passed_over(part, &reason, recording, tally).await;
                }
                if stopped.is_some() || by == Upstream::Table {
                    self.parts.push_front(part);
                    return stopped;
                }
                // The pause is over: it may be about the request.
                part.failed += weight;
                (RejectionKind::Exhausted, reason, None)
            }
            (by, Some(Stopped::Unavailable(reason))) => {
                let stopped = upstreams.wait_for_recovery(by, &reason).await;
                if stopped.is_some() || by == Upstream::Table {
                    self.parts.push_front(part);
                    return stopped;
                }
                part.failed += weight;
                (RejectionKind::Exhausted, reason, None)
            }
            // It has accepted these credentials before: it may be about the
            // request.
            (Upstream::Source, Some(Stopped::Denied { by, reason })) => {
                if !upstreams.answers_others().await {
                    self.parts.push_front(part);
                    return Some(Stopped::Denied { by, reason });
                }
                part.failed += FAILED_CALLS;
                let ends = Stopped::Denied {
                    by,
                    reason: reason.clone(),
                };
                (RejectionKind::Status, reason, Some(ends))
            }
            (Upstream::Table, Some(Stopped::Denied { by, reason }))
                if part.left.requests.is_empty() && upstreams.forbids_one(&reason) =>
            {
                let stopped = Stopped::Denied {
                    by,
                    reason: reason.clone(),
                };
                return self.refused(part, stopped, &reason, recording, tally).await;
            }
            (_, Some(other)) => {
                self.parts.push_front(part);
                return Some(other);
            }
        };
        if part.failed < FAILED_CALLS || !upstreams.source_answers(self.source, tally).await {
            self.parts.push_front(part);
            return ends;
        }
        // The source answers others.
        if part.left.requests.len() > 1 {
            let singles = part.singles().into_iter().rev();
            singles.for_each(|one| self.parts.push_front(one));
            return None;
        }
        self.reject(part, kind, &reason, recording, tally).await
    }

    /// Smaller parts are asked for next, the first one first.
    fn put_back(&mut self, parts: Result<[Part; 2], Part>) {
        let parts = parts.map_or_else(|part| vec![part], Vec::from);
        let parts = parts.into_iter().rev().filter(|part| !part.is_empty());
        parts.for_each(|part| self.parts.push_front(part));
    }
}

/// Counts as repeats what an earlier call has sent, of what was sent since `before`; how
/// much else there is.
fn count_again(part: &mut Part, before: u64, tally: &mut Tally) -> u64 {
    let sent = tally.effort.first_requests() - before;
    let again = part.repeats(sent);
    tally.effort.source_retries += again;
    sent - again
}

fn nothing() -> Remaining {
    Remaining {
        requests: Vec::new(),
        documents: Vec::new(),
    }
}

/// What policy refused because there was too much at once isn't rejected: it
/// is asked for again.
fn take_back(report: &mut TransferReport) {
    let (refused, rejected): (Vec<_>, Vec<_>) = std::mem::take(&mut report.rejected)
        .into_iter()
        .partition(|rejected| rejected.kind == RejectionKind::Policy);
    report.rejected = rejected;
    let left = report.remaining.get_or_insert_with(nothing);
    left.requests
        .extend(refused.into_iter().map(|rejected| PendingRequest {
            request: rejected.request,
            resume: None,
        }));
    let place = |pending: &PendingRequest| (pending.request.row, pending.request.combination);
    left.requests.sort_by_key(place);
}
