//! Requests → answers, over one pool of connections.

pub mod authorizer;
mod body;
pub mod client;
mod connect;
pub mod denial;
pub mod egress;
mod fault;
mod resolve;
pub(crate) mod silence;
pub(crate) mod wasi;
