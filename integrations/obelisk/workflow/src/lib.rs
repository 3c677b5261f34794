//! Rows and a job → every document in DynamoDB, on as many machines as Obelisk
//! has: a workflow of two functions. `run` cuts the rows into chunks and starts
//! a child execution for each; `chunk` calls Rowcast's activity `transfer` until
//! nothing remains.
//!
//! It holds no clock and sends no request, so that Obelisk can replay it on
//! another machine from its log. The decisions are plain functions over values,
//! where their tests run; only [`guest`] calls Obelisk, and only in Wasm.

#[expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated from wit/, which has the documentation"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "rowcast:obelisk-workflow/workflow",
        generate_all,
        pub_export_macro: true,
        additional_derives: [PartialEq, Clone],
        additional_derives_ignore: ["join-set"],
    });
}

pub mod chunk;
#[cfg(target_arch = "wasm32")]
mod guest;
pub mod next_step;
pub mod run;
pub mod tally;
