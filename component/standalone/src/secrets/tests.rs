//! References, where they may stand, and what becomes of them.

use super::*;

const ENVIRONMENT: [(&str, &str); 5] = [
    ("ROWCAST_ALLOW", "https://api.example.com"),
    ("ROWCAST_SECRET_ID", "client"),
    ("ROWCAST_SECRET_KEY_2", "s{cret}"),
    ("ROWCAST_SECRET_EMPTY", ""),
    ("AWS_SECRET_ACCESS_KEY", "hunter2"),
];

fn variable(name: &str) -> Option<&'static str> {
    let found = ENVIRONMENT.iter().find(|(key, _)| *key == name);
    found.map(|(_, value)| *value)
}

/// A source's settings with that `auth` and that header.
fn source(auth: &str, header: &str) -> String {
    format!(
        r#"{{"url":"https://api.example.com/${{ROWCAST_SECRET_ID}}","attributes":{{"a":"${{ROWCAST_SECRET_ID}}"}},"auth":{auth},"headers":{{"x-api-key":"{header}"}},"max_body_bytes":18446744073709551615}}"#
    )
}

fn bearer(token: &str) -> String {
    source(&format!(r#"{{"type":"bearer","token":"{token}"}}"#), "x")
}

#[test]
fn replaces_whole_credentials_and_nothing_else() {
    let check = |before: &str, after: &str| {
        assert_eq!(
            resolve(&source(before, "x"), variable),
            Ok(source(after, "x"))
        );
    };
    check(r#"{"type":"none"}"#, r#"{"type":"none"}"#);
    let token = |token: &str| format!(r#"{{"type":"bearer","token":"{token}"}}"#);
    check(&token("${ROWCAST_SECRET_KEY_2}"), &token("s{cret}"));
    for untouched in ["abc", "Token ${ROWCAST_SECRET_ID}"] {
        check(&token(untouched), &token(untouched));
    }
    let basic = |username: &str, password: &str| {
        format!(r#"{{"type":"basic","username":"{username}","password":"{password}"}}"#)
    };
    check(
        &basic("${ROWCAST_SECRET_ID}", "${ROWCAST_SECRET_KEY_2}"),
        &basic("client", "s{cret}"),
    );
    let client = |id: &str, secret: &str| {
        format!(
            r#"{{"type":"client-credentials","token_url":"${{ROWCAST_SECRET_ID}}","client_id":"{id}","client_secret":"{secret}","scope":"${{ROWCAST_SECRET_ID}}"}}"#
        )
    };
    check(
        &client("${ROWCAST_SECRET_ID}", "${ROWCAST_SECRET_KEY_2}"),
        &client("client", "s{cret}"),
    );
    // Steps have credentials of their own.
    let step = |token: &str| format!(r#"{{"then":[{},{}]}}"#, bearer("abc"), bearer(token));
    assert_eq!(
        resolve(&step("${ROWCAST_SECRET_KEY_2}"), variable),
        Ok(step("s{cret}"))
    );
    // What can't be read is the next component's to refuse.
    assert_eq!(resolve("{", variable), Ok("{".to_owned()));
}

#[test]
fn replaces_whole_headers_as_templates() {
    let check = |before: &str, after: &str| {
        let with = |value: &str| source("{}", value);
        assert_eq!(resolve(&with(before), variable), Ok(with(after)));
    };
    check("${ROWCAST_SECRET_KEY_2}", "s{{cret}}");
    check("key ${ROWCAST_SECRET_ID}", "key ${ROWCAST_SECRET_ID}");
    // A dollar and a column.
    check("${price}", "${price}");
}

#[test]
fn refuses() {
    let check = |token: &str, expected: &str| {
        let error = resolve(&bearer(token), variable).unwrap_err().to_string();
        assert!(error.contains(expected), "{token}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    };
    check("${ROWCAST_SECRET_GONE}", "which is not set");
    check("${ROWCAST_SECRET_EMPTY}", "which is not set");
    check("${AWS_SECRET_ACCESS_KEY}", "`AWS_SECRET_ACCESS_KEY`");
    check("${ROWCAST_SECRET_}", "begin with ROWCAST_SECRET_");
    check("${ROWCAST_SECRET_a}", "capitals");
    check("${}", "``");
}

#[test]
fn a_secret_needs_a_list_of_origins() {
    let unconfined = |name: &str| variable(name).filter(|_| name != "ROWCAST_ALLOW");
    let error = resolve(&bearer("${ROWCAST_SECRET_ID}"), unconfined).unwrap_err();
    assert!(error.to_string().contains("set it"), "{error}");
    // Where no secret is used, none is needed.
    assert!(resolve(&bearer("abc"), unconfined).is_ok());
    // An empty list allows nothing, so nothing can be sent anywhere.
    let empty = |name: &str| match name {
        "ROWCAST_ALLOW" => Some(""),
        _ => variable(name),
    };
    assert_eq!(
        resolve(&bearer("${ROWCAST_SECRET_ID}"), empty),
        Ok(bearer("client"))
    );
}
