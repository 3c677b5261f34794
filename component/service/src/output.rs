//! The calls' results → JSON text. Documents are put in place as they are.

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;

use crate::write::{Json, object};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::{DoneRequest, Extraction};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::load::{
    RejectedDocument, Report, SupersededDocument,
};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::query::{
    Access, Diagnosis, Explanation, Page,
};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::transfer::{self, TransferReport};
use rowcast_pipeline::bindings::rowcast::pipeline::types::{
    Counter, PendingRequest, RateLimit, RejectedRecord, RejectedRequest, RejectionKind, Request,
    Stop, StopReason,
};
use serde_json::value::RawValue;
use thiserror::Error;

/// A document of a result is not JSON. Ours never is; another component's that
/// somebody has plugged in might.
#[derive(Debug, Error)]
#[error("read document {index} of the result")]
pub struct NotJson {
    index: usize,
    source: serde_json::Error,
}

/// The result of `extract`.
pub fn extraction(result: &Extraction) -> Result<String, NotJson> {
    let Extraction {
        documents,
        done,
        rejected,
        rejected_records,
        pending,
        stopped,
        counters,
    } = result;
    let mut out = with_room_for(documents);
    let members: [(&str, &dyn Json); 7] = [
        ("documents", &checked(documents)?),
        ("done", done),
        ("rejected", rejected),
        ("rejected_records", rejected_records),
        ("pending", pending),
        ("stopped", stopped),
        ("counters", counters),
    ];
    object(&mut out, &members);
    Ok(out)
}

/// The result of `load`.
#[must_use]
pub fn report(result: &Report) -> String {
    let Report {
        written,
        unchanged,
        superseded,
        rejected,
        pending,
        stopped,
        counters,
    } = result;
    let mut out = String::new();
    let members: [(&str, &dyn Json); 7] = [
        ("written", written),
        ("unchanged", unchanged),
        ("superseded", superseded),
        ("rejected", rejected),
        ("pending", pending),
        ("stopped", stopped),
        ("counters", counters),
    ];
    object(&mut out, &members);
    out
}

/// The result of `transfer`.
pub fn transfer_report(result: &TransferReport) -> Result<String, NotJson> {
    let TransferReport {
        done,
        documents,
        written,
        unchanged,
        superseded,
        rejected,
        rejected_records,
        rejected_documents,
        remaining,
        stopped,
        counters,
    } = result;
    let texts: Vec<_> = rejected_documents
        .iter()
        .map(|rejected| rejected.document.clone())
        .collect();
    let shown = checked(&texts)?;
    let rejected_documents: Vec<_> = rejected_documents.iter().zip(shown).collect();
    let remaining = match remaining {
        None => None,
        Some(transfer::Remaining {
            requests,
            documents,
        }) => {
            let texts: Vec<_> = documents
                .iter()
                .map(|pending| pending.document.clone())
                .collect();
            let mut text = String::new();
            let shown = checked(&texts)?;
            let documents: Vec<_> = documents
                .iter()
                .map(|pending| &pending.request)
                .zip(shown)
                .collect();
            object(
                &mut text,
                &[("requests", requests), ("documents", &documents)],
            );
            Some(text)
        }
    };
    let remaining = checked(remaining.as_slice())?.pop();
    let mut out = String::new();
    let members: [(&str, &dyn Json); 11] = [
        ("done", done),
        ("documents", documents),
        ("written", written),
        ("unchanged", unchanged),
        ("superseded", superseded),
        ("rejected", rejected),
        ("rejected_records", rejected_records),
        ("rejected_documents", &rejected_documents),
        ("remaining", &remaining),
        ("stopped", stopped),
        ("counters", counters),
    ];
    object(&mut out, &members);
    Ok(out)
}

/// The result of `query`.
pub fn page(result: &Page) -> Result<String, NotJson> {
    let Page {
        documents,
        cursor,
        access,
        scanned,
        counters,
    } = result;
    let access = match access {
        Access::Query => "query",
        Access::Scan => "scan",
    };
    let mut out = with_room_for(documents);
    let members: [(&str, &dyn Json); 5] = [
        ("documents", &checked(documents)?),
        ("cursor", cursor),
        ("access", &access),
        ("scanned", scanned),
        ("counters", counters),
    ];
    object(&mut out, &members);
    Ok(out)
}

/// The result of `explain`.
#[must_use]
pub fn explanation(result: &Explanation) -> String {
    let Explanation {
        diagnoses,
        scanned,
        complete,
        counters,
    } = result;
    let mut out = String::new();
    let members: [(&str, &dyn Json); 4] = [
        ("diagnoses", diagnoses),
        ("scanned", scanned),
        ("complete", complete),
        ("counters", counters),
    ];
    object(&mut out, &members);
    out
}

