//! The servers that Rowcast's demo and all its tests run against: each on a
//! port of its own on 127.0.0.1, none of them Rowcast's own code.
//!
//! | module | what it holds |
//! |---|---|
//! | `demo` | the three servers of `rowcast demo`, and a configuration for them |
//! | `postgres` | a PostgreSQL of its own |
//! | `catalog`, `track` | artists and their tracks |
//! | `api` | sources that answer as the APIs of the other presets do |
//! | `spotify` | a source that answers as Spotify's Web API does |
//! | `dynamodb` | dynoxide in this process |
//! | `http` | the HTTP server that all of these sources and tables are |
//! | `scripted` | a server that answers what a test's script says |
//! | `source` | a music API with faults and limits |
//! | `table` | a DynamoDB with faults and limits, in front of another |
//! | `capacity` | what a limit lets through, and when |
//! | `chance` | seeded numbers |
//! | `raw`, `trap` | servers below HTTP: any bytes, and a moment to die at |
//! | `reference_sigv4` | AWS signatures, computed by another way |

#![expect(
    clippy::missing_panics_doc,
    reason = "what only tests use panics where a test can't go on"
)]

pub mod api;
pub mod capacity;
pub mod catalog;
pub mod chance;
pub mod demo;
pub mod dynamodb;
mod error;
pub mod http;
pub mod postgres;
pub mod raw;
pub mod reference_sigv4;
pub mod scripted;
pub mod source;
pub mod spotify;
pub mod table;
mod track;
pub mod trap;

pub use error::StartError;
