//! All of Rowcast's integration tests, against real servers, in one binary.
//!
//! | file | what it holds |
//! |---|---|
//! | `component` | the built component: its imports and exports |
//! | `docs` | the documents name files that exist, and code that compiles |
//! | `pipeline` | rows → extract → load → query, on both DynamoDBs |
//! | `resume` | killed, stopped and repeated runs: nothing is lost, asked for or written twice |
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
mod docs;
mod pipeline;
mod resume;
mod support;
