//! A pointer and a body → the records that a tree has there, and documents that
//! keep each of their members.

use super::one_pass::one_pass;
use super::reference::{PRIVATE, same};
use crate::extract::document::{Attribute, build};
use crate::extract::matrix::Matrix;
use crate::extract::pointer::Pointer;
use crate::extract::records;
use crate::extract::row::Row;
use crate::extract::template::{Place, Scope, Template};
use crate::settings::Mistakes;
use rowcast_json::{self as json, Bytes, Index, Kind};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A pointer on the first line, a body after it.
///
/// # Panics
///
/// Where what must hold doesn't.
pub fn records(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n');
    let (pointer, body) = data.split_at(at.unwrap_or(0));
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let text = std::str::from_utf8(pointer);
    let Some(pointer) = text.ok().and_then(|text| Pointer::parse(text).ok()) else {
        return;
    };
    let mut index = Index::default();
    let body = Bytes::new(body.to_vec());
    let root = match records::text_of(&body).and_then(|text| records::parse(&mut index, text)) {
        Ok(root) => root,
        Err(error) => {
            assert!(!error.to_string().contains(char::is_control), "{error}");
            return;
        }
    };
    agrees(root);
    let cut = records::records(root, &pointer);
    for record in cut.iter().flatten() {
        spliced(*record);
        one_pass(*record);
    }
    if root.text().contains(PRIVATE) {
        return;
    }
    let Ok(tree) = serde_json::from_str::<Value>(root.text()) else {
        return;
    };
    let there = tree.pointer(pointer.as_str());
    let found = pointer.find(root).map(value);
    let agree = match (&found, there) {
        (Some(found), Some(there)) => same(found, there),
        (None, None) => true,
        _ => false,
    };
    assert!(agree, "{pointer:?} leads to {found:?}, not to {there:?}");
    if let Ok(records) = cut {
        let expected = match there {
            Some(Value::Array(elements)) => elements.clone(),
            other => other.cloned().into_iter().collect(),
        };
        assert_eq!(records.len(), expected.len());
        for (record, expected) in records.into_iter().zip(&expected) {
            assert!(
                same(&value(record), expected),
                "{record:?} is not {expected}"
            );
        }
    }
}

fn value(text: json::Value<'_>) -> Value {
    serde_json::from_str(text.text()).unwrap_or_default()
}

/// What the scan took for JSON is JSON, to the last member.
fn agrees(root: json::Value<'_>) {
    let text = root.text();
    assert!(serde_json::from_str::<&RawValue>(text).is_ok(), "{text}");
    let members: usize = root.members().count() + root.elements().count();
    let expected = match root.kind() {
        Kind::Object => serde_json::from_str(text).map(|all: Map<String, Value>| all.len()),
        Kind::Array => serde_json::from_str(text).map(|all: Vec<&RawValue>| all.len()),
        Kind::Null | Kind::Boolean | Kind::Number | Kind::String => Ok(0),
    };
    // A tree keeps one of several members with one name, and refuses what
    // isn't Unicode.
    if let Ok(expected) = expected {
        assert!(members >= expected, "{text}");
    }
}

/// With an attribute before it, a record keeps all of its members.
fn spliced(record: json::Value<'_>) {
    let Ok(template) = Template::parse("{n}", Place::Attribute) else {
        return;
    };
    let matrix = Matrix::new(&[], &mut Mistakes::default());
    let Ok(row) = Row::parse(r#"{"n":1.50}"#) else {
        return;
    };
    let scope = Scope {
        row: &row,
        matrix: &matrix,
        combination: 0,
    };
    let Ok(Some(attribute)) = Attribute::bind("added", &template, &scope) else {
        return;
    };
    let Ok(document) = build(&[attribute], &[], record) else {
        return;
    };
    let valid = serde_json::from_str::<&RawValue>(&document);
    assert!(valid.is_ok(), "{record:?} became {document}");
    if record.text().contains(PRIVATE) {
        return;
    }
    let (Ok(Value::Object(mut members)), Ok(Value::Object(own))) = (
        serde_json::from_str(&document),
        serde_json::from_str(record.text()),
    ) else {
        return;
    };
    let added = members.shift_remove("added").map(|added| added.to_string());
    assert_eq!(added.as_deref(), Some("1.50"));
    assert!(same(&Value::Object(members), &Value::Object(own)));
}
