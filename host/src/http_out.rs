//! Requests → answers, over one pool of connections.

pub mod authorizer;
mod body;
pub mod client;
mod connect;
mod connection;
pub mod denial;
pub mod egress;
mod fault;
pub(crate) mod handler;
mod mask;
mod proxy;
mod resolve;
mod trust;
pub(crate) mod wasi;
