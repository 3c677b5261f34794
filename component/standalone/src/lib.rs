//! The pipeline for hosts that only have WASI: it signs its DynamoDB calls
//! itself, keeps to the origins that `ROWCAST_ALLOW` names and the tables that
//! `ROWCAST_TABLES` names, and puts secrets of the environment in the place of
//! `${ROWCAST_SECRET_…}`.
//!
//! Enters: the calls of `wit/` and the environment's variables. Leaves: HTTP
//! requests to a source, its token endpoint and DynamoDB. [`allow`], [`secrets`]
//! and [`settings`] are decisions, for every target; the rest works in Wasm only.

pub mod allow;
#[cfg(target_arch = "wasm32")]
mod dynamodb;
pub mod secrets;
pub mod settings;
#[cfg(target_arch = "wasm32")]
mod standalone;

#[cfg(target_arch = "wasm32")]
pub use standalone::Standalone;
