//! The environment's `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` → the
//! proxy that a request goes through. Pure: the environment is an argument.

use super::egress::{Origin, Scheme};
use crate::hint::Hint;
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use std::sync::Arc;

/// Which requests go through which proxy. Those to this machine never do.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies(Option<Arc<Matcher>>);

/// A proxy that can't be used. Nothing of its URL is shown: it may have a
/// password anywhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "use the proxy of {variable}: it must be http://host:port or http://user:password@host:port"
)]
pub struct ProxyError {
    /// The environment variable.
    pub variable: &'static str,
}

impl ProxyError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Hint {
        Hint::new(format!(
            "correct {}, with @ in a password as %40, or unset it; proxies that are spoken to over \
             TLS or SOCKS aren't supported",
            self.variable
        ))
    }
}

impl Proxies {
    /// The proxies of an environment.
    pub(super) fn of(env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let find = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| {
                let value = env(name)?.trim().to_owned();
                (!value.is_empty()).then_some((name, value))
            })
        };
        let all = find(["all_proxy", "ALL_PROXY"]);
        let https = find(["https_proxy", "HTTPS_PROXY"]);
        // In a CGI program that variable is a header of whoever asks.
        let http = find(["http_proxy", "HTTP_PROXY"])
            .filter(|(name, _)| *name == "http_proxy" || env("REQUEST_METHOD").is_none());
        for (variable, value) in [&all, &https, &http].into_iter().flatten() {
            if !is_usable(value) {
                return Err(ProxyError { variable });
            }
        }
        if all.is_none() && https.is_none() && http.is_none() {
            return Ok(Self(None));
        }
        let value =
            |found: Option<(&str, String)>| found.map(|(_, value)| value).unwrap_or_default();
        let matcher = Matcher::builder()
            .all(value(all))
            .https(value(https))
            .http(value(http))
            .no(value(find(["no_proxy", "NO_PROXY"])))
            .build();
        Ok(Self(Some(Arc::new(matcher))))
    }

    /// The proxy for requests to that URL, whose origin that is.
    pub(super) fn of_url(&self, url: &Uri, origin: &Origin) -> Option<Intercept> {
        let matcher = self.0.as_ref().filter(|_| !origin.is_loopback())?;
        matcher.intercept(url)
    }
}

/// Whether a proxy may be reached that way: scheme, host and port, and a user
/// before them.
fn is_usable(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let origin: Result<Origin, _> = format!("{scheme}://{place}").parse();
    rest.matches('@').count() < 2 && origin.is_ok_and(|origin| origin.scheme() == Scheme::Http)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn which_proxy() {
        let check = |variables: &[(&str, &str)], url: &str, expected: Option<&str>| {
            let env = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let url: Uri = url.parse().unwrap();
            let found = Proxies::of(&env).unwrap();
            let found = found.of_url(&url, &Origin::of(&url).unwrap());
            let shown = found.map(|found| {
                let authorization = found.basic_auth().map(|it| it.to_str().unwrap());
                format!("{} {}", found.uri(), authorization.unwrap_or_default())
            });
            assert_eq!(shown.as_deref(), expected, "{variables:?} {url}");
        };
        let (one, two) = (("HTTPS_PROXY", "http://one:1"), ("HTTP_PROXY", "two:2"));
        let all = ("ALL_PROXY", "http://me:p%40ss@three:3/");
        check(&[], "https://a.example/", None);
        check(
            &[one, two, all],
            "https://a.example/x?y",
            Some("http://one:1/ "),
        );
        check(
            &[one, two, all],
            "http://a.example/",
            Some("http://two:2/ "),
        );
        check(&[one], "http://a.example/", None);
        check(
            &[all],
            "http://a.example/",
            Some("http://three:3/ Basic bWU6cEBzcw=="),
        );
        check(&[("HTTPS_PROXY", " ")], "https://a.example/", None);
        let lower = ("https_proxy", "http://lower:4");
        check(
            &[one, lower],
            "https://a.example/",
            Some("http://lower:4/ "),
        );
        check(&[two, ("REQUEST_METHOD", "GET")], "http://a.example/", None);
        let no = ("NO_PROXY", "example.com, 10.0.0.0/8");
        check(&[one, no], "https://api.example.com/", None);
        check(&[one, no], "https://10.1.2.3/", None);
        check(&[one, no], "https://example.org/", Some("http://one:1/ "));
        check(&[one, ("no_proxy", "*")], "https://example.org/", None);
        for here in ["localhost:8000", "127.0.0.1", "[::1]:1"] {
            check(&[one, two, all], &format!("http://{here}/"), None);
        }
    }

    #[test]
    fn unusable() {
        for value in [
            "https://hunter2:1",
            "socks5://me:hunter2@proxy:1080",
            "http://me:hunt@er2@proxy:3128",
            "http://me:hunter2",
            "http://proxy:3128/hunter2",
            "hunter 2",
        ] {
            let env = |name: &str| (name == "HTTPS_PROXY").then(|| value.to_owned());
            let error = Proxies::of(&env).unwrap_err();
            let shown = format!("{error} {error:?} {}", error.hint());
            assert!(
                shown.contains("HTTPS_PROXY") && !shown.contains("hunt"),
                "{shown}"
            );
        }
    }
}
