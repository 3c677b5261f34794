//! Requests → answers, over one pool of connections.

pub mod authorizer;
