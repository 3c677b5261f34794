//! A request's body as the component gives it → one that can be sent.

use super::client::{BoxError, RequestBody};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use wasmtime_wasi_http::{Error, WasiBody};

/// A request's body: one that is there and can be sent twice, or a stream.
pub(super) enum Sending {
    Whole(Bytes),
    Stream(Option<RequestBody>),
}

impl Sending {
    pub(super) async fn from_guest(
        parts: &Parts,
        body: WasiBody,
        limit: u64,
        twice: bool,
    ) -> Result<Self, Error> {
        let announced = parts.headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if let Some(length) = announced.filter(|length| *length > limit) {
            return Err(Error::HttpRequestBodySize(Some(length)));
        }
        if body.is_end_stream() {
            return Ok(Self::Whole(Bytes::new()));
        }
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let upload = Limited::new(body, most);
        let upload = upload
            .map_err(move |error| too_long(error, limit))
            .boxed_unsync();
        // A guest may open the body of a GET only to finish it. Passed on as a
        // stream that would be `transfer-encoding: chunked`, which servers
        // don't expect with GET.
        if twice || parts.method == Method::GET || parts.method == Method::HEAD {
            let whole =
                upload
                    .collect()
                    .await
                    .map_err(|error| match error.downcast::<Error>() {
                        Ok(error) => *error,
                        Err(_) => Error::HttpProtocolError,
                    })?;
            return Ok(Self::Whole(whole.to_bytes()));
        }
        Ok(Self::Stream(Some(RequestBody::Stream(upload))))
    }

    /// A length that isn't the body's would make the server take the next
    /// request on this connection, which is shared, for its rest. hyper writes
    /// it for bodies that are whole, and checks it for streams.
    pub(super) fn check_length(&self, parts: &mut Parts) -> Result<(), Error> {
        let Self::Whole(bytes) = self else {
            return Ok(());
        };
        let actual = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match parts.headers.remove(header::CONTENT_LENGTH) {
            Some(announced) if announced.as_bytes() != actual.to_string().as_bytes() => {
                return Err(Error::HttpRequestBodySize(Some(actual)));
            }
            _ => {}
        }
        // Some servers want to be told that there is none.
        if bytes.is_empty() && parts.method == Method::POST {
            let none = HeaderValue::from_static("0");
            parts.headers.insert(header::CONTENT_LENGTH, none);
        }
        Ok(())
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    pub(super) fn take(&mut self) -> RequestBody {
        match self {
            Self::Whole(bytes) => RequestBody::Whole(bytes.clone()),
            Self::Stream(body) => body.take().unwrap_or(RequestBody::Whole(Bytes::new())),
        }
    }
}

fn too_long(error: BoxError, limit: u64) -> BoxError {
    if error.is::<LengthLimitError>() {
        return Error::HttpRequestBodySize(Some(limit)).into();
    }
    error
}
