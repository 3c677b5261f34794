//! A row's text → its columns, borrowed.

use super::json::{self, Kind, Members};
use serde_json::value::RawValue;
use std::collections::HashSet;

/// A row that is a JSON object with distinct names.
#[derive(Debug)]
pub struct Row<'a> {
    columns: Members<'a>,
}

/// Why a text is no row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// Not JSON at all.
    #[error("read the row as JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but no object.
    #[error("the row is {0}, not an object")]
    NotObject(Kind),
    /// A column's name has a lone surrogate.
    #[error("a column's name is not Unicode")]
    NotUnicode,
    /// Two columns have one name.
    #[error("the row has two columns named `{0}`; give one of them another name")]
    Duplicate(String),
}

impl<'a> Row<'a> {
    /// Reads a row.
    pub fn parse(text: &'a str) -> Result<Self, RowError> {
        let value: &RawValue = serde_json::from_str(text).map_err(RowError::NotJson)?;
        if json::kind(value) != Kind::Object {
            return Err(RowError::NotObject(json::kind(value)));
        }
        let columns = json::members(value).ok_or(RowError::NotUnicode)?;
        let mut seen = HashSet::new();
        if let Some((twice, _)) = columns.iter().find(|(name, _)| !seen.insert(name)) {
            return Err(RowError::Duplicate(twice.clone().into_owned()));
        }
        Ok(Self { columns })
    }

    /// A column's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.columns
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    }

    /// The columns' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::super::excerpt::chain;
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match Row::parse(text) {
            Ok(row) => {
                let columns = row
                    .columns
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"));
                columns.collect::<Vec<_>>().join(" ")
            }
            Err(error) => chain(&error),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn rows_are_objects_with_distinct_names() {
        check(
            r#"{"id": 1.50, "n\u0061me": "a\nb", "tags": [1, 2]}"#,
            r#"id=1.50 name="a\nb" tags=[1, 2]"#,
        );
        check("{}", "");
        check("[1]", "the row is an array, not an object");
        check("null", "the row is null, not an object");
        check(
            r#"{"a":1,"a":2}"#,
            "the row has two columns named `a`; give one of them another name",
        );
        check(r#"{"\ud800":1}"#, "a column's name is not Unicode");
        check(
            "{",
            "read the row as JSON: EOF while parsing an object at line 1 column 1",
        );
        check(
            "",
            "read the row as JSON: EOF while parsing a value at line 1 column 0",
        );
    }
}
