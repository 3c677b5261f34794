//! A filter → conditions that mean the same when they're written out and read
//! again, and plans and expressions in which nothing of it is read as grammar.

use super::filter_text;
use crate::bindings::exports::rowcast::pipeline::query::Access;
use crate::dynamodb::schema::{IndexDescription, TableSchema};
use crate::query::expression::Placeholders;
use crate::query::grammar::{parse_filter, parse_path};
use crate::query::plan::{Plan, plan};
use crate::query::syntax::Condition;
use crate::settings::{KeyAttribute, KeyType, Keys};
use serde_json::Value;

/// What expressions are made of, besides placeholders, indexes and signs.
const WORDS: [&str; 11] = [
    "AND",
    "OR",
    "NOT",
    "BETWEEN",
    "IN",
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "size",
];

/// The input is a filter, and a path.
///
/// # Panics
///
/// Where what must hold doesn't.
pub fn condition(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(path) = parse_path(text) {
        let written = filter_text::path(&path);
        assert_eq!(parse_path(&written), Ok(path), "{written}");
    }
    let characters = text.chars().count();
    let condition = match parse_filter(text) {
        Ok(Some(condition)) => condition,
        Ok(None) => {
            assert!(text.trim().is_empty());
            return;
        }
        Err(error) => {
            assert!((1..=characters + 1).contains(&error.column), "{error}");
            return;
        }
    };
    reads_back(&condition);
    only_placeholders(&condition);
    means_the_same(&condition);
    for (schema, index) in [
        (table(KeyType::Text, None), None),
        (table(KeyType::Number, Some(KeyType::Bytes)), None),
        (table(KeyType::Bytes, Some(KeyType::Number)), Some("i")),
    ] {
        if let Ok(found) = plan(&schema, index, false, Some(condition.clone())) {
            check_plan(&schema, index, &condition, &found);
        }
    }
}

/// Written out, it's read as the same condition.
pub(crate) fn reads_back(condition: &Condition) {
    let written = filter_text::condition(condition);
    // Names between backticks can be longer than they were; DynamoDB's own
    // limit is far below.
    if written.len() > 60_000 {
        return;
    }
    let again = parse_filter(&written).map(|again| again.map(filter_text::without_columns));
    let expected = filter_text::without_columns(condition.clone());
    assert_eq!(again, Ok(Some(expected)), "{written}");
}

/// The expression has nothing in it that was written in the filter, except for
/// the indexes of lists.
pub(crate) fn only_placeholders(condition: &Condition) {
    let mut placeholders = Placeholders::default();
    let expression = placeholders.condition(condition);
    let names = placeholders.names().unwrap_or_default();
    let values = placeholders.values().unwrap_or_default();
    let ends = |each: char| " ()[],.".contains(each);
    for word in expression.split(ends).filter(|word| !word.is_empty()) {
        let known = WORDS.contains(&word)
            || names.contains_key(word)
            || values.contains_key(word)
            || word.bytes().all(|byte| byte.is_ascii_digit())
            || word.bytes().all(|byte| b"=<>".contains(&byte));
        assert!(known, "`{word}` in {expression}");
    }
    for name in names.keys().chain(values.keys()) {
        let used = expression.split(ends).any(|word| word == name);
        assert!(used, "{name} is not used in {expression}");
    }
}

/// With names and values put back in place, DynamoDB's expression is a filter
/// that means the same.
pub(crate) fn means_the_same(condition: &Condition) {
    let mut placeholders = Placeholders::default();
    let expression = placeholders.condition(condition);
    let names = placeholders.names().unwrap_or_default();
    let values = placeholders.values().unwrap_or_default();
    let in_place = |word: &str| {
        if let Some(name) = names.get(word).and_then(Value::as_str) {
            return filter_text::quoted(name, '`');
        }
        match values.get(word).and_then(Value::as_object) {
            Some(typed) => match typed.iter().next() {
                Some((letter, Value::String(digits))) if letter == "N" => digits.clone(),
                Some((_, Value::String(text))) => filter_text::quoted(text, '\''),
                Some((letter, _)) if letter == "NULL" => "null".to_owned(),
                Some((_, truth)) => truth.to_string(),
                None => String::new(),
            },
            None => word.to_owned(),
        }
    };
    let mut filter = String::new();
    for piece in expression.split_inclusive(|each| " ()[],.".contains(each)) {
        let end = piece
            .trim_end_matches([' ', '(', ')', '[', ']', ',', '.'])
            .len();
        let (word, sign) = piece.split_at(end);
        filter.push_str(&in_place(word));
        filter.push_str(sign);
    }
    // DynamoDB's NOT has parentheses, which may be one level too many here.
    match parse_filter(&filter) {
        Err(error) => assert!(
            filter.len() > 60_000 || error.message.contains("nested"),
            "{error}"
        ),
        Ok(again) => assert_eq!(
            again.map(filter_text::without_columns),
            Some(filter_text::without_columns(condition.clone())),
            "{expression}"
        ),
    }
}

fn check_plan(schema: &TableSchema, index: Option<&str>, asked: &Condition, found: &Plan) {
    let count = |condition: &Condition| condition.clone().into_conjuncts().len();
    let planned: usize = found.key.iter().chain(&found.filter).map(count).sum();
    // A lower and an upper bound may have become one BETWEEN.
    assert!((count(asked) - 1..=count(asked)).contains(&planned));
    found
        .key
        .iter()
        .chain(&found.filter)
        .for_each(only_placeholders);
    assert_eq!(found.key.is_some(), found.access == Access::Query);
    let of_index = schema
        .indexes
        .iter()
        .find(|each| Some(each.name.as_str()) == index);
    let keys = of_index.map_or(&schema.keys, |each| &each.keys);
    if found.access == Access::Query
        && let Some(filter) = &found.filter
    {
        for key in [&keys.partition].into_iter().chain(&keys.sort) {
            assert!(!filter.mentions(&key.name), "Query refuses {filter:?}");
        }
    }
}

fn table(partition: KeyType, sort: Option<KeyType>) -> TableSchema {
    let keys = |partition_name: &str, sort_name: &str| Keys {
        partition: KeyAttribute {
            name: partition_name.to_owned(),
            kind: partition,
        },
        sort: sort.map(|kind| KeyAttribute {
            name: sort_name.to_owned(),
            kind,
        }),
    };
    TableSchema {
        name: "t".to_owned(),
        keys: keys("a", "b"),
        indexes: vec![IndexDescription {
            name: "i".to_owned(),
            keys: keys("c", "b"),
            global: true,
            projects_all: true,
        }],
        status: "ACTIVE".to_owned(),
        item_count: 0,
    }
}
