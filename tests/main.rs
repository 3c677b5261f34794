//! All of Rowcast's integration tests, against real servers, in one binary.
//!
//! | file | what it holds |
//! |---|---|
//! | `commands` | the command as its users meet it: output and exit codes |
//! | `component` | the built component: its imports and exports |
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

#[expect(
    clippy::needless_raw_string_hashes,
    reason = "expect-test writes them so"
)]
mod commands;
mod component;
mod pipeline;
mod support;
