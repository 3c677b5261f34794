//! A request of the pipeline → the same request, passed on to the host's HTTP
//! if the list in `ROWCAST_ALLOW` names its origin; refused otherwise.
//!
//! For hosts that let a component call whom it likes. The request is passed on
//! as it is, its body unread: only its origin is looked at. Which address a
//! name leads to is not seen here; a host that knows decides better.

pub mod allow;
#[cfg(target_arch = "wasm32")]
mod guest;
pub mod origin;

/// The environment variable that holds the list.
pub const VARIABLE: &str = "ROWCAST_ALLOW";
