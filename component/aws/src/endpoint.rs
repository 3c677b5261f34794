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
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let check = |region, overriding, origin: &str, host: &str, signed: &str| {
            let endpoint = Endpoint::resolve(region, overriding).unwrap();
            let found = (endpoint.origin(), endpoint.host(), endpoint.region());
            assert_eq!(found, (origin, host, signed), "{region:?} {overriding:?}");
            let port = host
                .rsplit_once(':')
                .filter(|(name, _)| !name.ends_with(':'));
            let name = port.map_or(host, |(name, _)| name).trim_matches(['[', ']']);
            assert_eq!(endpoint.host_name(), name);
            // The egress policy must know it by the same name.
            let origin: crate::origin::Origin = origin.parse().unwrap();
            assert_eq!(
                (origin.host(), origin.to_string().as_str()),
                (name, endpoint.origin())
            );
        };
        let aws = "dynamodb.eu-central-1.amazonaws.com";
        check(
            Some("eu-central-1"),
            None,
            &format!("https://{aws}"),
            aws,
            "eu-central-1",
        );
        let china = "dynamodb.cn-north-1.amazonaws.com.cn";
        check(
            Some("cn-north-1"),
            None,
            &format!("https://{china}"),
            china,
            "cn-north-1",
        );
        let gov = "dynamodb.us-gov-west-1.amazonaws.com";
        check(
            Some("us-gov-west-1"),
            None,
            &format!("https://{gov}"),
            gov,
            "us-gov-west-1",
        );
        for (url, origin, host) in [
            (
                "http://localhost:8000",
                "http://localhost:8000",
                "localhost:8000",
            ),
            ("http://LOCALHOST:80/", "http://localhost", "localhost"),
            ("http://127.8.0.1:1/", "http://127.8.0.1:1", "127.8.0.1:1"),
            ("http://[::1]:8000", "http://[::1]:8000", "[::1]:8000"),
        ] {
            check(None, Some(url), origin, host, "us-east-1");
            check(Some("eu-west-1"), Some(url), origin, host, "eu-west-1");
        }
        let vpc = "https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com";
        check(
            Some("eu-west-1"),
            Some(vpc),
            vpc,
            vpc.strip_prefix("https://").unwrap(),
            "eu-west-1",
        );
        let port = ("https://d.example:8443", "d.example:8443");
        check(
            Some("x"),
            Some("https://d.example:8443/"),
            port.0,
            port.1,
            "x",
        );
        check(
            Some("x"),
            Some("https://d.example:443/"),
            "https://d.example",
            "d.example",
            "x",
        );
    }

    #[test]
    fn refusals() {
        let check = |region, overriding, message: &str| {
            let error = Endpoint::resolve(region, overriding).unwrap_err();
            assert!(
                error.to_string().contains(message),
                "{error} lacks {message}"
            );
            assert!(!error.to_string().contains("hunter2"), "{error}");
        };
        check(None, None, "none is configured");
        check(None, Some("https://d.example"), "none is configured");
        check(Some("eu_west"), None, "use `eu_west`");
        check(Some("evil.example/"), None, "letters, digits and hyphens");
        check(Some("x"), Some("localhost"), "must be https://host");
        check(Some("x"), Some("localhost:8000"), "must be https://host");
        check(
            Some("x"),
            Some("https://d.example/path"),
            "must be https://host",
        );
        check(
            Some("x"),
            Some("https://me:hunter2@d.example"),
            "must be https://host",
        );
        check(Some("x"), Some("http://10.0.0.7:8000"), "plain http leaves");
        check(
            Some("x"),
            Some("http://localhost.example"),
            "plain http leaves",
        );
        check(Some("x"), Some("http://128.0.0.1"), "plain http leaves");
    }

    #[test]
    fn kinds_of_endpoints() {
        let check = |region: &str, fips, dual_stack, expected: &str| {
            let choice = Choice {
                region: Some(region.to_owned()),
                fips,
                dual_stack,
                ..Choice::default()
            };
            let found = Endpoint::choose(&choice).map(|endpoint| endpoint.host().to_owned());
            let found = found.unwrap_or_else(|error| error.to_string());
            assert_eq!(found, expected, "{choice:?}");
        };
        check(
            "us-west-2",
            true,
            false,
            "dynamodb-fips.us-west-2.amazonaws.com",
        );
        check("us-west-2", false, true, "dynamodb.us-west-2.api.aws");
        check("us-west-2", true, true, "dynamodb-fips.us-west-2.api.aws");
        check(
            "us-gov-west-1",
            true,
            false,
            "dynamodb.us-gov-west-1.amazonaws.com",
        );
        check(
            "us-gov-west-1",
            true,
            true,
            "dynamodb-fips.us-gov-west-1.api.aws",
        );
        let china = "dynamodb.cn-north-1.api.amazonwebservices.com.cn";
        check("cn-north-1", false, true, china);
        let none = "use a dual-stack endpoint: this region's partition has none";
        check("us-iso-east-1", false, true, none);
        for (fips, dual_stack, kind) in [(true, false, "FIPS"), (false, true, "dual-stack")] {
            let error = Endpoint::choose(&Choice {
                overriding: Some("https://d.example".into()),
                fips,
                dual_stack,
                ..Choice::default()
            });
            assert_eq!(
                error.unwrap_err().to_string(),
                format!(
                    "use a {kind} endpoint: an endpoint is configured, and it need not be one; choose"
                )
            );
        }
        for (value, expected) in [
            (None, Ok(false)),
            (Some(""), Ok(false)),
            (Some(" True\n"), Ok(true)),
            (Some("false"), Ok(false)),
            (Some("1"), Err(EndpointError::Flag("X".into()))),
        ] {
            assert_eq!(is_on("X", value), expected, "{value:?}");
        }
    }

    #[test]
    fn plain_http_by_name() {
        let choice = |endpoint: &str| Choice {
            region: Some("us-east-1".into()),
            overriding: Some(endpoint.into()),
            plain_http: vec!["http://dynamodb-local:8000".into()],
            ..Choice::default()
        };
        let found = Endpoint::choose(&choice("http://DynamoDB-local:8000/")).unwrap();
        assert_eq!(found.origin(), "http://dynamodb-local:8000");
        for other in [
            "http://dynamodb-local",
            "http://dynamodb-local:8001",
            "http://10.0.0.7:8000",
        ] {
            let error = Endpoint::choose(&choice(other)).unwrap_err();
            assert!(matches!(error, EndpointError::Plain(_)), "{error:?}");
        }
    }

    #[test]
    fn environment() {
        let check = |setting: Option<&str>, variables: &[(&str, &str)], expected: Option<&str>| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(
                overriding(setting, variable).as_deref(),
                expected,
                "{variables:?}"
            );
        };
        let (own, all) = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL");
        check(None, &[], None);
        check(None, &[(all, "a")], Some("a"));
        check(None, &[(all, "a"), (own, "o")], Some("o"));
        check(None, &[(all, "a"), (own, " ")], Some("a"));
        check(Some("s"), &[(all, "a"), (own, "o")], Some("s"));
        check(
            None,
            &[(own, "o"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE")],
            None,
        );
        let of = |name: &str| name.starts_with("AWS_").then(|| name.to_owned());
        assert_eq!(region(Some("s"), of).as_deref(), Some("s"));
        assert_eq!(region(None, of).as_deref(), Some("AWS_REGION"));
        let fallback = |name: &str| (name == "AWS_DEFAULT_REGION").then(|| "d".to_owned());
        assert_eq!(region(None, fallback).as_deref(), Some("d"));
    }
}
