//! The request as the RFC writes it, and what hosts add to what is read.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rowcast_pipeline::settings::{ClientCredentials, CredentialsIn};
use std::time::Duration;

fn grant(id: &str, secret: &str, scope: &str) -> Grant {
    let url = "https://accounts.example/api/token?hunter2";
    Grant {
        url: Address::parse(url).unwrap(),
        auth: Auth::ClientCredentials(ClientCredentials {
            token_url: url.to_owned(),
            client_id: id.to_owned(),
            client_secret: secret.into(),
            scope: scope.to_owned(),
            audience: String::new(),
            parameters: Vec::new(),
            credentials_in: CredentialsIn::default(),
        }),
        settings: vec!["SPOTIFY_CLIENT_ID".into(), "SPOTIFY_CLIENT_SECRET".into()],
    }
}

#[test]
fn requests() {
    let check = |id, secret, scope, pair: &str, body: &str| {
        let request = grant(id, secret, scope).request(None);
        let headers = request.headers();
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri().query(), Some("hunter2"));
        assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
        let basic = headers["authorization"]
            .to_str()
            .unwrap()
            .strip_prefix("Basic ")
            .unwrap();
        assert_eq!(STANDARD.decode(basic).unwrap(), pair.as_bytes());
        assert_eq!(request.body(), body);
        assert!(!format!("{request:?}").contains(basic));
    };
    // RFC 6749's own example of a client.
    let plain = ("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw");
    let pair = "s6BhdRkqt3:7Fjfp0ZBr1KtDRbnfVdmIw";
    check(plain.0, plain.1, "", pair, "grant_type=client_credentials");
    let scoped = "grant_type=client_credentials&scope=read+all%3Axy";
    check(plain.0, plain.1, "read all:xy", pair, scoped);
    let pair = "me%3A%25:p%C3%A4ss+%2B%26";
    check("me:%", "päss +&", "", pair, "grant_type=client_credentials");
}

/// What is read of it, in a few words.
fn read(outcome: &Result<Response<Bytes>, ExchangeError>) -> String {
    let token = grant("id", "hunter2", "").read(None, outcome, SystemTime::UNIX_EPOCH);
    let shown = match token {
        Ok(Token {
            header,
            lifetime_ms,
            ..
        }) => {
            assert!(header.is_sensitive());
            format!("{} for {lifetime_ms:?}", header.to_str().unwrap())
        }
        Err(NoToken { failed, hint }) => {
            let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("{:?}: {}{hint}", failed.kind, failed.reason)
        }
    };
    assert!(!shown.contains("hunter2"), "{shown}");
    shown
}

#[test]
fn answers() {
    let check = |status: u16, headers: &[(&str, &str)], body: &str, expected: &str| {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let found = read(&Ok(response.body(Bytes::from(body.to_owned())).unwrap()));
        assert_eq!(found, expected, "{status} {body}");
    };
    let token = r#"{"access_token":"abc","expires_in":"3599.0"}"#;
    check(201, &[], token, "Bearer abc for Some(3599000)");
    let at = "the token endpoint https://accounts.example";
    let settings = "check SPOTIFY_CLIENT_ID, SPOTIFY_CLIENT_SECRET";
    let invalid = r#"{"error":"invalid_client","error_description":"Invalid client hunter2\n"}"#;
    for status in [200, 400, 401] {
        let words = "invalid_client: Invalid client …";
        let expected = format!("Denied: {at} answered {status}: {words}; {settings}");
        check(status, &[], invalid, &expected);
    }
    let elsewhere =
        format!("Denied: {at} gave something that has no token; check `source.auth.token_url`");
    check(200, &[], "<html>abc", &elsewhere);
    let limited = format!("Limited(Some(60000)): {at} answered 429");
    check(429, &[("retry-after", "60")], "", &limited);
    check(503, &[], "", &format!("Unavailable: {at} answered 503"));
}

#[test]
fn failures() {
    let check = |error: ExchangeError, expected: &str| {
        let found = read(&Err(error));
        assert!(found.starts_with(expected), "{found} instead of {expected}");
    };
    let at = "fetch a token from https://accounts.example: ";
    let timeout = ExchangeError::Timeout(Duration::from_secs(1));
    check(timeout, &format!("Unavailable: {at}"));
    let broken = ExchangeError::Broken("reset".into());
    check(broken, &format!("Unavailable: {at}"));
    check(ExchangeError::TooLarge(1), &format!("Denied: {at}"));
}
