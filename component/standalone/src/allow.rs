//! The text of `ROWCAST_ALLOW` → which origins requests may go to.

use http::Uri;
use rowcast_aws::origin::{Origin, OriginError};
use rowcast_pipeline::message::Parts;
use std::collections::BTreeSet;

/// The environment variable that holds the list.
pub const VARIABLE: &str = "ROWCAST_ALLOW";

/// Where requests may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// There is not a list: the host's own limits hold alone.
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

/// Whether that list, if it could be read, lets a request to that URL out; else
/// why not.
pub fn admit(list: &Result<Allow, OriginError>, url: &str) -> Result<(), String> {
    match list {
        Ok(allow) if allow.admits(url) => Ok(()),
        Ok(_) => Err(format!(
            "{VARIABLE} does not name {}; add that origin there",
            Parts::of(url).map_or(url, |parts| parts.origin)
        )),
        Err(_) => Err(format!(
            "{VARIABLE} is not a list of origins such as https://api.example.com, between commas"
        )),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let check = |list: Option<&str>, url: &str, expected: &str| {
            let said = admit(&Allow::read(list), url).unwrap_err();
            assert!(said.contains(expected), "{said}");
        };
        let url = "http://b.example:8080/v1?key=secret";
        let named = "ROWCAST_ALLOW does not name http://b.example:8080; add";
        check(Some("https://a.example"), url, named);
        check(Some(""), url, named);
        check(
            Some("a.example"),
            url,
            "ROWCAST_ALLOW is not a list of origins",
        );
        assert_eq!(
            admit(&Allow::read(Some("http://b.example:8080")), url),
            Ok(())
        );
    }

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
