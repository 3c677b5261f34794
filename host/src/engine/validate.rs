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
    let given = Given::new(source, rows, only);
    let done: HashSet<_> = extraction
        .done
        .iter()
        .map(|done| key(done.request))
        .collect();
    let all = extraction
        .done
        .iter()
        .map(|done| done.request)
        .chain(extraction.rejected.iter().map(|rejected| rejected.request))
        .chain(extraction.pending.iter().map(|pending| pending.request));
    let named = given.each_once(all)?;
    if u64::try_from(named.len()) != Ok(given.count()) {
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

/// Each request and each document exactly once; requests that were answered and
/// documents that are in the table are counted, all others are named.
pub(super) fn transfer(
    report: &TransferReport,
    source: &str,
    rows: &[String],
    remaining: Option<&Remaining>,
) -> Result<(), &'static str> {
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let given = Given::new(source, rows, remaining.map(|it| &it.requests[..]));
    let nothing = Remaining {
        requests: Vec::new(),
        documents: Vec::new(),
    };
    let left = report.remaining.as_ref().unwrap_or(&nothing);
    let rejected = report.rejected.iter().map(|rejected| rejected.request);
    let named = given.each_once(rejected.chain(left.requests.iter().map(|it| it.request)))?;
    if u64::from(report.done) + count(named.len()) != given.count() {
        return Err("its requests are not as many as it was given");
    }
    let answered = |request| given.has(key(request)) && !named.contains(&key(request));
    let mut records = report.rejected_records.iter();
    if !records.all(|record| answered(record.request)) {
        return Err("it rejects a record of a request that was not answered");
    }
    let left_before = remaining.map_or(&[][..], |remaining| &remaining.documents);
    let left_before: HashSet<_> = left_before.iter().map(|it| key(it.request)).collect();
    let rejected = report.rejected_documents.iter().map(|it| it.request);
    let mut documents = rejected.chain(left.documents.iter().map(|it| it.request));
    if !documents.all(|request| answered(request) || left_before.contains(&key(request))) {
        return Err("it names a document of a request that was not answered");
    }
    let documents = [report.written, report.unchanged, report.superseded]
        .into_iter()
        .map(u64::from)
        .chain([
            count(report.rejected_documents.len()),
            count(left.documents.len()),
        ]);
    if documents.sum::<u64>() != u64::from(report.documents) {
        return Err("its documents are not as many as it says");
    }
    counters(&report.counters)
}

/// The requests that a call was given.
struct Given {
    rows: u64,
    combinations: u64,
    only: Option<HashSet<(u32, u32)>>,
}

impl Given {
    fn new(source: &str, rows: &[String], only: Option<&[PendingRequest]>) -> Self {
        Self {
            rows: u64::try_from(rows.len()).unwrap_or(u64::MAX),
            combinations: combinations(source),
            only: only.map(|pending| pending.iter().map(|it| key(it.request)).collect()),
        }
    }

    fn count(&self) -> u64 {
        match &self.only {
            Some(only) => u64::try_from(only.len()).unwrap_or(u64::MAX),
            None => self.rows.saturating_mul(self.combinations),
        }
    }

    fn has(&self, request: (u32, u32)) -> bool {
        match &self.only {
            Some(only) => only.contains(&request),
            None => u64::from(request.0) < self.rows && u64::from(request.1) < self.combinations,
        }
    }

    /// The requests that a result names, which are of these, each once.
    fn each_once(
        &self,
        requests: impl Iterator<Item = Request>,
    ) -> Result<HashSet<(u32, u32)>, &'static str> {
        let mut named = HashSet::new();
        for request in requests.map(key) {
            if !self.has(request) {
                return Err("it names a request that it was not given");
            }
            if !named.insert(request) {
                return Err("it names a request twice");
            }
        }
        Ok(named)
    }
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

#[cfg(test)]
mod tests {
    use super::super::{
        PendingDocument, RejectedRecord, RejectedRequest, RejectedTransfer, RejectionKind,
    };
    use super::*;

