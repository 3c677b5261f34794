//! Bodies, and what is said of mistakes.

use super::*;
use rowcast_pipeline::json::{text, texts};
use serde::Deserialize;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fruit {
    apple: String,
    berries: Option<Vec<u32>>,
    #[serde(rename = "date/~")]
    date: Option<Box<Fruit>>,
    number: Option<u64>,
}

fn fruit(apple: &str, berries: Option<Vec<u32>>) -> Fruit {
    Fruit {
        apple: apple.to_owned(),
        berries,
        date: None,
        number: None,
    }
}

/// The message, with the hint in brackets.
fn refuses(body: &[u8], expected: &str) {
    let mistake = match read::<Fruit>(body) {
        Err(mistake) => mistake,
        Ok(read) => panic!("{read:?}"),
    };
    let hint = mistake.hint().map(|hint| format!(" [{hint}]"));
    assert_eq!(format!("{mistake}{}", hint.unwrap_or_default()), expected);
}

#[test]
fn members_are_read_or_left_out() {
    let check = |body: &str, expected: Fruit| {
        assert_eq!(read::<Fruit>(body.as_bytes()).unwrap(), expected, "{body}");
    };
    check(r#"{"apple":"a"}"#, fruit("a", None));
    check(
        "\n { \"berries\" : [ 1 , 4294967295 ], \"apple\":\"\\u00e9\" }\t",
        fruit("é", Some(vec![1, u32::MAX])),
    );
    check(
        r#"{"\u0061pple":"escaped","date/~":null}"#,
        fruit("escaped", None),
    );
    let most = r#"{"apple":"\ud83c\udf27","date/~":{"apple":""},"number":18446744073709551615}"#;
    let expected = Fruit {
        date: Some(Box::new(fruit("", None))),
        number: Some(u64::MAX),
        ..fruit("🌧", None)
    };
    check(most, expected);
}

#[test]
fn bodies_that_are_no_object_are_refused() {
    refuses(b"", "the body is empty, expected a JSON object");
    refuses(b" \n", "the body is empty, expected a JSON object");
    refuses(b"[]", "the body is a list, expected an object");
    refuses(b"\"secret\"", "the body is a string, expected an object");
    refuses(b"null", "the body is null, expected an object");
    refuses(b"-1.5", "the body is a number, expected an object");
    refuses(b"{\"a\":\"\xff\"}", "the body is not UTF-8 from byte 6");
    refuses(
        br#"{"apple":"secret" "berries":[]}"#,
        "the body is not JSON: expected `,` or `}` at line 1 column 19",
    );
    refuses(
        br#"{"apple":"secret"} x"#,
        "the body is not JSON: trailing characters at line 1 column 20",
    );
    refuses(
        br#"{"apple":"#,
        "the body is not JSON: EOF while parsing a value at line 1 column 9",
    );
}

#[test]
fn members_that_are_wrong_are_named() {
    refuses(b"{}", "`/apple` is missing");
    refuses(br#"{"date/~":{}}"#, "`/date~1~0/apple` is missing");
    refuses(br#"{"apple":5}"#, "`/apple` is a number, expected a string");
    refuses(br#"{"apple":null}"#, "`/apple` is null, expected a string");
    refuses(br#"{"apple":"x","apple":"y"}"#, "`/apple` is there twice");
    refuses(
        br#"{"apple":"","berries":{}}"#,
        "`/berries` is an object, expected a list",
    );
    refuses(
        br#"{"apple":"","berries":[1,"2, expected 3 at line 4"]}"#,
        "`/berries/1` is a string, expected a whole number from 0 to 4294967295",
    );
    for wrong in ["4294967296", "-1", "1.0", "1e0"] {
        refuses(
            format!(r#"{{"apple":"","berries":[{wrong}]}}"#).as_bytes(),
            "`/berries/0` must be a whole number from 0 to 4294967295",
        );
    }
    refuses(
        br#"{"apple":"","date/~":"yes"}"#,
        "`/date~1~0` is a string, expected an object",
    );
}

#[test]
fn members_that_are_unknown_are_named() {
    let known = "[known here: `apple`, `berries`, `date/~`, `number`]";
    refuses(
        br#"{"apple":"","zzz":1,"yyy":1}"#,
        &format!("`/zzz` is not known {known}"),
    );
    refuses(
        br#"{"aple":"x"}"#,
        "`/aple` is not known [did you mean `apple`?]",
    );
    refuses(
        br#"{"apple":"","berrys":1}"#,
        "`/berrys` is not known [did you mean `berries`?]",
    );
    refuses(
        br#"{"apple":"","`, expected `zzz":1}"#,
        &format!("`/`, expected `zzz` is not known {known}"),
    );
    let long = "x".repeat(1_000_000);
    let shown = "x".repeat(64);
    refuses(
        format!(r#"{{"apple":"","{long}":1}}"#).as_bytes(),
        &format!("`/{shown}…` is not known {known}"),
    );
}

/// JSON's grammar has them; text doesn't.
#[test]
fn halves_of_characters_are_named() {
    let half = "has half a character, a surrogate without its other half";
    refuses(br#"{"apple":"\ud83d"}"#, &format!("`/apple` {half}"));
    refuses(
        br#"{"apple":"","date/~":{"apple":"\udf27x"}}"#,
        &format!("`/date~1~0/apple` {half}"),
    );
    refuses(br#"{"a\ud83d":1}"#, &format!("the body {half}"));
}

#[derive(Debug, Deserialize)]
struct Basket {
    #[serde(deserialize_with = "text")]
    settings: String,
    #[serde(deserialize_with = "texts")]
    documents: Vec<String>,
}

#[test]
fn documents_stay_as_they_are_written() {
    let body = r#"{"settings":{ "a" : 1.0},"documents": [ {"n": 1.10, "d":1e400 , "n":{"a\u0041":[]}}, 5 ]}"#;
    let read: Basket = read(body.as_bytes()).unwrap();
    assert_eq!(read.settings, r#"{ "a" : 1.0}"#);
    let documents = [r#"{"n": 1.10, "d":1e400 , "n":{"a\u0041":[]}}"#, "5"];
    assert_eq!(read.documents, documents);
}

/// As deep as a body can be: nothing here may recurse by its depth.
#[test]
fn depth_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let body = format!(r#"{{"settings":{deep},"documents":[{deep}]}}"#);
    let read: Basket = read(body.as_bytes()).unwrap();
    assert_eq!((read.settings, read.documents.len()), (deep, 1));
}
