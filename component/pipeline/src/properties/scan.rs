//! Texts → the index, held to `serde_json`'s reading of them.

use super::config;
use super::json::{texts, values, written};
use proptest::prelude::*;
use rowcast_json::{Index, Kind, Names, Value, quoted};
use serde_json::value::RawValue;

/// Whether `serde_json` takes it. Like the index it doesn't read strings then.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// The index as a tree, if all of its text is Unicode; it is the same as
/// `serde_json`'s.
pub fn tree(value: Value<'_>, text: &str) -> Option<serde_json::Value> {
    let found = to_tree(value);
    // It has a limit of depth, and names that it keeps for itself.
    if let Ok(expected) = serde_json::from_str::<serde_json::Value>(text)
        && !text.contains("serde_json::private")
    {
        let found = found.as_ref().map(ToString::to_string);
        assert_eq!(found, Some(expected.to_string()), "{text}");
    }
    found
}

fn to_tree(value: Value<'_>) -> Option<serde_json::Value> {
    // What `serde_json` can't read is too deep for a recursion here as well.
    if value
        .text()
        .bytes()
        .filter(|byte| b"[{".contains(byte))
        .count()
        > 500
    {
        return None;
    }
    Some(match value.kind() {
        Kind::Null | Kind::Boolean | Kind::Number => serde_json::from_str(value.text()).unwrap(),
        Kind::String => value.string()?.into(),
        Kind::Array => value.elements().map(to_tree).collect::<Option<_>>()?,
        Kind::Object => {
            let members = value
                .members()
                .map(|(name, value)| Some((name.content().ok()?.into_owned(), to_tree(value)?)));
            serde_json::Value::Object(members.collect::<Option<_>>()?)
        }
    })
}

/// Accepted by both or by neither, and read in the same way.
pub fn agrees(text: &str) {
    let mut index = Index::default();
    let accepted = index.read(text).is_ok();
    assert_eq!(accepted, is_json(text), "{text}");
    if accepted {
        tree(index.root(text), text);
    }
}

fn check_flaw(text: &str, path: &str, expected: &str) {
    let mut index = Index::default();
    let flaw = index.read(text).unwrap_err();
    assert_eq!(
        (flaw.path.as_str(), flaw.to_string().as_str()),
        (path, expected),
        "{text}"
    );
}

