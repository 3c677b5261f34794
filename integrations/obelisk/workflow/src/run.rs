//! All rows → chunks, and the chunks' accounts → the run's.

use crate::bindings::exports::rowcast::obelisk::run::{FailedChunk, Summary};
use crate::bindings::rowcast::obelisk::types::Tally;
use crate::bindings::rowcast::pipeline::types::Failure;

/// Cuts rows into chunks of at most that many, each with its first row's
/// number.
pub fn cut(rows: Vec<String>, chunk_rows: u32) -> impl Iterator<Item = (u32, Vec<String>)> {
    let length = usize::try_from(chunk_rows.max(1)).unwrap_or(usize::MAX);
    let mut rows = rows.into_iter();
    let mut first = 0_u32;
    std::iter::from_fn(move || {
        let chunk: Vec<String> = rows.by_ref().take(length).collect();
        let at = first;
        first = first.saturating_add(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
        (!chunk.is_empty()).then_some((at, chunk))
    })
}

/// A chunk's place in the run, and what became of it.
pub struct JobOutcome {
    /// Where its rows begin in the run's.
    pub first_row: u32,
    /// How many there are.
    pub rows: u32,
    /// What it returned.
    pub result: Result<Tally, Failure>,
}

/// Adds up. Chunks end in any order; the summary is in the order of rows.
pub fn summary(mut outcomes: Vec<JobOutcome>) -> Result<Summary, Failure> {
    outcomes.sort_by_key(|outcome| outcome.first_row);
    let chunks = outcomes.len();
    let mut total = Tally::new();
    let mut failed = Vec::new();
    for outcome in outcomes {
        match outcome.result {
            Ok(tally) => total.add(tally),
            Err(failure) => failed.push(FailedChunk {
                first_row: outcome.first_row,
                rows: outcome.rows,
                failure,
            }),
        }
    }
    match failed.first() {
        Some(first) if failed.len() == chunks => Err(first.failure.clone()),
        _ => Ok(Summary {
            chunks: u32::try_from(chunks).unwrap_or(u32::MAX),
            total,
            failed,
        }),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::bindings::rowcast::pipeline::types::Problem;

    #[test]
    fn chunks_cover_the_rows_once() {
        let check = |rows: usize, chunk_rows, expected: &[(u32, usize)]| {
            let all: Vec<_> = (0..rows).map(|row| row.to_string()).collect();
            let chunks: Vec<_> = cut(all.clone(), chunk_rows).collect();
            let sizes: Vec<_> = chunks.iter().map(|(at, rows)| (*at, rows.len())).collect();
            assert_eq!(sizes, expected, "{rows} rows by {chunk_rows}");
            let again: Vec<_> = chunks.into_iter().flat_map(|(_, rows)| rows).collect();
            assert_eq!(again, all);
        };
        check(0, 3, &[]);
        check(2, 3, &[(0, 2)]);
        check(3, 3, &[(0, 3)]);
        check(7, 3, &[(0, 3), (3, 3), (6, 1)]);
        check(2, 0, &[(0, 1), (1, 1)]);
        check(2, u32::MAX, &[(0, 2)]);
    }

    fn invalid(reason: &str) -> Failure {
        Failure::PermanentInvalid(Problem {
            reason: reason.to_owned(),
            counters: Vec::new(),
        })
    }

    fn outcome(first_row: u32, result: Result<u32, &str>) -> JobOutcome {
        JobOutcome {
            first_row,
            rows: 2,
            result: result
                .map(|written| Tally {
                    written,
                    documents: written,
                    ..Tally::new()
                })
                .map_err(invalid),
        }
    }

    #[test]
    fn a_run_adds_up_and_names_the_chunks_that_failed() {
        let whole = summary(vec![
            outcome(4, Err("late")),
            outcome(2, Ok(5)),
            outcome(0, Err("early")),
            outcome(6, Ok(7)),
        ])
        .unwrap();
        assert_eq!((whole.chunks, whole.total.written), (4, 12));
        let failed: Vec<_> = whole
            .failed
            .iter()
            .map(|chunk| (chunk.first_row, chunk.rows))
            .collect();
        assert_eq!(failed, [(0, 2), (4, 2)]);
    }

    #[test]
    fn a_run_fails_when_every_chunk_does() {
        let failure = summary(vec![outcome(2, Err("late")), outcome(0, Err("early"))]).unwrap_err();
        assert_eq!(failure, invalid("early"));
        assert_eq!(summary(Vec::new()).unwrap().chunks, 0);
    }
}
