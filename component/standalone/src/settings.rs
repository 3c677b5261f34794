//! Environment variables → where DynamoDB is, who asks, which tables may be
//! used, and the bounds of one DynamoDB call. Rowcast's own host has a
//! configuration file and AWS's whole chain of credentials instead.

use aws_credential_types::Credentials;
use rowcast_aws::endpoint::{self, Choice, Endpoint, EndpointError};
use rowcast_aws::policy::Tables;

/// Seconds one DynamoDB call may take: `ROWCAST_DYNAMODB_SECONDS`.
pub const SECONDS: u64 = 20;
/// DynamoDB calls in flight at once: `ROWCAST_DYNAMODB_IN_FLIGHT`.
pub const IN_FLIGHT: u32 = 32;
/// KiB of one request or answer at most: `ROWCAST_DYNAMODB_BODY_KIB`. A
/// batch is 16 MB as DynamoDB counts, and JSON is longer.
pub const BODY_KIB: u64 = 24 * 1024;

/// What the environment says. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where DynamoDB is.
    pub endpoint: Endpoint,
    /// Who asks.
    pub credentials: Credentials,
    /// Which tables may be used: those of `ROWCAST_TABLES` (names between
    /// commas), all if it isn't set.
    pub tables: Tables,
    /// Milliseconds one call may take.
    pub timeout_ms: u64,
    /// Calls in flight at once; at least 1.
    pub in_flight: usize,
    /// Bytes of one request or answer at most.
    pub body_bytes: u64,
}

/// Why the environment isn't enough.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It isn't known where DynamoDB is.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// There is nobody to sign for.
    #[error("find AWS credentials: the environment variable {0} is not set")]
    NoCredentials(&'static str),
    /// A bound that is not a number above zero.
    #[error("read the environment variable {name}: {value:?} is not a whole number above zero")]
    Bound {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

impl Settings {
    /// `variable` gives an environment variable's value. Empty ones count as
    /// not set, but for `ROWCAST_TABLES`, where empty means none.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let overriding = endpoint::overriding(None, &variable);
        let region = endpoint::region(None, &variable);
        let is_on = |name: &str| endpoint::is_on(name, variable(name).as_deref());
        let endpoint = Endpoint::choose(&Choice {
            region,
            overriding,
            fips: is_on("AWS_USE_FIPS_ENDPOINT")?,
            dual_stack: is_on("AWS_USE_DUALSTACK_ENDPOINT")?,
            plain_http: Vec::new(),
        })?;
        // A secret that is kept in a file often ends with its line.
        let credential = |name: &str| set(name).map(|value| value.trim().to_owned());
        let needed = |name| credential(name).ok_or(SettingsError::NoCredentials(name));
        let credentials = Credentials::new(
            needed("AWS_ACCESS_KEY_ID")?,
            needed("AWS_SECRET_ACCESS_KEY")?,
            credential("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let bound = |name, default: u64| match set(name) {
            None => Ok(default),
            Some(value) => match value.trim().parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(SettingsError::Bound { name, value }),
            },
        };
        let in_flight = bound("ROWCAST_DYNAMODB_IN_FLIGHT", IN_FLIGHT.into())?;
        Ok(Self {
            endpoint,
            credentials,
            tables: variable("ROWCAST_TABLES").map_or(Tables::All, |names| {
                let names = names
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty());
                Tables::Only(names.map(str::to_owned).collect())
            }),
            timeout_ms: bound("ROWCAST_DYNAMODB_SECONDS", SECONDS)?.saturating_mul(1000),
            in_flight: usize::try_from(in_flight).unwrap_or(usize::MAX),
            body_bytes: bound("ROWCAST_DYNAMODB_BODY_KIB", BODY_KIB)?.saturating_mul(1024),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const ENOUGH: [(&str, &str); 3] = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
    ];

    fn read(more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            let all = more.iter().chain(&ENOUGH);
            let found = all.into_iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn reads() {
        let settings = read(&[]).unwrap();
        assert_eq!(
            settings.endpoint.origin(),
            "https://dynamodb.eu-west-1.amazonaws.com"
        );
        assert_eq!(settings.credentials.access_key_id(), "AKID");
        assert_eq!(settings.credentials.session_token(), None);
        assert_eq!(settings.tables, Tables::All);
        assert_eq!((settings.timeout_ms, settings.in_flight), (20_000, 32));
        assert_eq!(settings.body_bytes, 24 * 1024 * 1024);

        let settings = read(&[
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:8000"),
            ("ROWCAST_TABLES", "a, b,"),
            ("ROWCAST_DYNAMODB_SECONDS", "3"),
            ("ROWCAST_DYNAMODB_IN_FLIGHT", "1"),
            ("ROWCAST_DYNAMODB_BODY_KIB", "1"),
        ])
        .unwrap();
        assert_eq!(settings.endpoint.origin(), "http://127.0.0.1:8000");
        assert_eq!(settings.endpoint.region(), "eu-west-1");
        assert_eq!(settings.credentials.session_token(), Some("token"));
        assert_eq!(
            settings.tables,
            Tables::Only(["a", "b"].map(str::to_owned).into())
        );
        assert_eq!((settings.timeout_ms, settings.in_flight), (3000, 1));
        assert_eq!(settings.body_bytes, 1024);
        let lines = read(&[
            ("AWS_REGION", "eu-central-1\n"),
            ("AWS_ACCESS_KEY_ID", " AKID2\r\n"),
            ("AWS_SECRET_ACCESS_KEY", "secret\n"),
            ("AWS_SESSION_TOKEN", "token\n"),
        ])
        .unwrap();
        assert_eq!(lines.endpoint.region(), "eu-central-1");
        assert_eq!(lines.credentials.access_key_id(), "AKID2");
        assert_eq!(lines.credentials.secret_access_key(), "secret");
        assert_eq!(lines.credentials.session_token(), Some("token"));
        let both = read(&[
            ("AWS_USE_FIPS_ENDPOINT", "true"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ]);
        assert_eq!(
            both.unwrap().endpoint.origin(),
            "https://dynamodb-fips.eu-west-1.api.aws"
        );
        let none = read(&[("ROWCAST_TABLES", "")]).unwrap();
        assert_eq!(none.tables, Tables::Only([].into()));
    }

    #[test]
    fn no_secret_is_shown() {
        let settings = read(&[("AWS_SESSION_TOKEN", "s3ssion")]).unwrap();
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("s3ssion"),
            "{shown}"
        );
    }

    #[test]
    fn refuses() {
        let check = |more: &[(&str, &str)], expected: &str| {
            let error = read(more).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(&[("AWS_REGION", "")], "none is configured");
        check(&[("AWS_REGION", "a b")], "`a b`");
        check(
            &[("AWS_ACCESS_KEY_ID", " ")],
            "AWS_ACCESS_KEY_ID is not set",
        );
        check(
            &[("AWS_SECRET_ACCESS_KEY", "")],
            "AWS_SECRET_ACCESS_KEY is not set",
        );
        check(&[("AWS_ENDPOINT_URL", "http://10.0.0.7")], "plain http");
        check(&[("AWS_USE_FIPS_ENDPOINT", "yes")], "AWS_USE_FIPS_ENDPOINT");
        check(
            &[("ROWCAST_DYNAMODB_SECONDS", "0")],
            "ROWCAST_DYNAMODB_SECONDS",
        );
        check(&[("ROWCAST_DYNAMODB_IN_FLIGHT", "many")], "\"many\"");
    }
}
