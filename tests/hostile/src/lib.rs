//! A component that does what it shouldn't, against the same `wit/` as the
//! real one. The source's `url` says what: `hostile:NAME ARGUMENT`.
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
        path: ["../../wit", "wit/filesystem.wit", "wit/sockets.wit"],
        inline: "
            package rowcast:hostile;

            /// The pipeline's, and what it has no business with.
            world hostile {
              include rowcast:pipeline/plugin@0.2.0;
              import wasi:cli/environment@0.2.12;
              import wasi:cli/exit@0.2.12;
              import wasi:cli/stdin@0.2.12;
              import wasi:filesystem/preopens@0.2.12;
              import wasi:sockets/instance-network@0.2.12;
              import wasi:sockets/ip-name-lookup@0.2.12;
              import wasi:sockets/tcp-create-socket@0.2.12;
              import wasi:sockets/udp-create-socket@0.2.12;
            }
        ",
        world: "rowcast:hostile/hostile",
        generate_all,
    });
}

#[cfg(target_arch = "wasm32")]
mod beyond;
#[cfg(target_arch = "wasm32")]
mod guest;
#[cfg(target_arch = "wasm32")]
mod web;
