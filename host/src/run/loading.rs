//! A chunk's rows, which are documents → the table, and the rest: rejected,
//! waited for, or left when the run stops.

use super::answer::{count_effort, count_failure, count_repeats};
use super::chunk::{Chunk, call_stopped, is_too_much, raw, stop_reason};
use super::event::{Rejection, Stopped, Upstream};
use super::recording::Recording;
use super::requests::IDLE_CALLS;
use super::tally::Tally;
use crate::engine::{Report, Table};
use crate::http_out::violation::Violation;
use std::collections::VecDeque;

impl Chunk<'_> {
    /// Loads the rows, again those that only ran out of time, and those whose
    /// keys other chunks were writing under.
    pub(super) async fn load(
        &self,
        table: &Table,
        recording: &mut Recording,
        tally: &mut Tally,
    ) -> Option<Stopped> {
        let rows = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        tally.rows.done = u64::from(rows);
        tally.records.received = u64::from(rows);
        tally.records.documents = u64::from(rows);
        tally.documents.total = u64::from(rows);
        // Indices of rows that are written together.
        let mut parts = VecDeque::from([(0..rows).collect::<Vec<_>>()]);
        let (mut stopped, mut idle_calls) = (None, 0);
        while stopped.is_none()
            && let Some(part) = parts.pop_front().filter(|part| !part.is_empty())
        {
            let count = part.len();
            let (left, reason) = self.write(table, part, &mut parts, recording, tally).await;
            idle_calls = if left.len() < count {
                0
            } else {
                idle_calls + 1
            };
            stopped = match reason {
                // Nothing is left that the reason could be about.
                Some(Stopped::RateLimited { .. } | Stopped::Unavailable(_)) | None
                    if left.is_empty() =>
                {
                    None
                }
                None if idle_calls >= IDLE_CALLS => Some(self.upstreams.out_of_time()),
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
            if !left.is_empty() {
                parts.push_front(left);
            }
        }
        for row in parts.into_iter().flatten() {
            tally.documents.pending += 1;
            recording.unfinished(row);
        }
        tally.effort.write_capacity_saved += recording.saved();
        stopped
    }

    /// One call; what it left, and why. Where that was too much at once, two
    /// halves are put before the other parts.
    async fn write(
        &self,
        table: &Table,
        mut part: Vec<u32>,
        parts: &mut VecDeque<Vec<u32>>,
        recording: &mut Recording,
        tally: &mut Tally,
    ) -> (Vec<u32>, Option<Stopped>) {
        let picked: Vec<String>;
        let documents = if part.len() == self.rows.len() {
            self.rows
        } else {
            let rows = part.iter().filter_map(|row| usize::try_from(*row).ok());
            let rows = rows.filter_map(|row| self.rows.get(row).cloned());
            picked = rows.collect();
            &picked
        };
        let pipeline = self
            .pipeline
            .with_admission(recording.of_call(Some(part.clone())));
        let called = self
            .in_time(pipeline.load(table.text(), documents, None))
            .await;
        if let Some(error) = recording.call_ended() {
            return (part, Some(Stopped::Ledger(error)));
        }
        let called = match called {
            Ok(called) => called,
            Err(reason) => return (part, Some(reason)),
        };
        count_repeats(called.repeats, tally);
        match called.result {
            Ok(report) => {
                let too_many = called.violation.as_ref();
                let too_many = too_many.is_some_and(Violation::is_too_many);
                // Another call may send as much again.
                let stopped = if too_many && report.pending.len() < part.len() {
                    None
                } else {
                    stop_reason(report.stopped.as_ref(), called.violation, Upstream::Table)
                };
                if report.written > 0 {
                    self.upstreams.wrote();
                }
                let rejected = count(&report, documents, tally);
                let row = |index: u32| {
                    let at = usize::try_from(index).ok();
                    at.and_then(|at| part.get(at).copied())
                };
                for rejected in &report.rejected {
                    if let Some(row) = row(rejected.index) {
                        recording.unfinished(row);
                    }
                }
                let left = report.pending.iter().filter_map(|index| row(*index));
                (left.collect(), stopped.or(self.tell(rejected).await))
            }
            Err(error) if is_too_much(&error) && part.len() > 1 => {
                parts.push_front(part.split_off(part.len() / 2));
                parts.push_front(part);
                (Vec::new(), None)
            }
            Err(error) if is_too_much(&error) => {
                let reason = error.to_string();
                tally.documents.rejected += part.len() as u64;
                for row in &part {
                    recording.unfinished(*row);
                }
                let rejected = documents.iter().map(|document| Rejection::Document {
                    document: raw(document),
                    path: String::new(),
                    reason: reason.clone(),
                });
                (Vec::new(), self.tell(rejected.collect()).await)
            }
            Err(error) => {
                count_failure(&error, tally);
                (
                    part,
                    Some(call_stopped(error, called.violation, Upstream::Table)),
                )
            }
        }
    }
}

fn count(report: &Report, documents: &[String], tally: &mut Tally) -> Vec<Rejection> {
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
            document: raw(document.map_or("null", String::as_str)),
            path: rejected.path.clone(),
            reason: rejected.reason.clone(),
        }
    });
    rejections.collect()
}
