//! A component's file and a call → its result, from an instance of its own,
//! ended when its time is over.

use anyhow::bail;
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use std::time::Duration;
use wasmtime::component::{Component as Compiled, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "standalone",
        exports: { default: async },
        with: {
            "wasi:cli": wasmtime_wasi::p2::bindings::cli,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:random": wasmtime_wasi::p2::bindings::random,
        },
        require_store_data_send: true,
    });
}
pub use bindings::Standalone;
pub use bindings::exports::rowcast::pipeline::transfer;
pub use bindings::rowcast::pipeline::types;

/// No call takes longer, budget or not.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// How often running code lets others run.
const TICK: Duration = Duration::from_millis(10);
/// Bytes of each memory of an instance: the standalone component has four.
const MEMORY: usize = 256 << 20;

use types::Failure;

type Web = Client<HttpsConnector<HttpConnector>, WasiBody>;

/// The component, compiled; every call is an instance of it.
pub struct Component {
    engine: Engine,
    pre: bindings::StandalonePre<State>,
    web: Web,
    variables: Vec<(String, String)>,
}

impl Component {
    /// Compiles it, which may take seconds.
    pub fn load(file: &str) -> anyhow::Result<Self> {
        let engine = Engine::new(Config::new().epoch_interruption(true))?;
        let ticking = engine.weak();
        std::thread::spawn(move || {
            while let Some(engine) = ticking.upgrade() {
                engine.increment_epoch();
                std::thread::sleep(TICK);
            }
        });
        let compiled = Compiled::from_file(&engine, file)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        let pre = bindings::StandalonePre::new(linker.instantiate_pre(&compiled)?)?;
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .build();
        let web = Client::builder(TokioExecutor::new()).build(connector);
        let variables = variables()?;
        Ok(Self {
            engine,
            pre,
            web,
            variables,
        })
    }

    /// One call. The outer error is the host's own, such as a trap; as the
    /// call may simply be repeated, it becomes the failure that says so.
    pub async fn call<T>(
        &self,
        call: impl AsyncFnOnce(&Standalone, &mut Store<State>) -> wasmtime::Result<Result<T, Failure>>,
    ) -> anyhow::Result<Result<T, Failure>> {
        let mut store = Store::new(&self.engine, State::new(self));
        store.limiter(|state| &mut state.limits);
        // Interrupts loops; the timeout interrupts waits, and what yields.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let work = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            call(&instance, &mut store).await
        };
        match tokio::time::timeout(DEADLINE, work).await {
            Ok(Ok(said)) => Ok(said),
            Ok(Err(trap)) => {
                eprintln!("the component broke off: {trap:#}");
                Ok(Err(Failure::ExecutionFailed))
            }
            Err(_) => Ok(Err(Failure::ExecutionFailed)),
        }
    }
}

/// Those that the component is given. One of them that is not text is an error:
/// without `ROWCAST_ALLOW` it would ask anybody.
fn variables() -> anyhow::Result<Vec<(String, String)>> {
    let all =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    all.filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("ROWCAST_"))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => bail!("read the environment variable {name}: it is not UTF-8"),
        })
        .collect()
}

/// What one instance reaches: HTTP, clocks, randomness and some variables.
pub struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    sender: Sender,
    limits: wasmtime::StoreLimits,
}

impl State {
    fn new(component: &Component) -> Self {
        Self {
            wasi: WasiCtx::builder().envs(&component.variables).build(),
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            sender: Sender(component.web.clone()),
            limits: wasmtime::StoreLimitsBuilder::new()
                .memory_size(MEMORY)
                .build(),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.sender,
        }
    }
}

/// wasmtime's own would open a connection for each request.
struct Sender(Web);

type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answered = Result<(http::Response<WasiBody>, Worker), Error>;

impl WasiHttpHooks for Sender {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Worker,
    ) -> Box<dyn Future<Output = Answered> + Send> {
        let answer = self.0.request(request);
        Box::new(async {
            let answer = answer.await.map_err(|error| {
                if error.is_connect() {
                    Error::ConnectionRefused
                } else {
                    Error::ConnectionTerminated
                }
            })?;
            let answer = answer.map(|body| body.map_err(Error::from).boxed_unsync());
            Ok((answer, Box::new(std::future::ready(Ok(()))) as Worker))
        })
    }
}
