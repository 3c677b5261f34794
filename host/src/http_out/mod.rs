//! Requests → answers, over one pool of connections.

pub mod authorizer;
pub mod client;
mod connect;
pub mod egress;
mod resolve;
