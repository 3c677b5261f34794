//! The user's query → the query whose rows are JSON, and places in it.

use super::super::RowsError;
use std::collections::BTreeSet;
use tokio_postgres::error::ErrorPosition;

/// What stands before the user's query in [`wrapped`].
const BEFORE: &str = "SELECT row_to_json(rowcast_row)::text FROM (\n";

/// The query whose only column is each row as JSON text. `only` bounds the
/// rows.
pub(super) fn wrapped(query: &str, only: Option<u32>) -> String {
    let limit = only
        .map(|rows| format!(" LIMIT {rows}"))
        .unwrap_or_default();
    // A line of its own, because the query may end in a `--` comment.
    format!(
        "{BEFORE}{}\n) AS rowcast_row{limit}",
        without_semicolons(query)
    )
}

/// The query whose answer has the user's columns, and no row.
pub(super) fn described(query: &str) -> String {
    format!(
        "SELECT * FROM (\n{}\n) AS rowcast_row LIMIT 0",
        without_semicolons(query)
    )
}

/// First words of what can't be part of another query. PostgreSQL says what is
/// wrong with a word that it doesn't know.
const OTHERS: [&str; 18] = [
    "insert", "update", "delete", "merge", "show", "set", "call", "copy", "explain", "create",
    "alter", "drop", "begin", "declare", "fetch", "execute", "do", "truncate",
];

/// Whether the query begins like one that can be part of another.
pub(super) fn check_kind(query: &str) -> Result<(), RowsError> {
    let first = after_comments(query).trim_start_matches(['(', ' ', '\n', '\r', '\t']);
    let word = first
        .split(|each: char| !each.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    let other = OTHERS.iter().any(|other| word.eq_ignore_ascii_case(other));
    if !other && !without_semicolons(first).is_empty() {
        return Ok(());
    }
    Err(RowsError::Columns {
        message: "the query can't be part of another".into(),
        hint: "`rows.query` must be a SELECT, VALUES, TABLE or WITH query that only reads",
    })
}

/// A query without the comments and spaces that it begins with.
fn after_comments(query: &str) -> &str {
    let mut rest = query.trim_start();
    loop {
        let after = if rest.starts_with("--") {
            rest.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(inside) = rest.strip_prefix("/*") {
            inside.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return rest;
        };
        rest = after.trim_start();
    }
}

/// The query without what ends it, which can't stand between brackets.
pub(super) fn without_semicolons(query: &str) -> &str {
    query.trim_end_matches(|each: char| each == ';' || each.is_whitespace())
}

/// The query has parameters, and nobody gives them values.
pub(super) fn has_parameters() -> RowsError {
    RowsError::Columns {
        message: "the query has parameters, such as $1".into(),
        hint: "write the values into `rows.query`; ${NAME} there is an environment variable",
    }
}

/// Whether the columns can be an object's members.
pub(super) fn check_columns<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), RowsError> {
    let columns = |message: String, hint| Err(RowsError::Columns { message, hint });
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

/// ` (line 2, column 8)` where PostgreSQL says it of the wrapped query.
pub(super) fn place(query: &str, error: &tokio_postgres::Error) -> String {
    let before = u32::try_from(BEFORE.len()).unwrap_or(u32::MAX);
    match error.as_db_error().and_then(|answer| answer.position()) {
        Some(ErrorPosition::Original(position)) => {
            let (line, column) = line_and_column(query, position.saturating_sub(before));
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
        fn check(names: &[&str], expected: &str) {
            let found = check_columns(names.iter().copied());
            let found = found
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert_eq!(
                found.trim_start_matches("use the query's columns: "),
                expected
            );
        }
        check(&["id", "ID"], "");
        check(&[], "the query returns none");
        check(&["id", "?column?"], "column 2 has no name");
        check(&["id", "a", "id"], "two columns are called id");
    }

    #[test]
    fn kinds() {
        for (query, fits) in [
            ("SELECT 1", true),
            ("-- a\n/* b */ (\n WITH", true),
            ("SELEC 1", true),
            ("insert into a", false),
            ("/* SELECT */ SHOW x", false),
            (" ; -- a", true),
            ("", false),
            ("-- a", false),
        ] {
            assert_eq!(check_kind(query).is_ok(), fits, "{query}");
        }
    }
}
