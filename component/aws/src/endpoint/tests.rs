//! Regions, flags and overriding URLs → endpoints, or why there is none.

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
