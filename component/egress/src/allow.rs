//! The text of `ROWCAST_ALLOW` → which origins requests may go to.

use crate::origin::{Origin, OriginError};
use http::Uri;
use std::collections::BTreeSet;

/// Where requests may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// There is no list: the host's own limits hold alone.
    Everything,
    /// These origins. An empty list allows nothing.
    Only(BTreeSet<Origin>),
}

impl Allow {
    /// Origins between commas, such as
    /// `https://api.example.com, http://127.0.0.1:8080`.
    pub fn read(text: Option<&str>) -> Result<Self, OriginError> {
        let Some(text) = text else {
            return Ok(Self::Everything);
        };
        let entries = text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        entries
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self::Only)
    }

    /// Whether a request to that URL may be sent.
    #[must_use]
    pub fn admits(&self, url: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(origins) => {
                let url: Result<Uri, _> = url.parse();
                url.is_ok_and(|url| Origin::of(&url).is_ok_and(|origin| origins.contains(&origin)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admits() {
        let check = |list: Option<&str>, url: &str, expected: Option<bool>| {
            let found = Allow::read(list).ok().map(|allow| allow.admits(url));
            assert_eq!(found, expected, "{list:?} {url}");
        };
        let url = "https://api.example.com/v1/a?b";
        check(None, url, Some(true));
        check(Some(""), url, Some(false));
        check(Some(" , "), url, Some(false));
        check(Some("https://api.example.com"), url, Some(true));
        check(Some("https://API.example.com:443/"), url, Some(true));
        check(Some("http://api.example.com"), url, Some(false));
        check(Some("https://example.com"), url, Some(false));
        check(Some("https://api.example.com:8443"), url, Some(false));
        check(
            Some("https://a.example, https://api.example.com"),
            url,
            Some(true),
        );
        check(
            Some("https://a.example"),
            "https://a.example@evil.example/",
            Some(false),
        );
        check(
            Some("https://a.example"),
            "https://a.example.evil.example/",
            Some(false),
        );
        check(Some("https://a.example"), "//a.example/", Some(false));
        check(Some("api.example.com"), url, None);
        check(Some("https://*.example.com"), url, None);
        check(Some("https://api.example.com/v1"), url, None);
    }
}
