//! Pages' records → a request's documents, and the records that are none.

use crate::bindings::rowcast::pipeline::types::{RejectedRecord, RejectionKind, Request};
use crate::document::Document;

/// What a request's pages gave.
#[derive(Debug, Default)]
pub struct Extracted {
    /// Documents in the records' order.
    pub documents: Vec<Document>,
    /// Records that are no documents.
    pub rejected: Vec<RejectedRecord>,
}

impl Extracted {
    /// Adds a record that is not a document.
    pub fn reject(&mut self, request: Request, kind: RejectionKind, path: String, reason: String) {
        let index = self.documents.len() + self.rejected.len();
        self.rejected.push(RejectedRecord {
            request,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            kind,
            path,
            reason,
        });
    }
}
