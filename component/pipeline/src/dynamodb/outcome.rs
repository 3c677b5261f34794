//! One answer of `dynamodb.send` → what it means for the caller. Pure.

use crate::bindings::rowcast::pipeline::dynamodb::{Response, SendError};
use serde::Deserialize;

/// What one answer means. Texts begin with DynamoDB's code where it gave one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Success, with its JSON body.
    Answered(String),
    /// DynamoDB asks for fewer calls; nothing was done. Repeat after a wait.
    Throttled(String),
    /// No answer, or a failure on DynamoDB's side; it may have been carried
    /// out. Repeat after a wait.
    Unavailable(String),
    /// These credentials, or the host's policy, don't allow it.
    Denied(String),
    /// DynamoDB refuses the request as it stands.
    Invalid {
        /// The exception's name, such as `ValidationException`, or `HTTP 400`
        /// where the body names none.
        code: String,
        /// DynamoDB's own words.
        message: String,
    },
    /// The request or its answer exceeds a size limit.
    TooLarge(String),
}

/// Codes are listed without the `Exception` that some have and some lack.
/// The first are those that AWS's own clients treat as throttling.
const THROTTLED: &[&str] = &[
    "BandwidthLimitExceeded",
    "LimitExceeded", // too many control-plane operations at once
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttled",
    "Throttling",
    "TooManyRequests",
];

/// Failures that pass by themselves. A skewed clock is among them because the
/// host learns the skew from this very answer and signs the next one afresh.
const UNAVAILABLE: &[&str] = &[
    "InternalFailure",
    "InternalServerError",
    "ReplicatedWriteConflict",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "ServiceUnavailable",
    "TransactionConflict",
    "TransactionInProgress",
];

const DENIED: &[&str] = &[
    "AccessDenied",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignature",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClient",
];

const TOO_LARGE: &[&str] = &["RequestEntityTooLarge"];

/// Judges one answer.
#[must_use]
pub fn outcome(answer: Result<Response, SendError>) -> Outcome {
    match answer {
        Ok(response) => judge(response.status, response.body),
        Err(SendError::Unavailable(reason)) => Outcome::Unavailable(reason),
        Err(SendError::Denied(reason) | SendError::Credentials(reason)) => Outcome::Denied(reason),
        Err(SendError::TooLarge(reason)) => Outcome::TooLarge(reason),
    }
}

/// Judges a status and a body.
#[must_use]
pub fn judge(status: u16, body: String) -> Outcome {
    if (200..300).contains(&status) {
        Outcome::Answered(body)
    } else {
        refused(status, &body)
    }
}

/// The members of an error's body that matter; DynamoDB spells them both ways.
#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(rename = "__type", default)]
    kind: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(rename = "Message", default)]
    capital_message: Option<String>,
    #[serde(rename = "ThrottlingReasons", alias = "throttlingReasons", default)]
    throttling_reasons: Vec<ThrottlingReason>,
}

#[derive(Deserialize)]
struct ThrottlingReason {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    resource: Option<String>,
}

fn refused(status: u16, body: &str) -> Outcome {
    let parsed: ErrorBody = serde_json::from_str(body).unwrap_or_default();
    let message = message(&parsed, body);
    // Such as `com.amazonaws.dynamodb.v20120810#ValidationException`; some
    // proxies add `:` and an address.
    let code = parsed.kind.as_deref().map(|kind| {
        let name = kind.rsplit('#').next().unwrap_or(kind);
        name.split(':').next().unwrap_or(name).to_owned()
    });
    let Some(code) = code.filter(|code| !code.is_empty()) else {
        return unnamed(status, message);
    };
    let bare = code.strip_suffix("Exception").unwrap_or(&code);
    let text = if message.is_empty() {
        code.clone()
    } else {
        format!("{code}: {message}")
    };
    if THROTTLED.contains(&bare) {
        Outcome::Throttled(text)
    } else if UNAVAILABLE.contains(&bare) || status >= 500 {
        Outcome::Unavailable(text)
    } else if DENIED.contains(&bare) {
        Outcome::Denied(text)
    } else if TOO_LARGE.contains(&bare) {
        Outcome::TooLarge(text)
    } else {
        Outcome::Invalid { code, message }
    }
}

/// An answer without a code is not DynamoDB's own: a proxy's, or an endpoint
/// that is something else.
fn unnamed(status: u16, message: String) -> Outcome {
    let code = format!("HTTP {status}");
    let text = if message.is_empty() {
        code.clone()
    } else {
        format!("{code}: {message}")
    };
    match status {
        429 => Outcome::Throttled(text),
        408 | 425 | 500.. => Outcome::Unavailable(text),
        401 | 403 | 407 => Outcome::Denied(text),
        413 => Outcome::TooLarge(text),
        _ => Outcome::Invalid { code, message },
    }
}

fn message(parsed: &ErrorBody, body: &str) -> String {
    let own = parsed.message.as_ref().or(parsed.capital_message.as_ref());
    let mut text = match (own, &parsed.kind) {
        (Some(own), _) => own.clone(),
        (None, Some(_)) => String::new(),
        // Somebody else's page: its beginning says whose.
        (None, None) => body.trim().chars().take(200).collect(),
    };
    for each in &parsed.throttling_reasons {
        for part in [&each.reason, &each.resource].into_iter().flatten() {
            // Newer messages have them in their text already.
            if !text.contains(part.as_str()) {
                text.push_str(if text.is_empty() { "" } else { " " });
                text.push_str(part);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests;
