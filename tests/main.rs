//! All of Rowcast's integration tests, against real servers, in one binary.
//!
//! | file | what it holds |
//! |---|---|
//! | `component` | the built component: its imports and exports |
//! | `pipeline` | rows → extract → load → query, on both DynamoDBs |
//! | `postgres` | PostgreSQL's types, errors, interruptions and TLS |
//! | `rows` | rows from JSON lines and CSV |
//! | `streaming` | memory that doesn't grow with the rows |
//! | `support` | the servers, the command, and what tests share |

#![expect(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![expect(
    clippy::needless_raw_string_hashes,
    reason = "expect-test writes snapshots so"
)]

mod component;
mod pipeline;
mod postgres;
mod rows;
mod streaming;
mod support;
