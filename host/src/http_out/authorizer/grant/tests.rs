//! Verdicts over outcomes, and the request as the RFC writes it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;

const SECRET: &str = "hunter2";

fn grant(id: &str, secret: &str, scope: &str) -> Grant {
    Grant {
        url: Address::parse("https://accounts.example/api/token?hunter2").unwrap(),
        client_id: id.to_owned(),
        client_secret: Secret::new(secret),
        scope: scope.to_owned(),
        settings: vec!["SPOTIFY_CLIENT_ID".into(), "SPOTIFY_CLIENT_SECRET".into()],
    }
}

#[test]
fn requests() {
    let check = |id, secret, scope, pair: &str, body: &str| {
        let request = grant(id, secret, scope).request();
        let headers = request.headers();
        assert_eq!(request.method(), "POST");
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

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Bytes::from(body.to_owned())).unwrap()
}

/// The verdict in a few words, on attempt `attempt` with 5 s left and 250
/// drawn, the most for the first wait.
fn verdict(outcome: &Result<Response<Bytes>, ExchangeError>, attempt: u32) -> String {
    let today = httpdate::parse_http_date("Fri, 15 Jan 2027 08:00:00 GMT").unwrap();
    let circumstances = Circumstances {
        attempt,
        left: Duration::from_secs(5),
        today,
        random: 250,
    };
    match grant("id", SECRET, "").judge(outcome, circumstances) {
        Verdict::Token { header, life } => {
            assert!(header.is_sensitive());
            format!("{} for {} s", header.to_str().unwrap(), life.as_secs())
        }
        Verdict::Again(pause) => format!("again after {} ms", pause.as_millis()),
        Verdict::Denied {
            reason,
            hint,
            quiet,
        } => {
            let hint = hint.map(|hint| format!("; {hint}"));
            let hint = hint.unwrap_or_default();
            format!("denied, {} s: {reason}{hint}", quiet.as_secs())
        }
        Verdict::Unavailable { reason, quiet } => {
            format!("unavailable, {} s: {reason}", quiet.as_secs())
        }
    }
}

#[test]
fn tokens() {
    let check = |body: &str, expected: &str| {
        let found = verdict(&Ok(answer(200, &[], body)), 1);
        assert!(found.contains(expected), "{found} lacks {expected}");
        assert!(
            !found.starts_with("unavail") || !found.contains("abc"),
            "{found}"
        );
    };
    check(
        r#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#,
        "Bearer abc for 3540 s",
    );
    check(
        r#"{"access_token":"abc","token_type":"bearer","expires_in":"100"}"#,
        "for 80 s",
    );
    check(
        r#"{"access_token":"abc","expires_in":100.5,"scope":"x"}"#,
        "for 80 s",
    );
    check(r#"{"access_token":"abc"}"#, "Bearer abc for 540 s");
    check(r#"{"access_token":"abc","expires_in":null}"#, "for 540 s");
    check(r#"{"access_token":"abc","expires_in":0}"#, "for 0 s");
    check(
        r#"{"access_token":"abc","expires_in":-1}"#,
        "`expires_in` is no number",
    );
    check(
        r#"{"access_token":"abc","expires_in":"soon"}"#,
        "`expires_in` is no number",
    );
    check(
        r#"{"access_token":"abc","token_type":"mac"}"#,
        "not `bearer`",
    );
    check(r#"{"access_token":"a\nbc"}"#, "doesn't fit");
    check(r#"{"access_token":""}"#, "doesn't fit");
    check(r#"{"token":"abc"}"#, "no JSON object with `access_token`");
    check("<html>abc", "no JSON object with `access_token`");
}

#[test]
fn refusals() {
    let check = |status, headers: &[_], body: &str, attempt, expected: &str| {
        let found = verdict(&Ok(answer(status, headers, body)), attempt);
        assert!(found.starts_with(expected), "{found} instead of {expected}");
        assert!(!found.contains(SECRET), "{found}");
    };
    let at = "fetch a token from https://accounts.example: it answers";
    let settings = "check SPOTIFY_CLIENT_ID, SPOTIFY_CLIENT_SECRET";
    let invalid = r#"{"error":"invalid_client","error_description":"Invalid client hunter2\n"}"#;
    let denied = |status, words: &str| format!("denied, 10 s: {at} {status}{words}; {settings}");
    let words = ": invalid_client: Invalid client …";
    check(401, &[], invalid, 1, &denied(401, words));
    check(400, &[], invalid, 1, &denied(400, words));
    check(
        400,
        &[],
        r#"{"error":"unauthorized_client"}"#,
        1,
        &denied(400, ": unauthorized_client"),
    );
    check(403, &[], "<html>", 1, &denied(403, ""));
    check(
        400,
        &[],
        r#"{"error":"temporarily_unavailable"}"#,
        1,
        "again after 250 ms",
    );
    check(503, &[], "", 1, "again after 250 ms");
    check(500, &[], "", 2, "again after 250 ms");
    check(503, &[], "", 3, &format!("unavailable, 0 s: {at} 503"));
    check(
        302,
        &[("location", "https://x")],
        "",
        1,
        &format!("unavailable, 0 s: {at} 302"),
    );
    check(429, &[("retry-after", "2")], "", 1, "again after 2250 ms");
    check(
        429,
        &[("retry-after", "60")],
        "",
        1,
        &format!("unavailable, 60 s: {at} 429"),
    );
    check(
        429,
        &[("retry-after", "86400")],
        "",
        1,
        "unavailable, 300 s",
    );
    let date = [("retry-after", "Fri, 15 Jan 2027 08:00:03 GMT")];
    check(503, &date, "", 1, "again after 3250 ms");
    check(503, &[("retry-after", "soon")], "", 1, "again after 250 ms");
}

#[test]
fn failures() {
    let check = |error: ExchangeError, attempt, expected: &str| {
        let found = verdict(&Err(error), attempt);
        assert!(found.starts_with(expected), "{found} instead of {expected}");
    };
    check(ExchangeError::Timeout(Duration::from_secs(1)), 1, "again");
    check(
        ExchangeError::Timeout(Duration::from_secs(1)),
        3,
        "unavailable, 0 s: fetch a token",
    );
    check(ExchangeError::Broken("reset".into()), 1, "again");
    check(ExchangeError::TooLarge(1), 1, "unavailable");
}

#[test]
fn margins() {
    let check = |life, expected| {
        assert_eq!(
            usable(Duration::from_secs(life)),
            Duration::from_secs(expected)
        );
    };
    check(3600, 3540);
    check(300, 240);
    check(100, 80);
    check(0, 0);
}
