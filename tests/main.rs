//! All of Rowcast's integration tests, against real servers, in one binary.
//!
//! | file | what it holds |
//! |---|---|
//! | `component` | the built component: its imports and exports |
//! | `faults` | nothing is lost, whatever the servers do |
//! | `pipeline` | rows → extract → load → query, on both DynamoDBs |
//! | `support` | the servers, the command, and what tests share |

#![expect(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod component;
mod faults;
mod pipeline;
mod support;
