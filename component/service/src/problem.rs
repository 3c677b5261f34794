//! What went wrong → problem details (RFC 9457).

use crate::http::Response;
use crate::read::Mistake;
use rowcast_pipeline::bindings::rowcast::pipeline::types::Failure;
use serde_json::{Map, Value, json};

const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request has no result.
#[derive(Debug)]
pub enum Problem {
    /// There is nothing at that path; these routes there are.
    NotFound(String),
    /// The path has other methods.
    MethodNotAllowed(&'static str),
    /// The body's type or coding is not JSON's.
    UnsupportedMediaType(String),
    /// The body has more bytes than this.
    TooLarge(u64),
    /// The body ended before its end.
    Broken,
    /// The body is not what the call takes.
    Invalid(Mistake),
    /// The call achieved nothing.
    Failed(Failure),
    /// A document of the call's result is not JSON, and which. Ours always is.
    NotJson(String),
    /// A setting of the service itself can't be read.
    Misconfigured(String),
}

/// What is the same for all problems of a kind.
struct Kind {
    status: u16,
    /// What `openapi.json` calls it among its responses.
    name: &'static str,
    title: &'static str,
}

impl Problem {
    /// Its answer.
    #[must_use]
    pub fn response(self) -> Response {
        let Kind {
            status,
            name,
            title,
        } = self.kind();
        // A relative reference that leads to the kind's description.
        let kind = format!("/openapi.json#/components/responses/{name}");
        let detail = self.detail();
        let failure = self.failure();
        let (limit, upstream) = match &self {
            Self::Failed(Failure::RateLimited(limit)) => {
                (Some(limit.retry_after_ms), Some(limit.upstream.as_str()))
            }
            _ => (None, None),
        };
        // What the call took all the same.
        let counters = match &self {
            Self::Failed(Failure::RateLimited(limit)) => Some(&limit.counters),
            Self::Failed(
                Failure::Unavailable(problem)
                | Failure::PermanentInvalid(problem)
                | Failure::PermanentDenied(problem),
            ) => Some(&problem.counters),
            _ => None,
        };
        let (pointer, hint) = match &self {
            Self::Invalid(mistake) => (Some(mistake.pointer()), mistake.hint()),
            _ => (None, None),
        };
        let members = [
            ("type", Some(json!(kind))),
            ("title", Some(json!(title))),
            ("status", Some(json!(status))),
            ("detail", Some(json!(detail))),
            ("failure", failure.map(Value::from)),
            ("retry_after_ms", limit.map(Value::from)),
            ("upstream", upstream.map(Value::from)),
            ("counters", counters.map(|counters| json!(counters))),
            ("pointer", pointer.map(Value::from)),
            ("hint", hint.map(Value::from)),
        ];
        let members = members.into_iter();
        let body: Map<String, Value> = members
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        let body = Value::Object(body).to_string();
        let response = Response::new(status, MEDIA_TYPE, body.into_bytes());
        match (self, limit) {
            (_, Some(milliseconds)) => {
                response.with_header("retry-after", milliseconds.div_ceil(1000).to_string())
            }
            (Self::MethodNotAllowed(allowed), None) => response.with_header("allow", allowed),
            // What RFC 9110, section 15.5.16, asks for.
            (Self::UnsupportedMediaType(_), None) => response
                .with_header("accept", "application/json")
                .with_header("accept-encoding", "identity"),
            _ => response,
        }
    }

    fn kind(&self) -> Kind {
        let (status, name, title) = match self {
            Self::NotFound(_) => (404, "NotFound", "There is no such path"),
            Self::MethodNotAllowed(_) => {
                (405, "MethodNotAllowed", "The path doesn't have this method")
            }
            Self::UnsupportedMediaType(_) => {
                (415, "UnsupportedMediaType", "The body must be plain JSON")
            }
            Self::TooLarge(_) => (413, "ContentTooLarge", "The body is too large"),
            Self::Broken | Self::Invalid(_) => {
                (400, "BadRequest", "The body is not what this call takes")
            }
            Self::Failed(Failure::Unavailable(_)) => (
                503,
                "Unavailable",
                "The same call may succeed if it's repeated",
            ),
            Self::Failed(Failure::RateLimited(_)) => {
                (429, "RateLimited", "The upstream asked to be left alone")
            }
            Self::Failed(Failure::PermanentInvalid(_)) => (
                422,
                "PermanentInvalid",
                "The input or the configuration is wrong",
            ),
            // Not 502, which HTTP clients and proxies take for a reason to
            // repeat the request: this can't help until somebody acts.
            Self::Failed(Failure::PermanentDenied(_)) => (
                403,
                "PermanentDenied",
                "The upstream refuses these credentials or this use",
            ),
            Self::Failed(Failure::ExecutionFailed) | Self::NotJson(_) | Self::Misconfigured(_) => {
                (500, "InternalError", "The service failed")
            }
        };
        Kind {
            status,
            name,
            title,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NotFound(routes) => format!("there are: {routes}"),
            Self::MethodNotAllowed(allowed) => format!("it has: {allowed}"),
            Self::UnsupportedMediaType(detail)
            | Self::Misconfigured(detail)
            | Self::NotJson(detail) => detail.clone(),
            Self::TooLarge(limit) => format!(
                "it may have {limit} bytes at most; send fewer rows or documents at once, or \
                 set ROWCAST_MAX_BODY_BYTES in the service's environment"
            ),
            Self::Broken => "the body ended before its end".to_owned(),
            Self::Invalid(mistake) => mistake.to_string(),
            Self::Failed(failure) => match failure {
                Failure::ExecutionFailed => "the execution failed".to_owned(),
                Failure::RateLimited(limit) => limit.reason.clone(),
                Failure::Unavailable(problem)
                | Failure::PermanentInvalid(problem)
                | Failure::PermanentDenied(problem) => problem.reason.clone(),
            },
        }
    }

    /// The failure's case, for clients that decide by it.
    fn failure(&self) -> Option<&'static str> {
        let Self::Failed(failure) = self else {
            return None;
        };
        Some(match failure {
            Failure::ExecutionFailed => "execution_failed",
            Failure::Unavailable(_) => "unavailable",
            Failure::RateLimited(_) => "rate_limited",
            Failure::PermanentInvalid(_) => "permanent_invalid",
            Failure::PermanentDenied(_) => "permanent_denied",
        })
    }
}

impl From<Mistake> for Problem {
    fn from(mistake: Mistake) -> Self {
        Self::Invalid(mistake)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
