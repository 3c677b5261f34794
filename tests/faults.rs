//! Nothing is lost, whatever the servers do: over real sockets, through the
//! real component and the library's `Run`.
//!
//! | file | what it holds |
//! |---|---|
//! | `alone` | each fault by itself, and exactly what comes of it |
//! | `matrix` | mixes of faults by rates and seeds; `cargo xtask faults` |
//! | `mixes` | these mixes, as a table |
//! | `station` | the servers and one run of the pipeline between them |

mod alone;
mod matrix;
mod mixes;
mod station;
