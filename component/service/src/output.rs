//! The calls' results → JSON text. Documents are put in place as they are.

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;

use crate::write::{Json, object};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::{
    Cell, DoneCell, Extraction, RejectedCell, RejectedRecord, RejectionKind,
};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::load::{
    RejectedDocument, Report, SupersededDocument,
};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::query::{
    Access, Answer, Explanation, Finding,
};
use rowcast_pipeline::bindings::rowcast::pipeline::types::{RateLimit, Stop};
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
        requests,
        retries,
        token_requests,
    } = result;
    let mut out = with_room_for(documents);
    let members: [(&str, &dyn Json); 9] = [
        ("documents", &checked(documents)?),
        ("done", done),
        ("rejected", rejected),
        ("rejected_records", rejected_records),
        ("pending", pending),
        ("stopped", stopped),
        ("requests", requests),
        ("retries", retries),
        ("token_requests", token_requests),
    ];
    object(&mut out, &members);
    Ok(out)
}

/// The result of `load`.
#[must_use]
pub fn report(result: &Report) -> String {
    let Report {
        written,
        superseded,
        rejected,
        pending,
        stopped,
        capacity,
        requests,
        retries,
    } = result;
    let mut out = String::new();
    let members: [(&str, &dyn Json); 8] = [
        ("written", written),
        ("superseded", superseded),
        ("rejected", rejected),
        ("pending", pending),
        ("stopped", stopped),
        ("capacity", capacity),
        ("requests", requests),
        ("retries", retries),
    ];
    object(&mut out, &members);
    out
}

/// The result of `query`.
pub fn answer(result: &Answer) -> Result<String, NotJson> {
    let Answer {
        documents,
        cursor,
        access,
        scanned,
        matched,
        capacity,
        requests,
    } = result;
    let access = match access {
        Access::Query => "query",
        Access::Scan => "scan",
    };
    let mut out = with_room_for(documents);
    let members: [(&str, &dyn Json); 7] = [
        ("documents", &checked(documents)?),
        ("cursor", cursor),
        ("access", &access),
        ("scanned", scanned),
        ("matched", matched),
        ("capacity", capacity),
        ("requests", requests),
    ];
    object(&mut out, &members);
    Ok(out)
}

/// The result of `explain`.
#[must_use]
pub fn explanation(result: &Explanation) -> String {
    let Explanation {
        findings,
        scanned,
        complete,
        capacity,
    } = result;
    let mut out = String::new();
    let members: [(&str, &dyn Json); 4] = [
        ("findings", findings),
        ("scanned", scanned),
        ("complete", complete),
        ("capacity", capacity),
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

impl Json for Cell {
    fn write(&self, out: &mut String) {
        let Self { row, combination } = self;
        object(out, &[("row", row), ("combination", combination)]);
    }
}

impl Json for DoneCell {
    fn write(&self, out: &mut String) {
        let Self { cell, documents } = self;
        object(out, &[("cell", cell), ("documents", documents)]);
    }
}

impl Json for RejectedCell {
    fn write(&self, out: &mut String) {
        let Self {
            cell,
            kind,
            status,
            reason,
        } = self;
        let members: [(&str, &dyn Json); 4] = [
            ("cell", cell),
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
            cell,
            index,
            kind,
            path,
            reason,
        } = self;
        let members: [(&str, &dyn Json); 5] = [
            ("cell", cell),
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
        };
        name.write(out);
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
            path,
            reason,
        } = self;
        object(out, &[("index", index), ("path", path), ("reason", reason)]);
    }
}

impl Json for Finding {
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
        }
    }
}

impl Json for RateLimit {
    fn write(&self, out: &mut String) {
        let Self {
            retry_after_ms,
            reason,
        } = self;
        object(
            out,
            &[("retry_after_ms", retry_after_ms), ("reason", reason)],
        );
    }
}
