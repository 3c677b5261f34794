//! Bodies of requests → the calls' arguments. Settings stay text.

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;

use crate::read::{Mistake, Value};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::transfer::{
    PendingDocument, Remaining,
};
use rowcast_pipeline::bindings::rowcast::pipeline::types::{PendingRequest, Request};

/// What `POST /extract` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Extract {
    /// The source's settings, as they are written in the body: what they mean
    /// is the call's to say.
    pub source: String,
    /// Rows, as they are written in the body. One that is no object is
    /// rejected by the call itself, by its index.
    pub rows: Vec<String>,
    /// The requests to make; none: all.
    pub only: Option<Vec<PendingRequest>>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /load` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The table's settings.
    pub table: String,
    /// Documents, as they are written in the body.
    pub documents: Vec<String>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /transfer` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// The source's settings.
    pub source: String,
    /// The table's settings.
    pub table: String,
    /// Rows, as they are written in the body.
    pub rows: Vec<String>,
    /// What an earlier call left; none: nothing was done yet.
    pub remaining: Option<Remaining>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /query` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The query's settings.
    pub query: String,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /explain` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Explain {
    /// The settings of the query that found nothing.
    pub query: String,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// The body of `POST /extract`.
pub fn extract(body: Value<'_>) -> Result<Extract, Mistake> {
    let mut object = body.object()?;
    let call = Extract {
        source: object.needed("source", settings)?,
        rows: object.needed("rows", documents)?,
        only: object.optional("only", |only| only.list(pending_request))?,
        budget_ms: object.optional("budget_ms", Value::u64)?,
    };
    object.end().map(|()| call)
}

/// The body of `POST /load`.
pub fn load(body: Value<'_>) -> Result<Load, Mistake> {
    let mut object = body.object()?;
    let call = Load {
        table: object.needed("table", settings)?,
        documents: object.needed("documents", documents)?,
        budget_ms: object.optional("budget_ms", Value::u64)?,
    };
    object.end().map(|()| call)
}

/// The body of `POST /transfer`.
pub fn transfer(body: Value<'_>) -> Result<Transfer, Mistake> {
    let mut object = body.object()?;
    let call = Transfer {
        source: object.needed("source", settings)?,
        table: object.needed("table", settings)?,
        rows: object.needed("rows", documents)?,
        remaining: object.optional("remaining", remaining)?,
        budget_ms: object.optional("budget_ms", Value::u64)?,
    };
    object.end().map(|()| call)
}

/// The body of `POST /query`.
pub fn query(body: Value<'_>) -> Result<Query, Mistake> {
    let mut object = body.object()?;
    let call = Query {
        query: object.needed("query", settings)?,
        cursor: object.optional("cursor", Value::text)?,
        budget_ms: object.optional("budget_ms", Value::u64)?,
    };
    object.end().map(|()| call)
}

/// The body of `POST /explain`.
pub fn explain(body: Value<'_>) -> Result<Explain, Mistake> {
    let mut object = body.object()?;
    let call = Explain {
        query: object.needed("query", settings)?,
        budget_ms: object.optional("budget_ms", Value::u64)?,
    };
    object.end().map(|()| call)
}

fn documents(value: Value<'_>) -> Result<Vec<String>, Mistake> {
    value.list(|document| Ok(document.document()))
}

fn settings(value: Value<'_>) -> Result<String, Mistake> {
    Ok(value.document())
}

fn remaining(value: Value<'_>) -> Result<Remaining, Mistake> {
    let mut object = value.object()?;
    let remaining = Remaining {
        requests: object.needed("requests", |requests| requests.list(pending_request))?,
        documents: object.needed("documents", |documents| documents.list(pending_document))?,
    };
    object.end().map(|()| remaining)
}

fn pending_document(value: Value<'_>) -> Result<PendingDocument, Mistake> {
    let mut object = value.object()?;
    let pending = PendingDocument {
        request: object.needed("request", request)?,
        document: object.needed("document", settings)?,
    };
    object.end().map(|()| pending)
}

fn pending_request(value: Value<'_>) -> Result<PendingRequest, Mistake> {
    let mut object = value.object()?;
    let pending = PendingRequest {
        request: object.needed("request", request)?,
        resume: object.optional("resume", Value::text)?,
    };
    object.end().map(|()| pending)
}

fn request(value: Value<'_>) -> Result<Request, Mistake> {
    let mut object = value.object()?;
    let request = Request {
        row: object.needed("row", Value::u32)?,
        // Not 0 where it's left out: that would read as "all of the row's".
        combination: object.needed("combination", Value::u32)?,
    };
    object.end().map(|()| request)
}
