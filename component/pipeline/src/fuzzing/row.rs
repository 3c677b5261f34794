//! A row → all of its columns, or the reason why it is none.

use super::reference::{PRIVATE, same};
use crate::extract::row::{Row, RowError};
use rowcast_json as json;
use serde_json::Value;

/// The input is a row's text.
///
/// # Panics
///
/// Where what must hold doesn't.
pub fn row(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let row = Row::parse(text);
    // Trees refuse lone surrogates and what is nested deeply; rows needn't.
    let Ok(tree) = serde_json::from_str::<Value>(text) else {
        return;
    };
    if text.contains(PRIVATE) {
        return;
    }
    match (row, tree) {
        (Ok(row), Value::Object(members)) => {
            assert_eq!(row.names().count(), members.len());
            for (name, expected) in &members {
                let found = row.get(name);
                let value = found.and_then(|value| serde_json::from_str(value.text()).ok());
                let kept = value.is_some_and(|value: Value| same(&value, expected));
                assert!(kept, "the column `{name}` is {found:?}");
                let content = found.and_then(json::Value::string);
                assert_eq!(content.as_deref(), expected.as_str());
            }
        }
        // The tree kept the last of them.
        (Err(RowError::Duplicate(name)), Value::Object(members)) => {
            assert!(members.contains_key(&name));
        }
        (Err(RowError::NotObject(_)), tree) => assert!(!tree.is_object()),
        (row, tree) => assert!(row.is_err() && !tree.is_object(), "{row:?} of {tree}"),
    }
}
