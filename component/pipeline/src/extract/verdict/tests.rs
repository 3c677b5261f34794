//! Outcomes and what is done about them.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
use super::super::script::source_with;
use super::*;
use crate::settings::Mistakes;

const URL: &str = "https://api.example/v1/artists/7/top-tracks?key=secret";

fn check_source(settings: &str, outcome: Result<HttpResponse, HttpError>, expected: &str) {
    let today = httpdate::parse_http_date("Mon, 23 Nov 2026 10:00:00 GMT").unwrap();
    let source = source_with(settings);
    let checked = Checked::new(&source, &mut Mistakes::default()).unwrap();
    let outcome = outcome.map(|response| Answer::new(response, source.format));
    let (verdict, seen) = judge(&checked, &Url::parse(URL).unwrap(), &outcome, today);
    let shown = match verdict {
        Verdict::Records => "records".to_owned(),
        Verdict::Nothing => "nothing".to_owned(),
        Verdict::Retry(retry_reason, _) => format!("retry: {}", retry_reason.reason()),
        Verdict::Limited(rejection, _) => {
            assert_eq!((seen.accepted, seen.refused), (0, 1), "{seen:?}");
            format!(
                "limited {}: {}",
                seen.pause_ms.unwrap_or(0),
                rejection.reason
            )
        }
        Verdict::Stop(reason, wait) => {
            assert_eq!(seen.pause_ms, wait);
            format!("stop {}: {reason}", wait.unwrap_or(0))
        }
        Verdict::Renew(rejection) => format!("renew: {}", rejection.reason),
        Verdict::Reject(Rejection {
            kind,
            status,
            reason,
        }) => {
            format!("reject {kind:?} {}: {reason}", status.unwrap_or_default())
        }
    };
    let shown = shown.replace("https://api.example/v1/artists/7/top-tracks", "URL");
    let shown = shown.replace("RejectionKind::", "");
    assert_eq!(shown, expected, "{settings} {outcome:?}");
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
    let headers = headers
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    HttpResponse {
        status,
        headers: headers.collect(),
        body: body.into(),
    }
}

fn check(status: u16, headers: &[(&str, &str)], body: &str, expected: &str) {
    check_source("", Ok(response(status, headers, body)), expected);
}

