//! A compiled component and its capabilities → a pipeline; or, without any, somebody
//! to ask about settings.

use super::bindings::PluginPre;
use super::bindings::rowcast::pipeline::{admission, dynamodb as dynamodb_import, pace};
use super::describe::{DescribeError, Describer};
use super::dynamodb::{Calls, Shared};
use super::pipeline::Pipeline;
use super::runtime::{EngineError, Runtime};
use super::state::State;
use crate::dynamodb::DynamoDb;
use crate::http_out::authorizer::Authorizer;
use crate::http_out::client::Client;
use crate::http_out::egress::Egress;
use crate::http_out::handler;
use crate::http_out::wasi::Outbound;
use rowcast_aws::policy::Tables;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, Linker};

/// What the component is given of the world.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// Connections for its HTTP requests.
    pub client: Client,
    /// Where they may go. The client checks addresses by its own, which should
    /// be the same.
    pub egress: Arc<Egress>,
    /// Adds the source's credentials to them.
    pub authorizer: Authorizer,
    /// Signs and sends its DynamoDB calls; none where no table is configured.
    pub dynamodb: Option<DynamoDb>,
    /// Tables that these may use.
    pub tables: BTreeSet<String>,
}

impl Runtime {
    /// Compiles a component and links it to its capabilities.
    pub fn pipeline(
        &self,
        component: &[u8],
        capabilities: Capabilities,
    ) -> Result<Pipeline, EngineError> {
        self.load(component)?.pipeline(capabilities)
    }

    /// Compiles a component, or takes it from the cache. May keep the processor
    /// busy for seconds.
    pub fn load(&self, component: &[u8]) -> Result<Loaded, EngineError> {
        Ok(Loaded {
            runtime: self.clone(),
            component: self.compile(component)?,
        })
    }
}

/// A compiled component.
#[derive(Clone)]
pub struct Loaded {
    runtime: Runtime,
    component: Component,
}

impl Loaded {
    /// Starts it without any capability, to be asked about settings.
    pub async fn describer(&self) -> Result<Describer, DescribeError> {
        Describer::start(&self.runtime, &self.component).await
    }

    /// Links it to its capabilities.
    pub fn pipeline(&self, capabilities: Capabilities) -> Result<Pipeline, EngineError> {
        let runtime = &self.runtime;
        let linked =
            linker(&runtime.engine).and_then(|linker| linker.instantiate_pre(&self.component));
        let linked = linked.map_err(|error| EngineError::Imports(error.into()))?;
        let pre = PluginPre::new(linked).map_err(|error| EngineError::Exports(error.into()))?;
        let Capabilities {
            client,
            egress,
            authorizer,
            dynamodb,
            tables,
        } = capabilities;
        let limits = &runtime.limits;
        let outbound = Outbound {
            client,
            egress,
            authorizer,
            limits: limits.clone(),
        };
        let dynamodb = Shared {
            dynamodb,
            policy: Arc::new(Tables::Only(tables)),
            slots: runtime.dynamodb_slots.clone(),
            limits: limits.clone(),
        };
        Ok(Pipeline::new(runtime.clone(), pre, outbound, dynamodb))
    }
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    handler::add_to_linker(&mut linker)?;
    pace::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    admission::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    dynamodb_import::add_to_linker::<State, HasSelf<Calls>>(&mut linker, |state| {
        &mut state.dynamodb
    })?;
    Ok(linker)
}
