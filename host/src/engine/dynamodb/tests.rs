//! Requests of the component → admitted, or refused with a reason.

use super::*;

fn policy() -> Tables {
    Tables::Only(["tracks", "other"].map(str::to_owned).into())
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
    let violations = Violations::default();
    let mut calls = Calls::new(
        shared,
        violations.clone(),
        Repeats::default(),
        crate::hold::Holds::new(),
    );
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
    let hint = violations
        .behind(UpstreamFailure::Failed)
        .and_then(|violation| violation.hint());
    assert!(hint.is_some_and(|hint| hint.as_str().contains("run.chunk_rows")));
}
