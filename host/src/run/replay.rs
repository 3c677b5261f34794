//! Lines of a rejections file → rows, or documents, to be given in again.

use super::chunk;
use crate::engine::Source;
use crate::ledger::Hash;
use crate::rows::{Rows, RowsError};
use futures_util::{StreamExt, future};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Requests remembered so that several rejected records of one don't ask for
/// it several times.
const REMEMBERED: usize = 100_000;

/// A line as [`super::Rejection`] writes it.
enum Line<'a> {
    /// A request, or a record of its answer.
    Request {
        row: &'a RawValue,
        combination: Vec<(String, String)>,
    },
    Document {
        document: &'a RawValue,
    },
    /// A row that couldn't be read. It is rejected again: who has corrected it
    /// writes it as a row.
    Row(RowsError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members<'a> {
    what: What,
    #[serde(borrow)]
    row: Option<&'a RawValue>,
    combination: Option<Vec<(String, String)>>,
    #[serde(borrow)]
    document: Option<&'a RawValue>,
    reason: String,
    #[serde(rename = "row_number")]
    _row_number: Option<u64>,
    #[serde(rename = "status")]
    _status: Option<u16>,
    #[serde(rename = "index")]
    _index: Option<u32>,
    #[serde(rename = "path")]
    _path: Option<String>,
    place: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    Row,
    Request,
    Record,
    Document,
}

/// Rows for a run with [`super::Run::rejected_rows`]: rejected requests and
/// records, each request once, and plain rows as they are. Rejected documents
/// are left out and counted: they are for [`documents_again`].
#[must_use]
pub fn rows_again(rows: Rows, left_out: Arc<AtomicU64>) -> Rows {
    let mut seen = HashSet::new();
    let rows = rows.filter_map(move |row| {
        let keep = match row.as_deref().ok().and_then(read) {
            Some(Line::Row(error)) => return future::ready(Some(Err(error))),
            Some(Line::Document { .. }) => {
                left_out.fetch_add(1, Ordering::Relaxed);
                false
            }
            Some(Line::Request { row, combination }) => {
                if seen.len() >= REMEMBERED {
                    seen.clear();
                }
                seen.insert(Hash::of(&[row.get(), &format!("{combination:?}")]))
            }
            None => true,
        };
        future::ready(keep.then_some(row))
    });
    rows.boxed()
}

/// Documents to load: rejected documents, and plain ones as they are. Rejected
/// requests and records are left out and counted.
#[must_use]
pub fn documents_again(rows: Rows, left_out: Arc<AtomicU64>) -> Rows {
    let documents = rows.filter_map(move |row| {
        let document = match row {
            Ok(row) => match read(&row) {
                Some(Line::Document { document }) => Some(Ok(document.get().to_owned())),
                Some(Line::Row(error)) => Some(Err(error)),
                Some(Line::Request { .. }) => {
                    left_out.fetch_add(1, Ordering::Relaxed);
                    None
                }
                None => Some(Ok(row)),
            },
            Err(error) => Some(Err(error)),
        };
        future::ready(document)
    });
    documents.boxed()
}

/// Lines → rows as they are asked for, and the combinations that some are
/// restricted to. A combination that the matrix lacks by now restricts nothing.
pub fn asked(lines: &[String], source: &Source) -> (Vec<String>, HashMap<u32, u32>) {
    let mut rows = Vec::with_capacity(lines.len());
    let mut only = HashMap::new();
    for (index, line) in (0..).zip(lines) {
        match read(line) {
            Some(Line::Request { row, combination }) => {
                rows.push(row.get().to_owned());
                only.extend(chunk::combination_of(source, &combination).map(|it| (index, it)));
            }
            Some(Line::Document { .. } | Line::Row(_)) | None => rows.push(line.clone()),
        }
    }
    (rows, only)
}

/// A line of a rejections file; none for everything else. A row that happens
/// to look like one would need all of its members and no other.
fn read(line: &str) -> Option<Line<'_>> {
    if !line.starts_with("{\"what\":") {
        return None;
    }
    let members: Members<'_> = serde_json::from_str(line).ok()?;
    match members.what {
        What::Row => Some(Line::Row(RowsError::Rejected {
            place: members.place?,
            text: members.text,
            message: members.reason,
        })),
        What::Request | What::Record => Some(Line::Request {
            row: members.row?,
            combination: members.combination?,
        }),
        What::Document => Some(Line::Document {
            document: members.document?,
        }),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::run::Rejection;
    use crate::run::stages::Stages;
    use crate::run::tally::Tally;
    use futures_util::stream;

    fn lines() -> Vec<String> {
        let raw = |text: &str| RawValue::from_string(text.into()).unwrap();
        let combination = || vec![("country".to_owned(), "CA".to_owned())];
        let record = |index| Rejection::Record {
            row_number: 1,
            row: raw("{\"id\":1.50}"),
            combination: combination(),
            index,
            path: "/n".into(),
            reason: "missing".into(),
        };
        let request = Rejection::Request {
            row_number: 2,
            row: raw("{\"id\":2}"),
            combination: combination(),
            status: None,
            reason: "refused".into(),
        };
        let document = Rejection::Document {
            document: raw("{\"k\":1.50}"),
            path: String::new(),
            reason: "too long".into(),
        };
        let unread = Rejection::Row {
            place: "a.csv, line 3".into(),
            text: Some("1,2".into()),
            reason: "it has 2 fields".into(),
        };
        [record(0), record(1), request, document, unread]
            .iter()
            .map(|rejection| serde_json::to_string(rejection).unwrap())
            // Rows that only look a little like rejections are rows.
            .chain(["{\"what\":\"document\",\"reason\":\"x\"}".to_owned()])
            .chain(["{\"what\":\"request\",\"row\":{},\"mine\":1}".to_owned()])
            .collect()
    }

    async fn check(again: fn(Rows, Arc<AtomicU64>) -> Rows, expected: &[&str], left_out: u64) {
        let count = Arc::default();
        let rows = stream::iter(lines().into_iter().map(Ok::<_, RowsError>)).boxed();
        let found: Vec<_> = again(rows, Arc::clone(&count))
            .map(|row| row.unwrap_or_else(|error| error.to_string()))
            .collect()
            .await;
        assert_eq!(found, expected);
        assert_eq!(count.load(Ordering::Relaxed), left_out);
    }

    #[test]
    fn a_request_that_is_left_is_one() {
        let source = Source::new(r#"{"matrix":{"country":["US","CA"]}}"#);
        let mut tally = Tally::default();
        Stages::Extract { source }.leave(&lines(), &mut tally);
        // Three name one combination; four are whole rows.
        assert_eq!((tally.rows.pending, tally.requests.pending), (7, 3 + 2 * 4));
    }

    #[tokio::test]
    async fn each_takes_its_own() {
        let lines = lines();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let [first, _, third, _, _, sixth, seventh] = lines.try_into().unwrap();
        let unread = "read a.csv, line 3: it has 2 fields";
        check(rows_again, &[first, third, unread, sixth, seventh], 1).await;
        let documents = ["{\"k\":1.50}", unread, sixth, seventh];
        check(documents_again, &documents, 3).await;
    }
}
