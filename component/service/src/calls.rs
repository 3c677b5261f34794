//! The calls of the pipeline, as a trait: the standalone component makes
//! them, in tests a script.

use crate::input::{Explain, Extract, Load, Query};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::Extraction;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::load::Report;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::query::{Answer, Explanation};
use rowcast_pipeline::bindings::rowcast::pipeline::types::Failure;

/// What the service puts behind HTTP.
pub trait Calls {
    /// Rows → documents.
    fn extract(&self, call: &Extract) -> Result<Extraction, Failure>;
    /// Documents → DynamoDB.
    fn load(&self, call: &Load) -> Result<Report, Failure>;
    /// A condition → one page of documents.
    fn query(&self, call: &Query) -> Result<Answer, Failure>;
    /// Why nothing matched.
    fn explain(&self, call: &Explain) -> Result<Explanation, Failure>;
}
