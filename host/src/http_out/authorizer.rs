//! An origin → the `Authorization` header its requests get. The component sees
//! neither secret nor token.

use http::HeaderValue;

/// What authenticates requests to the source. Shared by all instances.
#[derive(Clone, Debug, Default)]
pub struct Authorizer {}

/// Why there is no header to add.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The token endpoint refuses the client.
    #[error("{0}")]
    Denied(String),
    /// The token endpoint can't be reached or doesn't answer as it should.
    #[error("{0}")]
    Unavailable(String),
}

impl Authorizer {
    /// The header for a request to that URL; none where nothing is configured
    /// for its origin. Waits for a token if one must be fetched.
    pub async fn header(&self, url: &http::Uri) -> Result<Option<HeaderValue>, AuthorizeError> {
        let _ = url;
        Ok(None)
    }

    /// Says that the server answered 401 to a header that [`header`] gave.
    /// True if another one may be had, and the request should be sent again.
    ///
    /// [`header`]: Authorizer::header
    pub async fn refused(&self, url: &http::Uri, header: &HeaderValue) -> bool {
        let _ = (url, header);
        false
    }
}
