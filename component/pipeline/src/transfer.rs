//! Rows → requests → documents → items, in one call: what `extract` makes is
//! loaded here, so that no document crosses.

use crate::bindings::exports::rowcast::pipeline::extract::{DoneRequest, Extraction};
use crate::bindings::exports::rowcast::pipeline::load::Report;
use crate::bindings::exports::rowcast::pipeline::transfer::{
    PendingDocument, RejectedDocument, Remaining, TransferReport,
};
use crate::bindings::rowcast::pipeline::types::{Counter, Failure, Request};
use crate::document::{Document, Sink};
use crate::dynamodb::call::Caller;
use crate::extract::accounting::Balance;
use crate::extract::budget::Budget;
use crate::failure::{graver, into_stop, sum, table_upstream, with_counters};
use crate::load::{Admission, Work, ask_keys};
use crate::order;
use crate::platform::{Dynamo, Http};
use crate::settings::{Keys, Source, Table, origin};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The part of the budget that is kept for writing: a fourth. It has what the
/// requests leave, too.
const WRITING_SHARE: u64 = 4;

/// Extracts and loads everything, or what an earlier call left.
pub async fn run<W: Http + Dynamo>(
    world: &W,
    source: &Source,
    table: &Table,
    rows: &[String],
    remaining: Option<Remaining>,
    budget_ms: Option<u64>,
) -> Result<TransferReport, Failure> {
    let budget = Budget::start(world.now_ms(), budget_ms);
    let time = |now_ms| budget_ms.map(|_| budget.remaining_ms(now_ms));
    let (only, left) = match remaining {
        Some(remaining) => (Some(remaining.requests), remaining.documents),
        None => (None, Vec::new()),
    };
    let admission = Admission::new(world);
    let known = Known::ask(world, source, table, time(world.now_ms()));
    let keys = known.own.as_ref().or(table.keys.as_ref());
    let sink = keys.filter(|_| source.then.is_empty());
    let sink = sink.map_or(Sink::Texts, |keys| {
        Sink::Items(keys, admission.another().map(RefCell::new))
    });
    let share = time(world.now_ms()).map(|time| time - time / WRITING_SHARE);
    let only_some = only.as_deref();
    let extracted = crate::extract::run_into(world, source, rows, only_some, share, &sink).await;
    let (mut extraction, documents, failed) = match extracted {
        Ok((extraction, documents)) => (extraction, documents, false),
        // What an earlier call extracted can be written all the same.
        Err(failure) if !left.is_empty() => {
            let (stop, counters) = into_stop(failure, &origin(&source.url));
            let pending = only.unwrap_or_default();
            let balance = Balance {
                pending,
                ..Balance::default()
            };
            // Also where it is documents alone that are left.
            let (mut nothing, none) = balance.into_extraction(None, counters);
            nothing.stopped = Some(stop);
            (nothing, none, true)
        }
        Err(failure) => {
            return Err(with_more(failure, known.counters));
        }
    };
    extraction.counters = sum(extraction.counters, known.counters);
    let (requests, documents) = in_order(left, &extraction.done, documents);
    let work = Work {
        documents,
        requests: Some(&requests),
        keys: known.own,
        admission,
    };
    let ending = work.carry_out(world, table, time(world.now_ms()))?;
    let mut report = ending.report;
    // Requests that were answered are an achievement, and those that weren't
    // have an upstream of their own to wait for. So a failure is the table's
    // only where nothing but documents was given.
    let is_only_documents = extraction.done.is_empty()
        && extraction.rejected.is_empty()
        && extraction.pending.is_empty();
    if let Some(failure) = ending.failure {
        if is_only_documents && !failed {
            return Err(with_more(failure, extraction.counters));
        }
        let (stop, _) = into_stop(failure, &table_upstream(&table.name));
        report.stopped = Some(stop);
    }
    Ok(summed(extraction, report, &requests, ending.left))
}

/// What was learnt of the table before the first request.
struct Known {
    /// Its keys, where the settings don't say them.
    own: Option<Keys>,
    /// What that took.
    counters: Vec<Counter>,
}

impl Known {
    /// Asks for the keys where items can be made of records with them. If there
    /// is no answer, documents stay texts until they are loaded.
    fn ask<D: Dynamo>(dynamo: &D, source: &Source, table: &Table, time_ms: Option<u64>) -> Self {
        if table.keys.is_some() || !source.then.is_empty() {
            return Self {
                own: None,
                counters: Vec::new(),
            };
        }
        let mut caller = Caller::new(dynamo, &table.name, table.retry, time_ms);
        let own = ask_keys(&mut caller, &table.name).ok().flatten();
        let counters = caller.counters(0, "dynamodb.write-capacity", 0.0);
        Self { own, counters }
    }
}

/// The documents to write, by row and combination, and whose they are.
fn in_order(
    left: Vec<PendingDocument>,
    done: &[DoneRequest],
    documents: Vec<Document>,
) -> (Vec<Request>, Vec<Document>) {
    let made = done.iter().flat_map(|done| {
        let documents = usize::try_from(done.documents).unwrap_or_default();
        std::iter::repeat_n(done.request, documents)
    });
    let made: Vec<Request> = made.collect();
    let place = |request: &Request| (request.row, request.combination);
    if left.is_empty() && made.is_sorted_by_key(place) {
        return (made, documents);
    }
    let mut all: Vec<(Request, Document)> = left
        .into_iter()
        .map(|pending| (pending.request, Document::Text(pending.document)))
        .collect();
    all.extend(made.into_iter().zip(documents));
    // Documents of one request keep their order.
    let all = order::in_order(all, |(request, _)| place(request));
    all.into_iter().unzip()
}

/// The failure of a part of a call, with what the others took.
fn with_more(failure: Failure, counters: Vec<Counter>) -> Failure {
    let own = match &failure {
        Failure::ExecutionFailed => Vec::new(),
        Failure::Unavailable(problem)
        | Failure::PermanentInvalid(problem)
        | Failure::PermanentDenied(problem) => problem.counters.clone(),
        Failure::RateLimited(limit) => limit.counters.clone(),
    };
    with_counters(failure, sum(counters, own))
}

fn summed(
    extraction: Extraction,
    report: Report,
    requests: &[Request],
    mut left: BTreeMap<u32, String>,
) -> TransferReport {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let mut take = |index: u32| {
        let request = usize::try_from(index).ok().and_then(|at| requests.get(at));
        Some((*request?, left.remove(&index)?))
    };
    let mut rejected_documents = Vec::with_capacity(report.rejected.len());
    for rejected in report.rejected {
        if let Some((request, document)) = take(rejected.index) {
            rejected_documents.push(RejectedDocument {
                request,
                kind: rejected.kind,
                path: rejected.path,
                reason: rejected.reason,
                document,
            });
        }
    }
    let pending = report.pending.into_iter().filter_map(take);
    let remaining = Remaining {
        requests: extraction.pending,
        documents: pending
            .map(|(request, document)| PendingDocument { request, document })
            .collect(),
    };
    let nothing = remaining.requests.is_empty() && remaining.documents.is_empty();
    TransferReport {
        done: count(extraction.done.len()),
        documents: count(requests.len()),
        written: report.written,
        unchanged: report.unchanged,
        superseded: count(report.superseded.len()),
        rejected: extraction.rejected,
        rejected_records: extraction.rejected_records,
        rejected_documents,
        remaining: (!nothing).then_some(remaining),
        stopped: graver(extraction.stopped, report.stopped),
        counters: sum(extraction.counters, report.counters),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
