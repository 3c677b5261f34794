//! A result of the component → whether it accounts for what the call was
//! given. Whoever counts or repeats by it may rely on that.

use super::{Cell, Extraction, Report, Source};
use std::collections::HashSet;

/// Each cell exactly once, and each document some cell's.
pub(super) fn extraction(
    extraction: &Extraction,
    source: &Source,
    rows: &[String],
    only: Option<&[Cell]>,
) -> Result<(), &'static str> {
    let combinations = source
        .matrix
        .iter()
        .map(|axis| u64::try_from(axis.values.len()).unwrap_or(u64::MAX))
        .fold(1, u64::saturating_mul);
    let rows = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let only: Option<HashSet<_>> = only.map(|cells| cells.iter().copied().map(key).collect());
    let given = match &only {
        Some(only) => u64::try_from(only.len()).unwrap_or(u64::MAX),
        None => rows.saturating_mul(combinations),
    };
    let was_given = |cell: (u32, u32)| match &only {
        Some(only) => only.contains(&cell),
        None => u64::from(cell.0) < rows && u64::from(cell.1) < combinations,
    };
    let done: HashSet<_> = extraction.done.iter().map(|done| key(done.cell)).collect();
    let mut named = HashSet::new();
    let all = extraction
        .done
        .iter()
        .map(|done| &done.cell)
        .chain(extraction.rejected.iter().map(|rejected| &rejected.cell))
        .chain(&extraction.pending);
    for cell in all.copied().map(key) {
        if !was_given(cell) {
            return Err("it names a request that it was not given");
        }
        if !named.insert(cell) {
            return Err("it names a request twice");
        }
    }
    if u64::try_from(named.len()).unwrap_or(u64::MAX) != given {
        return Err("it leaves requests out");
    }
    let of_cells: u64 = extraction
        .done
        .iter()
        .map(|done| u64::from(done.documents))
        .sum();
    if u64::try_from(extraction.documents.len()) != Ok(of_cells) {
        return Err("its documents are not as many as it says");
    }
    let mut records = extraction.rejected_records.iter();
    if !records.all(|record| done.contains(&key(record.cell))) {
        return Err("it rejects a record of a request that was not answered");
    }
    Ok(())
}

/// Each document exactly once.
pub(super) fn report(report: &Report, documents: &[String]) -> Result<(), &'static str> {
    let given = u64::try_from(documents.len()).unwrap_or(u64::MAX);
    let mut named = HashSet::new();
    let superseded = report.superseded.iter().map(|superseded| superseded.index);
    let rejected = report.rejected.iter().map(|rejected| rejected.index);
    for index in superseded
        .chain(rejected)
        .chain(report.pending.iter().copied())
    {
        if u64::from(index) >= given {
            return Err("it names a document that it was not given");
        }
        if !named.insert(index) {
            return Err("it names a document twice");
        }
    }
    let mut superseded = report.superseded.iter();
    if superseded.any(|it| it.by <= it.index || named.contains(&it.by)) {
        return Err("it names a document superseded by none that was written");
    }
    let named = u64::try_from(named.len()).unwrap_or(u64::MAX);
    if named.saturating_add(u64::from(report.written)) != given {
        return Err("its documents are not as many as it was given");
    }
    if !report.capacity.is_finite() || report.capacity < 0.0 {
        return Err("its write capacity is no amount");
    }
    Ok(())
}

fn key(cell: Cell) -> (u32, u32) {
    (cell.row, cell.combination)
}
