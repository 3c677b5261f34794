//! Outcomes and what is done about them.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
use super::*;

const URL: &str = "https://api.example/v1/artists/7/top-tracks?key=secret";

fn check_at(url: &str, outcome: &Result<HttpResponse, HttpError>, expected: &str) {
    let today = httpdate::parse_http_date("Mon, 23 Nov 2026 10:00:00 GMT").unwrap();
    let shown = match judge(&Url::parse(url).unwrap(), outcome, today) {
        Verdict::Done(response) => format!("done {}", response.status),
        Verdict::Retry(trouble) => format!("retry: {}", trouble.reason()),
        Verdict::Limited(refusal) => {
            let pause = outcome
                .as_ref()
                .ok()
                .and_then(|it| asked(it, today).pause());
            format!("limited {}: {}", pause.unwrap_or(0), refusal.reason)
        }
        Verdict::Stop(reason) => format!("stop: {reason}"),
        Verdict::Unauthorized(refusal) => format!("unauthorized: {}", refusal.reason),
        Verdict::Reject(Refusal {
            kind,
            status,
            reason,
        }) => {
            format!("reject {kind:?} {}: {reason}", status.unwrap_or_default())
        }
    };
    let shown = shown.replace("https://api.example/v1/artists/7/top-tracks", "URL");
    let shown = shown.replace("RejectionKind::", "");
    assert_eq!(shown, expected, "{outcome:?}");
}

fn check(status: u16, headers: &[(&str, &str)], body: &str, expected: &str) {
    let headers = headers
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let response = HttpResponse {
        status,
        headers: headers.collect(),
        body: body.into(),
    };
    check_at(URL, &Ok(response), expected);
}

#[test]
fn statuses_are_done_repeated_or_rejected() {
    check(200, &[], "", "done 200");
    check(206, &[], "", "done 206");
    for status in [
        408, 425, 500, 502, 503, 504, 507, 520, 522, 524, 529, 530, 598,
    ] {
        check(status, &[], "", &format!("retry: URL answered {status}"));
    }
    check(500, &[("retry-after", "9")], "", "retry: URL answered 500");
    check(429, &[], "", "limited 0: URL answered 429");
    check(
        401,
        &[],
        r#"{"error":"expired"}"#,
        "unauthorized: URL answered 401: expired; check the source's credentials",
    );
    for status in [400, 402, 403, 404, 409, 410, 422, 451, 501, 505] {
        check(
            status,
            &[],
            "<html>",
            &format!("reject Status {status}: URL answered {status}: <html>"),
        );
    }
    check(
        302,
        &[("location", "/login?token=secret")],
        "",
        "reject Status 302: URL answered 302; redirects to https://api.example/login are not \
         followed: put the final URL in url",
    );
    // Hosts that have letters beside ASCII and capitals, and no host at all:
    // they can't be shown, and must stop nothing.
    for nowhere in [
        "https://\u{dc}BEL.example/",
        "//A%C3%BC.example",
        "httpse:path",
        "data:text/html,x",
    ] {
        check(
            302,
            &[("location", nowhere)],
            "",
            "reject Status 302: URL answered 302; redirects are not followed: put the final URL \
             in url",
        );
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let wait = |value: &str, pause: u64| {
        let asked = [("retry-after", value)];
        let limited = |status| format!("limited {pause}: URL answered {status}");
        check(429, &asked, "", &limited(429));
        let otherwise = |status, otherwise: &str| {
            let expected = limited(status);
            let other = format!("{otherwise}: URL answered {status}");
            check(
                status,
                &asked,
                "",
                if pause > 0 { &expected } else { &other },
            );
        };
        otherwise(503, "retry");
        otherwise(403, "reject Status 403");
    };
    wait("120", 120_000);
    wait(" 1 ", 1_000);
    wait("99999999999999999999999", u64::MAX);
    wait("Mon, 23 Nov 2026 10:00:07 GMT", 7_000);
    wait("Monday, 23-Nov-26 10:00:07 GMT", 7_000);
    wait("1795428003", 3_000);
    for none in ["Mon, 23 Nov 2026 09:00:00 GMT", "0", "", "-5", "soon"] {
        wait(none, 0);
    }
    // Our clock is an hour behind theirs.
    let date = ("date", "Mon, 23 Nov 2026 11:00:00 GMT");
    let until = ("retry-after", "Mon, 23 Nov 2026 11:00:07 GMT");
    check(429, &[date, until], "", "limited 7000: URL answered 429");
}

#[test]
fn spotifys_reasons_are_passed_on() {
    let quota = r#"{"error":{"status":429,"message":"Too many","reason":"QUOTA_EXCEEDED"}}"#;
    check(
        429,
        &[],
        quota,
        "stop: URL answered 429: QUOTA_EXCEEDED: Too many",
    );
    let wait = "limited 3000: URL answered 429: QUOTA_EXCEEDED: Too many";
    check(429, &[("retry-after", "3")], quota, wait);
    check(
        429,
        &[],
        r#"{"message":"QUOTA_EXCEEDED"}"#,
        "limited 0: URL answered 429: QUOTA_EXCEEDED",
    );
    let hint = "; since February 2026 Spotify's Development Mode serves neither \
                /artists/{id}/top-tracks nor popularity; apps with Extended Quota are unaffected; \
                request it in Spotify's developer dashboard";
    let forbidden = r#"{"error":{"status":403,"message":"Forbidden"}}"#;
    check(
        403,
        &[],
        forbidden,
        &format!("reject Status 403: URL answered 403: Forbidden{hint}"),
    );
    let empty = Ok(HttpResponse {
        status: 403,
        headers: Vec::new(),
        body: Vec::new(),
    });
    let spotify = "https://api.spotify.com/v1/artists/7/top-tracks?market=US";
    let shown = "https://api.spotify.com/v1/artists/7/top-tracks";
    check_at(
        spotify,
        &empty,
        &format!("reject Status 403: {shown} answered 403{hint}"),
    );
    let albums = "https://api.spotify.com/v1/artists/7/albums";
    check_at(
        albums,
        &empty,
        &format!("reject Status 403: {albums} answered 403"),
    );
}

#[test]
fn failed_exchanges_are_repeated_or_rejected() {
    let check = |error, expected| check_at(URL, &Err(error), expected);
    check(
        HttpError::Unavailable("connection\nreset".to_owned()),
        "retry: URL gave no complete answer: connection reset",
    );
    check(
        HttpError::Timeout,
        "retry: URL gave no complete answer in time",
    );
    check(
        HttpError::TooLarge,
        "reject Body 0: URL answered more than max-body-bytes; raise it or ask for less",
    );
    check(
        HttpError::Denied("allow it in [egress]".to_owned()),
        "reject Policy 0: allow it in [egress]",
    );
    check(
        HttpError::Invalid("no host".to_owned()),
        "reject Template 0: the request to URL can't be made: no host",
    );
}
