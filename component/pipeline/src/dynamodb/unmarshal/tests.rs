//! Typed JSON → plain JSON, or the error.

use super::*;
use std::error::Error as _;

fn check(item: &str, expected: &str) {
    let shown = match document(item) {
        Ok(text) => text,
        Err(error) => error.source().unwrap().to_string(),
    };
    assert!(
        shown == expected || (expected.starts_with("error ") && shown.contains(&expected[6..])),
        "{item}: {shown}"
    );
    if !expected.starts_with("error ") {
        serde_json::from_str::<&RawValue>(&shown).unwrap();
    }
}

#[test]
fn each_type_becomes_plain_json() {
    check("{}", "{}");
    check(r#"{"a":{"S":"x"}}"#, r#"{"a":"x"}"#);
    check(
        r#"{ "b" : { "S" : "" } , "a" : { "BOOL" : false } }"#,
        r#"{"b":"","a":false}"#,
    );
    check(
        r#"{"a":{"NULL":true},"b":{"B":"AAE="}}"#,
        r#"{"a":null,"b":"AAE="}"#,
    );
    check(
        r#"{"a":{"L":[]},"b":{"M":{}},"c":{"L":[{"L":[{"N":"1"}]},{"M":{"x":{"S":"y"}}}]}}"#,
        r#"{"a":[],"b":{},"c":[[1],{"x":"y"}]}"#,
    );
    check(
        r#"{"a":{"SS":["x","y"]},"b":{"NS":["1","2.0"]},"c":{"BS":["AA=="]},"d":{"SS":[]}}"#,
        r#"{"a":["x","y"],"b":[1,2.0],"c":["AA=="],"d":[]}"#,
    );
}

#[test]
fn text_keeps_its_escapes_and_numbers_their_digits() {
    check(
        r#"{"ü\"\n":{"S":"日本 \u00e9 \\ \" 🎵"}}"#,
        r#"{"ü\"\n":"日本 \u00e9 \\ \" 🎵"}"#,
    );
    check(
        r#"{"S":{"S":"S"},"N":{"M":{"N":{"N":"1"}}}}"#,
        r#"{"S":"S","N":{"N":1}}"#,
    );
    for digits in [
        "0",
        "-0.50",
        "1E+2",
        "1e-130",
        "12345678901234567890123456789012345678",
        "0.00000000000000000000000000000000000001",
    ] {
        check(
            &format!(r#"{{"n":{{"N":"{digits}"}}}}"#),
            &format!(r#"{{"n":{digits}}}"#),
        );
    }
}

#[test]
fn what_is_not_dynamodb_json_is_refused() {
    check(r#"{"a":"x"}"#, "error expected an object of one type");
    check(r#"{"a":{}}"#, "error without a type");
    check(r#"{"a":{"X":1}}"#, "error unknown variant `X`");
    check(r#"{"a":{"S":"x","N":"1"}}"#, "error of two types");
    check(r#"{"a":{"S":1}}"#, "error expected text, found 1");
    check(r#"{"a":{"N":1}}"#, "error expected a number as text");
    for digits in [
        "", "x", "01", ".5", "5.", "1e", "+1", "NaN", "1,2", "-", r"1\",
    ] {
        check(&format!(r#"{{"n":{{"N":"{digits}"}}}}"#), "error ");
    }
    check(r#"{"a":{"S":"x"}"#, "error EOF");
}

#[test]
fn nesting_goes_as_deep_as_dynamodbs() {
    let levels = 32;
    let item = format!(
        r#"{{"a":{}{{"N":"1"}}{}}}"#,
        r#"{"L":["#.repeat(levels),
        "]}".repeat(levels)
    );
    check(
        &item,
        &format!(r#"{{"a":{}1{}}}"#, "[".repeat(levels), "]".repeat(levels)),
    );
    check(&r#"{"a":{"M":"#.repeat(10_000), "error recursion limit");
}

#[test]
fn pages_are_read() {
    let page = Page::parse(
        r#"{"Count":1,"Items":[{"a":{"N":"1"}}],"LastEvaluatedKey":{"a": {"N":"1E+2"}},
            "ScannedCount":7,"ConsumedCapacity":{"TableName":"t","CapacityUnits":0.5}}"#,
    )
    .unwrap();
    assert_eq!(page.items, [Document(r#"{"a":1}"#.to_owned())]);
    assert_eq!(
        page.last_evaluated_key.unwrap().get(),
        r#"{"a": {"N":"1E+2"}}"#
    );
    assert_eq!((page.count, page.scanned_count), (1, 7));
    assert!((page.capacity() - 0.5).abs() < f64::EPSILON);
    let page = Page::parse(r#"{"Count":3,"ScannedCount":3}"#).unwrap();
    assert!(page.items.is_empty() && page.last_evaluated_key.is_none());
    assert_eq!((page.count, page.capacity().to_bits()), (3, 0));
    assert!(Page::parse("").is_err());
}
