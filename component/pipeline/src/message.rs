//! HTTP requests and answers as plain values, for every target.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// One HTTP request.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// Absolute URL, encoded.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty for GET.
    pub body: Vec<u8>,
    /// Time for the whole exchange, in milliseconds.
    pub timeout_ms: u64,
    /// Bytes of the answer's body at most.
    pub max_body_bytes: u64,
}

/// The methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// Most source requests.
    Get,
    /// Token requests, searches.
    Post,
}

/// A complete answer.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// A header's value by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Why there is no complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// No connection could be made: nothing was sent.
    Unreached(String),
    /// Reset, or cut short.
    Unavailable(String),
    /// The time for the exchange ran out.
    Timeout,
    /// The body is longer than `max_body_bytes`.
    TooLarge,
    /// The host's policy refuses the request.
    Denied(String),
    /// The request itself can't be made: a bad URL or header.
    Invalid(String),
}

/// Whether a status refuses a request: what it says, and for how long, is in its head, whatever
/// becomes of its body.
#[must_use]
pub fn is_refusal(status: u16) -> bool {
    status >= 400
}

/// Whether a text is a token of RFC 9110.
#[must_use]
pub fn is_header_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

/// How many bytes an answer's body has by its headers, where that can be
/// compared with what came.
#[must_use]
pub fn announced(status: u16, headers: &[(String, String)]) -> Option<usize> {
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    // A host may have undone the coding. And 304 has the length of the body that
    // it spares us (RFC 9110, section 8.6).
    if status == 304 || header("content-encoding").is_some() {
        return None;
    }
    header("content-length")?.trim().parse().ok()
}

/// Where the parts of an absolute URL are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Such as `https`.
    pub scheme: &'a str,
    /// Host and port.
    pub authority: &'a str,
    /// Both of them, such as `https://api.example.com`.
    pub origin: &'a str,
    /// Path, query and fragment.
    pub rest: &'a str,
}

impl<'a> Parts<'a> {
    /// None where there is no scheme.
    #[must_use]
    pub fn of(url: &'a str) -> Option<Self> {
        let (scheme, after) = url.split_once("://")?;
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(end);
        let (origin, _) = url.split_at(url.len() - rest.len());
        Some(Self {
            scheme,
            authority,
            origin,
            rest,
        })
    }
}

/// RFC 3986's unreserved characters stay as they are.
pub const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What RFC 3986 has nowhere in a URL.
pub const FOREIGN: AsciiSet = RESERVED
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/')
    .remove(b'?')
    .remove(b'%')
    .remove(b'[')
    .remove(b']');

/// What follows the authority in a URL → what a request's first line has: no
/// fragment, a slash first, and only the characters that RFC 3986 has. URLs may
/// keep `{` and `|` in a query as they are; not every host sends those.
#[must_use]
pub fn target(after_authority: &str) -> String {
    let (path, _) = after_authority
        .split_once('#')
        .unwrap_or((after_authority, ""));
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{slash}{}", utf8_percent_encode(path, &FOREIGN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let check = |status, headers: &[(&str, &str)], expected| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let headers: Vec<_> = headers.iter().map(owned).collect();
            assert_eq!(
                announced(status, &headers),
                expected,
                "{status} {headers:?}"
            );
        };
        let length = ("content-length", "12");
        check(200, &[], None);
        check(200, &[("date", ""), length], Some(12));
        check(404, &[length], Some(12));
        check(200, &[("content-length", "12, 12")], None);
        check(200, &[("content-length", "-1")], None);
        check(200, &[length, ("content-encoding", "gzip")], None);
        check(304, &[length], None);
    }

    #[test]
    fn parts() {
        let check = |url, expected: Option<[&str; 4]>| {
            let found = Parts::of(url).map(|it| [it.scheme, it.authority, it.origin, it.rest]);
            assert_eq!(found, expected, "{url}");
        };
        check(
            "https://a:8/b?c",
            Some(["https", "a:8", "https://a:8", "/b?c"]),
        );
        check(
            "http://[::1]?c",
            Some(["http", "[::1]", "http://[::1]", "?c"]),
        );
        check("https://a", Some(["https", "a", "https://a", ""]));
        check("/b", None);
    }

    #[test]
    fn targets() {
        let check = |after_authority: &str, expected: &str| {
            assert_eq!(target(after_authority), expected, "{after_authority}");
        };
        check("", "/");
        check("?a=b", "/?a=b");
        check("/a/b%2Fc?d=%7B&e=[1]", "/a/b%2Fc?d=%7B&e=[1]");
        check("/a#b", "/a");
        check("/?q={}|^`\\\"<>", "/?q=%7B%7D%7C%5E%60%5C%22%3C%3E");
        check("/ü?봄", "/%C3%BC?%EB%B4%84");
    }
}
