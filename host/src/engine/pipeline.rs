//! A call with its input → its result, from a fresh instance each time, or the
//! reason why the instance was ended.

use super::admission::Admit;
use super::bindings::{Plugin as Instance, PluginPre};
use super::bounds::{bound, in_time};
use super::call_error::{CallError, ended, memory};
use super::call_result::{CallResult, Stops, called};
use super::dynamodb::{Calls, Shared};
use super::pace::Paces;
use super::runtime::Runtime;
use super::state::{State, size};
use super::validate;
use super::{
    Explanation, Extraction, Failure, Page, PendingRequest, Remaining, Report, TransferReport,
};
use crate::hold::{Hold, Holds};
use crate::http_out::client::Repeats;
use crate::http_out::violation::Violations;
use crate::http_out::wasi::{Hooks, Outbound};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;

/// A loaded component with its capabilities. Cheap to clone; calls of all
/// clones run in parallel, up to the runtime's limit on instances.
#[derive(Clone)]
pub struct Pipeline {
    runtime: Runtime,
    pre: PluginPre<State>,
    outbound: Outbound,
    dynamodb: Shared,
    violations: Violations,
    paces: Paces,
    holds: Holds,
    admit: Option<Arc<dyn Admit>>,
    environment: Arc<BTreeMap<String, String>>,
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
        pre: PluginPre<State>,
        outbound: Outbound,
        dynamodb: Shared,
    ) -> Self {
        let holds = Holds::new();
        Self {
            runtime,
            pre,
            outbound,
            dynamodb,
            violations: Violations::default(),
            paces: Paces::new(holds.clone()),
            holds,
            admit: None,
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

    /// Its calls ask which documents they are to write. Without it, they write
    /// all of them.
    #[must_use]
    pub fn with_admission(&self, admit: Arc<dyn Admit>) -> Self {
        Self {
            admit: Some(admit),
            ..self.clone()
        }
    }

    /// The same, but what it holds keeps no other from sending.
    #[must_use]
    pub(crate) fn apart(self) -> Self {
        let holds = Holds::new();
        Self {
            paces: self.paces.held_by(holds.clone()),
            holds,
            ..self
        }
    }

    /// Calls send nothing more to their source as long as the hold is there:
    /// they end with what they have.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.holds.hold()
    }

    /// How many requests one call is given at most: half of what it may
    /// send, for pages and repeats.
    #[must_use]
    pub fn requests_per_part(&self) -> usize {
        size((self.runtime.limits.requests_per_call / 2).max(1).into())
    }

    /// Rows → documents. `only` restricts the call to those requests. `budget`
    /// shortens [`Limits::budget`](crate::limits::Limits::budget).
    pub async fn extract(
        &self,
        source: &str,
        rows: &[String],
        only: Option<&[PendingRequest]>,
        budget: Option<Duration>,
    ) -> CallResult<Extraction> {
        let settings = source.to_owned();
        let budget = Some(self.budget(budget));
        self.call(
            Some(source),
            async |instance, store| {
                let extract = instance.rowcast_pipeline_extract();
                extract
                    .call_extract(store, &settings, rows, only, budget)
                    .await
            },
            |extraction| validate::extraction(extraction, source, rows, only),
        )
        .await
    }

    /// Rows → DynamoDB; `remaining` is what an earlier call left.
    pub async fn transfer(
        &self,
        source: &str,
        table: &str,
        rows: &[String],
        remaining: Option<&Remaining>,
        budget: Option<Duration>,
    ) -> CallResult<TransferReport> {
        let (from, to) = (source.to_owned(), table.to_owned());
        let budget = Some(self.budget(budget));
        self.call(
            Some(source),
            async |instance, store| {
                let transfer = instance.rowcast_pipeline_transfer();
                transfer
                    .call_transfer(store, &from, &to, rows, remaining, budget)
                    .await
            },
            |report| validate::transfer(report, source, rows, remaining),
        )
        .await
    }

    /// Documents → DynamoDB.
    pub async fn load(
        &self,
        table: &str,
        documents: &[String],
        budget: Option<Duration>,
    ) -> CallResult<Report> {
        let settings = table.to_owned();
        let budget = Some(self.budget(budget));
        self.call(
            None,
            async |instance, store| {
                let load = instance.rowcast_pipeline_load();
                load.call_load(store, &settings, documents, budget).await
            },
            |report| validate::report(report, documents),
        )
        .await
    }

    /// One page of the documents that a filter matches.
    pub async fn query(
        &self,
        query: &str,
        cursor: Option<&str>,
        budget: Option<Duration>,
    ) -> CallResult<Page> {
        let settings = query.to_owned();
        let budget = Some(self.budget(budget));
        self.call(
            None,
            async |instance, store| {
                let exports = instance.rowcast_pipeline_query();
                exports.call_query(store, &settings, cursor, budget).await
            },
            |_| Ok(()),
        )
        .await
    }

    /// Why a filter matches nothing.
    pub async fn explain(&self, query: &str, budget: Option<Duration>) -> CallResult<Explanation> {
        let settings = query.to_owned();
        let budget = Some(self.budget(budget));
        self.call(
            None,
            async |instance, store| {
                let exports = instance.rowcast_pipeline_query();
                exports.call_explain(store, &settings, budget).await
            },
            |_| Ok(()),
        )
        .await
    }

    /// One call in an instance of its own: `work` makes it, `account` says what
    /// its result leaves out.
    async fn call<T: Stops>(
        &self,
        source: Option<&str>,
        work: impl AsyncFnOnce(&Instance, &mut Store<State>) -> wasmtime::Result<Result<T, Failure>>,
        account: impl FnOnce(&T) -> Result<(), &'static str>,
    ) -> CallResult<T> {
        let violations = self.violations.of_call();
        let repeats = <(Repeats, Repeats)>::default();
        let limits = &self.runtime.limits;
        let result = async {
            let mut call = self.begin(&violations, &repeats, source).await?;
            let said = in_time(limits.call(), async {
                let instance = call.instantiate(&self.pre).await?;
                let said = work(&instance, &mut call.store).await;
                said.map_err(|error| ended(limits, error))
            });
            let said = said.await?;
            account(&said).map_err(CallError::Account)?;
            Ok(said)
        };
        called(result.await, &violations, &repeats)
    }

    /// Waits until there may be one more instance. Its time begins after that.
    async fn begin(
        &self,
        violations: &Violations,
        repeats: &(Repeats, Repeats),
        source: Option<&str>,
    ) -> Result<Call, CallError> {
        let slot = self.runtime.instances.clone().acquire_owned().await;
        let slot = slot.map_err(|error| CallError::Instantiate(error.into()))?;
        let state = State::new(
            Hooks::new(
                self.outbound.clone(),
                violations.clone(),
                repeats.0.clone(),
                self.holds.clone(),
            ),
            Calls::new(
                self.dynamodb.clone(),
                violations.clone(),
                repeats.1.clone(),
                self.holds.clone(),
            ),
            self.paces.of_call(source),
            self.admit.clone(),
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
    async fn instantiate(&mut self, pre: &PluginPre<State>) -> Result<Instance, CallError> {
        pre.instantiate_async(&mut self.store)
            .await
            .map_err(|error| match memory(&error) {
                Some(exceeded) => exceeded,
                None => CallError::Instantiate(error.into()),
            })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod fuel;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
