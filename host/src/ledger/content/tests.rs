//! Tables of documents that are the same to DynamoDB, and that are not.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;

fn keys(kind: KeyType) -> Keys {
    Keys {
        partition: Key {
            name: "k".into(),
            kind,
        },
        sort: None,
    }
}

fn of(document: &str, kind: KeyType) -> Option<Entry> {
    of_document(document, &keys(kind), Hash::of(&["table"]))
}

#[test]
fn contents() {
    fn check(left: &str, right: &str, same: bool) {
        let [left, right] = [left, right]
            .map(|rest| of(&format!("{{\"k\":\"1\",{rest}}}"), KeyType::Text).unwrap());
        assert_eq!(left.key, right.key);
        assert_eq!(left.content == right.content, same, "{left:?} {right:?}");
    }
    check(
        r#""a":1,"b":{"c":2,"d":3}"#,
        r#""b":{"d":3, "c":2},"a":1"#,
        true,
    );
    check(r#""a":[1,2]"#, r#""a":[2,1]"#, false);
    check(r#""a":1"#, r#""a":"1""#, false);
    check(r#""a":null"#, r#""b":null"#, false);
    check(r#""a":null"#, r#""a":false"#, false);
    check(r#""a":[]"#, r#""a":{}"#, false);
    check(r#""a":"","b":"xy""#, r#""a":"x","b":"y""#, false);
    check(r#""a":["x","y"]"#, r#""a":["xy",""]"#, false);
    check(r#""a":"é""#, r#""a":"\u00e9""#, true);
    for (left, right, same) in [
        ("1", "1.0", true),
        ("1", "1e0", true),
        ("100", "1E+2", true),
        ("0.10", "1e-1", true),
        ("-0", "0.00e7", true),
        ("-1", "1", false),
        ("1", "10", false),
        ("0.1", "0.01", false),
        ("123456789012345678901", "123456789012345678902", false),
        ("1.5e2", "150", true),
    ] {
        check(&format!("\"a\":{left}"), &format!("\"a\":{right}"), same);
    }
}

#[test]
fn document_keys() {
    fn check(kind: KeyType, left: &str, right: &str, expected: Option<bool>) {
        let [left, right] = [left, right].map(|value| of(&format!("{{\"k\":{value}}}"), kind));
        let same = left.zip(right).map(|(left, right)| left.key == right.key);
        assert_eq!(same, expected);
    }
    check(KeyType::Text, "\"a\"", "\"a\"", Some(true));
    check(KeyType::Text, "\"a\"", "\"b\"", Some(false));
    check(KeyType::Text, "\"a\"", "1", None);
    check(KeyType::Number, "1.0", "1", Some(true));
    check(KeyType::Number, "1", "2", Some(false));
    check(KeyType::Number, "1", "\"1\"", None);
    check(KeyType::Bytes, "\"AAE=\"", "\"AAE=\"", Some(true));
    check(KeyType::Bytes, "\"AAE=\"", "\"!\"", None);
    assert_eq!(of("[1]", KeyType::Text), None);
    let other = of_document("{\"k\":\"a\"}", &keys(KeyType::Text), Hash::of(&["other"])).unwrap();
    assert_ne!(of("{\"k\":\"a\"}", KeyType::Text).unwrap().key, other.key);
}

#[test]
fn items() {
    fn check(kind: KeyType, document: &str, item: &str, same: bool) {
        let item = serde_json::from_str(item).unwrap();
        let item = of_item(&item, &keys(kind), Hash::of(&["table"]));
        assert_eq!(item == of(document, kind), same, "{document}");
    }
    check(
        KeyType::Text,
        r#"{"k":"a","n":1.50,"l":[true,null,{"x":"y"}]}"#,
        r#"{"l":{"L":[{"BOOL":true},{"NULL":true},{"M":{"x":{"S":"y"}}}]},"n":{"N":"1.5"},"k":{"S":"a"}}"#,
        true,
    );
    check(
        KeyType::Bytes,
        r#"{"k":"AAE="}"#,
        r#"{"k":{"B":"AAE="}}"#,
        true,
    );
    check(
        KeyType::Text,
        r#"{"k":"a","s":["x"]}"#,
        r#"{"k":{"S":"a"},"s":{"SS":["x"]}}"#,
        false,
    );
    check(
        KeyType::Text,
        r#"{"k":"a","b":"AA=="}"#,
        r#"{"k":{"S":"a"},"b":{"B":"AA=="}}"#,
        false,
    );
}

#[test]
fn capacity_is_a_unit_per_kilobyte_begun() {
    for (length, expected) in [(1, 1.0), (1000, 1.0), (1100, 2.0), (10_000, 10.0)] {
        let document = format!("{{\"k\":\"a\",\"v\":\"{}\"}}", "x".repeat(length));
        assert!((of(&document, KeyType::Text).unwrap().capacity - expected).abs() < 0.1);
    }
}

#[test]
fn a_hash_is_read_back() {
    let hash = Hash::of(&["a", "b"]);
    assert_eq!(Hash::parse(&hash.to_string()), Some(hash));
    assert_eq!(Hash::parse("12"), None);
    assert_ne!(hash, Hash::of(&["ab"]));
}
