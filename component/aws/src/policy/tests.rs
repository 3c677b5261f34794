//! Operations and bodies → admitted, or refused with a reason.

use super::*;
use std::error::Error;

fn policy() -> Tables {
    Tables::Only(["tracks", "other"].map(str::to_owned).into())
}

fn with_cause(refusal: &PolicyViolation) -> String {
    match refusal.source() {
        Some(cause) => format!("{refusal}: {cause}"),
        None => refusal.to_string(),
    }
}

#[test]
fn admits_five_operations_on_configured_tables() {
    let policy = policy();
    let check = |operation: &str, body: &str, refused: Option<&str>| {
        let said = policy
            .admit(operation, body)
            .err()
            .map(|refusal| with_cause(&refusal));
        match (said.as_deref(), refused) {
            (None, None) => {}
            (Some(said), Some(expected)) if said.contains(expected) => {}
            _ => unreachable!("{operation} {body}: {said:?}"),
        }
    };
    let tracks = r#"{"TableName":"tracks","Item":{"TableName":{"S":"secret"}}}"#;
    for operation in ["DescribeTable", "PutItem", "Scan", "Query"] {
        check(operation, tracks, None);
        check(
            operation,
            r#"{"TableName":"secret"}"#,
            Some(r#"table "secret""#),
        );
        check(operation, r#"{"TableName":"tr\u0061cks"}"#, None);
        check(
            operation,
            r#"{"TableName":"Tracks"}"#,
            Some(r#"table "Tracks""#),
        );
        check(
            operation,
            r#"{"TableName":"tracks","TableName":"secret"}"#,
            Some("duplicate"),
        );
        check(
            operation,
            r#"{"TableName":"tracks","T\u0061bleName":"x"}"#,
            Some("duplicate"),
        );
        check(operation, "{}", Some("missing field"));
        check(operation, r#"{"TableName":null}"#, Some("can't judge"));
        check(
            operation,
            r#"{"TableName":["tracks"]}"#,
            Some("can't judge"),
        );
        check(
            operation,
            r#"{"TableName":"tracks"}{"TableName":"secret"}"#,
            Some("should be the end"),
        );
        check(operation, "", Some("can't judge"));
        check(operation, "[]", Some("can't judge"));
        check(operation, r#" ["tracks"]"#, Some("not an object"));
    }
    let arn = r#"{"TableName":"arn:aws:dynamodb:us-east-1:1:table/tracks"}"#;
    check("Scan", arn, Some("arn:aws"));
    for operation in [
        "DeleteItem",
        "DeleteTable",
        "scan",
        "",
        "ExecuteStatement",
        "UpdateItem",
    ] {
        check(
            operation,
            tracks,
            Some("policy refuses the DynamoDB operation"),
        );
    }
}

#[test]
fn batches_put_into_configured_tables_only() {
    let policy = policy();
    let check = |items: &str, admitted: bool| {
        let body = format!(r#"{{"RequestItems":{items}}}"#);
        assert_eq!(
            policy.admit("BatchWriteItem", &body).is_ok(),
            admitted,
            "{body}"
        );
    };
    let put = r#"[{"PutRequest":{"Item":{"id":{"S":"1"}}}}]"#;
    check(&format!(r#"{{"tracks":{put}}}"#), true);
    check(&format!(r#"{{"tracks":{put},"other":{put}}}"#), true);
    // Where a put ends is what every reader says.
    let comment = r#"[{"PutRequest":{"Item":{"id":{"S":/*"*/"1"}}}}]"#;
    check(&format!(r#"{{"tracks":{comment}}}"#), false);
    let string = r#"[{"PutRequest":{"Item":{"id":{"S":"}}}]},\"\\"}}}}]"#;
    check(&format!(r#"{{"tracks":{string}}}"#), true);
    check(
        &format!(r#"{{"tracks":{string},"secret":{string}}}"#),
        false,
    );
    check(&format!(r#"{{"tracks":{put},"secret":{put}}}"#), false);
    check(&format!(r#"{{"tracks":{put},"tracks":{put}}}"#), false);
    check(
        &format!(r#"{{"arn:aws:dynamodb:us-east-1:1:table/tracks":{put}}}"#),
        false,
    );
    check(
        r#"{"tracks":[{"DeleteRequest":{"Key":{"id":{"S":"1"}}}}]}"#,
        false,
    );
    check(
        r#"{"tracks":[{"PutRequest":{},"DeleteRequest":{}}]}"#,
        false,
    );
    check(r#"{"tracks":[[{"Item":{}}]]}"#, false);
    check(r#"{"tracks":[{"PutRequest":{},"PutRequest":{}}]}"#, false);
    check(r#"{"tracks":["PutRequest"]}"#, false);
    check(r#"{"tracks":[{}]}"#, false);
    check("{}", false);
    check("[]", false);
    let list = format!(r#"[{{"tracks":{put}}}]"#);
    assert!(policy.admit("BatchWriteItem", &list).is_err());
    let twice = format!(r#"{{"RequestItems":{{"tracks":{put}}},"RequestItems":{{}}}}"#);
    assert!(policy.admit("BatchWriteItem", &twice).is_err());
    assert!(
        policy
            .admit("BatchWriteItem", r#"{"TableName":"tracks"}"#)
            .is_err()
    );
}

#[test]
fn all_tables_where_none_is_named() {
    let check = |operation: &str, body: &str, admitted: bool| {
        let refused = Tables::All.admit(operation, body).is_err();
        assert_eq!(!refused, admitted, "{operation} {body}");
    };
    check("Scan", r#"{"TableName":"any"}"#, true);
    check("Scan", "{}", false);
    check("DeleteTable", r#"{"TableName":"any"}"#, false);
}
