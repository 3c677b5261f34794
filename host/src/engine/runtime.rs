//! Limits → an engine; a component's bytes → compiled code.

use super::compiled::Compiled;
use super::state::TABLE_ELEMENTS;
use crate::hint::Hint;
use crate::http_out::client::BoxError;
use crate::limits::Limits;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::sync::Semaphore;
use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often running code yields to other tasks.
const TICK: Duration = Duration::from_millis(10);

// Room for components that are made of many modules, as `componentize-py` and
// compositions make them. Only address space, until it's used.
const CORE_INSTANCES: u32 = 64;
const MEMORIES: u32 = 8;
const TABLES: u32 = 16;
const INSTANCE_BYTES: usize = 8 * 1024 * 1024;

/// Compiles components and runs them. Cheap to clone; clones share their
/// limits on instances.
#[derive(Clone, Debug)]
pub struct Runtime {
    pub(super) engine: Engine,
    compiled: Compiled,
    pub(super) limits: Arc<Limits>,
    pub(super) instances: Arc<Semaphore>,
    pub(super) dynamodb_slots: Arc<Semaphore>,
    _clock: Arc<Clock>,
}

/// The names at a component's edge, such as `wasi:http/types@0.2.12`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What it needs.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
}

/// What a component's import is to a host of pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Import {
    /// In the world `plugin`.
    World,
    /// Given with nothing behind it, as components of many languages import
    /// all of WASI: no variables, arguments, files, streams or sockets.
    Empty,
    /// Not given: such a component is refused.
    Missing,
}

impl Import {
    /// Of a name such as `wasi:cli/exit@0.2.12`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let interface = name.split('@').next().unwrap_or(name);
        match interface.split('/').next().unwrap_or(interface) {
            "wasi:http" | "wasi:io" | "wasi:clocks" | "wasi:random" | "rowcast:pipeline" => {
                Self::World
            }
            "wasi:cli" | "wasi:filesystem" | "wasi:sockets" => Self::Empty,
            _ => Self::Missing,
        }
    }
}

/// Why there is no runtime, or no pipeline.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The limits don't fit the machine.
    #[error("set up the WebAssembly engine")]
    Engine(#[source] BoxError),
    /// No thread for the engine's clock.
    #[error("start the WebAssembly engine's clock")]
    Clock(#[source] std::io::Error),
    /// Not a component.
    #[error("load a WebAssembly component: this is {0}")]
    NotComponent(&'static str),
    /// A component that can't be compiled.
    #[error("compile the WebAssembly component")]
    Compile(#[source] BoxError),
    /// It wants something that it is not given.
    #[error("give the component what it imports")]
    Imports(#[source] BoxError),
    /// It is not a pipeline.
    #[error("find the exports of the world rowcast:pipeline/plugin@0.2.0 in the component")]
    Exports(#[source] BoxError),
}

impl EngineError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        let text = match self {
            Self::Engine(_) | Self::Clock(_) => {
                "lower `[limits] instances` or `memory_mib` in rowcast.toml"
            }
            Self::NotComponent(_) => "`wasm-tools component new` makes one of a core module",
            Self::Compile(_) => {
                "a component of WASI 0.2 whose memory begins within `[limits] memory_mib` is needed"
            }
            Self::Imports(_) => {
                "a pipeline may import WASI 0.2, wasi:http and rowcast:pipeline/dynamodb, see wit/"
            }
            Self::Exports(_) => "build it for the world `plugin` in wit/",
        };
        Some(Hint::new(text))
    }
}

impl Runtime {
    /// A runtime that keeps compiled code in the user's cache directory, where
    /// there is one.
    pub fn new(limits: Limits) -> Result<Self, EngineError> {
        let directories = directories::ProjectDirs::from("", "", "rowcast");
        Self::with_cache(
            limits,
            directories.map(|found| found.cache_dir().join("compiled")),
        )
    }

    /// A runtime that keeps compiled code in that directory, or nowhere.
    pub fn with_cache(limits: Limits, directory: Option<PathBuf>) -> Result<Self, EngineError> {
        let pooled = Engine::new(&config(Some(pool(&limits))));
        let engine = pooled.or_else(|error| {
            // A container or `ulimit -v` may not grant the address space.
            tracing::debug!("no pool of instances: {error:#}");
            Engine::new(&config(None))
        });
        let engine = engine.map_err(|error| EngineError::Engine(error.into()))?;
        Self::over(engine, Compiled::new(directory), limits)
    }

    pub(super) fn over(
        engine: Engine,
        compiled: Compiled,
        limits: Limits,
    ) -> Result<Self, EngineError> {
        let clock = Clock::start(engine.clone()).map_err(EngineError::Clock)?;
        Ok(Self {
            engine,
            compiled,
            instances: semaphore(limits.instances),
            dynamodb_slots: semaphore(limits.dynamodb_in_flight),
            limits: Arc::new(limits),
            _clock: Arc::new(clock),
        })
    }

    /// What a component imports and exports, whether or not it's a pipeline.
    pub fn shape(&self, component: &[u8]) -> Result<Shape, EngineError> {
        let shape = self.compile(component)?.component_type();
        let imports = shape
            .imports(&self.engine)
            .map(|(name, _)| name.to_owned())
            .collect();
        let exports = shape
            .exports(&self.engine)
            .map(|(name, _)| name.to_owned())
            .collect();
        Ok(Shape { imports, exports })
    }

    pub(super) fn compile(&self, component: &[u8]) -> Result<Component, EngineError> {
        if let Some(other) = not_component(component) {
            return Err(EngineError::NotComponent(other));
        }
        let component = self.compiled.load(&self.engine, component);
        component.map_err(|error| EngineError::Compile(error.into()))
    }
}

pub(super) fn config(pool: Option<PoolingAllocationConfig>) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    if let Some(pool) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let instances = limits.instances.max(1);
    let memory = limits.memory_mib.saturating_mul(1024 * 1024).min(1 << 32);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(instances.saturating_mul(MEMORIES))
        .total_tables(instances.saturating_mul(TABLES))
        .total_stacks(instances)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_memory_size(usize::try_from(memory).unwrap_or(usize::MAX))
        .table_elements(TABLE_ELEMENTS);
    pool
}

fn semaphore(permits: u32) -> Arc<Semaphore> {
    let permits = usize::try_from(permits).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS)))
}

/// What it is instead, by its first eight bytes.
fn not_component(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => None,
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Some("a core module"),
        [b'\0', b'a', b's', b'm', ..] => Some("WebAssembly of an unknown version"),
        [] => Some("empty"),
        _ => Some("not WebAssembly"),
    }
}

/// Advances the engine's epoch, by which running code notices that it should
/// yield. Ends when the last runtime and pipeline are gone.
#[derive(Debug)]
struct Clock {
    stop: mpsc::Sender<()>,
}

impl Clock {
    fn start(engine: Engine) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        thread::Builder::new()
            .name("rowcast-epoch".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
                    engine.increment_epoch();
                }
            })?;
        Ok(Self { stop })
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // The thread may be gone; then there's nothing to stop.
        let _ = self.stop.send(());
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
