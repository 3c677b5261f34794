//! A region and what overrides it → where DynamoDB is: origin, `Host` and
//! signing region. Touches neither network nor environment.

use crate::origin::{Origin, OriginError, Scheme};

/// The region that requests to a DynamoDB on this machine are signed for where
/// none is configured. Stand-ins accept any; a signature must name one.
const LOOPBACK_REGION: &str = "us-east-1";

/// Where DynamoDB is. Made only by [`Endpoint::resolve`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    origin: String,
    host: String,
    name: String,
    region: String,
}

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EndpointError {
    /// No region is configured.
    #[error("find the AWS region: none is configured")]
    NoRegion,
    /// The region's name can't be one.
    #[error("use `{0}` as AWS region: a region is letters, digits and hyphens")]
    Region(String),
    /// The endpoint is no origin. It may have a password in it, so nothing of it
    /// is shown.
    #[error("use the configured DynamoDB endpoint: it must be https://host or https://host:port")]
    Url(#[source] OriginError),
    /// Plain http to another machine.
    #[error("use `{0}` as DynamoDB endpoint: plain http leaves this machine")]
    Plain(String),
    /// FIPS or dual stack are wanted, and an endpoint is given that may be
    /// neither; or the partition doesn't have it.
    #[error("use {kind}: {reason}")]
    Kind {
        /// What is wanted.
        kind: &'static str,
        /// Why it can't be had.
        reason: &'static str,
    },
    /// A setting that is on or off is neither.
    #[error("read {0}: it must be true or false")]
    Flag(String),
    /// The profile names services that aren't there.
    #[error(
        "find the services `{0}` that the AWS profile names: no [services {0}] is in AWS's configuration file"
    )]
    Services(String),
    /// AWS's own files can't be read.
    #[error("read AWS's configuration files: {0}")]
    Files(String),
}

/// What an endpoint is chosen by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The AWS region.
    pub region: Option<String>,
    /// An origin in place of the region's own endpoint.
    pub overriding: Option<String>,
    /// An endpoint with FIPS 140 cryptography.
    pub fips: bool,
    /// An endpoint with IPv6 addresses.
    pub dual_stack: bool,
    /// Origins of other machines that may be spoken to over plain http.
    pub plain_http: Vec<String>,
}

impl Endpoint {
    /// The endpoint of a region, or the one that overrides it. A region is not
    /// needed where the override is on this machine.
    pub fn resolve(region: Option<&str>, overriding: Option<&str>) -> Result<Self, EndpointError> {
        Self::choose(&Choice {
            region: region.map(str::to_owned),
            overriding: overriding.map(str::to_owned),
            ..Choice::default()
        })
    }

    /// The same, with all that the choice may depend on.
    pub fn choose(choice: &Choice) -> Result<Self, EndpointError> {
        let region = choice.region.as_deref().map(check_region).transpose()?;
        let Some(text) = &choice.overriding else {
            let region = region.ok_or(EndpointError::NoRegion)?;
            let host = regional(region, choice.fips, choice.dual_stack)?;
            return Ok(Self {
                origin: format!("https://{host}"),
                name: host.clone(),
                host,
                region: region.to_owned(),
            });
        };
        // As AWS's own tools: what is asked for must not be left out silently.
        let both = "an endpoint is configured, and it need not be one; choose";
        for (wanted, kind) in [
            (choice.fips, "a FIPS endpoint"),
            (choice.dual_stack, "a dual-stack endpoint"),
        ] {
            if wanted {
                return Err(EndpointError::Kind { kind, reason: both });
            }
        }
        let origin: Origin = text.parse().map_err(EndpointError::Url)?;
        let loopback = origin.is_loopback();
        let name = origin.host().to_owned();
        let plain = origin.scheme() == Scheme::Http;
        let origin = origin.to_string();
        if plain && !loopback && !choice.plain_http.contains(&origin) {
            return Err(EndpointError::Plain(origin));
        }
        let region = region
            .or(loopback.then_some(LOOPBACK_REGION))
            .ok_or(EndpointError::NoRegion)?;
        // No port where it's the scheme's own, like the wire's Host.
        let (_, host) = origin.split_once("://").unwrap_or_default();
        Ok(Self {
            host: host.to_owned(),
            name,
            origin,
            region: region.to_owned(),
        })
    }

    /// Scheme, host and any port that isn't the scheme's own.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The `Host` header, as sent and as signed.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host without port and brackets, for the egress policy's trusted
    /// hosts.
    #[must_use]
    pub fn host_name(&self) -> &str {
        &self.name
    }

    /// The region that signatures name.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }
}

/// What overrides the region's endpoint: the setting, else the environment as
/// AWS's own tools read it. `variable` gives an environment variable's value.
pub fn overriding(
    setting: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let ignored = set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    setting.map(str::to_owned).or_else(|| {
        (!ignored)
            .then(|| set("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| set("AWS_ENDPOINT_URL")))
            .flatten()
    })
}

/// The region by setting or environment; a profile's comes after both.
pub fn region(setting: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| {
        let value = variable(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    };
    setting
        .map(str::to_owned)
        .or_else(|| set("AWS_REGION"))
        .or_else(|| set("AWS_DEFAULT_REGION"))
}

fn check_region(region: &str) -> Result<&str, EndpointError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let fits = !region.is_empty()
        && region.len() <= 63
        && region.bytes().all(plain)
        && !region.starts_with('-')
        && !region.ends_with('-');
    if fits {
        Ok(region)
    } else {
        Err(EndpointError::Region(region.to_owned()))
    }
}

/// A region's own endpoint, by the rules of AWS's SDKs.
fn regional(region: &str, fips: bool, dual_stack: bool) -> Result<String, EndpointError> {
    /// Prefix of a partition's regions, its domain, and that of dual stack.
    const PARTITIONS: [(&str, &str, Option<&str>); 6] = [
        (
            "cn-",
            "amazonaws.com.cn",
            Some("api.amazonwebservices.com.cn"),
        ),
        ("us-iso-", "c2s.ic.gov", None),
        ("us-isob-", "sc2s.sgov.gov", None),
        ("us-isof-", "csp.hci.ic.gov", None),
        ("eu-isoe-", "cloud.adc-e.uk", None),
        ("eusc-", "amazonaws.eu", None),
    ];
    let partition = PARTITIONS
        .iter()
        .find(|(prefix, ..)| region.starts_with(prefix));
    let (domain, dual) = partition.map_or(("amazonaws.com", Some("api.aws")), |found| {
        (found.1, found.2)
    });
    let domain = match (dual_stack, dual) {
        (false, _) => domain,
        (true, Some(dual)) => dual,
        (true, None) => {
            return Err(EndpointError::Kind {
                kind: "a dual-stack endpoint",
                reason: "this region's partition has none",
            });
        }
    };
    // GovCloud's own endpoint is the one.
    let own = region.starts_with("us-gov-") && !dual_stack;
    let service = if fips && !own {
        "dynamodb-fips"
    } else {
        "dynamodb"
    };
    Ok(format!("{service}.{region}.{domain}"))
}

/// Whether a setting by that name is on; `value` is what it's set to.
pub fn is_on(name: &str, value: Option<&str>) -> Result<bool, EndpointError> {
    match value
        .map(|value| value.trim().to_ascii_lowercase())
        .as_deref()
    {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(EndpointError::Flag(name.to_owned())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