fn with_room_for(documents: &[String]) -> String {
    let bytes: usize = documents.iter().map(|document| document.len() + 1).sum();
    String::with_capacity(bytes + 1024)
}

fn checked(documents: &[String]) -> Result<Vec<&RawValue>, NotJson> {
    let documents = documents.iter().enumerate();
    documents
        .map(|(index, document)| {
            serde_json::from_str::<&RawValue>(document).map_err(|source| NotJson { index, source })
        })
        .collect()
}

impl Json for Request {
    fn write(&self, out: &mut String) {
        let Self { row, combination } = self;
        object(out, &[("row", row), ("combination", combination)]);
    }
}

impl Json for DoneRequest {
    fn write(&self, out: &mut String) {
        let Self { request, documents } = self;
        object(out, &[("request", request), ("documents", documents)]);
    }
}

impl Json for RejectedRequest {
    fn write(&self, out: &mut String) {
        let Self {
            request,
            kind,
            status,
            reason,
        } = self;
        let members: [(&str, &dyn Json); 4] = [
            ("request", request),
            ("kind", kind),
            ("status", status),
            ("reason", reason),
        ];
        object(out, &members);
    }
}

impl Json for RejectedRecord {
    fn write(&self, out: &mut String) {
        let Self {
            request,
            index,
            kind,
            path,
            reason,
        } = self;
        let members: [(&str, &dyn Json); 5] = [
            ("request", request),
            ("index", index),
            ("kind", kind),
            ("path", path),
            ("reason", reason),
        ];
        object(out, &members);
    }
}

impl Json for RejectionKind {
    fn write(&self, out: &mut String) {
        let name = match self {
            Self::Template => "template",
            Self::Status => "status",
            Self::Body => "body",
            Self::Required => "required",
            Self::Clash => "clash",
            Self::Policy => "policy",
            Self::Exhausted => "exhausted",
            Self::TooLarge => "too_large",
            Self::Item => "item",
        };
        name.write(out);
    }
}

impl Json for (&transfer::RejectedDocument, &RawValue) {
    fn write(&self, out: &mut String) {
        let (rejected, document) = self;
        let members: [(&str, &dyn Json); 5] = [
            ("request", &rejected.request),
            ("kind", &rejected.kind),
            ("path", &rejected.path),
            ("reason", &rejected.reason),
            ("document", document),
        ];
        object(out, &members);
    }
}

impl Json for (&Request, &RawValue) {
    fn write(&self, out: &mut String) {
        let (request, document) = self;
        object(out, &[("request", request), ("document", document)]);
    }
}

impl Json for SupersededDocument {
    fn write(&self, out: &mut String) {
        let Self { index, by } = self;
        object(out, &[("index", index), ("by", by)]);
    }
}

impl Json for RejectedDocument {
    fn write(&self, out: &mut String) {
        let Self {
            index,
            kind,
            path,
            reason,
        } = self;
        let members: [(&str, &dyn Json); 4] = [
            ("index", index),
            ("kind", kind),
            ("path", path),
            ("reason", reason),
        ];
        object(out, &members);
    }
}

impl Json for Diagnosis {
    fn write(&self, out: &mut String) {
        let Self {
            path,
            expected,
            missing,
            other_type,
        } = self;
        let members: [(&str, &dyn Json); 4] = [
            ("path", path),
            ("expected", expected),
            ("missing", missing),
            ("other_type", other_type),
        ];
        object(out, &members);
    }
}

impl Json for Stop {
    fn write(&self, out: &mut String) {
        match self {
            Self::Budget => "budget".write(out),
            Self::RateLimited(limit) => object(out, &[("rate_limited", limit)]),
            Self::Denied(reason) => object(out, &[("denied", reason)]),
            Self::Unavailable(reason) => object(out, &[("unavailable", reason)]),
            Self::Invalid(reason) => object(out, &[("invalid", reason)]),
        }
    }
}

impl Json for StopReason {
    fn write(&self, out: &mut String) {
        let Self { upstream, reason } = self;
        object(out, &[("upstream", upstream), ("reason", reason)]);
    }
}

impl Json for RateLimit {
    fn write(&self, out: &mut String) {
        let Self {
            retry_after_ms,
            upstream,
            reason,
            // The result has them.
            counters: _,
        } = self;
        let members: [(&str, &dyn Json); 3] = [
            ("retry_after_ms", retry_after_ms),
            ("upstream", upstream),
            ("reason", reason),
        ];
        object(out, &members);
    }
}

impl Json for Counter {
    fn write(&self, out: &mut String) {
        let Self { name, value } = self;
        object(out, &[("name", name), ("value", value)]);
    }
}

impl Json for PendingRequest {
    fn write(&self, out: &mut String) {
        let Self { request, resume } = self;
        object(out, &[("request", request), ("resume", resume)]);
    }
}
