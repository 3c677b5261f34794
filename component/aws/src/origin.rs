//! A URL → its origin, as one unit of permission. The host's own egress policy
//! reads origins by the same code.

use http::Uri;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// HTTP with or without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// As it is written in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port, as one unit of permission. Made only by parsing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// Why something is no origin. Nothing of the text is in it: what can't be read
/// may have a password anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not a URL at all.
    #[error("it is not a URL such as \"https://api.example.com\"")]
    Syntax,
    /// A scheme other than http and https, or none.
    #[error("it begins with neither \"https://\" nor \"http://\"")]
    Scheme,
    /// `user@host`: credentials don't belong into URLs.
    #[error("it names a user before its host")]
    UserInformation,
    /// A host that is neither a name nor an address.
    #[error("its host is neither a name nor an IP address")]
    Host,
    /// A port that is not a number from 1 to 65535.
    #[error("its port is not a number from 1 to 65535")]
    Port,
    /// A path or query where only an origin may stand.
    #[error("it has a path or query; an origin ends after its host and port")]
    Path,
}

impl Origin {
    /// The origin of a URL, whatever its path and query.
    pub fn of(url: &Uri) -> Result<Self, OriginError> {
        let scheme = match url.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            _ => return Err(OriginError::Scheme),
        };
        let authority = url.authority().ok_or(OriginError::Syntax)?;
        if authority.as_str().contains('@') {
            return Err(OriginError::UserInformation);
        }
        // `Authority::port` reads a port that doesn't parse as none at all,
        // so what stands behind the host is parsed here.
        let behind_host = authority
            .as_str()
            .strip_prefix(authority.host())
            .unwrap_or_default();
        let port = match behind_host.strip_prefix(':') {
            None if behind_host.is_empty() => scheme.default_port(),
            None => return Err(OriginError::Port),
            Some(digits) => match digits.parse() {
                Ok(port) if port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => port,
                _ => return Err(OriginError::Port),
            },
        };
        Ok(Self {
            scheme,
            host: canonical_host(authority.host())?,
            port,
        })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where none was written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host as an address, where it is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Whether it is on this machine: a loopback address or `localhost`. Names
    /// that end in `.localhost` should lead here too, but not every resolver
    /// keeps to that.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.address() {
            Some(address) => address.to_canonical().is_loopback(),
            None => self.host == "localhost",
        }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let url: Uri = text.parse().map_err(|_| OriginError::Syntax)?;
        let origin = Self::of(&url)?;
        let bare = url.path_and_query().is_none_or(|path| path.as_str() == "/");
        if bare && !text.contains(['#', '?']) {
            Ok(origin)
        } else {
            Err(OriginError::Path)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://", self.scheme.as_str())?;
        if self.host.contains(':') {
            write!(formatter, "[{}]", self.host)?;
        } else {
            formatter.write_str(&self.host)?;
        }
        if self.port == self.scheme.default_port() {
            Ok(())
        } else {
            write!(formatter, ":{}", self.port)
        }
    }
}

fn canonical_host(host: &str) -> Result<String, OriginError> {
    if let Some(inside) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let address: Ipv6Addr = inside.parse().map_err(|_| OriginError::Host)?;
        return Ok(address.to_string());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if host.is_empty() || host.starts_with('.') || !host.bytes().all(plain) {
        return Err(OriginError::Host);
    }
    Ok(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_origins_strictly() {
        let check = |text: &str, expected: Option<&str>| {
            let parsed = text.parse::<Origin>().ok().map(|origin| origin.to_string());
            assert_eq!(parsed.as_deref(), expected, "{text}");
        };
        check("https://api.example.com", Some("https://api.example.com"));
        check("https://API.Example.com/", Some("https://api.example.com"));
        check(
            "https://api.example.com:443",
            Some("https://api.example.com"),
        );
        check(
            "http://api.example.com:443",
            Some("http://api.example.com:443"),
        );
        check("http://localhost:8080", Some("http://localhost:8080"));
        check(
            "https://[2001:DB8::0:1]:8443",
            Some("https://[2001:db8::1]:8443"),
        );
        check("https://127.0.0.1", Some("https://127.0.0.1"));
        check("api.example.com", None);
        check("example.com:8080", None);
        check("//example.com", None);
        check("ftp://example.com", None);
        check("https://", None);
        check("https://user@example.com", None);
        check("https://user:word@example.com", None);
        check("https://example.com:", None);
        check("https://example.com:0", None);
        check("https://example.com:65536", None);
        check("https://example.com:+80", None);
        check("https://example.com/path", None);
        check("https://example.com?query", None);
        check("https://example.com/#fragment", None);
        check("https://*.example.com", None);
        check("https://.example.com", None);
        check("https://[::1", None);
        check("https://[fe80::1%25eth0]", None);
        check("https://exämple.com", None);
        check("", None);
    }
}
