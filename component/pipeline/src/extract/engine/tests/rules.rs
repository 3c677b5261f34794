//! What a source's own rules make of answers.

use super::super::super::script::source_with;
use super::*;

#[test]
fn a_rule_stops_everything_for_a_while_or_for_good() {
    let quota = r#"{"error":{"status":429,"message":"Too many","reason":"QUOTA_EXCEEDED"}}"#;
    let rule = |wait: &str| {
        source_with(&format!(
            r#", "rules": [{{"when": {{"body": {{"pointer": "/error/reason", "equals": "QUOTA_EXCEEDED"}}}},
                "then": "stop"{wait}}}]"#
        ))
    };
    let said = "https://api.example/0 answered 429: QUOTA_EXCEEDED: Too many";
    let reply = |_: &HttpRequest, _| answer(429, &[], quota);
    let expected = format!("RateLimited(3600000, https://api.example, \"{said}\")");
    let source = rule(r#", "wait": {"default": "1h"}"#);
    let script = check(&source, 30, None, reply, &expected);
    assert_eq!(script.times(), [0, 0, 0, 0]);
    let expected = format!("PermanentDenied(\"{said}\")");
    check(&rule(""), 30, None, reply, &expected);
    // What was done before stays done.
    let reply = |request: &HttpRequest, _| match id(request) {
        0..4 => ok(),
        _ => answer(429, &[], quota),
    };
    let expected =
        "done 0:1 1:1 2:1 3:1 pending 4 5 because denied; 6 requests, 0 repeats, 0 tokens";
    check(&rule(""), 6, None, reply, expected);
}

#[test]
fn a_quota_with_status_200_slows_down_like_429() {
    let source = source_with(
        r#", "rules": [{"when": {"body": {"pointer": "/error/code", "equals": 4}}, "then": "wait",
            "wait": {"default": "5s"}}]"#,
    );
    let quota = r#"{"error":{"type":"Exception","message":"Quota limit exceeded","code":4}}"#;
    let reply = |request: &HttpRequest, before| match (id(request), before) {
        (2, 0..2) => answer(200, &[], quota),
        _ => ok(),
    };
    let expected = "done 0:1 1:1 2:1 3:1 4:1 5:1; 8 requests, 2 repeats, 0 tokens";
    let script = check(&source, 6, None, reply, expected);
    // Nobody sends anything inside the pauses, and attempts aren't used up.
    let inside = |at: &u64| (11..=5_010).contains(at) || (5_050..=10_049).contains(at);
    assert!(!script.times().iter().any(inside), "{:?}", script.times());
}

#[test]
fn nothing_is_done_and_counted_and_keeps_the_pages_before() {
    let source = source_with(
        r#", "pagination": {"type": "next-url", "pointer": "/next"},
            "rules": [{"when": {"status": 404}, "then": "nothing"}]"#,
    );
    let reply = |request: &HttpRequest, _| match (id(request), request.url.contains('?')) {
        (0, _) | (1, true) => answer(404, &[], ""),
        (1, false) => answer(200, &[], r#"{"t":[{"a":1}],"next":"?p=2"}"#),
        (2, _) => answer(204, &[], ""),
        _ => ok(),
    };
    let script = Script::new(reply);
    let result = script.block_on(run(&script, &source, &rows(4), None, None));
    let expected = "done 0:0 1:1 2:0 3:1; 5 requests, 0 repeats, 0 tokens";
    assert_eq!(shown(&result), expected);
    let empty = result.map(|extraction| counted(&extraction, "source.empty"));
    assert_eq!(empty, Ok(2.0));
}

#[test]
fn a_rule_has_an_expired_token_renewed() {
    let source = source_with(
        r#", "rules": [{"when": {"status": 400, "body": {"pointer": "/m", "equals": "expired"}},
            "then": "renew"}],
            "auth": {"type": "client-credentials", "token_url": "https://id.example/token",
                "client_id": "me", "client_secret": "s"}"#,
    );
    let reply = |request: &HttpRequest, before| {
        if request.url.ends_with("/token") {
            return answer(200, &[], &format!(r#"{{"access_token":"t{before}"}}"#));
        }
        let fresh = request
            .headers
            .iter()
            .any(|(_, value)| value == "Bearer t1");
        match id(request) {
            3 if !fresh => answer(400, &[], r#"{"m":"expired"}"#),
            _ => ok(),
        }
    };
    let expected = "done 0:1 1:1 2:1 3:1; 5 requests, 1 repeats, 2 tokens";
    check(&source, 4, None, reply, expected);
}
