//! What tests share: servers, and the command run against them.

pub mod command;
pub mod dynamodb;
pub mod local_dynamo;
pub mod pooler;
pub mod postgres;
pub mod proxy;
pub mod python_pipeline;
pub mod stage;
pub mod table;
pub mod world;
