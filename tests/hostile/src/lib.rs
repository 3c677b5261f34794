//! A component that does what it shouldn't, against the same `wit/` as the
//! real one. `source.url` says what: `hostile:NAME ARGUMENT`.
//!
//! Enters: that name. Leaves: `permanent-invalid` with what the guest saw, if
//! the host lets it live that long.

/// The component, for the host's tests.
#[cfg(feature = "embed")]
pub const COMPONENT: &[u8] = include_bytes!(env!("ROWCAST_HOSTILE"));

#[cfg(target_arch = "wasm32")]
#[expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated from wit/, which has the documentation"
)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "pipeline",
        generate_all,
    });
}

#[cfg(target_arch = "wasm32")]
mod guest;
#[cfg(target_arch = "wasm32")]
mod web;
