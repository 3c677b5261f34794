//! An answer of DynamoDB → the error it names.

use bytes::Bytes;
use http::{HeaderMap, Response};
use serde::Deserialize;

/// An error as DynamoDB names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceError {
    /// Its type, without namespace, such as `ExpiredTokenException`.
    pub kind: String,
    /// Its text.
    pub message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(rename = "__type")]
    kind: Option<String>,
    message: Option<String>,
    // Services differ in the first letter, and some send both.
    #[serde(rename = "Message")]
    capital_message: Option<String>,
}

/// The error in an answer; none if it's a success.
#[must_use]
pub fn of_response(response: &Response<Bytes>) -> Option<ServiceError> {
    let status = response.status().as_u16();
    of(status, response.headers(), response.body())
}

/// The error that a status, headers and a body name; none if it's a success.
#[must_use]
pub fn of(status: u16, headers: &HeaderMap, body: &[u8]) -> Option<ServiceError> {
    if (200..300).contains(&status) {
        return None;
    }
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let header = headers
        .get("x-amzn-errortype")
        .and_then(|kind| kind.to_str().ok());
    let kind = body.kind.as_deref().or(header).unwrap_or_default();
    // `com.amazon.coral.service#ExpiredTokenException:http://…`
    let kind = kind.rsplit_once('#').map_or(kind, |(_, kind)| kind);
    let kind = kind.split_once(':').map_or(kind, |(kind, _)| kind);
    Some(ServiceError {
        kind: kind.to_owned(),
        message: body.message.or(body.capital_message).unwrap_or_default(),
    })
}

/// How long an answer asks to be left alone: DynamoDB's `x-amz-retry-after`, in
/// milliseconds. The caller bounds it.
#[must_use]
pub fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get("x-amz-retry-after")?.to_str().ok()?.trim();
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too large asks for more than any bound.
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn service_errors() {
        let check =
            |status: u16, header: &str, body: &'static str, expected: Option<(&str, &str)>| {
                let response = Response::builder()
                    .status(status)
                    .header("x-amzn-errortype", header)
                    .body(Bytes::from(body))
                    .unwrap();
                let found = of_response(&response).map(|error| (error.kind, error.message));
                let expected = expected.map(|(kind, text)| (kind.to_owned(), text.to_owned()));
                assert_eq!(found, expected, "{status} {body}");
            };
        check(200, "", r#"{"__type":"a#B"}"#, None);
        check(
            400,
            "",
            r#"{"__type":"a#B","message":"m"}"#,
            Some(("B", "m")),
        );
        check(400, "", r#"{"__type":"B","Message":"m"}"#, Some(("B", "m")));
        check(
            400,
            "",
            r#"{"__type":"B","message":"m","Message":"m"}"#,
            Some(("B", "m")),
        );
        check(403, "B:http://x/", r#"{"message":null}"#, Some(("B", "")));
        check(400, "H", r#"{"__type":"B"}"#, Some(("B", "")));
        check(500, "", "<html>", Some(("", "")));
    }

    #[test]
    fn retry_after_is_a_number_of_milliseconds() {
        let check = |value: &'static str, expected: Option<u64>| {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("x-amz-retry-after"),
                http::HeaderValue::from_static(value),
            )]);
            assert_eq!(retry_after_ms(&headers), expected, "{value}");
        };
        check("1500", Some(1_500));
        check(" 7 ", Some(7));
        check("0", Some(0));
        check("99999999999999999999999", Some(u64::MAX));
        for none in ["", "-1", "1.5", "soon", "+5"] {
            check(none, None);
        }
        assert_eq!(retry_after_ms(&HeaderMap::new()), None);
    }
}
