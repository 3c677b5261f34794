//! What tests share: servers, and the command run against them.

pub mod chance;
pub mod command;
pub mod dynamodb;
pub mod faulty_dynamodb;
pub mod faulty_source;
pub mod front;
pub mod local_dynamo;
pub mod pooler;
pub mod postgres;
pub mod proxy;
pub mod python_pipeline;
pub mod source;
pub mod stage;
pub mod table;
pub mod trap;
pub mod world;
