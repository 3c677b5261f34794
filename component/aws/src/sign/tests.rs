//! Requests → signatures, checked against a second computation.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use rowcast_stand_ins::reference_sigv4::{SECRET, steps, verify};
use std::time::Duration;

const ID: &str = "AKIDEXAMPLE";

/// Amazon's own vectors (aws-c-auth's suite) check the second way itself.
#[test]
fn the_second_way_is_right() {
    let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    let form = b"Param1=value1";
    let form_digest = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
    let host = ("host", "example.amazonaws.com");
    let date = ("x-amz-date", "20150830T123600Z");
    let check = |method, headers: &[_], body: &[u8], canonical_digest: &str, signature: &str| {
        let steps = steps(
            method,
            headers,
            body,
            "20150830/us-east-1/service/aws4_request",
            SECRET,
        );
        assert_eq!(
            steps.to_sign.lines().last(),
            Some(canonical_digest),
            "{}",
            steps.canonical
        );
        assert_eq!(steps.signature, signature);
    };
    check(
        "GET",
        &[host, date, ("x-amz-security-token", token)],
        b"",
        "067b36aa60031588cea4a4cde1f21215227a047690c72247f1d70b32fbbfad2b",
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
    );
    check(
        "POST",
        &[
            ("content-length", "13"),
            ("content-type", "application/x-www-form-urlencoded"),
            host,
            ("x-amz-content-sha256", form_digest),
            date,
        ],
        form,
        "b1edd1d03544c25390e32085d55b57acc9a3961bb59415ff86c45c3d89d16cfb",
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    );
}

#[test]
fn signs_what_is_sent() {
    let at = httpdate::parse_http_date("Sun, 30 Aug 2015 12:36:00 GMT").unwrap();
    let check = |origin: Option<&str>, token: Option<&str>, body: &'static str, host: &str| {
        let endpoint = Endpoint::resolve(Some("us-east-1"), origin).unwrap();
        let unsigned = Unsigned {
            endpoint: &endpoint,
            operation: "PutItem",
            body: body.into(),
        };
        let credentials = Credentials::new(ID, SECRET, token.map(str::to_owned), None, "test");
        let request = sign(&unsigned, at, &credentials).unwrap();

        let header = |name: &str| {
            request
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        assert_eq!(request.uri().authority().unwrap().as_str(), host);
        assert_eq!(header("host"), Some(host));
        assert_eq!(header("x-amz-date"), Some("20150830T123600Z"));
        assert_eq!(header("x-amz-target"), Some("DynamoDB_20120810.PutItem"));
        assert_eq!(header("content-type"), Some("application/x-amz-json-1.0"));
        assert_eq!(header("x-amz-security-token"), token);
        assert!(header("authorization").unwrap().starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/dynamodb/aws4_request, "
        ));
        let mut signed = vec!["content-type", "host", "x-amz-date", "x-amz-target"];
        if token.is_some() {
            signed.insert(3, "x-amz-security-token");
        }
        assert_eq!(verify(&request, SECRET), signed);
        assert!(!format!("{request:?}").contains(token.unwrap_or("Signature=")));
    };
    let aws = "dynamodb.us-east-1.amazonaws.com";
    check(None, None, "{}", aws);
    check(None, Some("IQoJb3JpZ2luX2VjEXAMPLE//token=="), "{}", aws);
    check(Some("http://localhost:8000"), None, "{}", "localhost:8000");
    check(Some("https://d.example:443"), None, "", "d.example");
    check(
        Some("http://[::1]:8000"),
        None,
        r#"{"name":"Björk – 雨 🌧"}"#,
        "[::1]:8000",
    );
}

#[test]
fn refuses() {
    let endpoint = Endpoint::resolve(Some("us-east-1"), None).unwrap();
    let check = |operation, token: Option<&str>, message: &str| {
        let unsigned = Unsigned {
            endpoint: &endpoint,
            operation,
            body: Bytes::new(),
        };
        let credentials = Credentials::new(ID, SECRET, token.map(str::to_owned), None, "test");
        let error = sign(&unsigned, SystemTime::UNIX_EPOCH, &credentials).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    };
    check("", None, "an operation is letters");
    check("Put\r\nItem", None, "`Put\\r\\nItem`");
    check("Scan", Some("bad\ntoken"), "signature");
}

#[test]
fn the_calendar_ends() {
    let endpoint = Endpoint::resolve(Some("us-east-1"), None).unwrap();
    let unsigned = Unsigned {
        endpoint: &endpoint,
        operation: "Scan",
        body: Bytes::new(),
    };
    let credentials = Credentials::new(ID, SECRET, None, None, "test");
    let check = |at: SystemTime, works: bool| {
        let signed = sign(&unsigned, at, &credentials);
        assert_eq!(signed.is_ok(), works, "{at:?}");
        if let Err(error) = signed {
            assert!(error.to_string().contains("set this machine's clock"));
            assert!(!error.is_of_credentials());
        }
    };
    let epoch = SystemTime::UNIX_EPOCH;
    check(epoch, true);
    check(epoch - Duration::from_secs(1), false);
    check(epoch + Duration::from_secs(CALENDAR_SECONDS - 1), true);
    check(epoch + Duration::from_secs(CALENDAR_SECONDS), false);
}
