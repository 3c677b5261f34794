//! Pointers, records and rows, held to trees of the same text.

use super::config;
use super::json::{names, objects, values, written};
use crate::extract::pointer::Pointer;
use crate::extract::records;
use crate::extract::row::Row;
use crate::fuzzing;
use crate::fuzzing::reference::same;
use proptest::collection::vec;
use proptest::prelude::*;
use rowcast_json::pointer::to_member;
use rowcast_json::{self as json, Index};
use serde_json::{Map, Value};

/// A pointer that follows the document while `turns` say so.
fn pointer_into(document: &Value, turns: &[u16], astray: &str) -> String {
    let mut pointer = String::new();
    let mut value = document;
    for turn in turns {
        let turn = usize::from(*turn);
        match value {
            Value::Array(elements) if !elements.is_empty() => {
                let index = turn % elements.len();
                pointer.push_str(&to_member(&index.to_string()));
                value = &elements[index];
            }
            Value::Object(members) if !members.is_empty() => {
                let (name, member) = members.iter().nth(turn % members.len()).unwrap();
                pointer.push_str(&to_member(name));
                value = member;
            }
            _ => break,
        }
    }
    pointer.push_str(astray);
    pointer
}

fn value(text: json::Value<'_>) -> Value {
    serde_json::from_str(text.text()).unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn pointers_lead_where_trees_have_it(
        document in values(),
        turns in vec(any::<u16>(), 0..5),
        astray in prop_oneof![
            3 => Just(String::new()),
            1 => names().prop_map(|name| to_member(&name)),
            1 => prop::sample::select(vec!["/0", "/00", "/+1", "/-", "/", "/1"]).prop_map(str::to_owned),
        ],
        style in any::<u64>(),
    ) {
        let text = written(&document, style);
        let mut index = Index::default();
        let root = index.read(&text).unwrap();
        let pointer = pointer_into(&document, &turns, &astray);
        let found = Pointer::parse(&pointer).unwrap().find(root).map(value);
        let expected = document.pointer(&pointer);
        match (&found, expected) {
            (Some(found), Some(expected)) => prop_assert!(same(found, expected), "{}", pointer),
            (found, expected) => prop_assert_eq!(found.as_ref(), expected, "{} in {}", pointer, text),
        }
    }

    #[test]
    fn records_are_those_of_the_whole(
        records in vec(objects(values()).prop_map(Value::Object), 0..5),
        around in objects(values()),
        name in names(),
        style in any::<u64>(),
    ) {
        let mut members = around;
        // Bodies that report an error have no records.
        members.retain(|name, _| !["error", "errors"].contains(&name.as_str()));
        members.insert(name.clone(), Value::Array(records.clone()));
        let text = written(&Value::Object(members), style);
        let mut index = Index::default();
        let root = records::parse(&mut index, &text).unwrap();
        let found = records::records(root, &Pointer::parse(&to_member(&name)).unwrap()).unwrap();
        prop_assert_eq!(found.len(), records.len());
        for (found, expected) in found.into_iter().zip(&records) {
            prop_assert!(same(&value(found), expected), "{:?} is not {}", found, expected);
        }
        fuzzing::records(format!("{}\n{text}", to_member(&name)).as_bytes());
    }

    #[test]
    fn rows_lose_no_member(columns in objects(values()), style in any::<u64>()) {
        let text = written(&Value::Object(columns.clone()), style);
        let row = Row::parse(&text).unwrap();
        let names: Vec<_> = row.names().collect();
        prop_assert_eq!(names, columns.keys().collect::<Vec<_>>());
        for (name, expected) in &columns {
            prop_assert!(same(&value(row.get(name).unwrap()), expected), "{}", name);
        }
        fuzzing::row(text.as_bytes());
    }

    #[test]
    fn a_column_given_twice_is_refused(
        columns in objects(values()), name in names(), style in any::<u64>(),
    ) {
        let mut columns = columns;
        columns.insert(name.clone(), Value::Null);
        let text = written(&Value::Object(columns), style);
        let again = written(&Value::Object(Map::from_iter([(name, Value::Null)])), style >> 1);
        let again = again.trim().strip_prefix('{').unwrap();
        let text = text.trim_end().strip_suffix('}').unwrap();
        prop_assert!(Row::parse(&format!("{text},{again}")).is_err(), "{}", text);
    }
}
