//! A URL that may hold secrets → one that is used whole and printed as its
//! scheme, host and port only.

use crate::http_out::egress::{Origin, OriginError};
use http::Uri;
use std::fmt;

/// A URL whose path, query and user may be somebody's secret. It cannot be
/// printed but for its origin, which has none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: Uri,
    origin: Origin,
}

impl Address {
    /// Reads an http or https URL.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let url: Uri = text.parse().map_err(|_| OriginError::Syntax)?;
        let origin = Origin::of(&url)?;
        Ok(Self { url, origin })
    }

    /// The whole of it, for the one place that sends to it.
    #[must_use]
    pub fn expose(&self) -> &Uri {
        &self.url
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(formatter)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Address({})", self.origin)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn prints_scheme_host_and_port() {
        let url = "https://id.example:8443/hunter2?client_secret=hunter2";
        let address = Address::parse(url).unwrap();
        assert_eq!(
            format!("{address} {address:?}"),
            "https://id.example:8443 Address(https://id.example:8443)"
        );
        assert_eq!(address.expose(), url);
        for unreadable in [
            "https://me:hunter2@id.example/",
            "hunter2",
            "hunter2://id.example",
            "https://id.example:hunter2/",
            "https://hun ter2/",
            "https://hunter2@/",
        ] {
            let error = Address::parse(unreadable).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hun"), "{shown}");
        }
    }
}
