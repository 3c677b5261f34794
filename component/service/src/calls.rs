//! The calls of the pipeline, as a trait: the guest makes them by its imports,
//! the tests by scripts.

use crate::bindings::rowcast::pipeline::extract::Extraction;
use crate::bindings::rowcast::pipeline::load::Report;
use crate::bindings::rowcast::pipeline::query::{Explanation, Page};
use crate::bindings::rowcast::pipeline::transfer::TransferReport;
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::input::{Explain, Extract, Load, Query, Transfer};

/// What the service is composed with.
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
