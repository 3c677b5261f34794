//! Templates: what is written is read so, and what is filled in decodes to what
//! it was.

use super::config;
use super::json::{names, texts, written as json};
use super::numbers::accepted;
use crate::extract::matrix::Matrix;
use crate::extract::row::Row;
use crate::extract::template::{Place, Scope, Template};
use crate::fuzzing::template::{filled, written};
use crate::settings::{Axis, Mistakes};
use percent_encoding::percent_decode_str;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

fn text_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => texts().prop_map(Value::String),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => accepted().prop_map(|digits| serde_json::from_str(&digits).unwrap()),
        1 => Just(Value::Null),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn templates_are_read_as_they_are_written(text in "[{}a:/~ é]{0,12}") {
        for place in [Place::Url, Place::Header, Place::Attribute] {
            if let Ok(template) = Template::parse(&text, place) {
                prop_assert_eq!(written(&template), text.as_str());
            }
        }
    }

    #[test]
    fn values_decode_to_what_they_were(
        columns in vec((names(), text_value()), 1..5),
        parts in vec((texts(), any::<prop::sample::Index>()), 0..4),
        axis in texts(),
        style in any::<u64>(),
    ) {
        let columns: Map<String, Value> = columns
            .into_iter()
            .filter(|(name, _)| {
                let marked = ["record:", "text:"].iter().any(|mark| name.starts_with(mark));
                !name.is_empty() && !name.contains(['{', '}', '?']) && !marked
            })
            .collect();
        let mut known: Vec<_> = columns.keys().cloned().collect();
        known.push("axis".to_owned());
        let mut text = String::new();
        for (literal, column) in parts {
            text.push_str(&literal.replace('{', "{{").replace('}', "}}"));
            text.extend(["{", column.get(&known).as_str(), "}"]);
        }
        let template = Template::parse(&text, Place::Url).unwrap();
        let row = json(&Value::Object(columns), style);
        let row = Row::parse(&row).unwrap();
        let axes = [Axis { name: "axis".to_owned(), values: vec![axis.clone()] }];
        let matrix = Matrix::new(&axes, &mut Mistakes::default());
        let scope = Scope { row: &row, matrix: &matrix, combination: 0 };
        filled(&template, &scope);
        let alone = Template::parse("{axis}", Place::Url).unwrap().fill_url(std::slice::from_ref(&scope), ",").unwrap();
        prop_assert_eq!(percent_decode_str(&alone).decode_utf8().unwrap(), axis);
    }
}
