//! A URL, or an address about to be connected to → admitted, or refused with
//! the setting that would admit it. Pure: knows nothing of sockets.

use crate::hint::Hint;
use http::Uri;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use rowcast_aws::origin::{Origin, OriginError, Scheme};

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
