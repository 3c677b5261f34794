//! A call and the environment's variables → the pipeline's call, over WASI.

use crate::allow::{self, Allow};
use crate::dynamodb;
use crate::secrets;
use rowcast_aws::origin::OriginError;
use rowcast_pipeline::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use rowcast_pipeline::bindings::rowcast::pipeline::types::{Failure, Problem};
use rowcast_pipeline::exports::World;
use rowcast_pipeline::platform::{Dynamo, Http, HttpError, HttpRequest, HttpResponse, Platform};
use rowcast_wasi::bindings::wasi::cli::environment::get_environment;
use rowcast_wasi::{clock, executor, http};
use std::future::Future;
use std::time::SystemTime;

/// The pipeline, as the environment configures it.
pub struct Standalone {
    variables: Vec<(String, String)>,
    allow: Result<Allow, OriginError>,
}

#[cfg(feature = "exports")]
rowcast_pipeline::bindings::export!(Standalone with_types_in rowcast_pipeline::bindings);

impl Standalone {
    /// With those variables and their values.
    #[must_use]
    pub fn new(variables: Vec<(String, String)>) -> Self {
        let list = variables.iter().find(|(name, _)| name == allow::VARIABLE);
        let allow = Allow::read(list.map(|(_, value)| value.as_str()));
        Self { variables, allow }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl World for Standalone {
    fn open() -> Self {
        Self::new(get_environment())
    }

    /// With its secrets in place.
    fn resolved(&self, source: String) -> Result<String, Failure> {
        secrets::resolve(&source, |name| self.variable(name)).map_err(|error| {
            Failure::PermanentInvalid(Problem {
                reason: error.to_string(),
                counters: Vec::new(),
            })
        })
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        executor::block_on(future)
    }
}

/// The source and its token endpoint.
impl Http for Standalone {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        allow::admit(&self.allow, &request.url).map_err(HttpError::Denied)?;
        http::send(request).await
    }

    fn today(&self) -> SystemTime {
        clock::today()
    }

    fn sleep_ms(&self, duration: u64) -> impl Future<Output = ()> {
        clock::timer(duration)
    }
}

/// DynamoDB is where the operator's variables say, so the list of origins
/// doesn't hold for it.
impl Dynamo for Standalone {
    fn send(&self, requests: Vec<Request>) -> Vec<Result<Response, SendError>> {
        dynamodb::send(requests, |name| self.variable(name).map(str::to_owned))
    }

    fn sleep_ms(&self, duration: u64) {
        executor::block_on(clock::timer(duration));
    }
}

impl Platform for Standalone {
    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn random(&self) -> u64 {
        clock::random()
    }
}
