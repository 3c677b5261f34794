//! Rowcast's pipeline logic as one WASI component.
//!
//! Enters: the calls of `wit/` (`extract`, `load`, `query`), the answers of a
//! REST API and of DynamoDB. Leaves: requests to them, and results in which
//! every row, request and document is accounted for.
//!
//! The decisions are plain functions over values and compile for every target,
//! where their tests run; only [`guest`] touches the world, and only in Wasm.

#[expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated from wit/, which has the documentation"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "pipeline",
        generate_all,
        pub_export_macro: true,
        additional_derives: [PartialEq],
        additional_derives_ignore: ["stream-error"],
    });
}

pub mod backoff;
pub mod dynamodb;
pub mod extract;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
#[cfg(target_arch = "wasm32")]
mod guest;
pub mod load;
pub mod platform;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod properties;
pub mod query;
