//! Records, rows and attributes → documents, and what doesn't become one.

use super::*;
use crate::extract::matrix::Matrix;
use crate::extract::row::Row;
use crate::extract::template::Place;
use crate::settings::Mistakes;
use rowcast_json::Index;

fn check(attributes: &[(&str, &str)], require: &[&str], record: &str, expected: &str) {
    let row = Row::parse(r#"{"id":"x\"y","n":1.50,"yes":true,"nothing":null}"#).unwrap();
    let matrix = Matrix::new(&[], &mut Mistakes::default());
    let scope = Scope {
        row: &row,
        matrix: &matrix,
        combination: 0,
    };
    let attributes: Vec<(&str, Template)> = attributes
        .iter()
        .map(|(name, text)| (*name, Template::parse(text, Place::Attribute).unwrap()))
        .collect();
    let bound: Vec<_> = attributes
        .iter()
        .filter_map(|(name, template)| Attribute::bind(name, template, &scope).unwrap())
        .collect();
    let require: Vec<_> = require
        .iter()
        .map(|text| Pointer::parse(text).unwrap())
        .collect();
    let mut index = Index::default();
    let value = index.read(record).unwrap();
    let shown = match build(&bound, &require, value) {
        Ok(document) => {
            serde_json::from_str::<serde_json::Value>(&document).unwrap();
            document
        }
        Err(error) => format!("{:?} {:?}: {error}", error.kind(), error.path()),
    };
    assert_eq!(shown.replace("RejectionKind::", ""), expected, "{record}");
}

#[test]
fn attributes_come_first_and_members_stay_as_they_were() {
    check(&[], &[], r#"{ "a" : 1.0e5 }"#, r#"{ "a" : 1.0e5 }"#);
    check(
        &[("k", "v")],
        &[],
        r#"{ "a" : 1 }"#,
        r#"{"k":"v", "a" : 1 }"#,
    );
    check(&[("k", "v")], &[], "{ }", r#"{"k":"v" }"#);
    check(
        &[("k", ""), ("l\"", "{id}!")],
        &[],
        "{}",
        r#"{"k":"","l\"":"x\"y!"}"#,
    );
    check(&[], &[], "{}", "{}");
}

#[test]
fn one_placeholder_keeps_numbers_and_booleans() {
    check(&[("k", "{n}")], &[], "{}", r#"{"k":1.50}"#);
    check(&[("k", "{yes}")], &[], "{}", r#"{"k":true}"#);
    check(&[("k", "{text:n}")], &[], "{}", r#"{"k":"1.50"}"#);
    // Without a value there is no attribute, where that may be.
    check(&[("k", "{no?}")], &[], r#"{"a":1}"#, r#"{"a":1}"#);
    check(&[("k", "a{nothing?}")], &[], r#"{"a":1}"#, r#"{"a":1}"#);
    check(&[("k", "{n?}")], &[], "{}", r#"{"k":1.50}"#);
    let optional = ("k", "{record:/b?}");
    for record in [r#"{"a":1}"#, r#"{"b":null}"#, "{}"] {
        check(&[optional], &[], record, record);
    }
    check(&[optional], &[], r#"{"b":2}"#, r#"{"k":2,"b":2}"#);
    check(&[("k", "{n}{yes}")], &[], "{}", r#"{"k":"1.50true"}"#);
    check(&[("k", "#{n}")], &[], "{}", r##"{"k":"#1.50"}"##);
    check(
        &[("k", "{record:/a/0}")],
        &[],
        r#"{"a":[1E400]}"#,
        r#"{"k":1E400,"a":[1E400]}"#,
    );
    check(
        &[("k", "{record:/a}")],
        &[],
        r#"{"a":"\u00e9"}"#,
        r#"{"k":"é","a":"\u00e9"}"#,
    );
    check(
        &[("k", "{id}/{record:/a}")],
        &[],
        r#"{"a":2}"#,
        r#"{"k":"x\"y/2","a":2}"#,
    );
}

#[test]
fn rejected_records_say_where() {
    check(
        &[],
        &[],
        "[]",
        r#"Body "": the record is an array, not an object"#,
    );
    check(
        &[],
        &["/a", "/b/0"],
        r#"{"a":null,"b":[1]}"#,
        r#"{"a":null,"b":[1]}"#,
    );
    check(
        &[],
        &["/a", "/b"],
        r#"{"a":1}"#,
        "Required \"/b\": the record has no `/b`, which the source requires; the upstream may \
         not send it",
    );
    check(
        &[("a/b", "x")],
        &[],
        r#"{"a\/b":1}"#,
        "Clash \"/a~1b\": the record has a member `a/b` of its own; give the attribute another \
         name",
    );
    check(
        &[("k", "{record:/z}")],
        &[],
        r#"{"a":1}"#,
        "Required \"/z\": the record has no `/z`, which the attribute `k` takes",
    );
    check(
        &[("k", "{record:/a}")],
        &[],
        r#"{"a":[]}"#,
        "Template \"/a\": `/a`, which the attribute `k` takes, is an array",
    );
    check(
        &[],
        &[],
        r#"{"\udc00":1}"#,
        "Body \"\": the record has text that is not Unicode",
    );
}
