//! A result of the component → whether it accounts for what the call was
//! given. Whoever counts or repeats by it may rely on that.

use super::{Counter, Extraction, PendingRequest, Remaining, Report, Request, TransferReport};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{HashMap, HashSet};

/// Each request exactly once, and each document some request's.
pub(super) fn extraction(
    extraction: &Extraction,
    source: &str,
    rows: &[String],
    only: Option<&[PendingRequest]>,
) -> Result<(), &'static str> {
    let combinations = combinations(source);
    let rows = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let only: Option<HashSet<_>> =
        only.map(|pending| pending.iter().map(|pending| key(pending.request)).collect());
    let given = match &only {
        Some(only) => u64::try_from(only.len()).unwrap_or(u64::MAX),
        None => rows.saturating_mul(combinations),
    };
    let was_given = |request: (u32, u32)| match &only {
        Some(only) => only.contains(&request),
        None => u64::from(request.0) < rows && u64::from(request.1) < combinations,
    };
    let done: HashSet<_> = extraction
        .done
        .iter()
        .map(|done| key(done.request))
        .collect();
    let mut named = HashSet::new();
    let all = extraction
        .done
        .iter()
        .map(|done| done.request)
        .chain(extraction.rejected.iter().map(|rejected| rejected.request))
        .chain(extraction.pending.iter().map(|pending| pending.request));
    for request in all.map(key) {
        if !was_given(request) {
            return Err("it names a request that it was not given");
        }
        if !named.insert(request) {
            return Err("it names a request twice");
        }
    }
    if u64::try_from(named.len()).unwrap_or(u64::MAX) != given {
        return Err("it leaves requests out");
    }
    let of_requests: u64 = extraction
        .done
        .iter()
        .map(|done| u64::from(done.documents))
        .sum();
    if u64::try_from(extraction.documents.len()) != Ok(of_requests) {
        return Err("its documents are not as many as it says");
    }
    let mut records = extraction.rejected_records.iter();
    if !records.all(|record| done.contains(&key(record.request))) {
        return Err("it rejects a record of a request that was not answered");
    }
    counters(&extraction.counters)
}

/// Each document exactly once.
pub(super) fn report(report: &Report, documents: &[String]) -> Result<(), &'static str> {
    let given = u64::try_from(documents.len()).unwrap_or(u64::MAX);
    let mut named = HashSet::new();
    let superseded = report.superseded.iter().map(|superseded| superseded.index);
    let rejected = report.rejected.iter().map(|rejected| rejected.index);
    for index in superseded
        .chain(rejected)
        .chain(report.pending.iter().copied())
    {
        if u64::from(index) >= given {
            return Err("it names a document that it was not given");
        }
        if !named.insert(index) {
            return Err("it names a document twice");
        }
    }
    let mut superseded = report.superseded.iter();
    if superseded.any(|it| {
        it.by
            .is_some_and(|by| by <= it.index || named.contains(&by))
    }) {
        return Err("it names a document superseded by none that was written");
    }
    let named = u64::try_from(named.len()).unwrap_or(u64::MAX);
    let whole = u64::from(report.written) + u64::from(report.unchanged);
    if named.saturating_add(whole) != given {
        return Err("its documents are not as many as it was given");
    }
    counters(&report.counters)
}

/// How many requests a row makes, by the matrix that the settings have; a
/// component whose settings have none makes one.
fn combinations(source: &str) -> u64 {
    #[derive(Default, Deserialize)]
    struct Settings {
        #[serde(default)]
        matrix: HashMap<String, Vec<IgnoredAny>>,
    }
    let settings: Settings = serde_json::from_str(source).unwrap_or_default();
    let lengths = settings.matrix.values().map(Vec::len);
    lengths
        .map(|length| u64::try_from(length).unwrap_or(u64::MAX))
        .fold(1, u64::saturating_mul)
}

/// Each request and each document exactly once.
pub(super) fn transfer(
    report: &TransferReport,
    source: &str,
    rows: &[String],
    remaining: Option<&Remaining>,
) -> Result<(), &'static str> {
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let all = count(rows.len()).saturating_mul(combinations(source));
    let given = remaining.map_or(all, |remaining| count(remaining.requests.len()));
    let left = report.remaining.as_ref();
    let requests = left.map_or(0, |left| count(left.requests.len()));
    if u64::from(report.done) + count(report.rejected.len()) + requests != given {
        return Err("its requests are not as many as it was given");
    }
    let documents = [report.written, report.unchanged, report.superseded]
        .into_iter()
        .map(u64::from)
        .chain([
            count(report.rejected_documents.len()),
            left.map_or(0, |left| count(left.documents.len())),
        ]);
    if documents.sum::<u64>() != u64::from(report.documents) {
        return Err("its documents are not as many as it says");
    }
    counters(&report.counters)
}

/// Each is an amount.
fn counters(counters: &[Counter]) -> Result<(), &'static str> {
    let is_amount = |counter: &Counter| counter.value.is_finite() && counter.value >= 0.0;
    if counters.iter().all(is_amount) {
        Ok(())
    } else {
        Err("one of its counters is not an amount")
    }
}

fn key(request: Request) -> (u32, u32) {
    (request.row, request.combination)
}
