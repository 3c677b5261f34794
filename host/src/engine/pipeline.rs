//! A call with its input → its result, from a fresh instance each time, or the
//! reason why the instance was ended.

use super::account;
use super::bindings::{Pipeline as Instance, PipelinePre};
use super::called::{Called, called};
use super::dynamodb::{Calls, Shared};
use super::runtime::Runtime;
use super::state::{Memory, MemoryExceeded, State, size};
use super::{Answer, Cell, Explanation, Extraction, Failure, Question, Report, Source, Table};
use crate::hint::Hint;
use crate::http_out::client::BoxError;
use crate::http_out::denial::Denials;
use crate::http_out::wasi::{Hooks, Outbound};
use crate::limits::Limits;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;
use wasmtime::component::ResourceTableError;
use wasmtime_wasi_http::FieldMapError;

/// A loaded component with its capabilities. Cheap to clone; calls of all
/// clones run in parallel, up to the runtime's limit on instances.
#[derive(Clone)]
pub struct Pipeline {
    runtime: Runtime,
    pre: PipelinePre<State>,
    outbound: Outbound,
    dynamodb: Shared,
    denials: Denials,
    environment: Arc<BTreeMap<String, String>>,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The component says why.
    #[error("{}", Said(.0))]
    Failure(Failure),
    /// It did not return in that time.
    #[error("the component did not return within {0:?}")]
    Timeout(Duration),
    /// It needs more than that many MiB.
    #[error("the component needs more than {0} MiB of memory")]
    Memory(u64),
    /// It hands over more than that many MiB at once.
    #[error("the component hands over more than {0} MiB at once")]
    Transfer(u64),
    /// It keeps more than that many resources.
    #[error("the component keeps more than {0} headers, requests, bodies and timers")]
    Resources(u32),
    /// A request's headers are longer than that many KiB.
    #[error("the component makes request headers longer than {0} KiB")]
    Headers(u64),
    /// Its result doesn't account for what it was given.
    #[error("the component's result doesn't account for what it was given: {0}")]
    Account(&'static str),
    /// It broke off: a panic or a bug.
    #[error("the component broke off")]
    Trapped(#[source] BoxError),
    /// No instance of it could be made.
    #[error("make an instance of the component")]
    Instantiate(#[source] BoxError),
}

impl CallError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        let text = match self {
            Self::Failure(Failure::ExecutionFailed | Failure::Unavailable(_)) => {
                "the same call may succeed later".to_owned()
            }
            Self::Failure(Failure::RateLimited(limit)) => {
                let seconds = Duration::from_millis(limit.retry_after_ms)
                    .as_secs_f64()
                    .ceil();
                format!("the same call may succeed after {seconds} s")
            }
            Self::Failure(Failure::PermanentInvalid(_) | Failure::PermanentDenied(_)) => {
                return None;
            }
            Self::Timeout(_) => {
                "raise `[limits] call_seconds` in rowcast.toml, or give it less at once".to_owned()
            }
            Self::Memory(_) => {
                "raise `[limits] memory_mib` in rowcast.toml, or give it less at once".to_owned()
            }
            Self::Transfer(_) => {
                "raise `[limits] transfer_mib` in rowcast.toml, or give it less at once".to_owned()
            }
            Self::Resources(_) => {
                "raise `[limits] resources` in rowcast.toml, or lower `source.concurrency`"
                    .to_owned()
            }
            Self::Headers(_) => {
                "raise `[limits] request_headers_kib` in rowcast.toml, or shorten `[source.headers]`"
                    .to_owned()
            }
            Self::Account(_) | Self::Trapped(_) => "this is a bug of the component".to_owned(),
            Self::Instantiate(_) => {
                "it may need more than `[limits] memory_mib` in rowcast.toml allows".to_owned()
            }
        };
        Some(Hint::new(text))
    }
}

struct Said<'a>(&'a Failure);

impl fmt::Display for Said<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Failure::ExecutionFailed => formatter.write_str("the component failed"),
            Failure::RateLimited(limit) => formatter.write_str(&limit.reason),
            Failure::Unavailable(reason)
            | Failure::PermanentInvalid(reason)
            | Failure::PermanentDenied(reason) => formatter.write_str(reason),
        }
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pipeline")
            .field("runtime", &self.runtime)
            .finish_non_exhaustive()
    }
}

impl Pipeline {
    pub(super) fn new(
        runtime: Runtime,
        pre: PipelinePre<State>,
        outbound: Outbound,
        dynamodb: Shared,
    ) -> Self {
        Self {
            runtime,
            pre,
            outbound,
            dynamodb,
            denials: Denials::default(),
            environment: Arc::default(),
        }
    }

    /// With variables that the component sees; unless given here it sees none.
    /// It's for components that sign for themselves, such as
    /// `rowcast-standalone.wasm`: what is given them is theirs to leak.
    #[must_use]
    pub fn with_environment(mut self, variables: BTreeMap<String, String>) -> Self {
        self.environment = Arc::new(variables);
        self
    }

    /// Rows → documents. `only` restricts the call to those cells. `budget`
    /// shortens [`Limits::budget`](crate::limits::Limits::budget).
    pub async fn extract(
        &self,
        source: &Source,
        rows: &[String],
        only: Option<&[Cell]>,
        budget: Option<Duration>,
    ) -> Called<Extraction> {
        let denials = self.denials.of_call();
        let result = async {
            let mut call = self.begin(&denials).await?;
            let budget = Some(self.budget(budget));
            let work = async {
                let instance = call.instantiate(&self.pre).await?;
                let extract = instance.rowcast_pipeline_extract();
                extract
                    .call_extract(&mut call.store, source, rows, only, budget)
                    .await
                    .map_err(|error| ended(&self.runtime.limits, error))
            };
            let extraction = in_time(self.runtime.limits.call(), work).await?;
            account::extraction(&extraction, source, rows, only).map_err(CallError::Account)?;
            Ok(extraction)
        };
        called(result.await, &denials)
    }

