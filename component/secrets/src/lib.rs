//! A call of `extract` whose source refers to secrets → the same call with the
//! secrets of the environment in their place.
//!
//! For orchestrators that keep the arguments of calls, and show them: they keep
//! `${ROWCAST_SECRET_…}`. Neither a result nor a failure repeats a secret.

#[expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated from wit/, which has the documentation"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "secrets",
        generate_all,
        pub_export_macro: true,
        // What is imported and what is exported have the same types.
        merge_structurally_equal_types: true,
        additional_derives: [PartialEq, Clone],
    });
}

pub mod fill;
#[cfg(target_arch = "wasm32")]
mod guest;
