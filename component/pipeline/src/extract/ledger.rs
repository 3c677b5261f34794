//! Cells and their outcomes → an extraction in which each cell is in exactly
//! one list. The type guards the balance.

use super::verdict::Refusal;
use crate::bindings::exports::rowcast::pipeline::extract::{
    Cell, DoneCell, RejectedCell, RejectedRecord,
};

/// How a cell ended.
#[derive(Debug)]
pub enum Outcome {
    /// Read to the end.
    Done(Harvest),
    /// Will not succeed if repeated.
    Rejected(Refusal),
    /// Not attempted, or unresolved.
    Pending,
}

/// What a cell's pages gave.
#[derive(Debug, Default)]
pub struct Harvest {
    /// Documents in the records' order.
    pub documents: Vec<String>,
    /// Records that are no documents.
    pub rejected: Vec<RejectedRecord>,
}

/// One line per cell.
pub struct Ledger {
    lines: Vec<(Cell, Option<Outcome>)>,
}

/// The balanced lists.
#[derive(Debug, Default)]
pub struct Balance {
    /// The done cells' documents.
    pub documents: Vec<String>,
    /// In the order of the cells, like all that follow.
    pub done: Vec<DoneCell>,
    /// Rejected cells.
    pub rejected: Vec<RejectedCell>,
    /// Rejected records of done cells.
    pub rejected_records: Vec<RejectedRecord>,
    /// The rest.
    pub pending: Vec<Cell>,
}

/// A cell was counted twice, not at all, or past what can be counted: a defect
/// of this component.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("rowcast lost count of its requests; please report this")]
pub struct Unbalanced;

impl Ledger {
    /// Opens a line for each cell.
    #[must_use]
    pub fn open(cells: &[Cell]) -> Self {
        Self {
            lines: cells.iter().map(|&cell| (cell, None)).collect(),
        }
    }

    /// Settles a cell, once.
    pub fn settle(&mut self, line: usize, outcome: Outcome) -> Result<(), Unbalanced> {
        match self.lines.get_mut(line) {
            Some((_, open @ None)) => {
                *open = Some(outcome);
                Ok(())
            }
            Some((_, Some(_))) | None => Err(Unbalanced),
        }
    }

    /// Closes the ledger; every line must be settled.
    pub fn close(self) -> Result<Balance, Unbalanced> {
        let mut balance = Balance::default();
        for (cell, outcome) in self.lines {
            match outcome.ok_or(Unbalanced)? {
                Outcome::Done(mut harvest) => {
                    let documents =
                        u32::try_from(harvest.documents.len()).map_err(|_| Unbalanced)?;
                    balance.documents.append(&mut harvest.documents);
                    balance.rejected_records.append(&mut harvest.rejected);
                    balance.done.push(DoneCell { cell, documents });
                }
                Outcome::Rejected(Refusal {
                    kind,
                    status,
                    reason,
                }) => {
                    balance.rejected.push(RejectedCell {
                        cell,
                        kind,
                        status,
                        reason,
                    });
                }
                Outcome::Pending => balance.pending.push(cell),
            }
        }
        Ok(balance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_is_settled_once() {
        let cells = [0, 1].map(|row| Cell {
            row,
            combination: 0,
        });
        let mut ledger = Ledger::open(&cells);
        let documents = vec!["{}".to_owned()];
        let harvest = Harvest {
            documents,
            rejected: Vec::new(),
        };
        assert_eq!(ledger.settle(1, Outcome::Done(harvest)), Ok(()));
        assert_eq!(ledger.settle(1, Outcome::Pending), Err(Unbalanced));
        assert_eq!(ledger.settle(2, Outcome::Pending), Err(Unbalanced));
        assert_eq!(ledger.settle(0, Outcome::Pending), Ok(()));
        let lists = ledger
            .close()
            .map(|balance| (balance.done, balance.pending));
        let [first, second] = cells;
        assert_eq!(
            lists,
            Ok((
                vec![DoneCell {
                    cell: second,
                    documents: 1
                }],
                vec![first]
            ))
        );
    }

    #[test]
    fn open_lines_do_not_balance() {
        let ledger = Ledger::open(&[Cell {
            row: 0,
            combination: 0,
        }]);
        assert_eq!(ledger.close().err(), Some(Unbalanced));
    }
}
