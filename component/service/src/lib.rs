//! The standalone component's calls over HTTP, as one WASI component.
//!
//! Enters: HTTP requests with JSON bodies. Leaves: results of `extract`, `load`
//! and `query` as JSON; every error as problem details (RFC 9457).
//! `openapi.json` says all of it.
//!
//! Nothing is kept between requests, for hosts make an instance for each. The
//! decisions are plain functions over values and compile for every target;
//! only `guest` touches the world, and only in Wasm.

pub mod calls;
#[cfg(target_arch = "wasm32")]
mod guest;
pub mod http;
pub mod input;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]
mod openapi;
pub mod problem;
pub mod read;
pub mod service;
pub mod settings;
