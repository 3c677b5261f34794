//! What became of each document → the report's lists. Settles each exactly
//! once, and says so when it didn't.

use super::put::Put;
use crate::bindings::exports::rowcast::pipeline::load::{RejectedDocument, SupersededDocument};
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use crate::document::text_of;
use std::collections::BTreeMap;

/// What became of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentOutcome {
    /// DynamoDB acknowledged it.
    Written,
    /// The table holds it already.
    Unchanged,
    /// The document with this index has the same key, came later, and is in the
    /// table; none where another call's is.
    Superseded(Option<u32>),
    /// DynamoDB can't hold it, or refused it.
    Rejected {
        /// The contract's word for it.
        kind: RejectionKind,
        /// JSON Pointer.
        path: String,
        /// One sentence.
        reason: String,
    },
    /// Not attempted, or not acknowledged.
    Pending,
}

/// The outcomes of a call's documents.
#[derive(Debug)]
pub struct Accounting {
    outcomes: Vec<Option<DocumentOutcome>>,
    written: u32,
    /// Settlements of a document that was settled, or that isn't there.
    surplus: u32,
    /// The texts of what isn't in the table, by index, where the caller wants them.
    left: Option<BTreeMap<u32, String>>,
}

/// Every document in exactly one place.
#[derive(Debug, Default, PartialEq)]
pub struct Balance {
    /// How many were acknowledged.
    pub written: u32,
    /// How many the table holds already.
    pub unchanged: u32,
    /// In the order of the documents, as the other two.
    pub superseded: Vec<SupersededDocument>,
    /// What DynamoDB can't hold or refused.
    pub rejected: Vec<RejectedDocument>,
    /// The rest.
    pub pending: Vec<u32>,
    /// The texts of the rejected and the pending, by index, if they were kept.
    pub left: BTreeMap<u32, String>,
}

/// Documents were lost or counted twice: a defect of this component.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the load's counts don't balance: {open} documents without an outcome, {surplus} with two")]
pub struct Unbalanced {
    open: u32,
    surplus: u32,
}

impl Accounting {
    /// Books for that many documents, which may keep the texts of those that are
    /// rejected or pending.
    #[must_use]
    pub fn new(documents: u32, keeps_texts: bool) -> Self {
        Self {
            outcomes: (0..documents).map(|_| None).collect(),
            written: 0,
            surplus: 0,
            left: keeps_texts.then(BTreeMap::new),
        }
    }

    /// Records what became of a document; the first record stays.
    pub fn settle(&mut self, index: u32, outcome: DocumentOutcome) {
        let slot = usize::try_from(index)
            .ok()
            .and_then(|index| self.outcomes.get_mut(index));
        match slot {
            Some(slot @ None) => {
                self.written += u32::from(outcome == DocumentOutcome::Written);
                *slot = Some(outcome);
            }
            Some(Some(_)) | None => self.surplus += 1,
        }
    }

    /// Records what became of a put and of what it supersedes: that shares its
    /// outcome, or is superseded by it where it is in the table.
    pub fn settle_all(&mut self, put: &Put, outcome: DocumentOutcome) {
        let others = match outcome {
            DocumentOutcome::Written | DocumentOutcome::Unchanged => {
                DocumentOutcome::Superseded(Some(put.index))
            }
            ref same => same.clone(),
        };
        let is_left = outcome == DocumentOutcome::Pending;
        self.settle(put.index, outcome);
        for earlier in &put.supersedes {
            self.settle(earlier.index, others.clone());
        }
        if is_left {
            for put in std::iter::once(put).chain(&put.supersedes) {
                self.leave(put.index, || text_of(&put.item));
            }
        }
    }

    /// Keeps the text of a document that isn't in the table.
    pub fn leave(&mut self, index: u32, text: impl FnOnce() -> String) {
        if let Some(left) = &mut self.left {
            left.insert(index, text());
        }
    }

    /// Documents acknowledged so far.
    #[must_use]
    pub const fn acknowledged(&self) -> u32 {
        self.written
    }

    /// The lists, if every document was settled exactly once.
    pub fn close(self) -> Result<Balance, Unbalanced> {
        let mut balance = Balance {
            left: self.left.unwrap_or_default(),
            ..Balance::default()
        };
        let mut open = 0;
        for (index, outcome) in (0..).zip(self.outcomes) {
            match outcome {
                Some(DocumentOutcome::Written) => balance.written += 1,
                Some(DocumentOutcome::Unchanged) => balance.unchanged += 1,
                Some(DocumentOutcome::Superseded(by)) => {
                    balance.superseded.push(SupersededDocument { index, by });
                }
                Some(DocumentOutcome::Rejected { kind, path, reason }) => {
                    balance.rejected.push(RejectedDocument {
                        index,
                        kind,
                        path,
                        reason,
                    });
                }
                Some(DocumentOutcome::Pending) => balance.pending.push(index),
                None => open += 1,
            }
        }
        if open > 0 || self.surplus > 0 {
            return Err(Unbalanced {
                open,
                surplus: self.surplus,
            });
        }
        Ok(balance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settled: &[u32], expected: Result<u32, (u32, u32)>) {
        let mut accounting = Accounting::new(3, false);
        for index in settled {
            accounting.settle(*index, DocumentOutcome::Written);
        }
        let closed = accounting.close();
        let seen = closed
            .map(|it| it.written)
            .map_err(|error| (error.open, error.surplus));
        assert_eq!(seen, expected, "{settled:?}");
    }

    #[test]
    fn lost_and_doubled_documents_are_noticed() {
        check(&[0, 1, 2], Ok(3));
        check(&[2, 0, 1], Ok(3));
        check(&[0, 2], Err((1, 0)));
        check(&[0, 1, 2, 1], Err((0, 1)));
        check(&[0, 1, 3], Err((1, 1)));
    }
}
