//! `wit/` → Rust. Generated; [`super`] gives its types their names.

#![expect(
    missing_docs,
    reason = "generated from wit/, which has the documentation"
)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: {
        "rowcast:pipeline/admission.admit": async | trappable,
        "rowcast:pipeline/dynamodb.send": async,
    },
    exports: { default: async },
    with: {
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        "wasi:http": wasmtime_wasi_http::p2::bindings::http,
        "wasi:io": wasmtime_wasi::p2::bindings::io,
        "wasi:random": wasmtime_wasi::p2::bindings::random,
    },
    require_store_data_send: true,
    additional_derives: [PartialEq],
});
