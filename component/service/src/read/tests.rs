//! Values, and what is said of mistakes.

use super::*;

/// `a` is needed, `b` a list of numbers, `c` a variant.
fn read(body: Value<'_>) -> Result<(String, Vec<u32>, u64, Option<bool>), Mistake> {
    let mut object = body.object()?;
    let read = (
        object.needed("apple", Value::text)?,
        object.or("berries", vec![7], |value| value.list(Value::u32))?,
        object.or("cherry", 0, |value| {
            value.case([("none", Case::Alone(1)), ("some", Case::Of(Value::u64))])
        })?,
        object.optional("date/~", Value::boolean)?,
    );
    object.end().map(|()| read)
}

fn reads(body: &str, expected: (&str, &[u32], u64, Option<bool>)) {
    let (apple, berries, cherry, date) = read(Value::parse(body.as_bytes()).unwrap()).unwrap();
    assert_eq!((apple.as_str(), berries.as_slice(), cherry, date), expected);
}

/// The message, with the hint in brackets.
fn refuses(body: &[u8], expected: &str) {
    let mistake = match Value::parse(body).and_then(read) {
        Err(mistake) => mistake,
        Ok(read) => panic!("{read:?}"),
    };
    let hint = mistake.hint().map(|hint| format!(" [{hint}]"));
    assert_eq!(format!("{mistake}{}", hint.unwrap_or_default()), expected);
}

#[test]
fn members_are_read_or_left_out() {
    reads(r#"{"apple":"a"}"#, ("a", &[7], 0, None));
    reads(
        "\n { \"cherry\" : \"none\", \"apple\":\"\\u00e9\", \"berries\" : [ 1 , 4294967295 ] }\t",
        ("é", &[1, u32::MAX], 1, None),
    );
    reads(
        r#"{"apple":"","berries":[],"cherry":{"some":18446744073709551615},"date/~":true}"#,
        ("", &[], u64::MAX, Some(true)),
    );
    reads(r#"{"apple":"","date/~":null}"#, ("", &[7], 0, None));
    reads(r#"{"\u0061pple":"escaped"}"#, ("escaped", &[7], 0, None));
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
    refuses(
        br#"{"aple":"x"}"#,
        "`/apple` is missing [is `aple` meant to be `apple`?]",
    );
    refuses(br#"{"apple":5}"#, "`/apple` is a number, expected a string");
    refuses(br#"{"apple":null}"#, "`/apple` is null, expected a string");
    refuses(br#"{"apple":"x","apple":"y"}"#, "`/apple` is there twice");
    refuses(
        br#"{"apple":"","berries":null}"#,
        "`/berries` is null, expected a list",
    );
    refuses(
        br#"{"apple":"","berries":[1,"2"]}"#,
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
        "`/date~1~0` is a string, expected true or false",
    );
}

#[test]
fn members_that_are_unknown_are_named() {
    refuses(
        br#"{"apple":"","bery":1,"berry":1}"#,
        "`/bery` is not known [known here: `apple`, `berries`, `cherry`, `date/~`]",
    );
    refuses(
        br#"{"apple":"","berrys":1}"#,
        "`/berrys` is not known [did you mean `berries`?]",
    );
    let long = "x".repeat(1_000_000);
    let shown = "x".repeat(64);
    refuses(
        format!(r#"{{"apple":"","{long}":1}}"#).as_bytes(),
        &format!("`/{shown}…` is not known [known here: `apple`, `berries`, `cherry`, `date/~`]"),
    );
}

/// JSON's grammar has them; text doesn't.
#[test]
fn halves_of_characters_are_named() {
    let half = "has half a character, a surrogate without its other half";
    let check = |body: &str, place: &str| {
        refuses(body.as_bytes(), &format!("{place} {half}"));
    };
    check(r#"{"apple":"\ud83d"}"#, "`/apple`");
    check(r#"{"apple":"","cherry":"\udf27x"}"#, "`/cherry`");
    check(r#"{"a\ud83d":1}"#, "the body has a member whose name");
    check(
        r#"{"apple":"","cherry":{"\ud83d":1}}"#,
        "`/cherry` has a member whose name",
    );
    reads(r#"{"apple":"\ud83c\udf27"}"#, ("🌧", &[7], 0, None));
}

/// A case that is not known is not repeated: it may be a secret.
#[test]
fn cases_that_are_wrong_are_explained() {
    let check = |cherry: &str, expected: &str| {
        refuses(
            format!(r#"{{"apple":"","cherry":{cherry}}}"#).as_bytes(),
            expected,
        );
    };
    check(r#""s3cr3t""#, "`/cherry` is none of `none`, `some`");
    check(
        r#""nome""#,
        "`/cherry` is none of `none`, `some` [did you mean \"none\"?]",
    );
    check(r#"{"s3cr3t":1}"#, "`/cherry` is none of `none`, `some`");
    check(
        r#""some""#,
        "`/cherry` must be an object, {\"some\": …}, for this case has a value",
    );
    check(
        r#"{"none":{}}"#,
        "`/cherry` must be the string \"none\", a case without a value",
    );
    let one = "`/cherry` must have exactly one member, the case's name";
    check("{}", one);
    check(r#"{"none":1,"some":2}"#, one);
    check(
        "5",
        "`/cherry` is a number, expected a case's name, or an object with it as its only member",
    );
    check(
        r#"{"some":"s3cr3t"}"#,
        "`/cherry/some` is a string, expected a whole number from 0 to 18446744073709551615",
    );
}

#[test]
fn documents_stay_as_they_are_written() {
    let body = r#"[ {"n": 1.10, "d":1e400 , "n":{"a\u0041":[]}}, 5 ]"#;
    let documents = Value::parse(body.as_bytes())
        .unwrap()
        .list(|document| Ok(document.document()))
        .unwrap();
    assert_eq!(
        documents,
        [r#"{"n": 1.10, "d":1e400 , "n":{"a\u0041":[]}}"#, "5"]
    );
}

/// As deep as a body can be: nothing here may recurse by its depth.
#[test]
fn depth_costs_no_stack() {
    let deep = format!("[{}{}]", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let read = Value::parse(deep.as_bytes()).and_then(|value| value.list(|it| Ok(it.document())));
    assert_eq!(read.unwrap().len(), 1);
}
