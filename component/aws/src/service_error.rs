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
}
