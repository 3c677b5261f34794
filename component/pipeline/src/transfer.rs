//! Rows → requests → documents → items, in one call: what `extract` makes is
//! loaded here, so that no document crosses.

use crate::bindings::exports::rowcast::pipeline::extract::Extraction;
use crate::bindings::exports::rowcast::pipeline::load::Report;
use crate::bindings::exports::rowcast::pipeline::transfer::{
    PendingDocument, RejectedDocument, Remaining, TransferReport,
};
use crate::bindings::rowcast::pipeline::types::{Counter, Failure, Request, Stop};
use crate::extract::accounting::Balance;
use crate::extract::budget::Budget;
use crate::extract::call_state::graver;
use crate::failure::{into_stop, sum, table_upstream, with_counters};
use crate::platform::{Dynamo, Http};
use crate::settings::origin;
use crate::settings::{Source, Table};

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
    let budget = Budget::start(Http::now_ms(world), budget_ms);
    let (only, left) = match remaining {
        Some(remaining) => (Some(remaining.requests), remaining.documents),
        None => (None, Vec::new()),
    };
    let share = budget_ms.map(|budget| budget - budget / WRITING_SHARE);
    let extracted = crate::extract::run(world, source, rows, only.as_deref(), share).await;
    let (mut extraction, failed) = match extracted {
        Ok(extraction) => (extraction, None),
        // What an earlier call extracted can be written all the same.
        Err(failure) if !left.is_empty() => {
            let upstream = origin(&source.url);
            let (stop, counters) = into_stop(failure, &upstream);
            let pending = only.unwrap_or_default();
            let balance = Balance {
                pending,
                ..Balance::default()
            };
            // Also where it is documents alone that are left.
            let nothing = Extraction {
                stopped: Some(stop.clone()),
                ..balance.into_extraction(None, counters)
            };
            (nothing, Some(stop))
        }
        Err(failure) => return Err(failure),
    };
    let (requests, documents) = in_order(left, &mut extraction);
    let time = budget_ms.map(|_| budget.remaining_ms(Http::now_ms(world)));
    let texts = documents.as_slice().into();
    let loaded = crate::load::run_requested(world, table, texts, Some(&requests), time);
    let is_only_documents = extraction.done.is_empty()
        && extraction.rejected.is_empty()
        && extraction.pending.is_empty();
    let report = match loaded {
        Ok(report) => report,
        // Requests that were answered are an achievement, and those that weren't
        // have an upstream of their own to wait for. So a failure is the table's
        // only where nothing but documents was given.
        Err(failure) if !is_only_documents || failed.is_some() => {
            let (stop, counters) = into_stop(failure, &table_upstream(&table.name));
            all_pending(documents.len(), stop, counters)
        }
        Err(failure) => return Err(with_extraction(failure, extraction.counters)),
    };
    Ok(summed(extraction, report, requests, documents))
}

/// The documents to write, by row and combination, and whose they are.
fn in_order(
    left: Vec<PendingDocument>,
    extraction: &mut Extraction,
) -> (Vec<Request>, Vec<String>) {
    let mut all: Vec<(Request, String)> = left
        .into_iter()
        .map(|pending| (pending.request, pending.document))
        .collect();
    let made = extraction.done.iter().flat_map(|done| {
        let documents = usize::try_from(done.documents).unwrap_or_default();
        std::iter::repeat_n(done.request, documents)
    });
    all.extend(made.zip(std::mem::take(&mut extraction.documents)));
    // Stable: documents of one request keep their order.
    all.sort_by_key(|(request, _)| (request.row, request.combination));
    all.into_iter().unzip()
}

fn all_pending(documents: usize, stop: Stop, counters: Vec<Counter>) -> Report {
    Report {
        written: 0,
        unchanged: 0,
        superseded: Vec::new(),
        rejected: Vec::new(),
        pending: (0..).take(documents).collect(),
        stopped: Some(stop),
        counters,
    }
}

fn with_extraction(failure: Failure, counters: Vec<Counter>) -> Failure {
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
    requests: Vec<Request>,
    documents: Vec<String>,
) -> TransferReport {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let total = count(documents.len());
    let mut all: Vec<Option<(Request, String)>> =
        requests.into_iter().zip(documents).map(Some).collect();
    let mut take = |index: u32| {
        let slot = usize::try_from(index).ok().and_then(|at| all.get_mut(at));
        slot.and_then(Option::take)
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
        documents: total,
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
