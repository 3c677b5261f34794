//! Answers of token endpoints → tokens, or the server's words.

use super::*;
use crate::retry::Backoff;

const CLIENT: Client<'_> = Client {
    token_url: "https://me:p@id.example/token?client_secret=SEKRET",
    client_id: "a:b",
    client_secret: "s%3",
    refresh_token: None,
    scope: "",
    credentials_in: CredentialsIn::Header,
    parameters: Vec::new(),
};

fn read(status: u16, body: &str) -> Result<Token, Failed> {
    CLIENT.read(Reply {
        status,
        body: body.as_bytes(),
        location: Some("/other?x=1"),
        asked: Asked::default(),
    })
}

#[test]
fn odd_lifetimes_make_usable_tokens() {
    let check = |expires_in: &str, expected| {
        let body = format!(r#"{{"access_token":"T","expires_in":{expires_in}}}"#);
        let token = read(200, &body).map(|token| (token.header, token.lifetime_ms));
        assert_eq!(token, Ok(("Bearer T".to_owned(), expected)), "{expires_in}");
    };
    check("3600", Some(3_600_000));
    check("3599.5", Some(3_599_500));
    check("\"3599.0\"", Some(3_599_000));
    check("\"3600s\"", Some(3_600_000));
    check("\" 60 \"", Some(60_000));
    for unknown in [
        "9223372036854775807",
        "-1",
        "0",
        "\"\"",
        "\"soon\"",
        "1e30",
        "1e999",
        "null",
        "[]",
        "{}",
        "true",
        "\"NaN\"",
        "\"inf\"",
    ] {
        check(unknown, None);
    }
}

#[test]
fn tokens_in_odd_clothes() {
    let check = |status, body: &str| {
        let token = read(status, body).map(|token| token.header);
        assert_eq!(token, Ok("Bearer T".to_owned()), "{status} {body}");
    };
    for status in [200, 201, 203] {
        check(status, r#"{"access_token":"T"}"#);
    }
    for kind in ["bearer", "Bearer", "BEARER", "BearerToken"] {
        check(
            200,
            &format!(r#"{{"token_type":"{kind}","access_token":"T"}}"#),
        );
    }
    check(
        200,
        "\u{feff}{\"access_token\":\"T\",\"error\":null,\"x\":{}}",
    );
    check(200, "access_token=T&token_type=bearer&expires_in=60");
}

#[test]
fn refusals_in_odd_clothes() {
    use FailureKind::{Denied, Unavailable};
    let at = "the token endpoint https://id.example";
    let check = |status, body: &str, kind, reason: &str| {
        let found = read(status, body).map_err(|failed| (failed.kind, failed.sentence()));
        let expected = (kind, format!("{at} {reason}"));
        assert_eq!(found, Err(expected), "{status} {body}");
    };
    let invalid = r#"{"error":"invalid_client","error_description":"No such client"}"#;
    check(
        200,
        invalid,
        Denied,
        "answered 200: invalid_client: No such client; check client_id, client_secret and scope",
    );
    let advice = "; check client_id, client_secret and scope";
    let said = |words: &str| format!("answered 401{words}{advice}");
    check(
        401,
        invalid,
        Denied,
        &said(": invalid_client: No such client"),
    );
    check(
        401,
        "error=invalid_client&error_description=No+such",
        Denied,
        &said(": invalid_client: No such"),
    );
    check(401, "<h1>No</h1>", Denied, &said(": <h1>No</h1>"));
    check(401, "", Denied, &said(""));
    check(
        302,
        "",
        Denied,
        "answered 302; redirects to https://id.example/other are not followed: put the final URL \
         in token_url",
    );
    check(501, "", Denied, "answered 501; check token_url");
    for status in [500, 502, 520, 598, 408] {
        check(status, "", Unavailable, &format!("answered {status}"));
    }
    let passes = r#"{"error":"temporarily_unavailable"}"#;
    check(
        400,
        passes,
        Unavailable,
        "answered 400: temporarily_unavailable",
    );
    check(
        200,
        passes,
        Unavailable,
        "answered 200: temporarily_unavailable",
    );
    check(
        200,
        r#"{"access_to"#,
        Unavailable,
        "gave no complete answer",
    );
    check(200, "", Unavailable, "gave no complete answer");
    check(
        200,
        "<html>",
        Denied,
        "gave something that has no token; check token_url",
    );
    check(
        200,
        "{}",
        Denied,
        "answered no access_token; check token_url",
    );
    check(
        200,
        r#"{"access_token":"a b"}"#,
        Denied,
        "answered an access_token that an HTTP header can't carry; check token_url",
    );
    check(
        200,
        r#"{"access_token":"T","token_type":"mac"}"#,
        Denied,
        "answered a token_type other than Bearer; check token_url",
    );
}

#[test]
fn no_secret_is_repeated() {
    let pair = CLIENT.pair();
    for secret in ["s%3", "s%253", pair.as_str()] {
        for body in [
            format!(r#"{{"error":"invalid_client","error_description":"bad {secret}"}}"#),
            format!("<p>{secret}</p>"),
        ] {
            let shown = format!("{:?}", read(401, &body));
            assert!(!shown.contains(secret), "{shown}");
            assert!(!shown.contains("SEKRET"), "{shown}");
        }
    }
    let token = read(200, r#"{"access_token":"T0p"}"#);
    assert!(!format!("{token:?}").contains("T0p"));
}

#[test]
fn waits_for_a_token_cost_time_and_failures_cost_attempts() {
    let backoff = Backoff {
        base_ms: 100,
        longest_ms: 1_000,
    };
    let failed = |kind| Failed {
        kind,
        reason: String::new(),
        check: None,
    };
    let mut attempts = Attempts::new(3, backoff);
    for _ in 0..50 {
        let limited = failed(FailureKind::Limited(Some(2_000)));
        assert_eq!(attempts.after(&limited, 60_000, 7), Some(2_008));
        assert_eq!(attempts.after(&limited, 2_000, 7), None);
    }
    let unavailable = failed(FailureKind::Unavailable);
    assert_eq!(attempts.after(&unavailable, 60_000, 100), Some(100));
    assert_eq!(attempts.after(&unavailable, 60_000, 200), Some(200));
    assert_eq!(attempts.after(&unavailable, 60_000, 0), None);
    let mut attempts = Attempts::new(3, backoff);
    assert_eq!(
        attempts.after(&failed(FailureKind::Denied), 60_000, 0),
        None
    );
}

#[test]
fn a_token_that_has_worked_has_expired() {
    let mut tokens = Tokens::default();
    assert_eq!(tokens.present(0), None);
    for serial in 1..=100 {
        assert_eq!(tokens.fetched(serial, None, 0), serial);
        assert_eq!(tokens.present(u64::MAX), Some((serial, serial)));
        tokens.worked(serial);
        assert_eq!(tokens.refused(serial, serial), Renewal::Repeat);
        // Ten requests that went out with one token come back with ten refusals.
        assert_eq!(tokens.refused(serial, serial), Renewal::Repeat);
        assert_eq!(tokens.present(0), None);
    }
    tokens.fetched(0, None, 0);
    assert_eq!(tokens.refused(101, 101), Renewal::Repeat);
    tokens.fetched(0, None, 0);
    assert_eq!(tokens.refused(101, 101), Renewal::Repeat);
    assert_eq!(tokens.refused(102, 102), Renewal::Refused);
    assert_eq!(tokens.refused(102, 102), Renewal::Refused);
    tokens.worked(102);
    assert_eq!(tokens.refused(102, 102), Renewal::Repeat);
}

/// A request that is refused with any token costs two tokens, and the next one none.
#[test]
fn a_request_that_is_refused_itself() {
    let mut tokens = Tokens::default();
    let working = |tokens: &mut Tokens<u32>| {
        let serial = tokens.fetched(0, None, 0);
        tokens.worked(serial);
        serial
    };
    for serial in 1..=2 {
        assert_eq!(working(&mut tokens), serial);
        assert_eq!(tokens.refused(serial, 1), Renewal::Repeat);
    }
    assert_eq!(working(&mut tokens), 3);
    assert_eq!(tokens.refused(3, 1), Renewal::Refused);
    assert!(tokens.present(0).is_some());
    // The next one is asked again with the token that others are accepted with.
    for _ in 0..4 {
        assert_eq!(tokens.refused(3, 3), Renewal::Repeat);
        assert!(tokens.present(0).is_some());
        tokens.worked(3);
    }
    // Nobody is accepted any more: it has expired.
    for _ in 0..3 {
        assert_eq!(tokens.refused(3, 3), Renewal::Repeat);
    }
    assert_eq!(tokens.present(0), None);
}

#[test]
fn tokens_are_renewed_before_they_expire() {
    let check = |life: u64, usable: u64| {
        let mut tokens = Tokens::default();
        tokens.fetched((), Some(life), 1_000);
        assert!(tokens.present(1_000 + usable - 1).is_some(), "{life}");
        assert!(tokens.present(1_000 + usable).is_none(), "{life}");
    };
    check(3_600_000, 3_540_000);
    check(100_000, 80_000);
    check(5, 4);
}

#[test]
fn credentials_go_where_the_server_wants_them() {
    let check = |client: &Client<'_>, header: Option<&str>, body: &str| {
        let headers = client.headers();
        let found = headers.iter().find(|(name, _)| *name == "authorization");
        let header = header.map(|pair| format!("Basic {}", STANDARD.encode(pair)));
        assert_eq!(found.map(|(_, value)| value.clone()), header, "{body}");
        assert_eq!(client.body(), body);
    };
    let client = Client {
        scope: "a b",
        parameters: vec![("audience", "https://api.example/"), ("x", "&")],
        ..CLIENT
    };
    let more = "&audience=https%3A%2F%2Fapi.example%2F&x=%26";
    let form = format!("grant_type=client_credentials&scope=a+b{more}");
    check(&client, Some("a%3Ab:s%253"), &form);
    let plain = Client {
        credentials_in: CredentialsIn::PlainHeader,
        ..client.clone()
    };
    check(&plain, Some("a:b:s%3"), &form);
    let in_body = Client {
        credentials_in: CredentialsIn::Body,
        ..client
    };
    let form = "grant_type=client_credentials&scope=a+b&client_id=a%3Ab&client_secret=s%253";
    check(&in_body, None, &format!("{form}{more}"));
    let refresh = Client {
        refresh_token: Some("r/1"),
        ..CLIENT
    };
    let form = "grant_type=refresh_token&refresh_token=r%2F1";
    check(&refresh, Some("a%3Ab:s%253"), form);
    // A public client has no secret.
    let public = Client {
        client_secret: "",
        ..refresh
    };
    check(&public, None, &format!("{form}&client_id=a%3Ab"));
}
