//! Rowcast's host: rows from PostgreSQL, a REST call for each, every record in
//! DynamoDB.
//!
//! Enters: a configuration, and capabilities such as credentials. Leaves: a
//! report in which every row, request and document is accounted for.

pub mod address;
pub mod config;
pub mod document;
pub mod dynamodb;
pub mod engine;
pub mod hint;
mod hold;
pub mod host;
pub mod http_out;
pub mod ledger;
pub mod limits;
pub mod plan;
mod random;
pub mod rows;
pub mod run;

pub use rowcast_pipeline::settings::Secret;
