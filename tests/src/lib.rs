//! Servers that the integration tests run against.

pub mod local_dynamo;