#[test]
fn what_is_wrong_is_pointed_at() {
    check_flaw("", "", "the text ends after 0 bytes; expected a value");
    check_flaw(
        r#"{"a":[1,{"b~":tru}]}"#,
        "/a/1/b~0",
        "byte 17 should be the rest of `true`, `false` or `null`",
    );
    check_flaw(
        r#"{"a":[1,2"#,
        "/a/2",
        "the text ends after 9 bytes; expected `,` or `]`",
    );
    check_flaw(r#"{"a":1 "b":2}"#, "", "byte 7 should be `,` or `}`");
    check_flaw(r#"{"a":1,}"#, "", "byte 7 should be a name");
    check_flaw(r#"{"a" 1}"#, "/a", "byte 5 should be `:`");
    check_flaw(r#"["\x"]"#, "/0", "byte 3 should be an escape");
    check_flaw("[01]", "/1", "byte 2 should be `,` or `]`");
    check_flaw("[1.]", "/0", "byte 3 should be a digit");
    check_flaw("{} x", "", "byte 3 should be the end");
    check_flaw("\"a\nb\"", "", "byte 2 should be a character of a string");
}

#[test]
fn members_and_elements_are_slices() {
    let text = r#" {"a" : 1.50, "b\u0061":[ "x\n", {} , null], "a":{"c":true}} "#;
    let mut index = Index::default();
    let root = index.read(text).unwrap();
    assert_eq!(root.member("a").unwrap().text(), r#"{"c":true}"#);
    let list = root.member("ba").unwrap();
    let texts: Vec<_> = list.elements().map(Value::text).collect();
    assert_eq!(texts, [r#""x\n""#, "{}", "null"]);
    assert_eq!(list.elements().next().unwrap().string().unwrap(), "x\n");
    assert!(list.elements().nth(1).unwrap().is_empty());
    assert!(root.member("c").is_none());
    let broken = index.read(r#"{"\ud800":1,"a":2}"#).unwrap();
    assert!(broken.member("a").is_none());
}

#[test]
fn an_outline_has_the_upper_levels() {
    let text = r#"{"a":[{"b":[1]},2],"c":{"d":{}}}"#;
    let mut index = Index::default();
    let root = index.outline(text, 2).unwrap();
    let list = root.member("a").unwrap();
    assert_eq!(list.elements().count(), 2);
    let inner = list.elements().next().unwrap();
    assert_eq!((inner.text(), inner.is_empty()), (r#"{"b":[1]}"#, true));
    assert_eq!(root.member("c").unwrap().members().count(), 1);
    // What is passed over has its strings and brackets, and nothing that others
    // could read as a comment.
    for broken in [
        r#"[[["]]]"#,
        "[[[]]",
        "[[[/*]*/]]]",
        "[[[\"\\\"]]]",
        "[[]]]",
    ] {
        assert!(index.outline(broken, 1).is_err(), "{broken}");
    }
}

#[test]
fn names_that_occur_twice_are_found() {
    let twice = |text: &str| -> Vec<usize> {
        let mut index = Index::default();
        let object = index.read(text).unwrap();
        let mut names = Names::default();
        let known = object
            .members()
            .map(|(name, _)| names.is_known(object, name));
        (0..)
            .zip(known)
            .filter(|(_, known)| *known)
            .map(|(place, _)| place)
            .collect()
    };
    assert_eq!(twice(r#"{"a":1,"b":2,"ab":3,"ba":4,"":5}"#), [0_usize; 0]);
    assert_eq!(twice(r#"{"a":1,"b":2,"a":3,"a":4}"#), [2, 3]);
    assert_eq!(twice(r#"{"a":1,"\u0061":3,"a":4}"#), [1, 2]);
    // Few are compared, many are sorted; some of each have the same bit.
    for count in [40, 48, 49, 500] {
        let members = |last: &str| {
            let names = (0..count).map(|number| format!(r#""m{number}":0"#));
            format!("{{{},{last}:1}}", names.collect::<Vec<_>>().join(","))
        };
        assert_eq!(twice(&members(r#""n""#)), [0_usize; 0], "{count}");
        assert_eq!(twice(&members(r#""m7""#)), [count], "{count}");
        assert_eq!(twice(&members(r#""\u006d7""#)), [count], "{count}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn drawn_values_are_read_as_they_are(
        value in values(), style in any::<u64>(),
    ) {
        let text = written(&value, style);
        let mut index = Index::default();
        let found = tree(index.read(&text).unwrap(), &text);
        prop_assert_eq!(found, Some(value));
    }

    /// One byte changed, left out or put in.
    #[test]
    fn broken_texts_are_refused_where_serde_refuses_them(
        value in values(),
        style in any::<u64>(),
        place in any::<prop::sample::Index>(),
        with in "[\\[\\]{}:,\"\\\\0-9eE.+a-f \n\u{1}é-]{0,2}",
        removed in 0..2_usize,
    ) {
        let text = written(&value, style);
        let characters: Vec<char> = text.chars().collect();
        let at = place.index(characters.len() + 1);
        let (before, after) = characters.split_at(at);
        let after = after.get(removed..).unwrap_or_default();
        let broken = before.iter().chain(&with.chars().collect::<Vec<_>>()).chain(after).collect::<String>();
        agrees(&broken);
    }

    #[test]
    fn strings_are_written_as_serde_writes_them(content in texts()) {
        prop_assert_eq!(quoted(&content), serde_json::to_string(&content).unwrap());
    }
}
