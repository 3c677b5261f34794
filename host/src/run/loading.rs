//! A chunk's documents → the table, and the rest: rejected, waited for, or left
//! when the run stops.

use super::chunk::{Chunk, call_stopped, is_too_much, raw, stop_reason};
use super::event::{Rejection, Stopped, Upstream};
use super::extracting::{IDLE_CALLS, counters, whole};
use super::recording::{Document, Recording};
use super::tally::Tally;
use crate::engine::{CallError, Counter, Report, Table, counted};
use std::collections::VecDeque;

/// Bytes of documents in one call: they are in the component's memory several
/// times over.
const BYTES: usize = 16 * 1024 * 1024;

impl Chunk<'_> {
    /// Loads documents, again for those that only ran out of time, and those
    /// whose keys other chunks were writing under.
    pub(super) async fn load(
        &self,
        table: &Table,
        mut documents: Vec<Document>,
        recording: &mut Recording<'_>,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        recording.know(&mut documents, table);
        let mut stopped = None;
        let mut idle_calls = 0;
        // The table was described before the run: it has answered.
        while !documents.is_empty() && stopped.is_none() {
            let mut settled = recording.settled();
            let admitted = match recording.admit(&mut documents, table, tally).await {
                Ok(admitted) => admitted,
                Err(error) => {
                    stopped = Some(Stopped::Ledger(error));
                    break;
                }
            };
            documents = admitted.later;
            if admitted.now.is_empty() {
                if !documents.is_empty() && settled.changed().await.is_err() {
                    break;
                }
                continue;
            }
            let count = admitted.now.len();
            let (left, reason) = self.write(table, admitted.now, recording, tally).await;
            idle_calls = if left.len() < count {
                0
            } else {
                idle_calls + 1
            };
            let nothing_left = left.is_empty();
            documents.extend(left);
            documents.sort_by_key(|document| document.at);
            stopped = match reason {
                None if idle_calls >= IDLE_CALLS => Some(Stopped::Budget),
                None => None,
                // Nothing is left that the reason could be about.
                Some(Stopped::RateLimited { .. } | Stopped::Unavailable(_)) if nothing_left => None,
                Some(limited @ Stopped::RateLimited { .. }) => {
                    self.upstreams.wait_out(limited).await
                }
                Some(Stopped::Unavailable(reason)) => {
                    self.upstreams
                        .wait_for_recovery(Upstream::Table, &reason)
                        .await
                }
                other => other,
            };
        }
        recording.leave(&documents);
        tally.documents.pending += documents.len() as u64;
        stopped
    }

    /// Calls that write documents which fit into them; what is left, and why.
    async fn write(
        &self,
        table: &Table,
        documents: Vec<Document>,
        recording: &mut Recording<'_>,
        tally: &mut Tally,
    ) -> (Vec<Document>, Option<Stopped>) {
        let settings = table.text();
        let mut parts = cut(documents);
        let mut left = Vec::new();
        let mut stopped = None;
        while stopped.is_none()
            && let Some(mut part) = parts.pop_front()
        {
            // They are lent for the call, and come back after it.
            let take = |document: &mut Document| std::mem::take(&mut document.text);
            let texts: Vec<String> = part.iter_mut().map(take).collect();
            let called = self
                .in_time(self.pipeline.load(settings, &texts, None))
                .await;
            for (document, text) in part.iter_mut().zip(texts) {
                document.text = text;
            }
            let called = match called {
                Ok(called) => called,
                Err(reason) => {
                    parts.push_front(part);
                    stopped = Some(reason);
                    break;
                }
            };
            match called.result {
                Ok(report) => {
                    stopped =
                        stop_reason(report.stopped.as_ref(), called.violation, Upstream::Table);
                    let rejected = count(&report, &part, tally);
                    if u64::from(report.written) > 0 {
                        self.upstreams.succeeded(Upstream::Table);
                    }
                    left.extend(recording.reported(part, &report));
                    stopped = stopped.or(self.tell(rejected).await);
                }
                Err(error) if is_too_much(&error) && part.len() > 1 => {
                    let mut first = part;
                    let second = first.split_off(first.len() / 2);
                    parts.push_front(second);
                    parts.push_front(first);
                }
                Err(error) if is_too_much(&error) => {
                    tally.documents.rejected += part.len() as u64;
                    recording.leave(&part);
                    let reason = error.to_string();
                    let rejected = part.iter().map(|document| Rejection::Document {
                        document: raw(&document.text),
                        path: String::new(),
                        reason: reason.clone(),
                    });
                    stopped = self.tell(rejected.collect()).await;
                }
                Err(error) => {
                    if let CallError::Failure(failure) = &error {
                        count_effort(counters(failure), tally);
                    }
                    parts.push_front(part);
                    stopped = Some(call_stopped(error, called.violation, Upstream::Table));
                }
            }
        }
        let unwritten: Vec<Document> = parts.into_iter().flatten().collect();
        recording.release(&unwritten);
        left.extend(unwritten);
        (left, stopped)
    }
}

/// Parts of so many bytes, one document at least.
fn cut(documents: Vec<Document>) -> VecDeque<Vec<Document>> {
    let mut parts = VecDeque::new();
    let (mut part, mut bytes) = (Vec::new(), 0);
    for document in documents {
        if !part.is_empty() && bytes + document.text.len() > BYTES {
            parts.push_back(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += document.text.len();
        part.push(document);
    }
    if !part.is_empty() {
        parts.push_back(part);
    }
    parts
}

fn count(report: &Report, documents: &[Document], tally: &mut Tally) -> Vec<Rejection> {
    tally.documents.written += u64::from(report.written);
    tally.documents.unchanged += u64::from(report.unchanged);
    tally.documents.superseded += report.superseded.len() as u64;
    tally.documents.rejected += report.rejected.len() as u64;
    count_effort(&report.counters, tally);
    let rejections = report.rejected.iter().map(|rejected| {
        let document = usize::try_from(rejected.index)
            .ok()
            .and_then(|index| documents.get(index));
        Rejection::Document {
            document: raw(document.map_or("null", |document| &document.text)),
            path: rejected.path.clone(),
            reason: rejected.reason.clone(),
        }
    });
    rejections.collect()
}

fn count_effort(counters: &[Counter], tally: &mut Tally) {
    tally.effort.dynamodb_requests += whole(counted(counters, "dynamodb.requests"));
    tally.effort.dynamodb_retries += whole(counted(counters, "dynamodb.retries"));
    tally.effort.write_capacity += counted(counters, "dynamodb.write-capacity");
}