#[test]
fn statuses_are_done_repeated_or_rejected() {
    check(200, &[], "", "records");
    check(206, &[], "[]", "records");
    for status in [204, 205] {
        check(status, &[], " ", "nothing");
    }
    check(204, &[], "[]", "records");
    for status in [
        408, 425, 500, 502, 503, 504, 507, 520, 522, 524, 529, 530, 598,
    ] {
        check(status, &[], "", &format!("retry: URL answered {status}"));
    }
    for status in [
        400, 402, 408, 409, 413, 420, 423, 425, 430, 500, 502, 504, 529,
    ] {
        let limited = format!("limited 9000: URL answered {status}");
        check(status, &[("retry-after", "9")], "", &limited);
    }
    let prepared = [("retry-after", "9")];
    check(202, &prepared, "", "retry: URL answered 202");
    check(202, &[], "[]", "records");
    // The last answer that a window allows may be about its request.
    let used_up = ("x-ratelimit-remaining", "0");
    check(
        404,
        &[used_up, ("retry-after", "9")],
        "",
        "reject Status 404: URL answered 404",
    );
    check(400, &[used_up], "", "reject Status 400: URL answered 400");
    check(429, &[], "", "limited 0: URL answered 429");
    check(
        401,
        &[],
        r#"{"error":"expired"}"#,
        "renew: URL answered 401: expired; check the source's credentials",
    );
    for status in [400, 402, 403, 404, 409, 410, 422, 451, 501, 505] {
        check(
            status,
            &[],
            "<html>",
            &format!("reject Status {status}: URL answered {status}: <html>"),
        );
    }
    // Coded by something that isn't read.
    let coded = "\u{b}\u{2}\u{80}too many\u{3}";
    check(404, &[], coded, "reject Status 404: URL answered 404");
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

/// One rule, or several between commas, and an answer → what it means.
fn rule(rules: &str, answer: HttpResponse, expected: &str) {
    check_source(&format!(r#", "rules": [{rules}]"#), Ok(answer), expected);
}

#[test]
fn a_quota_with_status_200_is_a_line() {
    let deezer = r#"{"when": {"body": {"pointer": "/error/code", "equals": 4}}, "then": "wait",
        "wait": {"default": "5s"}}"#;
    let quota = r#"{"error":{"type":"Exception","message":"Quota limit exceeded","code":4}}"#;
    let said = "URL answered 200: 4: Quota limit exceeded";
    rule(
        deezer,
        response(200, &[], quota),
        &format!("limited 5000: {said}"),
    );
    let asks = response(200, &[("retry-after", "2")], quota);
    rule(deezer, asks, &format!("limited 2000: {said}"));
    let other = quota.replace('4', "800");
    let rejected = "reject Body 200: URL answered 200: 800: Quota limit exceeded";
    rule(deezer, response(200, &[], &other), rejected);
    rule(deezer, response(200, &[], r#"{"t":[]}"#), "records");
}

#[test]
fn errors_and_nulls_that_mean_none_are_a_line_each() {
    let fine = r#"{"when": {"status": 200, "body": {"pointer": "/error/code", "equals": 0}},
        "then": "records"}"#;
    rule(
        fine,
        response(200, &[], r#"{"error":{"code":0.0},"t":[]}"#),
        "records",
    );
    rule(
        fine,
        response(200, &[], r#"{"error":{"code":7},"t":[]}"#),
        "reject Body 200: URL answered 200: 7",
    );
    let none = r#"{"when": {"body": {"pointer": "/t", "equals": null}}, "then": "nothing"}"#;
    rule(
        none,
        response(200, &[], r#"{"t":null,"total":0}"#),
        "nothing",
    );
    rule(none, response(200, &[], r#"{"t":[]}"#), "records");
    let no_children = r#"{"when": {"status": [404, 410]}, "then": "nothing"}"#;
    rule(no_children, response(404, &[], "<html>"), "nothing");
    let absent = r#"{"when": {"status": "2xx", "body": {"pointer": "/t", "present": false}},
        "then": "nothing"}"#;
    rule(absent, response(200, &[], "{}"), "nothing");
    rule(absent, response(200, &[], ""), "nothing");
    // What is cut short says nothing about what is in it.
    rule(absent, response(200, &[], r#"{"total":"#), "records");
}

#[test]
fn waits_are_read_from_where_the_rule_says() {
    let wait = |wait: &str, answer: HttpResponse, pause: u64| {
        let rules = format!(r#"{{"when": {{"status": "4xx"}}, "then": "wait", "wait": {wait}}}"#);
        rule(
            &rules,
            answer,
            &format!("limited {pause}: URL answered 420"),
        );
    };
    let header = |value: &str| response(420, &[("x-wait", value)], "");
    let body = |body: &str| response(420, &[], body);
    wait(
        r#"{"header": "X-Wait", "unit": "seconds"}"#,
        header("1.5"),
        1_500,
    );
    wait(
        r#"{"header": "X-Wait", "unit": "milliseconds"}"#,
        header("70"),
        70,
    );
    wait(
        r#"{"header": "X-Wait", "unit": "epoch"}"#,
        header("1795428003"),
        3_000,
    );
    wait(
        r#"{"header": "X-Wait", "unit": "epoch"}"#,
        header("1795428003500"),
        3_500,
    );
    let date = r#"{"header": "X-Wait", "unit": "date"}"#;
    wait(date, header("2026-11-23T10:00:07Z"), 7_000);
    wait(date, header("Mon, 23 Nov 2026 10:00:09 GMT"), 9_000);
    wait(r#"{"header": "X-Wait"}"#, header("1795428003"), 3_000);
    wait(
        r#"{"header": "X-Wait"}"#,
        header("2026-11-23T10:00:07Z"),
        7_000,
    );
    wait(r#"{"pointer": "/a/0"}"#, body(r#"{"a":["4"]}"#), 4_000);
    wait(r#"{"pointer": "/a/0"}"#, body(r#"{"a":[4]}"#), 4_000);
    wait(
        r#"{"pointer": "/a", "max": "1m"}"#,
        body(r#"{"a":3600}"#),
        60_000,
    );
    wait(r#"{"pointer": "/a"}"#, body(r#"{"a":864000}"#), 86_400_000);
    for unknown in ["{}", r#"{"a":null}"#, r#"{"a":-1}"#, "<html"] {
        let pause = if unknown == "<html" {
            "limited 2000: URL answered 420: <html"
        } else {
            "limited 2000: URL answered 420"
        };
        let rules = r#"{"when": {"status": 420}, "then": "wait", "wait": {"pointer": "/a", "default": "2s"}}"#;
        rule(rules, body(unknown), pause);
    }
}

#[test]
fn rules_stop_renew_and_hint() {
    let spotify = r#"{"when": {"status": 429, "limited": false,
        "body": {"pointer": "/error/reason", "equals": "QUOTA_EXCEEDED"}},
        "then": "stop", "wait": {"default": "1h"}},
        {"when": {"status": 403, "header": {"name": "Via", "contains": "ogle"}}, "then": "stop"},
        {"when": {"status": 403}, "then": "reject", "hint": "ask for extended quota"},
        {"when": {"status": 400, "body": {"pointer": "/message", "contains": "expired"}},
        "then": "renew"}"#;
    let quota = r#"{"error":{"status":429,"message":"Too many","reason":"QUOTA_EXCEEDED"}}"#;
    let said = "URL answered 429: QUOTA_EXCEEDED: Too many";
    rule(
        spotify,
        response(429, &[], quota),
        &format!("stop 3600000: {said}"),
    );
    let asks = response(429, &[("retry-after", "3")], quota);
    rule(spotify, asks, &format!("limited 3000: {said}"));
    let via = response(403, &[("via", "1.1 google")], "");
    rule(spotify, via, "stop 0: URL answered 403");
    let hint = "reject Status 403: URL answered 403; ask for extended quota";
    rule(spotify, response(403, &[("via", "1.1 x")], ""), hint);
    let expired = response(400, &[], r#"{"message":"token expired"}"#);
    rule(spotify, expired, "renew: URL answered 400: token expired");
}

#[test]
fn failed_exchanges_are_repeated_or_rejected() {
    let check = |error, expected| check_source("", Err(error), expected);
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
        "reject Body 0: URL answered more bytes than `max_body_bytes` of the source or the host allows, in its body or in headers; raise these or ask for less",
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
