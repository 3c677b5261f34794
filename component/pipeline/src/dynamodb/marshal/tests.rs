//! Documents → items or rejections.

use super::*;
use crate::settings::KeyType;

fn marshal(document: &str, keys: &Keys) -> Result<Item, Rejection> {
    super::marshal(&mut Index::default(), document, keys)
}

fn keys(partition: KeyType, sort: Option<KeyType>) -> Keys {
    Keys {
        partition: KeyAttribute {
            name: "id".to_owned(),
            kind: partition,
        },
        sort: sort.map(|kind| KeyAttribute {
            name: "at".to_owned(),
            kind,
        }),
    }
}

/// `expected` is the item after its key, or `path: part of the reason`.
fn check(members: &str, expected: Result<(&str, usize), (&str, &str)>) {
    let document = format!(r#"{{"id":"k"{members}}}"#);
    match (marshal(&document, &keys(KeyType::Text, None)), expected) {
        (Ok(item), Ok((json, size))) => {
            assert_eq!(
                item.json,
                format!(r#"{{"id":{{"S":"k"}}{json}}}"#),
                "{document}"
            );
            // The key is 3 bytes.
            assert_eq!(item.size, size + 3, "{document}");
        }
        (Err(rejection), Err((path, reason))) => {
            assert_eq!(rejection.path, path, "{document}");
            assert!(
                rejection.reason.contains(reason),
                "{document}: {}",
                rejection.reason
            );
        }
        (got, _) => panic!("{document} gave {got:?}, not {expected:?}"),
    }
}

#[test]
fn every_type_has_its_letter() {
    check("", Ok(("", 0)));
    check(r#","a":"x""#, Ok((r#","a":{"S":"x"}"#, 2)));
    check(r#","a":"""#, Ok((r#","a":{"S":""}"#, 1)));
    check(
        r#","a":"Björk \u00e9 \"q\" \\ \n \u0001 🎵""#,
        Ok((r#","a":{"S":"Björk é \"q\" \\ \n \u0001 🎵"}"#, 25)),
    );
    check(r#","é\"":null"#, Ok((r#","é\"":{"NULL":true}"#, 4)));
    check(
        r#","a":true,"b":false"#,
        Ok((r#","a":{"BOOL":true},"b":{"BOOL":false}"#, 4)),
    );
    check(r#","a":[]"#, Ok((r#","a":{"L":[]}"#, 4)));
    check(r#","a":{}"#, Ok((r#","a":{"M":{}}"#, 4)));
    check(
        r#","a":[1,[null,"x"],{"b":2.50}]"#,
        // 1 + 3 + (1+2) + (1 + 3 + (1+1) + (1+1)) + (1 + 3 + (1+1+3))
        Ok((
            r#","a":{"L":[{"N":"1"},{"L":[{"NULL":true},{"S":"x"}]},{"M":{"b":{"N":"2.50"}}}]}"#,
            23,
        )),
    );
    check(
        r#","a":{"":1,"id":2}"#,
        Ok((r#","a":{"M":{"":{"N":"1"},"id":{"N":"2"}}}"#, 12)),
    );
}

#[test]
fn numbers_keep_their_digits() {
    for digits in [
        "0",
        "-0",
        "1",
        "-1",
        "100000",
        "0.10",
        "-12.340",
        "18446744073709551616",
        "-9223372036854775809",
        "12345678901234567890123456789012345678",
        "0.1e-129",
        "3.141592653589793238462643383279502884",
        "9.99e+125",
        "1e-130",
    ] {
        let json = format!(r#","a":{{"N":"{digits}"}}"#);
        check(
            &format!(r#","a":{digits}"#),
            Ok((&json, 1 + number::size(digits).unwrap())),
        );
    }
    check(r#","a":1E5"#, Ok((r#","a":{"N":"1E5"}"#, 3)));
    check(r#","a":[0,{"b":1E400}]"#, Err(("/a/1/b", "beyond")));
    check(r#","a":0.1e-131"#, Err(("/a", "closer to zero")));
    check(
        &format!(r#","a":{}"#, "1".repeat(39)),
        Err(("/a", "39 significant digits")),
    );
}

#[test]
fn no_name_is_reserved() {
    check(
        r#","a":{"$serde_json::private::Number":"1"}"#,
        Ok((
            r#","a":{"M":{"$serde_json::private::Number":{"S":"1"}}}"#,
            34,
        )),
    );
}

#[test]
fn what_is_wrong_is_pointed_at() {
    check(r#","a":1,"a":2"#, Err(("/a", "two members")));
    check(
        r#","a":{"b":[{"c":1,"c":1}]}"#,
        Err(("/a/b/0/c", "two members")),
    );
    check(
        r#","a":{"x/y":[{"~":1e999}]}"#,
        Err(("/a/x~1y/0/~0", "beyond")),
    );
    check(r#","":1"#, Err(("/", "empty name")));
    check(r#","a":"\ud800""#, Err(("/a", "half of a surrogate pair")));
    check(r#","a":[1,2"#, Err(("/a/2", "not valid JSON")));
    check(r#","a":tru"#, Err(("/a", "not valid JSON")));
    check("} {", Err(("", "not valid JSON: byte 11")));
    let long = "n".repeat(65_536);
    check(
        &format!(r#","{long}":1"#),
        Err((&format!("/{long}"), "65536 bytes")),
    );
    let fine = "n".repeat(65_535);
    check(
        &format!(r#","{fine}":null"#),
        Ok((&format!(r#","{fine}":{{"NULL":true}}"#), 65_536)),
    );
    for document in ["", "[]", "null", "1.5", "\"x\"", "{"] {
        let rejection = marshal(document, &keys(KeyType::Text, None)).unwrap_err();
        assert!(
            rejection.reason.starts_with("the document is not "),
            "{document}: {rejection:?}"
        );
    }
}

#[test]
fn thirty_one_containers_are_the_deepest() {
    let nested = |depth: usize| format!(r#","a":{}1{}"#, "[".repeat(depth), "]".repeat(depth));
    let written = format!(
        r#","a":{}{{"N":"1"}}{}"#,
        r#"{"L":["#.repeat(31),
        "]}".repeat(31)
    );
    check(&nested(31), Ok((&written, 1 + 31 * 4 + 2)));
    let path = format!("/a{}", "/0".repeat(32));
    check(&nested(32), Err((&path, "32 levels")));
    check(&nested(100_000), Err((&path, "32 levels")));
}

#[test]
fn four_hundred_kilobytes_are_the_largest() {
    // 3 for the key, 1 for the name.
    for (length, fine) in [(MAX_ITEM_BYTES - 4, true), (MAX_ITEM_BYTES - 3, false)] {
        let document = format!(r#"{{"id":"k","a":"{}"}}"#, "x".repeat(length));
        let item = marshal(&document, &keys(KeyType::Text, None));
        assert_eq!(item.is_ok(), fine, "{length}");
    }
}

/// `expected` is empty for an item, or `path: part of the reason`.
fn check_key(schema: &Keys, document: &str, expected: &str) {
    match marshal(document, schema) {
        Ok(item) => {
            assert_eq!(expected, "", "{document}");
            // What comes back from DynamoDB is the same key.
            assert_eq!(
                Some(item.key),
                Key::of_item(&item.json, schema),
                "{document}"
            );
        }
        Err(Rejection { path, reason, .. }) => {
            let seen = format!("{path}: {reason}");
            assert!(
                !expected.is_empty() && seen.contains(expected),
                "{document}: {seen}"
            );
        }
    }
}

#[test]
fn keys_are_checked_by_the_schema() {
    let text = keys(KeyType::Text, Some(KeyType::Number));
    check_key(&text, r#"{"at":1.50,"id":"k"}"#, "");
    check_key(
        &text,
        r#"{"id":"k"}"#,
        "/at: the table's sort key `at` is missing",
    );
    check_key(
        &text,
        r#"{"at":1}"#,
        "/id: the table's partition key `id` is missing",
    );
    check_key(
        &text,
        r#"{"id":"","at":1}"#,
        "/id: the table's partition key must not be empty",
    );
    check_key(
        &text,
        r#"{"id":1,"at":1}"#,
        "/id: the table's partition key must be a string (S)",
    );
    check_key(
        &text,
        r#"{"id":1.5,"at":1}"#,
        "/id: the table's partition key must be a string",
    );
    check_key(&text, r#"{"id":null,"at":1}"#, "not null");
    check_key(&text, r#"{"id":true,"at":1}"#, "not a boolean");
    check_key(
        &text,
        r#"{"id":["k"],"at":1}"#,
        "/id: the table's partition key must be a string",
    );
    check_key(&text, r#"{"id":{"S":"k"},"at":1}"#, "not an object");
    check_key(
        &text,
        r#"{"id":"k","at":"1"}"#,
        "/at: the table's sort key must be a number (N)",
    );
    check_key(
        &text,
        r#"{"id":"k","at":1e200}"#,
        "/at: the number is beyond",
    );
    let bytes = keys(KeyType::Bytes, Some(KeyType::Text));
    check_key(&bytes, r#"{"id":"AQI=","at":"x"}"#, "");
    check_key(
        &bytes,
        r#"{"id":"","at":"x"}"#,
        "/id: the table's partition key must not be empty",
    );
    check_key(
        &bytes,
        r#"{"id":"?","at":"x"}"#,
        "/id: the table's partition key must be bytes",
    );
    for (length, expected) in [(2_048, ""), (2_049, "2049 bytes")] {
        let document = format!(r#"{{"id":"{}","at":1}}"#, "x".repeat(length));
        check_key(&text, &document, expected);
    }
    for (length, expected) in [(1_024, ""), (1_025, "1025 bytes")] {
        let document = format!(r#"{{"id":"AQI=","at":"{}"}}"#, "x".repeat(length));
        check_key(&bytes, &document, expected);
    }
}

#[test]
fn a_track_as_spotify_sends_it() {
    let track = r#"{"artist_id":"2CIMQHirSU0MQqyYHq0eOx","id":"k","name":"Ghosts 'n' Stuff – Ünïcode","popularity":63,
      "album":{"images":[{"height":640,"url":"https://i.scdn.co/image/ab","width":640},{"height":null}],"release_date":"2009-09-22"},
      "artists":[{"name":"deadmau5"}],"preview_url":null,"explicit":false,"duration_ms":328120,"external_ids":{"isrc":"GBTDG0900141"}}"#;
    let item = marshal(track, &keys(KeyType::Text, None)).unwrap();
    assert_eq!(
        item.json,
        r#"{"artist_id":{"S":"2CIMQHirSU0MQqyYHq0eOx"},"id":{"S":"k"},"name":{"S":"Ghosts 'n' Stuff – Ünïcode"},"popularity":{"N":"63"},"album":{"M":{"images":{"L":[{"M":{"height":{"N":"640"},"url":{"S":"https://i.scdn.co/image/ab"},"width":{"N":"640"}}},{"M":{"height":{"NULL":true}}}]},"release_date":{"S":"2009-09-22"}}},"artists":{"L":[{"M":{"name":{"S":"deadmau5"}}}]},"preview_url":{"NULL":true},"explicit":{"BOOL":false},"duration_ms":{"N":"328120"},"external_ids":{"M":{"isrc":{"S":"GBTDG0900141"}}}}"#
    );
    assert_eq!(item.key.partition, KeyValue::Text("k".to_owned()));
}
