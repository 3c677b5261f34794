//! Requests of the component → admitted, or refused with a reason.

use super::*;

fn policy() -> Policy {
    Policy {
        tables: ["tracks", "other"].map(str::to_owned).into(),
    }
}

#[test]
fn admits_five_operations_on_configured_tables() {
    let policy = policy();
    let check = |operation: &str, body: &str, refused: Option<&str>| {
        let said = policy
            .admit(operation, body)
            .err()
            .map(|denial| denial.to_string());
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
            Some("trailing"),
        );
        check(operation, "", Some("can't judge"));
        check(operation, "[]", Some("can't judge"));
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
    check("{}", false);
    check("[]", false);
    let twice = format!(r#"{{"RequestItems":{{"tracks":{put}}},"RequestItems":{{}}}}"#);
    assert!(policy.admit("BatchWriteItem", &twice).is_err());
    assert!(
        policy
            .admit("BatchWriteItem", r#"{"TableName":"tracks"}"#)
            .is_err()
    );
}

#[tokio::test]
async fn answers_keep_their_order_and_bounds_hold() {
    let limits = Limits {
        dynamodb_per_call: 2,
        dynamodb_body_kib: 1,
        ..Limits::default()
    };
    let shared = Shared {
        dynamodb: None,
        policy: Arc::new(policy()),
        slots: Arc::new(Semaphore::new(1)),
        limits: Arc::new(limits),
    };
    let denials = Denials::default();
    let mut calls = Calls::new(shared, denials.clone());
    let request = |operation: &str, body: &str| Request {
        operation: operation.to_owned(),
        body: body.to_owned(),
    };
    let scan = request("Scan", r#"{"TableName":"tracks"}"#);
    let long = format!(r#"{{"TableName":"tracks","x":"{}"}}"#, "x".repeat(1024));
    let requests = vec![
        scan.clone(),
        request("Scan", &long),
        request("Nothing", "{}"),
        scan.clone(),
        scan,
    ];
    let said: Vec<String> = calls
        .send(requests)
        .await
        .iter()
        .map(|answer| match answer {
            Err(SendError::Denied(reason) | SendError::TooLarge(reason)) => reason.clone(),
            other => unreachable!("{other:?}"),
        })
        .collect();
    let none = "no DynamoDB table is configured";
    let expected = [
        none,
        "longer than 1 KiB",
        "operation Nothing",
        none,
        "more than 2 DynamoDB",
    ];
    assert_eq!(said.len(), expected.len());
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.contains(expected), "{said}");
    }
    let hint = denials
        .behind(Claim::Failed)
        .and_then(|denial| denial.hint());
    assert!(hint.is_some_and(|hint| hint.as_str().contains("dynamodb_per_call")));
}
