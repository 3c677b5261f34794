//! `wasi:http` for an instance: types as wasmtime has them, and the handler
//! that its requests go through.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::LinkOptions;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{RequestOptions, WasiHttp, WasiHttpView};

type Handled = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;
type Request = (
    Resource<HostOutgoingRequest>,
    Option<Resource<RequestOptions>>,
);

/// The version that wasmtime's own interfaces have.
const HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";

pub(crate) fn add_to_linker<T: WasiHttpView + 'static>(
    linker: &mut Linker<T>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<_, WasiHttp>(linker, &LinkOptions::default().into(), T::http)?;
    linker
        .instance(HANDLER)?
        .func_wrap("handle", |mut store, request| handle(&mut store, request))
}

/// wasmtime's handler reads the options and keeps them, though they were given
/// to it: an instance would run out of resources after some thousand requests.
fn handle<T: WasiHttpView>(
    store: &mut StoreContextMut<'_, T>,
    (request, options): Request,
) -> wasmtime::Result<(Handled,)> {
    let mut http = store.data_mut().http();
    let kept = options.as_ref().map(Resource::rep);
    let handled = http.handle(request, options);
    if let Some(kept) = kept {
        http.table
            .delete(Resource::<RequestOptions>::new_own(kept))?;
    }
    Ok((match handled {
        Ok(answer) => Ok(answer),
        Err(error) => Err(error.downcast()?),
    },))
}
