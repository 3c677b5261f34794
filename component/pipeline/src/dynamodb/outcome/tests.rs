//! Answers as AWS, its emulators and proxies give them → outcomes.

use super::*;
use crate::dynamodb::response;

fn check(status: u16, body: &str, expected: &Outcome) {
    let answer = Ok(response(status, body));
    assert_eq!(&outcome(answer), expected, "{status} {body}");
}

fn check_code(status: u16, code: &str, expected: fn(String) -> Outcome) {
    for prefix in [
        "",
        "com.amazonaws.dynamodb.v20120810#",
        "com.amazon.coral.service#",
    ] {
        let body = format!(r#"{{"__type":"{prefix}{code}","message":"m"}}"#);
        check(status, &body, &expected(format!("{code}: m")));
    }
}

#[test]
fn codes_are_matched_as_codes() {
    for code in [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "LimitExceededException",
        "TooManyRequestsException",
    ] {
        check_code(400, code, Outcome::Throttled);
    }
    check_code(503, "ThrottlingException", Outcome::Throttled);
    for code in [
        "InternalServerError",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    ] {
        check_code(500, code, Outcome::Unavailable);
    }
    check_code(400, "TransactionInProgressException", Outcome::Unavailable);
    check_code(400, "TransactionConflictException", Outcome::Unavailable);
    check_code(599, "NeverHeardOf", Outcome::Unavailable);
    for code in [
        "AccessDeniedException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "IncompleteSignature",
        "ExpiredTokenException",
    ] {
        check_code(400, code, Outcome::Denied);
    }
    check_code(413, "RequestEntityTooLarge", Outcome::TooLarge);
}

fn invalid(code: &str, message: &str) -> Outcome {
    Outcome::Invalid {
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

#[test]
fn a_message_that_mentions_throttling_is_not_throttling() {
    check(
        400,
        r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"ThrottlingException is not an attribute"}"#,
        &invalid(
            "ValidationException",
            "ThrottlingException is not an attribute",
        ),
    );
    check(
        400,
        r#"{"__type":"SerializationException","Message":"Start of list"}"#,
        &invalid("SerializationException", "Start of list"),
    );
    check(400, r#"{"__type":"x#Odd:http://y"}"#, &invalid("Odd", ""));
}

#[test]
fn throttling_reasons_are_kept() {
    check(
        400,
        r#"{"__type":"x#ThrottlingException","message":"Slow","ThrottlingReasons":[{"reason":"TableWriteAccountLimitExceeded","resource":"arn:t"}]}"#,
        &Outcome::Throttled(
            "ThrottlingException: Slow TableWriteAccountLimitExceeded arn:t".to_owned(),
        ),
    );
}

#[test]
fn answers_without_a_code_are_judged_by_status() {
    check(200, "{}", &Outcome::Answered("{}".to_owned()));
    check(
        502,
        "<html>bad gateway",
        &Outcome::Unavailable("HTTP 502: <html>bad gateway".into()),
    );
    check(500, "", &Outcome::Unavailable("HTTP 500".to_owned()));
    check(429, "", &Outcome::Throttled("HTTP 429".to_owned()));
    check(408, "", &Outcome::Unavailable("HTTP 408".to_owned()));
    check(403, "", &Outcome::Denied("HTTP 403".to_owned()));
    check(413, "", &Outcome::TooLarge("HTTP 413".to_owned()));
    check(404, "[]", &invalid("HTTP 404", "[]"));
    check(301, "moved", &invalid("HTTP 301", "moved"));
}

#[test]
fn no_answer_at_all() {
    let table = [
        (
            SendError::Unavailable("u".into()),
            Outcome::Unavailable("u".into()),
        ),
        (SendError::Denied("d".into()), Outcome::Denied("d".into())),
        (
            SendError::Credentials("c".into()),
            Outcome::Denied("c".into()),
        ),
        (
            SendError::TooLarge("t".into()),
            Outcome::TooLarge("t".into()),
        ),
    ];
    for (error, expected) in table {
        assert_eq!(outcome(Err(error)), expected);
    }
}
