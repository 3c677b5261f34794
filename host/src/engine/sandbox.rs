//! What a component can reach that is only asked about itself: nothing. Every
//! import is there, and does nothing or refuses.

use super::bindings::rowcast::pipeline::{admission, dynamodb, pace};
use super::state::{Memory, nothing, size};
use crate::http_out::handler;
use crate::limits::Limits;
use http::{Request, Response};
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// The state of such an instance.
pub(super) struct Sandbox {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    nowhere: Nowhere,
    pub(super) memory: Memory,
}

impl Sandbox {
    pub(super) fn new(limits: &Limits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(size(limits.resources.into()));
        Self {
            wasi: nothing().build(),
            http: WasiHttpCtx::new(),
            table,
            nowhere: Nowhere,
            memory: Memory::new(limits.memory_mib),
        }
    }
}

pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Sandbox>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    handler::add_to_linker(&mut linker)?;
    pace::add_to_linker::<Sandbox, HasSelf<Sandbox>>(&mut linker, |sandbox| sandbox)?;
    admission::add_to_linker::<Sandbox, HasSelf<Sandbox>>(&mut linker, |sandbox| sandbox)?;
    dynamodb::add_to_linker::<Sandbox, HasSelf<Sandbox>>(&mut linker, |sandbox| sandbox)?;
    Ok(linker)
}

/// Where its HTTP requests go.
struct Nowhere;

type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answered = Result<(Response<WasiBody>, Worker), Error>;

impl WasiHttpHooks for Nowhere {
    fn send_request(
        &mut self,
        _: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Worker,
    ) -> Box<dyn Future<Output = Answered> + Send> {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Sandbox {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.nowhere,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

impl pace::Host for Sandbox {
    fn reserve(&mut self, _: String, _: u32) -> pace::Turn {
        pace::Turn::Go
    }

    fn report(&mut self, _: String, _: pace::Observation) {}
}

impl admission::Host for Sandbox {
    fn wanted(&mut self) -> Option<admission::Interest> {
        None
    }

    async fn admit(
        &mut self,
        candidates: Vec<admission::Candidate>,
    ) -> wasmtime::Result<Vec<admission::Decision>> {
        Ok(vec![admission::Decision::Write; candidates.len()])
    }

    fn settle(&mut self, _: Vec<admission::Outcome>) {}
}

impl dynamodb::Host for Sandbox {
    async fn send(
        &mut self,
        requests: Vec<dynamodb::Request>,
    ) -> Vec<Result<dynamodb::Response, dynamodb::SendError>> {
        let denied = || dynamodb::SendError::Denied("settings are only described here".to_owned());
        requests.iter().map(|_| Err(denied())).collect()
    }
}
