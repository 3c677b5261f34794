//! A call and the environment's variables → the pipeline's call, over WASI.

use crate::allow::{self, Allow};
use crate::dynamodb;
use crate::secrets;
use rowcast_aws::origin::OriginError;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::Extraction;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::load::Report;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::query::{Explanation, Page};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::transfer::{Remaining, TransferReport};
use rowcast_pipeline::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use rowcast_pipeline::bindings::rowcast::pipeline::types::{Failure, PendingRequest, Problem};
use rowcast_pipeline::calls;
use rowcast_pipeline::platform::{Dynamo, Http, HttpError, HttpRequest, HttpResponse};
use rowcast_wasi::{Wasi, clock, executor};
use std::borrow::Cow;
use std::future::Future;
use std::time::SystemTime;

/// The pipeline, as the environment configures it.
pub struct Standalone {
    variables: Vec<(String, String)>,
    allow: Result<Allow, OriginError>,
}

impl Standalone {
    /// With those variables and their values.
    #[must_use]
    pub fn new(variables: Vec<(String, String)>) -> Self {
        let list = variables.iter().find(|(name, _)| name == allow::VARIABLE);
        let allow = Allow::read(list.map(|(_, value)| value.as_str()));
        Self { variables, allow }
    }

    /// Rows → documents.
    pub fn extract(
        &self,
        source: &str,
        rows: &[String],
        only: Option<&[PendingRequest]>,
        budget_ms: Option<u64>,
    ) -> Result<Extraction, Failure> {
        let source = self.resolved(source)?;
        executor::block_on(calls::extract(self, &source, rows, only, budget_ms))
    }

    /// Documents → DynamoDB.
    pub fn load<'d>(
        &self,
        table: &str,
        documents: impl Into<Cow<'d, [String]>>,
        budget_ms: Option<u64>,
    ) -> Result<Report, Failure> {
        calls::load(self, table, documents, budget_ms)
    }

    /// Rows → DynamoDB.
    pub fn transfer(
        &self,
        source: &str,
        table: &str,
        rows: &[String],
        remaining: Option<Remaining>,
        budget_ms: Option<u64>,
    ) -> Result<TransferReport, Failure> {
        let source = self.resolved(source)?;
        let call = calls::transfer(self, &source, table, rows, remaining, budget_ms);
        executor::block_on(call)
    }

    /// A condition → one page of documents.
    pub fn query(
        &self,
        query: &str,
        cursor: Option<&str>,
        budget_ms: Option<u64>,
    ) -> Result<Page, Failure> {
        calls::query(self, query, cursor, budget_ms)
    }

    /// Why nothing matched.
    pub fn explain(&self, query: &str, budget_ms: Option<u64>) -> Result<Explanation, Failure> {
        calls::explain(self, query, budget_ms)
    }

    /// A source's settings with its secrets in place.
    fn resolved(&self, source: &str) -> Result<String, Failure> {
        let source = secrets::resolve(source, |name| self.variable(name));
        source.map_err(|error| {
            Failure::PermanentInvalid(Problem {
                reason: error.to_string(),
                counters: Vec::new(),
            })
        })
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The source and its token endpoint.
impl Http for Standalone {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        allow::admit(&self.allow, &request.url).map_err(HttpError::Denied)?;
        Wasi.send(request).await
    }

    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn today(&self) -> SystemTime {
        clock::today()
    }

    fn sleep_ms(&self, duration: u64) -> impl Future<Output = ()> {
        clock::timer(duration)
    }

    fn random(&self) -> u64 {
        clock::random()
    }
}

/// DynamoDB is where the operator's variables say, so the list of origins
/// doesn't hold for it.
impl Dynamo for Standalone {
    fn send(&self, requests: Vec<Request>) -> Vec<Result<Response, SendError>> {
        dynamodb::send(requests, |name| self.variable(name).map(str::to_owned))
    }

    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn sleep_ms(&self, duration: u64) {
        executor::block_on(clock::timer(duration));
    }

    fn random(&self) -> u64 {
        clock::random()
    }
}
