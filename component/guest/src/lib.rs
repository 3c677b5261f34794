//! WASI 0.2's HTTP, clocks, random numbers and environment → futures and plain
//! values, for all components of this workspace.
//!
//! Everything that is WASI 0.2's own way of waiting is here and nowhere else.
//! [`message`] and [`refusal`] are for every target; the rest works only in
//! Wasm.

#[expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated from WASI's WIT, which has the documentation"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "guest",
        generate_all,
    });
}

#[cfg(target_arch = "wasm32")]
pub mod clock;
#[cfg(target_arch = "wasm32")]
pub mod executor;
#[cfg(target_arch = "wasm32")]
pub mod http;
pub mod message;
pub mod refusal;
