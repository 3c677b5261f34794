//! Tables of origins and addresses → what policy says of them.

use super::*;

fn origins(texts: &[&str]) -> BTreeSet<Origin> {
    texts
        .iter()
        .map(|text| text.parse().expect("a test's origin"))
        .collect()
}

#[test]
fn admits_only_configured_origins() {
    let egress = Egress {
        origins: origins(&["https://api.example.com", "http://plain.example.com:8080"]),
        ..Egress::default()
    };
    let check = |url: &str, admitted: bool| {
        let url: Uri = url.parse().expect("a test's URL");
        assert_eq!(egress.admit(&url).is_ok(), admitted, "{url}");
    };
    check("https://api.example.com/v1/artists?x=y", true);
    check("https://API.EXAMPLE.COM:443/", true);
    check("http://plain.example.com:8080/", true);
    check("http://api.example.com/", false);
    check("http://api.example.com:443/", false);
    check("https://plain.example.com:8080/", false);
    check("https://api.example.com:8443/", false);
    check("https://api.example.com./", false);
    check("https://evil-api.example.com/", false);
    check("https://api.example.com.evil.test/", false);
    check("https://api.example.com@evil.test/", false);
    check("https://evil.test@api.example.com/", false);
    check("https://api.example.com:99999/", false);
    check("/v1/artists", false);
}

#[test]
fn refuses_addresses_that_are_not_public() {
    let check = |address: &str, kind: Option<&str>| {
        let address: IpAddr = address.parse().expect("a test's address");
        assert_eq!(not_public(address), kind, "{address}");
        let admitted = Egress::default()
            .admit_address("name.test", address)
            .is_ok();
        assert_eq!(admitted, kind.is_none(), "{address}");
        let named = Egress {
            addresses: [address].into(),
            ..Egress::default()
        };
        assert_eq!(
            named.admit_address("name.test", address),
            Ok(()),
            "{address} named"
        );
    };
    check("8.8.8.8", None);
    check("100.63.255.255", None);
    check("172.15.0.1", None);
    check("172.32.0.1", None);
    check("2606:4700::1111", None);
    check("::ffff:8.8.8.8", None);
    check("64:ff9b::808:808", None);
    check("2002:808:808::1", None);
    check("0.0.0.0", Some("an unspecified"));
    check("0.1.2.3", Some("an unspecified"));
    check("10.1.2.3", Some("a private"));
    check("100.64.0.1", Some("a carrier-grade NAT"));
    check("100.127.255.255", Some("a carrier-grade NAT"));
    check("127.0.0.1", Some("a loopback"));
    check("127.255.0.1", Some("a loopback"));
    check("169.254.1.1", Some("a link-local"));
    check("169.254.169.254", Some("a cloud metadata"));
    check("172.16.0.1", Some("a private"));
    check("172.31.255.255", Some("a private"));
    check("192.0.0.1", Some("a reserved"));
    check("192.0.2.1", Some("a documentation"));
    check("192.168.0.1", Some("a private"));
    check("198.18.0.1", Some("a benchmarking"));
    check("198.51.100.1", Some("a documentation"));
    check("203.0.113.1", Some("a documentation"));
    check("224.0.0.1", Some("a multicast"));
    check("240.0.0.1", Some("a reserved"));
    check("255.255.255.255", Some("the broadcast"));
    check("::", Some("an unspecified"));
    check("::1", Some("a loopback"));
    check("::7f00:1", Some("an IPv4-compatible"));
    check("::808:808", Some("an IPv4-compatible"));
    check("::ffff:127.0.0.1", Some("a loopback"));
    check("::ffff:169.254.169.254", Some("a cloud metadata"));
    check("64:ff9b::a00:1", Some("a private"));
    check("64:ff9b:1::808:808", Some("a local NAT64"));
    check("2002:7f00:1::1", Some("a loopback"));
    check("2001:0:1234::1", Some("a Teredo"));
    check("2001:db8::1", Some("a documentation"));
    check("3fff:1::1", Some("a documentation"));
    check("fc00::1", Some("a unique-local"));
    check("fd00:ec2::254", Some("a cloud metadata"));
    check("fd12::1", Some("a unique-local"));
    check("fe80::1", Some("a link-local"));
    check("fec0::1", Some("a site-local"));
    check("ff02::1", Some("a multicast"));
    check("4000::1", Some("a reserved"));
}

#[test]
fn configured_literals_and_trusted_hosts_are_admitted() {
    let egress = Egress {
        origins: origins(&[
            "http://127.0.0.1:8080",
            "https://inner.test",
            "http://[::1]:1",
        ]),
        addresses: ["10.1.2.3".parse().expect("an address")].into(),
        trusted_hosts: ["dynamodb.local".to_owned()].into(),
    };
    let check = |host: &str, address: &str, admitted: bool| {
        let address = address.parse().expect("a test's address");
        assert_eq!(
            egress.admit_address(host, address).is_ok(),
            admitted,
            "{host} {address}"
        );
    };
    check("127.0.0.1", "127.0.0.1", true);
    check("::1", "::1", true);
    check("127.0.0.2", "127.0.0.2", false);
    // That 127.0.0.1 is configured doesn't let a name lead there.
    check("inner.test", "127.0.0.1", false);
    check("inner.test", "10.1.2.3", true);
    check("inner.test", "::ffff:10.1.2.3", true);
    check("inner.test", "10.1.2.4", false);
    check("dynamodb.local", "127.0.0.1", true);
    check("sub.dynamodb.local", "127.0.0.1", false);
}

#[test]
fn says_which_setting_would_allow_it() {
    let check = |denied: Denied, message: &str, hint: &str| {
        assert_eq!(denied.to_string(), message);
        assert!(
            denied
                .hint()
                .is_some_and(|given| given.as_str().contains(hint)),
            "{denied:?}"
        );
    };
    check(
        Denied::Origin("https://api.example.com".parse().expect("an origin")),
        "policy refuses requests to https://api.example.com",
        r#"[egress] origins = ["https://api.example.com"]"#,
    );
    let address = "10.1.2.3".parse().expect("an address");
    check(
        Egress::default()
            .admit_address("inner.test", address)
            .expect_err("a private address"),
        "policy refuses to connect to inner.test at 10.1.2.3, a private address",
        r#"addresses = ["10.1.2.3"]"#,
    );
}
