//! All of Rowcast's integration tests, against real servers, in one binary.
//!
//! | file | what it holds |
//! |---|---|
//! | `component` | the built component: its imports and exports |
//! | `docs` | the documents name files that exist, and code that compiles |
//! | `hostile` | components that do what they shouldn't, and what stops them |
//! | `pipeline` | rows → extract → load → query, on both DynamoDBs |
//! | `secrets` | nothing that a command leaves behind has a secret in it |
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
mod hostile;
mod pipeline;
mod secrets;
mod support;
