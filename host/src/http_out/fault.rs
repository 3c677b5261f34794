//! The client's errors → the nearest of wasi:http's error codes.

use super::client::ExchangeError;
use super::connect::{ConnectError, find};
use crate::dynamodb::with_causes;
use std::error::Error as Cause;
use std::io;
use wasmtime_wasi_http::Error;

/// Why there is no answer.
pub(super) fn of_exchange(error: &ExchangeError) -> Error {
    match error {
        ExchangeError::Denied(_) => Error::HttpRequestDenied,
        ExchangeError::Connect(error) => of_connect(error),
        ExchangeError::Timeout(_) => Error::HttpResponseTimeout,
        ExchangeError::TooLarge(limit) => Error::HttpResponseBodySize(Some(*limit)),
        ExchangeError::Broken(cause) => of_broken(cause.as_ref()),
        ExchangeError::Invalid => Error::HttpRequestUriInvalid,
    }
}

/// Why an answer's body ends early.
pub(super) fn of_answer(error: &(dyn Cause + 'static)) -> Error {
    match find::<hyper::Error>(error) {
        Some(error) if error.is_timeout() => Error::HttpResponseTimeout,
        _ => Error::HttpResponseIncomplete,
    }
}

fn of_connect(error: &ConnectError) -> Error {
    match error {
        ConnectError::Denied(_) => Error::HttpRequestDenied,
        ConnectError::Name { cause, .. } => Error::DnsError {
            rcode: Some(cause.to_string()),
            info_code: None,
        },
        ConnectError::Tcp { cause, .. } => match cause.kind() {
            io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
            io::ErrorKind::TimedOut => Error::ConnectionTimeout,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Error::DestinationIpUnroutable
            }
            _ => Error::DestinationUnavailable,
        },
        ConnectError::Tls { cause, .. } => match find::<rustls::Error>(cause.as_ref()) {
            Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
            Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
                alert_id: Some(u8::from(*alert)),
                alert_message: Some(format!("{alert:?}")),
            },
            _ => Error::TlsProtocolError,
        },
        // A code would blame the server. This is the only one that carries words.
        ConnectError::Proxy { .. } => Error::InternalError(Some(with_causes(error))),
        ConnectError::Timeout { .. } => Error::ConnectionTimeout,
    }
}

fn of_broken(cause: &(dyn Cause + 'static)) -> Error {
    if let Some(Error::HttpRequestBodySize(size)) = find::<Error>(cause) {
        return Error::HttpRequestBodySize(*size);
    }
    match find::<hyper::Error>(cause) {
        Some(error) if error.is_timeout() => Error::HttpResponseTimeout,
        Some(error) if error.is_parse_too_large() => Error::HttpResponseHeaderSectionSize(None),
        Some(error) if error.is_parse() => Error::HttpProtocolError,
        _ => Error::ConnectionTerminated,
    }
}
