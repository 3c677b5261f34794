//! An operation, a body, a time and credentials → a request that DynamoDB
//! accepts. Pure: the same arguments give the same bytes.

use crate::endpoint::Endpoint;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use std::time::SystemTime;

/// What DynamoDB calls the version of its API.
const API: &str = "DynamoDB_20120810";

/// When the year 10000 begins, which a signature's date can't be written for.
const CALENDAR_SECONDS: u64 = 253_402_300_800;

/// A request before it's signed.
#[derive(Clone, Debug)]
pub struct Unsigned<'a> {
    /// Where it goes.
    pub endpoint: &'a Endpoint,
    /// The operation's name.
    pub operation: &'a str,
    /// Its JSON.
    pub body: Bytes,
}

/// Why a request can't be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The operation's name can't be one.
    #[error("name the operation `{0}`: an operation is letters")]
    Operation(String),
    /// A clock that is off by thousands of years, this machine's or, where it
    /// was learned from, the server's.
    #[error("sign at a time before 1970 or after 9999; set this machine's clock")]
    Time,
    /// The request can't be put together.
    #[error("build the request")]
    Build(#[from] http::Error),
    /// The credentials can't be put into headers.
    #[error("put the signature into headers")]
    Header(#[from] http::header::InvalidHeaderValue),
    /// The signature can't be computed.
    #[error("compute the signature")]
    Signature(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SignError {
    /// Whether other credentials could fix it.
    #[must_use]
    pub fn is_of_credentials(&self) -> bool {
        match self {
            Self::Operation(_) | Self::Time | Self::Build(_) => false,
            Self::Header(_) | Self::Signature(_) => true,
        }
    }
}

/// Signs a request by Signature Version 4, over the headers it's sent with.
pub fn sign(
    unsigned: &Unsigned<'_>,
    at: SystemTime,
    credentials: &Credentials,
) -> Result<Request<Bytes>, SignError> {
    let operation = unsigned.operation;
    if operation.is_empty() || !operation.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(SignError::Operation(operation.escape_default().to_string()));
    }
    // aws-sigv4 panics on times that its calendar lacks.
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    if since.map_or(true, |since| since.as_secs() >= CALENDAR_SECONDS) {
        return Err(SignError::Time);
    }
    let endpoint = unsigned.endpoint;
    let url = format!("{}/", endpoint.origin());
    let mut request = Request::post(&url)
        .header(header::HOST, endpoint.host())
        .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
        .header("x-amz-target", format!("{API}.{operation}"))
        .body(unsigned.body.clone())?;

    let identity: Identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(endpoint.region())
        .name("dynamodb")
        .time(at)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| SignError::Signature(error.into()))?
        .into();
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = SignableBody::Bytes(&unsigned.body);
    let signable = SignableRequest::new("POST", url.as_str(), headers, body)
        .map_err(|error| SignError::Signature(error.into()))?;
    let (instructions, _signature) = aws_sigv4::http_request::sign(signable, &parameters)
        .map_err(|error| SignError::Signature(error.into()))?
        .into_parts();
    // Not `apply_to_request_http1x`, which panics on a token with a newline.
    for (name, value) in instructions.headers() {
        let name = HeaderName::try_from(name).map_err(http::Error::from)?;
        let mut value = HeaderValue::from_str(value)?;
        value.set_sensitive(name != "x-amz-date");
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

#[cfg(test)]
mod tests;
