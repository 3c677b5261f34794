//! WIT's calls → [`calls`](crate::calls), in a world that each artifact makes.

use crate::bindings::exports::rowcast::pipeline::{describe, extract, load, query, transfer};
use crate::bindings::rowcast::pipeline::types::{Failure, PendingRequest};
use crate::calls;
use crate::platform::{Dynamo, Http};
use std::future::Future;

/// What an artifact gives its calls.
pub trait World: Http + Dynamo + Sized {
    /// The world of one call.
    fn open() -> Self;
    /// A source's settings as they are for this call.
    fn resolved(&self, source: String) -> Result<String, Failure> {
        Ok(source)
    }
    /// A future's result, once it's there.
    fn block_on<T>(future: impl Future<Output = T>) -> T;
}

impl<W: World> describe::Guest for W {
    fn describe() -> describe::Description {
        crate::describe::describe()
    }

    fn validate(kind: describe::Kind, settings: String) -> Vec<describe::Mistake> {
        crate::describe::validate(kind, &settings)
    }

    fn origins(source: String) -> Result<Vec<String>, Vec<describe::Mistake>> {
        crate::describe::origins(&source)
    }
}

impl<W: World> extract::Guest for W {
    fn extract(
        source: String,
        rows: Vec<String>,
        only: Option<Vec<PendingRequest>>,
        budget_ms: Option<u64>,
    ) -> Result<extract::Extraction, Failure> {
        let world = W::open();
        let source = world.resolved(source)?;
        let call = calls::extract(&world, &source, &rows, only.as_deref(), budget_ms);
        W::block_on(call)
    }
}

impl<W: World> load::Guest for W {
    fn load(
        table: String,
        documents: Vec<String>,
        budget_ms: Option<u64>,
    ) -> Result<load::Report, Failure> {
        calls::load(&W::open(), &table, documents, budget_ms)
    }
}

impl<W: World> transfer::Guest for W {
    fn transfer(
        source: String,
        table: String,
        rows: Vec<String>,
        remaining: Option<transfer::Remaining>,
        budget_ms: Option<u64>,
    ) -> Result<transfer::TransferReport, Failure> {
        let world = W::open();
        let source = world.resolved(source)?;
        let call = calls::transfer(&world, &source, &table, &rows, remaining, budget_ms);
        W::block_on(call)
    }
}

impl<W: World> query::Guest for W {
    fn query(
        query: String,
        cursor: Option<String>,
        budget_ms: Option<u64>,
    ) -> Result<query::Page, Failure> {
        calls::query(&W::open(), &query, cursor.as_deref(), budget_ms)
    }

    fn explain(query: String, budget_ms: Option<u64>) -> Result<query::Explanation, Failure> {
        calls::explain(&W::open(), &query, budget_ms)
    }
}
