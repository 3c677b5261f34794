//! A URL, or an address about to be connected to → admitted, or refused with
//! the setting that would admit it. Pure: knows nothing of sockets.

use crate::hint::Hint;
use http::Uri;
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
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

/// Why something is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not a URL at all.
    #[error("{0:?} is not a URL such as \"https://api.example.com\"")]
    Syntax(String),
    /// A scheme other than http and https, or none.
    #[error("{0:?} begins with neither \"https://\" nor \"http://\"")]
    Scheme(String),
    /// `user@host`: credentials don't belong into URLs.
    #[error("the URL names a user before its host")]
    UserInformation,
    /// A host that is neither a name nor an address.
    #[error("{0:?} is neither a host name nor an IP address")]
    Host(String),
    /// A port that is no number from 1 to 65535.
    #[error("{0:?} is no port")]
    Port(String),
    /// A path or query where only an origin may stand.
    #[error("{0:?} has a path or query; an origin ends after its host and port")]
    Path(String),
}

impl Origin {
    /// The origin of a URL, whatever its path and query.
    pub fn of(url: &Uri) -> Result<Self, OriginError> {
        let scheme = match url.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            _ => return Err(OriginError::Scheme(url.to_string())),
        };
        let authority = url
            .authority()
            .ok_or_else(|| OriginError::Syntax(url.to_string()))?;
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
            None => return Err(OriginError::Port(behind_host.to_owned())),
            Some(digits) => match digits.parse() {
                Ok(port) if port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => port,
                _ => return Err(OriginError::Port(digits.to_owned())),
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
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let url: Uri = text
            .parse()
            .map_err(|_| OriginError::Syntax(text.to_owned()))?;
        let origin = Self::of(&url)?;
        let bare = url.path_and_query().is_none_or(|path| path.as_str() == "/");
        if bare && !text.contains(['#', '?']) {
            Ok(origin)
        } else {
            Err(OriginError::Path(text.to_owned()))
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
    let refused = || OriginError::Host(host.to_owned());
    if let Some(inside) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let address: Ipv6Addr = inside.parse().map_err(|_| refused())?;
        return Ok(address.to_string());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if host.is_empty() || host.starts_with('.') || !host.bytes().all(plain) {
        return Err(refused());
    }
    Ok(host.to_ascii_lowercase())
}

/// Where requests may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Origins that the component may call. Plain http only where an origin
    /// here says so.
    pub origins: BTreeSet<Origin>,
    /// Addresses that may be connected to although they are private, loopback,
    /// link-local or otherwise not on the public internet.
    pub addresses: BTreeSet<IpAddr>,
    /// Hosts that the operator configured for the host's own use, such as
    /// DynamoDB's endpoint. Their addresses aren't checked.
    pub trusted_hosts: BTreeSet<String>,
}

/// What policy refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The URL is none that could be allowed.
    #[error("policy refuses the URL of a request: {0}")]
    Url(OriginError),
    /// The origin is not configured.
    #[error("policy refuses requests to {0}")]
    Origin(Origin),
    /// The host leads to an address that is not public.
    #[error("policy refuses to connect to {host} at {address}, {kind} address")]
    Address {
        /// The host as the URL names it.
        host: String,
        /// The address it leads to.
        address: IpAddr,
        /// What sort of address it is, with an article.
        kind: &'static str,
    },
}

impl Denied {
    /// The exact setting that would allow it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Url(_) => None,
            Self::Origin(origin) => Some(Hint::new(format!(
                "to allow it, set `[egress] origins = [\"{origin}\"]` in rowcast.toml"
            ))),
            Self::Address { address, .. } => Some(Hint::new(format!(
                "if it is meant, set `[egress] addresses = [\"{address}\"]` in rowcast.toml"
            ))),
        }
    }
}

impl Egress {
    /// Whether the component may send a request to that URL.
    pub fn admit(&self, url: &Uri) -> Result<Origin, Denied> {
        let origin = Origin::of(url).map_err(Denied::Url)?;
        if self.origins.contains(&origin) {
            Ok(origin)
        } else {
            Err(Denied::Origin(origin))
        }
    }

    /// Whether that address, to which that host has led, may be connected to.
    /// The host is as [`Origin::host`] writes it.
    pub fn admit_address(&self, host: &str, address: IpAddr) -> Result<(), Denied> {
        let Some(kind) = not_public(address) else {
            return Ok(());
        };
        let canonical = address.to_canonical();
        let configured = |allowed: IpAddr| allowed.to_canonical() == canonical;
        let literal = host.parse().is_ok_and(configured)
            && self
                .origins
                .iter()
                .any(|origin| origin.address().is_some_and(configured));
        let named = self.addresses.iter().copied().any(configured);
        if literal || named || self.trusted_hosts.contains(host) {
            Ok(())
        } else {
            Err(Denied::Address {
                host: host.to_owned(),
                address,
                kind,
            })
        }
    }
}

/// What sort of address it is, if it isn't one on the public internet.
fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [169, 254, 169, 254] => Some("a cloud metadata"),
        [127, ..] => Some("a loopback"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private"),
        [169, 254, ..] => Some("a link-local"),
        [100, 64..=127, ..] => Some("a carrier-grade NAT"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("a documentation"),
        [198, 18 | 19, ..] => Some("a benchmarking"),
        [0, ..] => Some("an unspecified"),
        [224..=239, ..] => Some("a multicast"),
        [255, 255, 255, 255] => Some("the broadcast"),
        [240..=255, ..] | [192, 0, 0, _] | [192, 88, 99, _] => Some("a reserved"),
        _ => None,
    }
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        not_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("an unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback"),
        // EC2's metadata service; the only fd00::/8 address with a name.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Some("a cloud metadata"),
        // IPv4-mapped and NAT64: as good or bad as the address inside.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        // 6to4.
        [0x2002, high, low, ..] => embedded(high, low),
        [0, 0, 0, 0, 0, 0, _, _] => Some("an IPv4-compatible"),
        [0x0064, 0xff9b, ..] => Some("a local NAT64"),
        [0xfc00..=0xfdff, ..] => Some("a unique-local"),
        [0xfe80..=0xfebf, ..] => Some("a link-local"),
        [0xfec0..=0xfeff, ..] => Some("a site-local"),
        [0xff00..=0xffff, ..] => Some("a multicast"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some("a documentation"),
        [0x2001, 0, ..] => Some("a Teredo"),
        [0x2001, 2, 0, ..] => Some("a benchmarking"),
        [0x2000..=0x3fff, ..] => None,
        // Only 2000::/3 is handed out as global unicast.
        _ => Some("a reserved"),
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test stops at the first surprise")]
mod tests;
