//! Rowcast's pipeline logic as one WASI component.
//!
//! Enters: the calls of `wit/` (`extract`, `load`, `query`), the answers of a
//! REST API and of DynamoDB. Leaves: requests to them, and results in which
//! every row, request and document is accounted for.
//!
//! The decisions are plain functions over values and compile for every target,
//! where their tests run; only [`guest`] touches the world, and only in Wasm.

#[expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated from wit/, which has the documentation"
)]
pub mod bindings {
    use rowcast_guest::bindings::wasi;

    wit_bindgen::generate!({
        path: "../wit",
        world: "pipeline",
        generate_all,
        pub_export_macro: true,
        additional_derives: [PartialEq],
        with: {
            "wasi:clocks/monotonic-clock@0.2.12": wasi::clocks::monotonic_clock,
            "wasi:clocks/wall-clock@0.2.12": wasi::clocks::wall_clock,
            "wasi:http/outgoing-handler@0.2.12": wasi::http::outgoing_handler,
            "wasi:http/types@0.2.12": wasi::http::types,
            "wasi:io/error@0.2.12": wasi::io::error,
            "wasi:io/poll@0.2.12": wasi::io::poll,
            "wasi:io/streams@0.2.12": wasi::io::streams,
            "wasi:random/random@0.2.12": wasi::random::random,
        },
    });
}

pub mod backoff;
pub mod dynamodb;
pub mod extract;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
#[cfg(target_arch = "wasm32")]
mod guest;
pub mod load;
pub mod numbers;
pub mod oauth;
pub mod pace;
pub mod platform;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod properties;
pub mod query;
pub mod retry;