    const SOURCE: &str = r#"{"matrix":{"c":["US","CA"]}}"#;

    fn request(row: u32, combination: u32) -> Request {
        Request { row, combination }
    }

    fn pending(row: u32, combination: u32) -> PendingRequest {
        PendingRequest {
            request: request(row, combination),
            resume: None,
        }
    }

    fn rejected(row: u32, combination: u32) -> RejectedRequest {
        RejectedRequest {
            request: request(row, combination),
            kind: RejectionKind::Status,
            status: None,
            reason: String::new(),
        }
    }

    fn left(row: u32) -> PendingDocument {
        PendingDocument {
            request: request(row, 0),
            document: String::new(),
        }
    }

    /// Two rows, two combinations each: what a change makes of a report that
    /// accounts for all of it.
    fn check(remaining: Option<&Remaining>, change: impl FnOnce(&mut TransferReport), says: &str) {
        let mut report = TransferReport {
            done: 2,
            documents: 6,
            written: 2,
            unchanged: 1,
            superseded: 1,
            rejected: vec![rejected(0, 1)],
            rejected_records: vec![RejectedRecord {
                request: request(0, 0),
                index: 0,
                kind: RejectionKind::Required,
                path: String::new(),
                reason: String::new(),
            }],
            rejected_documents: vec![RejectedTransfer {
                request: request(0, 0),
                kind: RejectionKind::Item,
                path: String::new(),
                reason: String::new(),
                document: String::new(),
            }],
            remaining: Some(Remaining {
                requests: vec![pending(1, 1)],
                documents: vec![left(1)],
            }),
            stopped: None,
            counters: Vec::new(),
        };
        change(&mut report);
        let rows = ["{}".to_owned(), "{}".to_owned()];
        let said = transfer(&report, SOURCE, &rows, remaining);
        assert_eq!(said.err().unwrap_or_default(), says);
    }

    #[test]
    fn a_transfer_accounts_for_everything() {
        check(None, |_| (), "");
        check(
            None,
            |it| it.done = 3,
            "its requests are not as many as it was given",
        );
        check(
            None,
            |it| it.rejected.push(rejected(0, 2)),
            "it names a request that it was not given",
        );
        check(
            None,
            |it| it.rejected.push(rejected(1, 1)),
            "it names a request twice",
        );
        check(
            None,
            |it| it.remaining = None,
            "its requests are not as many as it was given",
        );
        check(
            None,
            |it| it.written = 3,
            "its documents are not as many as it says",
        );
        let of_rejected = "it names a document of a request that was not answered";
        let name = |it: &mut TransferReport| {
            it.rejected_documents
                .iter_mut()
                .for_each(|it| it.request = request(0, 1));
        };
        check(None, name, of_rejected);
        let name = |it: &mut TransferReport| {
            it.rejected_records
                .iter_mut()
                .for_each(|it| it.request = request(1, 1));
        };
        check(
            None,
            name,
            "it rejects a record of a request that was not answered",
        );
        let amount = |it: &mut TransferReport| {
            it.counters.push(Counter {
                name: "x".to_owned(),
                value: f64::NAN,
            });
        };
        check(None, amount, "one of its counters is not an amount");
    }

    #[test]
    fn what_an_earlier_call_left_is_given() {
        let all = [(0, 0), (0, 1), (1, 0), (1, 1)];
        let given = |requests: &[(u32, u32)], documents: &[u32]| Remaining {
            requests: requests
                .iter()
                .map(|(row, combination)| pending(*row, *combination))
                .collect(),
            documents: documents.iter().map(|row| left(*row)).collect(),
        };
        check(Some(&given(&all, &[])), |_| (), "");
        let few = given(&all[..3], &[]);
        check(
            Some(&few),
            |_| (),
            "it names a request that it was not given",
        );
        // A document whose request was answered by an earlier call.
        let earlier = |it: &mut TransferReport| {
            it.remaining = Some(given(&[], &[1]));
            it.done = 2;
        };
        check(Some(&given(&all[..3], &[1])), earlier, "");
    }
}
