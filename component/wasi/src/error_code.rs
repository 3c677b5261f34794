//! WASI's codes → what became of a request, in words. Repeated is only what may
//! succeed then.

use crate::bindings::wasi::http::types::ErrorCode;
use rowcast_pipeline::message::HttpError;

/// What a code means for the request that it ended.
#[must_use]
pub fn refused(code: ErrorCode) -> HttpError {
    match code {
        ErrorCode::HttpRequestDenied => {
            HttpError::Denied("the host's policy refuses this request".to_owned())
        }
        ErrorCode::DestinationIpProhibited => {
            HttpError::Denied("the host's policy refuses the address behind this name".to_owned())
        }
        ErrorCode::ConfigurationError => {
            HttpError::Denied("the host's own configuration is wrong".to_owned())
        }
        ErrorCode::ConnectionTimeout | ErrorCode::DnsTimeout => {
            HttpError::Unreached("no connection could be made in time".to_owned())
        }
        ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => HttpError::Timeout,
        ErrorCode::DnsError(_)
        | ErrorCode::ConnectionRefused
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => HttpError::Unreached(words(&code)),
        ErrorCode::HttpResponseBodySize(_) | ErrorCode::HttpResponseHeaderSectionSize(_) => {
            HttpError::TooLarge
        }
        ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_) => {
            HttpError::Invalid(format!("the host refuses the request: {code:?}"))
        }
        ErrorCode::InternalError(Some(words)) => HttpError::Unavailable(words),
        other => HttpError::Unavailable(words(&other)),
    }
}

/// WASI's codes have names only; the frequent ones are put in words.
fn words(code: &ErrorCode) -> String {
    match code {
        ErrorCode::DnsError(_) => "the host name has no address".to_owned(),
        ErrorCode::ConnectionRefused => "the connection was refused".to_owned(),
        ErrorCode::ConnectionTerminated => "the connection broke off".to_owned(),
        ErrorCode::DestinationUnavailable => "the server can't be reached".to_owned(),
        ErrorCode::DestinationIpUnroutable => "there is no route to its address".to_owned(),
        ErrorCode::HttpResponseIncomplete => "the answer was cut short".to_owned(),
        ErrorCode::HttpProtocolError => "the answer is not HTTP".to_owned(),
        ErrorCode::TlsCertificateError => "its TLS certificate can't be trusted".to_owned(),
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => {
            "no TLS connection could be made".to_owned()
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        let check = |code: ErrorCode, expected: HttpError| {
            let shown = format!("{code:?}");
            assert_eq!(refused(code), expected, "{shown}");
        };
        let unavailable = |words: &str| HttpError::Unavailable(words.to_owned());
        let invalid = |words: &str| {
            HttpError::Invalid(format!("the host refuses the request: ErrorCode::{words}"))
        };
        let unreached = |words: &str| HttpError::Unreached(words.to_owned());
        check(
            ErrorCode::ConnectionRefused,
            unreached("the connection was refused"),
        );
        check(
            ErrorCode::InternalError(Some("said so".to_owned())),
            unavailable("said so"),
        );
        check(
            ErrorCode::LoopDetected,
            unavailable("ErrorCode::LoopDetected"),
        );
        let late = "no connection could be made in time";
        check(ErrorCode::DnsTimeout, unreached(late));
        check(ErrorCode::HttpResponseTimeout, HttpError::Timeout);
        check(
            ErrorCode::HttpResponseBodySize(Some(9)),
            HttpError::TooLarge,
        );
        // A body that is too long now is too long the next time.
        check(
            ErrorCode::HttpRequestBodySize(Some(9)),
            invalid("HttpRequestBodySize(Some(9))"),
        );
        check(
            ErrorCode::HttpRequestUriTooLong,
            invalid("HttpRequestUriTooLong"),
        );
    }

    #[test]
    fn denials_say_whose_they_are() {
        let check = |code: ErrorCode, words: &str| match refused(code) {
            HttpError::Denied(said) => assert!(said.contains(words), "{said}"),
            other => unreachable!("{words}: {other:?}"),
        };
        check(ErrorCode::HttpRequestDenied, "refuses this request");
        check(ErrorCode::DestinationIpProhibited, "the address behind");
        check(
            ErrorCode::ConfigurationError,
            "the host's own configuration",
        );
    }
}
