//! Rowcast's pipeline logic: rows → requests → documents → items, and queries.
//!
//! Enters: the calls of `wit/` (`describe`, `extract`, `load`, `transfer`,
//! `query`), the answers of a REST API and of DynamoDB. Leaves: requests to
//! them, and results in which every row, request and document is accounted for.
//!
//! The decisions are plain functions over values and compile for every target,
//! where their tests run. What they need of the world is [`platform`]; the crates
//! beside this one make WASI components of it.

#[expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated from wit/, which has the documentation"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package rowcast:bindings;

            /// What is Rowcast's own in its worlds.
            world pipeline {
              import rowcast:pipeline/admission@0.2.0;
              import rowcast:pipeline/dynamodb@0.2.0;
              import rowcast:pipeline/pace@0.2.0;
              export rowcast:pipeline/describe@0.2.0;
              export rowcast:pipeline/extract@0.2.0;
              export rowcast:pipeline/load@0.2.0;
              export rowcast:pipeline/transfer@0.2.0;
              export rowcast:pipeline/query@0.2.0;
            }
        ",
        world: "rowcast:bindings/pipeline",
        generate_all,
        pub_export_macro: true,
        additional_derives: [PartialEq],
    });
}

pub mod calls;
pub mod date;
pub mod describe;
pub mod document;
pub mod dynamodb;
pub mod exports;
pub mod extract;
pub mod failure;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod json;
pub mod load;
pub mod message;
pub mod numbers;
pub mod oauth;
pub mod order;
pub mod pace;
pub mod platform;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod properties;
pub mod query;
pub mod retry;
#[cfg(test)]
mod seeds;
pub mod settings;
#[cfg(test)]
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise"
)]
mod simulation;
pub mod transfer;
