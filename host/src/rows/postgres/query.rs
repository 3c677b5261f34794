//! The user's query → the query whose rows are JSON, and places in it.

use super::super::RowsError;
use std::collections::BTreeSet;
use tokio_postgres::error::ErrorPosition;

/// The query whose only column is each row as JSON text. `only` bounds the
/// rows.
pub(super) fn wrapped(query: &str, only: Option<u32>) -> String {
    let limit = only
        .map(|rows| format!(" LIMIT {rows}"))
        .unwrap_or_default();
    // A line of its own, because the query may end in a `--` comment.
    format!(
        "SELECT row_to_json(rowcast_row)::text FROM (\n{}\n) AS rowcast_row{limit}",
        without_semicolons(query)
    )
}

/// The query without what ends it, which can't stand between brackets.
pub(super) fn without_semicolons(query: &str) -> &str {
    query.trim_end_matches(|each: char| each == ';' || each.is_whitespace())
}

/// Whether the columns can be an object's members.
pub(super) fn check_columns<'a>(
    names: impl Iterator<Item = &'a str>,
    parameters: usize,
) -> Result<(), RowsError> {
    let columns = |message: String, hint| Err(RowsError::Columns { message, hint });
    if parameters > 0 {
        return columns(
            "the query has parameters, such as $1".into(),
            "write the values into `rows.query`; ${NAME} there is an environment variable",
        );
    }
    let mut seen = BTreeSet::new();
    for (index, name) in names.enumerate() {
        if name.is_empty() || name == "?column?" {
            let message = format!("column {} has no name", index + 1);
            return columns(message, "name it: SELECT … AS name");
        }
        if !seen.insert(name) {
            let message = format!("two columns are called {name}");
            return columns(message, "rename one: SELECT … AS another_name");
        }
    }
    if seen.is_empty() {
        return columns(
            "the query returns none".into(),
            "`rows.query` must be a SELECT",
        );
    }
    Ok(())
}

/// ` (line 2, column 8)` where PostgreSQL says it.
pub(super) fn place(query: &str, error: &tokio_postgres::Error) -> String {
    match error.as_db_error().and_then(|answer| answer.position()) {
        Some(ErrorPosition::Original(position)) => {
            let (line, column) = line_and_column(query, *position);
            format!(" (line {line}, column {column})")
        }
        Some(ErrorPosition::Internal { .. }) | None => String::new(),
    }
}

/// PostgreSQL counts characters from 1.
fn line_and_column(query: &str, position: u32) -> (usize, usize) {
    let before = usize::try_from(position)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    query
        .chars()
        .take(before)
        .fold((1, 1), |(line, column), each| match each {
            '\n' => (line + 1, 1),
            _ => (line, column + 1),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons() {
        for (query, expected) in [
            ("SELECT 1", "SELECT 1"),
            ("SELECT 1 ; ;\n", "SELECT 1"),
            ("SELECT ';' -- a", "SELECT ';' -- a"),
        ] {
            assert_eq!(without_semicolons(query), expected);
        }
        assert_eq!(
            wrapped("SELECT 1 AS a;", Some(1)),
            "SELECT row_to_json(rowcast_row)::text FROM (\nSELECT 1 AS a\n) AS rowcast_row LIMIT 1"
        );
    }

    #[test]
    fn places() {
        for (position, expected) in [(1, (1, 1)), (4, (1, 4)), (5, (2, 1)), (7, (2, 3))] {
            assert_eq!(line_and_column("aéb\ncde", position), expected);
        }
    }

    #[test]
    fn columns() {
        fn check(names: &[&str], parameters: usize, expected: &str) {
            let found = check_columns(names.iter().copied(), parameters);
            let found = found
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert_eq!(
                found.trim_start_matches("use the query's columns: "),
                expected
            );
        }
        check(&["id", "ID"], 0, "");
        check(&[], 0, "the query returns none");
        check(&["id", "?column?"], 0, "column 2 has no name");
        check(&["id", "a", "id"], 0, "two columns are called id");
        check(&["id"], 1, "the query has parameters, such as $1");
    }
}
