//! Requests → answers, over one pool of connections.

pub mod authorizer;
mod body;
pub mod client;
mod coding;
mod connect;
mod connection;
pub mod egress;
mod fault;
pub(crate) mod handler;
mod mask;
mod proxy;
mod resolve;
mod sending;
mod trust;
pub mod violation;
pub(crate) mod wasi;
