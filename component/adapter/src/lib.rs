//! DynamoDB operations → signed requests → answers.
//!
//! The pure half is what Rowcast's own host signs and decides with: where
//! DynamoDB is ([`endpoint`]), what a request's signature is ([`sign`]), which
//! clock it uses ([`skew`]), which operations and tables are allowed
//! ([`policy`]), and which error an answer names ([`fault`]). Compiled for
//! Wasm, the same code with an edge of its own is a component that provides
//! `rowcast:pipeline/dynamodb` on hosts that can't sign; [`settings`] is what
//! it reads from its environment.

pub mod causes;
pub mod endpoint;
pub mod fault;
#[cfg(target_arch = "wasm32")]
mod guest;
pub mod policy;
pub mod settings;
pub mod sign;
pub mod skew;
