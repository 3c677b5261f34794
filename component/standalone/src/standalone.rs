//! A call and the environment's variables → the pipeline's call, over WASI.

use crate::allow::{self, Allow};
use crate::dynamodb;
use crate::secrets;
use rowcast_aws::origin::OriginError;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::{Cell, Extraction, Source};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::load::{Report, Table};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::query::{
    Answer, Explanation, Question,
};
use rowcast_pipeline::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use rowcast_pipeline::bindings::rowcast::pipeline::types::Failure;
use rowcast_pipeline::platform::{Dynamo, Http, HttpError, HttpRequest, HttpResponse};
use rowcast_pipeline::{extract, load, query};
use rowcast_wasi::{Wasi, clock, executor};
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
        source: Source,
        rows: &[String],
        only: Option<&[Cell]>,
        budget_ms: Option<u64>,
    ) -> Result<Extraction, Failure> {
        let source = secrets::resolve(source, |name| self.variable(name));
        let source = source.map_err(|error| Failure::PermanentInvalid(error.to_string()))?;
        executor::block_on(extract::run(self, &source, rows, only, budget_ms))
    }

    /// Documents → DynamoDB.
    pub fn load(
        &self,
        table: &Table,
        documents: &[String],
        budget_ms: Option<u64>,
    ) -> Result<Report, Failure> {
        load::run(self, table, documents, budget_ms)
    }

    /// A condition → one page of documents.
    pub fn query(
        &self,
        question: &Question,
        cursor: Option<&str>,
        budget_ms: Option<u64>,
    ) -> Result<Answer, Failure> {
        query::run(self, question, cursor, budget_ms)
    }

    /// Why nothing matched.
    pub fn explain(
        &self,
        question: &Question,
        budget_ms: Option<u64>,
    ) -> Result<Explanation, Failure> {
        query::explain(self, question, budget_ms)
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
