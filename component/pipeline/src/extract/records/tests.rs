//! Bodies and what is cut out of them.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
use super::*;

fn check_requiring(require: &[&str], pointer: &str, body: &[u8], expected: &str) {
    let pointer = Pointer::parse(pointer).unwrap();
    let require: Vec<_> = require
        .iter()
        .map(|text| Pointer::parse(text).unwrap())
        .collect();
    let mut index = Index::default();
    let bytes = Bytes::new(body.to_vec());
    let shown = match text_of(&bytes).and_then(|text| parse(&mut index, text)) {
        Ok(root) if reports_error(root, &pointer, &require) => {
            format!("an error: {}", Words::of(root).line().unwrap_or_default())
        }
        Ok(root) => match records(root, &pointer) {
            Ok(records) => {
                let texts: Vec<_> = records.iter().map(|record| record.text()).collect();
                texts.join(" | ")
            }
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    assert_eq!(shown, expected, "{}", String::from_utf8_lossy(body));
}

fn check(pointer: &str, body: &str, expected: &str) {
    check_requiring(&[], pointer, body.as_bytes(), expected);
}

#[test]
fn records_are_slices_of_the_body() {
    check(
        "/t",
        r#"{"t":[{"a":1.0},{ "b" : 2 }]}"#,
        r#"{"a":1.0} | { "b" : 2 }"#,
    );
    check("/t", r#"{"t":{"a":1}}"#, r#"{"a":1}"#);
    check("/t", r#"{"t":[]}"#, "");
    check("", "[1,2]", "1 | 2");
    check("", " {\"a\":1}\n", r#"{"a":1}"#);
    check("", "\u{feff}[]", "");
    check("/t", r#"{"error":null,"errors":[],"t":[1]}"#, "1");
    check("/t", r#"{"error":"","t":[1]}"#, "1");
    check("/t", r#"{"error":false,"t":[1]}"#, "1");
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    check("/t", &format!(r#"{{"t":[{deep}]}}"#), &deep);
}

#[test]
fn other_bodies_say_what_they_are() {
    check("/t", "", "the body is empty");
    check("/t", " \n", "the body is empty");
    check(
        "/t",
        r#"{"t":[{"a":1},{"#,
        "the body ends before its JSON does, after 15 bytes; it starts with: {\"t\":[{\"a\":1},{",
    );
    check(
        "/t",
        "<html>\n<b>Sorry",
        "the body is not JSON; it starts with: <html> <b>Sorry",
    );
    check(
        "/t",
        r#"{"t":[]} x"#,
        "the body is not JSON from line 1, column 10 on: x",
    );
    check(
        "/t",
        r#"{"t":[{"v":1},{"v":NaN}]}"#,
        "the body is not JSON from line 1, column 20 on: NaN}]}",
    );
    check(
        "/t",
        "{\"t\":[{\"v\":1}\n,\n  {\"v\":tru}]}",
        "the body is not JSON from line 3, column 11 on: }]}",
    );
    check("/t", "[1]", "the body has nothing at `/t`; it is an array");
    check(
        "/t",
        "{}",
        "the body has nothing at `/t`; it is an empty object",
    );
    check(
        "/t",
        r#"{"u":1,"v":2}"#,
        "the body has nothing at `/t`; its members are `u`, `v`",
    );
    check(
        "/t",
        r#"{"error":6,"message":"No such artist"}"#,
        "the body has nothing at `/t`; its members are `error`, `message`, and says: No such artist",
    );
    let null = "the body has null at `/t`, neither an array of records nor a record; if that means \
                none: rules = [{ when = { body = { pointer = \"/t\", type = \"null\" } }, then = \
                \"nothing\" }]";
    check("/t", r#"{"t":null}"#, null);
    check("/t", r#"{"error":{"message":"no"}}"#, "an error: no");
    check(
        "/t",
        r#"{"errors":[{"message":"no"}],"t":[1]}"#,
        "an error: no",
    );
    check("", r#"{"error":"gone"}"#, "an error: gone");
    check_requiring(
        &["/id"],
        "",
        br#"{"id":1,"error":"gone"}"#,
        r#"{"id":1,"error":"gone"}"#,
    );
    check_requiring(&["/id"], "", br#"{"error":"gone"}"#, "an error: gone");
    check_requiring(&[], "", b"\"\xff\"", "the body is not UTF-8 text");
    check_requiring(
        &[],
        "",
        b"\"\xc3",
        "the body ends before its JSON does, after 2 bytes; it starts with: \"\u{fffd}",
    );
}

#[test]
fn errors_that_say_nothing_are_none() {
    for nothing in [
        r#"{"error":{"code":0,"message":"success"},"t":[]}"#,
        r#"{"error":{"status":"ok","message":"fine"},"t":[]}"#,
        r#"{"error":{"message":null},"t":[]}"#,
        r#"{"error":{"code":null,"message":"","details":[]},"t":[]}"#,
        r#"{"error":{},"errors":{},"t":[]}"#,
        r#"{"errors":{"id":[]},"t":[]}"#,
        r#"{"errors":{"count":3},"t":[]}"#,
        r#"{"errors":null,"t":[]}"#,
        r#"{"errors":3,"t":[]}"#,
    ] {
        check("/t", nothing, "");
    }
    for something in [
        r#"{"error":{"code":7},"t":[]}"#,
        r#"{"error":{"message":"no"},"t":[]}"#,
        r#"{"errors":{"id":["is invalid"]},"t":[]}"#,
        r#"{"errors":{"id":"is invalid"},"t":[]}"#,
        r#"{"errors":["no"],"t":[]}"#,
    ] {
        let mut index = Index::default();
        let root = parse(&mut index, something).unwrap();
        let pointer = Pointer::parse("/t").unwrap();
        assert!(reports_error(root, &pointer, &[]), "{something}");
    }
}

#[test]
fn error_bodies_have_words() {
    let says = |body: &str, expected: Option<&str>| {
        assert_eq!(
            parse(&mut Index::default(), body)
                .map(Words::of)
                .unwrap_or_default()
                .line()
                .as_deref(),
            expected,
            "{body}"
        );
    };
    says(
        r#"{"error":{"status":429,"message":"Too many","reason":"QUOTA_EXCEEDED"}}"#,
        Some("QUOTA_EXCEEDED: Too many"),
    );
    says(
        r#"{"error":"invalid_client","error_description":"Bad secret"}"#,
        Some("invalid_client: Bad secret"),
    );
    says(
        r#"{"type":"about:blank","title":"Gone","detail":"Was moved"}"#,
        Some("Was moved"),
    );
    says(r#"{"errors":[{"code":7,"title":"No"}]}"#, Some("7: No"));
    says(r#"{"errors":["No"]}"#, Some("No"));
    says(r#"{"message":"No\u001b[2J"}"#, Some("No [2J"));
    says("<html>", None);
    says("[]", None);
    says("", None);
}
