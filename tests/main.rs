//! All of Rowcast's integration tests, against real servers, in one binary.
//!
//! | file | what it holds |
//! |---|---|
//! | `capacity` | limits, outages and what always fails, at default settings |
//! | `commands` | the command as its users meet it: output and exit codes |
//! | `component` | the built components: their imports and exports |
//! | `docs` | the documents name files that exist, and code that compiles |
//! | `connections` | how few connections a run opens |
//! | `keys` | the table's keys: the original's, foreign ones, numbers, bytes |
//! | `faults` | nothing is lost, whatever the servers do |
//! | `hosts` | the same component in hosts that others wrote |
//! | `hostile` | components that do what they shouldn't, and what stops them |
//! | `order` | of documents with one key the last one stays |
//! | `large` | rows that need more requests than a call may send |
//! | `outages` | chunks that were not answered wait with those that were |
//! | `pipes` | closed pipes and full disks: exit codes stay true, nothing is lost |
//! | `pipeline` | rows → extract → load → query, on both DynamoDBs |
//! | `presets` | each preset at default settings, against a stand-in for its API with its limits |
//! | `secrets` | nothing that a command leaves behind has a secret in it |
//! | `python` | a pipeline in Python, through the same command |
//! | `queries` | conditions, how they are answered, and how answers are printed |
//! | `service` | the calls over HTTP, by the composed service in plain wasmtime |
//! | `signature` | every request's AWS signature, computed a second time |
//! | `postgres` | PostgreSQL's types, errors, interruptions and TLS |
//! | `resume` | killed, stopped and repeated runs: nothing is lost, asked for or written twice |
//! | `rows` | rows from JSON lines and CSV |
//! | `streaming` | memory that doesn't grow with the rows |
//! | `words` | one word for each thing, in code and documents |
//! | `support` | the command, and what tests share; the servers are in `stand-ins` |

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![expect(
    clippy::needless_raw_string_hashes,
    reason = "expect-test writes its snapshots so"
)]

mod capacity;
mod commands;
mod component;
mod connections;
mod docs;
mod faults;
mod hostile;
mod hosts;
mod keys;
mod large;
mod order;
mod outages;
mod pipeline;
mod pipes;
mod postgres;
mod presets;
mod python;
mod queries;
mod resume;
mod rows;
mod secrets;
mod service;
mod signature;
mod streaming;
mod support;
mod words;