    /// Documents → DynamoDB.
    pub async fn load(
        &self,
        table: &Table,
        documents: &[String],
        budget: Option<Duration>,
    ) -> Called<Report> {
        let denials = self.denials.of_call();
        let result = async {
            let mut call = self.begin(&denials).await?;
            let budget = Some(self.budget(budget));
            let work = async {
                let instance = call.instantiate(&self.pre).await?;
                let load = instance.rowcast_pipeline_load();
                load.call_load(&mut call.store, table, documents, budget)
                    .await
                    .map_err(|error| ended(&self.runtime.limits, error))
            };
            let report = in_time(self.runtime.limits.call(), work).await?;
            account::report(&report, documents).map_err(CallError::Account)?;
            Ok(report)
        };
        called(result.await, &denials)
    }

    /// One page of the documents that a filter matches.
    pub async fn query(
        &self,
        question: &Question,
        cursor: Option<&str>,
        budget: Option<Duration>,
    ) -> Called<Answer> {
        let denials = self.denials.of_call();
        let result = async {
            let mut call = self.begin(&denials).await?;
            let budget = Some(self.budget(budget));
            let work = async {
                let instance = call.instantiate(&self.pre).await?;
                let query = instance.rowcast_pipeline_query();
                query
                    .call_query(&mut call.store, question, cursor, budget)
                    .await
                    .map_err(|error| ended(&self.runtime.limits, error))
            };
            in_time(self.runtime.limits.call(), work).await
        };
        called(result.await, &denials)
    }

    /// Why a filter matches nothing.
    pub async fn explain(
        &self,
        question: &Question,
        budget: Option<Duration>,
    ) -> Called<Explanation> {
        let denials = self.denials.of_call();
        let result = async {
            let mut call = self.begin(&denials).await?;
            let budget = Some(self.budget(budget));
            let work = async {
                let instance = call.instantiate(&self.pre).await?;
                let query = instance.rowcast_pipeline_query();
                query
                    .call_explain(&mut call.store, question, budget)
                    .await
                    .map_err(|error| ended(&self.runtime.limits, error))
            };
            in_time(self.runtime.limits.call(), work).await
        };
        called(result.await, &denials)
    }

    /// Waits until there may be one more instance. Its time begins after that.
    async fn begin(&self, denials: &Denials) -> Result<Call, CallError> {
        let slot = self.runtime.instances.clone().acquire_owned().await;
        let slot = slot.map_err(|error| CallError::Instantiate(error.into()))?;
        let state = State::new(
            Hooks::new(self.outbound.clone(), denials.clone()),
            Calls::new(self.dynamodb.clone(), denials.clone()),
            &self.environment,
            &self.runtime.limits,
        );
        let mut store = Store::new(&self.runtime.engine, state);
        bound(&mut store, |state| &mut state.memory);
        let transfer = self.runtime.limits.transfer_mib;
        store.set_hostcall_fuel(size(transfer.saturating_mul(1024 * 1024)));
        Ok(Call { store, _slot: slot })
    }

    fn budget(&self, wanted: Option<Duration>) -> u64 {
        let limit = self.runtime.limits.budget();
        let budget = wanted.map_or(limit, |wanted| wanted.min(limit));
        u64::try_from(budget.as_millis()).unwrap_or(u64::MAX)
    }
}

/// One call: its instance's state, and its place among the instances.
struct Call {
    store: Store<State>,
    _slot: OwnedSemaphorePermit,
}

impl Call {
    async fn instantiate(&mut self, pre: &PipelinePre<State>) -> Result<Instance, CallError> {
        pre.instantiate_async(&mut self.store)
            .await
            .map_err(|error| match memory(&error) {
                Some(exceeded) => exceeded,
                None => CallError::Instantiate(error.into()),
            })
    }
}

/// Bounds the memory of a store's instances, and has them yield at every tick,
/// so that even an endless loop leaves room for the timeout in [`in_time`].
pub(super) fn bound<T>(store: &mut Store<T>, memory: fn(&mut T) -> &mut Memory) {
    store.limiter(move |state| memory(state));
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
}

/// Also ends what waits in the host, where epochs don't reach.
pub(super) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<Result<T, Failure>, CallError>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(said)) => said.map_err(CallError::Failure),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(CallError::Timeout(limit)),
    }
}

pub(super) fn ended(limits: &Limits, error: wasmtime::Error) -> CallError {
    if let Some(exceeded) = memory(&error) {
        return exceeded;
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return CallError::Resources(limits.resources);
    }
    if let Some(FieldMapError::TotalSizeTooBig) = error.downcast_ref() {
        return CallError::Headers(limits.request_headers_kib);
    }
    // wasmtime keeps this error's type to itself.
    let cause = error.root_cause().to_string();
    if cause.ends_with("fuel allocated for hostcalls has been exhausted") {
        return CallError::Transfer(limits.transfer_mib);
    }
    if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
        tracing::debug!("the component broke off: {error:#}");
        return CallError::Trapped(Box::new(*trap));
    }
    CallError::Trapped(error.into())
}

fn memory(error: &wasmtime::Error) -> Option<CallError> {
    error
        .downcast_ref::<MemoryExceeded>()
        .map(|exceeded| CallError::Memory(exceeded.0))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
