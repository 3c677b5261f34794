//! A component → what it says of itself and of settings, asked without any
//! capability.

use super::bindings::exports::rowcast::pipeline::describe::{self, Description, Kind};
use super::bindings::{Plugin, PluginPre};
use super::bounds::{bound, in_time};
use super::call_error::{CallError, ended, memory};
use super::runtime::{EngineError, Runtime};
use super::sandbox::{Sandbox, linker};
use super::state::size;
use crate::hint::Hint;
use crate::limits::Limits;
use rowcast_pipeline::settings::Mistake;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;
use wasmtime::component::Component;

/// A component that describes itself. One instance answers all.
pub struct Describer {
    store: Store<Sandbox>,
    plugin: Plugin,
    limits: Arc<Limits>,
    _slot: OwnedSemaphorePermit,
}

/// Why a component says nothing of itself.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// It can't be instantiated for that.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It didn't answer.
    #[error("ask the component about its settings")]
    Call(#[source] CallError),
}

impl DescribeError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Engine(error) => error.hint(),
            Self::Call(error) => error.hint(),
        }
    }
}

impl Describer {
    pub(super) async fn start(
        runtime: &Runtime,
        component: &Component,
    ) -> Result<Self, DescribeError> {
        let pre = linker(&runtime.engine)
            .and_then(|linker| linker.instantiate_pre(component))
            .map_err(|error| EngineError::Imports(error.into()))?;
        let pre = PluginPre::new(pre).map_err(|error| EngineError::Exports(error.into()))?;
        let limits = Arc::clone(&runtime.limits);
        let slot = runtime.instances.clone().acquire_owned().await;
        let slot =
            slot.map_err(|error| DescribeError::Call(CallError::Instantiate(error.into())))?;
        let mut store = Store::new(&runtime.engine, Sandbox::new(&limits));
        bound(&mut store, |sandbox| &mut sandbox.memory);
        store.set_hostcall_fuel(size(limits.transfer_mib.saturating_mul(1024 * 1024)));
        let plugin = in_time(limits.call(), async {
            let plugin = pre.instantiate_async(&mut store).await;
            let plugin = plugin.map_err(|error| match memory(&error) {
                Some(exceeded) => exceeded,
                None => CallError::Instantiate(error.into()),
            });
            plugin.map(Ok)
        });
        let plugin = plugin.await.map_err(DescribeError::Call)?;
        Ok(Self {
            store,
            plugin,
            limits,
            _slot: slot,
        })
    }

    /// What it is, and which settings it takes.
    pub async fn describe(&mut self) -> Result<Description, DescribeError> {
        let calls = self.plugin.rowcast_pipeline_describe();
        let call = calls.call_describe(&mut self.store);
        answered(&self.limits, call).await
    }

    /// Everything that is wrong with settings.
    pub async fn validate(
        &mut self,
        kind: Kind,
        settings: &str,
    ) -> Result<Vec<Mistake>, DescribeError> {
        let settings = settings.to_owned();
        let calls = self.plugin.rowcast_pipeline_describe();
        let call = calls.call_validate(&mut self.store, kind, &settings);
        Ok(mistakes(answered(&self.limits, call).await?))
    }

    /// The origins that a source's requests go to.
    pub async fn origins(
        &mut self,
        source: &str,
    ) -> Result<Result<Vec<String>, Vec<Mistake>>, DescribeError> {
        let source = source.to_owned();
        let calls = self.plugin.rowcast_pipeline_describe();
        let call = calls.call_origins(&mut self.store, &source);
        Ok(answered(&self.limits, call).await?.map_err(mistakes))
    }
}

/// The bindings' type → that of the settings' reader.
fn mistakes(found: Vec<describe::Mistake>) -> Vec<Mistake> {
    let mistake = |found: describe::Mistake| Mistake {
        pointer: found.pointer,
        message: found.message,
        hint: found.hint,
    };
    found.into_iter().map(mistake).collect()
}

async fn answered<T>(
    limits: &Limits,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> Result<T, DescribeError> {
    let answer = in_time(limits.call(), async {
        call.await.map(Ok).map_err(|error| ended(limits, error))
    });
    answer.await.map_err(DescribeError::Call)
}
