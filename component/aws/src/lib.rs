//! DynamoDB operations → signed requests → answers. Pure, and the same code on
//! every host: Rowcast's own signs and decides by it, and so does the standalone
//! component.
//!
//! Where requests go is an [`origin`]; where DynamoDB is, an [`endpoint`]. What
//! a request's signature is, says [`sign`]; by which clock, [`skew`]; which
//! operations and tables are allowed, [`policy`]; which error an answer names,
//! [`service_error`].

pub mod causes;
pub mod endpoint;
pub mod origin;
pub mod policy;
pub mod service_error;
pub mod sign;
pub mod skew;
