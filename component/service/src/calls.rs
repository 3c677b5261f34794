//! The calls of the pipeline, as a trait: the standalone component makes
//! them, in tests a script.

use crate::input::{Explain, Extract, Load, Query, Transfer};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::Extraction;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::load::Report;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::query::{Explanation, Page};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::transfer::TransferReport;
use rowcast_pipeline::bindings::rowcast::pipeline::types::Failure;

/// What the service puts behind HTTP.
pub trait Calls {
    /// Rows → documents.
    fn extract(&self, call: &Extract) -> Result<Extraction, Failure>;
    /// Documents → DynamoDB.
    fn load(&self, call: &Load) -> Result<Report, Failure>;
    /// Rows → DynamoDB.
    fn transfer(&self, call: &Transfer) -> Result<TransferReport, Failure>;
    /// A condition → one page of documents.
    fn query(&self, call: &Query) -> Result<Page, Failure>;
    /// Why nothing matched.
    fn explain(&self, call: &Explain) -> Result<Explanation, Failure>;
}
