//! WASI 0.2's HTTP, clocks, random numbers and environment → futures and plain
//! values, for all components of this workspace.
//!
//! Everything that is WASI 0.2's own way of waiting is here and nowhere else.
//! [`error_code`] is for every target; the rest works only in Wasm.

#[expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated from WASI's WIT, which has the documentation"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package rowcast:wasi;

            /// A component imports of these what it uses.
            world client {
              import wasi:cli/environment@0.2.12;
              import wasi:clocks/monotonic-clock@0.2.12;
              import wasi:clocks/wall-clock@0.2.12;
              import wasi:http/outgoing-handler@0.2.12;
              import wasi:http/types@0.2.12;
              import wasi:io/poll@0.2.12;
              import wasi:io/streams@0.2.12;
              import wasi:random/random@0.2.12;
            }
        ",
        world: "rowcast:wasi/client",
        generate_all,
    });
}

#[cfg(target_arch = "wasm32")]
pub mod clock;
pub mod error_code;
#[cfg(target_arch = "wasm32")]
pub mod executor;
#[cfg(target_arch = "wasm32")]
pub mod http;
