//! Answers of DynamoDB → what they mean; documents ↔ items. What `load` and
//! `query` share.

pub mod call;
pub mod key;
pub mod marshal;
pub mod number;
pub mod outcome;
pub mod schema;
pub mod unmarshal;

/// A response that asks for no pause.
#[cfg(test)]
pub(crate) fn response(
    status: u16,
    body: impl Into<String>,
) -> crate::bindings::rowcast::pipeline::dynamodb::Response {
    crate::bindings::rowcast::pipeline::dynamodb::Response {
        status,
        body: body.into(),
        retry_after_ms: None,
    }
}
