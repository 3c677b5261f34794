//! Requests → answers, over one pool of connections.

pub mod authorizer;
mod body;
pub mod client;
mod connect;
pub mod denial;
pub mod egress;
mod fault;
pub(crate) mod handler;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
pub(crate) mod loopback;
mod resolve;
pub(crate) mod silence;
pub(crate) mod wasi;
