//! Answers of DynamoDB → what they mean; documents ↔ items. What `load` and
//! `query` share.

pub mod call;
pub mod key;
pub mod marshal;
pub mod number;
pub mod outcome;
pub mod schema;
pub mod unmarshal;
