//! A row's text → its columns, borrowed.

use super::pointer::Pointer;
use rowcast_json::{Flaw, Index, Kind, NotUnicode, Value};
use std::collections::HashSet;

/// A row that is a JSON object with distinct names.
#[derive(Debug)]
pub struct Row<'a> {
    text: &'a str,
    index: Index,
    /// In the order of the members.
    names: Vec<String>,
}

/// Why a text is not a row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// Not JSON at all.
    #[error("read the row as JSON")]
    NotJson(#[source] Flaw),
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
        let mut index = Index::default();
        let value = index.read(text).map_err(RowError::NotJson)?;
        if value.kind() != Kind::Object {
            return Err(RowError::NotObject(value.kind()));
        }
        let names = value
            .members()
            .map(|(name, _)| Ok(name.content()?.into_owned()));
        let names: Result<Vec<_>, NotUnicode> = names.collect();
        let names = names.map_err(|_| RowError::NotUnicode)?;
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
            return Err(RowError::Duplicate(twice.clone()));
        }
        Ok(Self { text, index, names })
    }

    /// A column's value, or what a JSON Pointer leads to.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        let root = self.index.root(self.text);
        match self.names.iter().position(|known| known == name) {
            Some(place) => root.members().nth(place).map(|(_, value)| value),
            None if name.starts_with('/') => Pointer::parse(name).ok()?.find(root),
            None => None,
        }
    }

    /// The columns' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::super::snippet::chain;
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match Row::parse(text) {
            Ok(row) => {
                let columns = row
                    .names()
                    .map(|name| format!("{name}={}", row.get(name).map_or("", Value::text)));
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
            "read the row as JSON: the text ends after 1 bytes; expected a name or `}`",
        );
        check(
            "",
            "read the row as JSON: the text ends after 0 bytes; expected a value",
        );
    }
}
