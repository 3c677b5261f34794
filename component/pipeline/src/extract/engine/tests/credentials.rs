//! Tokens: fetched once, shared, renewed once.

use super::super::super::script::source_with;
use super::*;
use crate::platform::HttpMethod;
use crate::settings::{Auth, Basic, Bearer, ClientCredentials, CredentialsIn};

fn with_client() -> Source {
    let mut source = source();
    source.auth = Auth::ClientCredentials(ClientCredentials {
        token_url: "https://login.example/token".to_owned(),
        client_id: "me:1".to_owned(),
        client_secret: "s%cret".into(),
        scope: "read all".to_owned(),
        audience: String::new(),
        parameters: Vec::new(),
        credentials_in: CredentialsIn::Header,
    });
    source
}

fn is_token(request: &HttpRequest) -> bool {
    request.method == HttpMethod::Post
}

fn token(before: u32, expires_in: u32) -> Reply {
    let body = format!(
        r#"{{"access_token":"T{before}","token_type":"bearer","expires_in":{expires_in}}}"#
    );
    (100, answer(200, &[], &body).1)
}

/// The source accepts tokens from `least` on.
fn accepting(request: &HttpRequest, least: &str) -> Reply {
    let sent = request
        .headers
        .iter()
        .find(|(name, _)| name == "authorization");
    let sent = sent.and_then(|(_, value)| value.strip_prefix("Bearer "));
    if sent.is_some_and(|sent| sent >= least) {
        ok()
    } else {
        answer(401, &[], "")
    }
}

#[test]
fn one_token_serves_all() {
    let reply = |request: &HttpRequest, before| {
        if is_token(request) {
            token(before, 3_600)
        } else {
            accepting(request, "T0")
        }
    };
    let expected = "done 0:1 1:1 2:1 3:1 4:1 5:1; 6 requests, 0 repeats, 1 tokens";
    let script = check(&with_client(), 6, None, reply, expected);
    let sent = script.sent.borrow();
    let mut posts = sent
        .iter()
        .map(|sent| &sent.1)
        .filter(|request| is_token(request));
    let post = posts.next();
    let body = post.map(|post| post.body.as_slice());
    assert_eq!(
        body,
        Some(b"grant_type=client_credentials&scope=read+all".as_slice())
    );
    // me%3A1:s%25cret
    let basic = (
        "authorization".to_owned(),
        "Basic bWUlM0ExOnMlMjVjcmV0".to_owned(),
    );
    assert!(
        post.is_some_and(|post| post.headers.contains(&basic)),
        "{post:?}"
    );
    assert_eq!(posts.next(), None);
}

#[test]
fn a_401_renews_the_token_once() {
    let from = |least: &'static str| {
        move |request: &HttpRequest, before| {
            if is_token(request) {
                token(before, 3_600)
            } else {
                accepting(request, least)
            }
        }
    };
    let expected = "done 0:1 1:1 2:1 3:1 4:1 5:1; 10 requests, 4 repeats, 2 tokens";
    check(&with_client(), 6, None, from("T1"), expected);
    let expected = "PermanentDenied(\"https://api.example/0 answered 401; check the \
                    source's credentials\")";
    check(&with_client(), 1, None, from("T9"), expected);
    let expected = "PermanentDenied(\"https://api.example/19 answered 401; check the \
                    source's credentials\")";
    let mut in_turn = with_client();
    in_turn.concurrency = 1;
    check(&in_turn, 30, None, from("T9"), expected);
    let mut one_by_one = with_client();
    one_by_one.concurrency = 1;
    let reply = |request: &HttpRequest, before| match id(request) {
        0 => ok(),
        _ => from("T9")(request, before),
    };
    let expected = "done 0:1 rejected 1(Status 401) 2(Status 401); 5 requests, 2 repeats, 3 tokens";
    check(&one_by_one, 3, None, reply, expected);
}

#[test]
fn an_expired_token_is_not_sent() {
    let mut source = with_client();
    source.concurrency = 1;
    let reply = |request: &HttpRequest, before| {
        if is_token(request) {
            token(before, 1)
        } else {
            (600, accepting(request, "T0").1)
        }
    };
    let expected = "done 0:1 1:1 2:1; 3 requests, 0 repeats, 2 tokens";
    let script = check(&source, 3, None, reply, expected);
    let sent = script.sent.borrow();
    let order: Vec<_> = sent
        .iter()
        .map(|(at, request)| (*at, is_token(request)))
        .collect();
    assert_eq!(
        order,
        [
            (0, true),
            (100, false),
            (700, false),
            (1_300, true),
            (1_400, false)
        ]
    );
}

#[test]
fn the_token_endpoint_decides_too() {
    let fails = |reply: &dyn Fn() -> Reply, expected: &str| {
        let script = check(&with_client(), 5, None, |_, _| reply(), expected);
        assert!(
            script
                .sent
                .borrow()
                .iter()
                .all(|(_, request)| is_token(request))
        );
        // Who waited for the token doesn't ask for it again.
        let attempts = if expected.starts_with("Unavailable") {
            3
        } else {
            1
        };
        assert_eq!(script.times().len(), attempts, "{expected}");
    };
    let answered = "the token endpoint https://login.example answered";
    let denied = |said: &str| format!("PermanentDenied(\"{answered} {said}\")");
    let hint = "check client_id, client_secret and scope";
    let body = r#"{"error":"invalid_client","error_description":"Bad"}"#;
    let said = format!("400: invalid_client: Bad; {hint}");
    fails(&|| answer(400, &[], body), &denied(&said));
    fails(&|| answer(401, &[], ""), &denied(&format!("401; {hint}")));
    fails(&|| answer(403, &[], ""), &denied(&format!("403; {hint}")));
    fails(&|| answer(404, &[], ""), &denied("404; check token_url"));
    let html = "PermanentDenied(\"the token endpoint https://login.example gave something \
                that has no token; check token_url\")";
    fails(&|| answer(200, &[], "<html>"), html);
    fails(
        &|| answer(200, &[], "{}"),
        &denied("no access_token; check token_url"),
    );
    let mac = r#"{"access_token":"x","token_type":"mac"}"#;
    let said = "a token_type other than Bearer; check token_url";
    fails(&|| answer(200, &[], mac), &denied(said));
    fails(
        &|| answer(500, &[], ""),
        &format!("Unavailable(\"{answered} 500\")"),
    );
    let limited = format!("RateLimited(61000, https://login.example, \"{answered} 429\")");
    fails(&|| answer(429, &[("retry-after", "61")], ""), &limited);
    let slow = |request: &HttpRequest, before| {
        if is_token(request) {
            (900, token(before, 9).1)
        } else {
            ok()
        }
    };
    let expected = "pending 0 1 because budget; 0 requests, 0 repeats, 1 tokens";
    check(&with_client(), 2, Some(500), slow, expected);
}

#[test]
fn a_token_does_not_open_the_window() {
    let mut source = with_client();
    source.concurrency = 2;
    // Row 1 is told to wait while row 0 has its token renewed.
    let reply = |request: &HttpRequest, before| match (id(request), before) {
        _ if is_token(request) => token(before, 3_600),
        (0, 0) => answer(401, &[], ""),
        (1, 0) => (50, answer(429, &[("retry-after", "2")], "").1),
        _ => ok(),
    };
    let script = check(
        &source,
        2,
        None,
        reply,
        "done 0:1 1:1; 4 requests, 2 repeats, 2 tokens",
    );
    let times = script.times();
    assert_eq!(times.get(..4), Some([0, 100, 100, 110].as_slice()));
    assert!(times.iter().skip(4).all(|&at| at > 2_150), "{times:?}");
}

#[test]
fn the_token_endpoint_is_asked_again() {
    let reply = |request: &HttpRequest, before| match (is_token(request), before) {
        (false, _) => ok(),
        (true, 0) => answer(503, &[("retry-after", "5")], ""),
        (true, 1) => answer(200, &[], r#"{"access_token":"#),
        (true, _) => token(before, 9),
    };
    let expected = "done 0:1 1:1 2:1 3:1 4:1; 5 requests, 0 repeats, 3 tokens";
    let script = check(&with_client(), 5, None, reply, expected);
    assert!(
        script
            .times()
            .get(1)
            .is_some_and(|&at| (5_010..5_150).contains(&at))
    );
}

#[test]
fn other_credentials_are_sent_as_they_are() {
    let check_header = |auth: Auth, expected: &[&str]| {
        let mut source = source();
        source.auth = auth;
        let script = check(
            &source,
            1,
            None,
            |_, _| ok(),
            "done 0:1; 1 requests, 0 repeats, 0 tokens",
        );
        let sent = script.sent.borrow();
        let headers = sent.iter().flat_map(|(_, request)| &request.headers);
        let headers = headers.filter(|(name, _)| name == "authorization");
        let values: Vec<_> = headers.map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, expected);
    };
    check_header(Auth::None {}, &[]);
    check_header(
        Auth::Bearer(Bearer {
            token: "abc".into(),
        }),
        &["Bearer abc"],
    );
    let basic = Basic {
        username: "me".to_owned(),
        password: "p:w".into(),
    };
    check_header(Auth::Basic(basic), &["Basic bWU6cDp3"]);
}

#[test]
fn keys_go_into_a_header_or_a_parameter_and_are_never_shown() {
    let auth = |auth: &str, more: &str| {
        let auth = format!(r#""auth": {{"type": "api-key", "key": "s3cr3t+/", {auth}}}"#);
        source_with(&format!(", {auth}{more}"))
    };
    let done = "done 0:1; 1 requests, 0 repeats, 0 tokens";
    let header = auth(r#""header": "X-Key", "prefix": "Token ""#, "");
    let script = check(&header, 1, None, |_, _| ok(), done);
    let sent = script.sent.borrow();
    let key = ("X-Key".to_owned(), "Token s3cr3t+/".to_owned());
    assert!(
        sent.iter()
            .all(|(_, request)| request.headers.contains(&key))
    );

    let pages = r#", "pagination": {"type": "next-url", "pointer": "/next"}, "rules": []"#;
    let parameter = auth(r#""parameter": "api key""#, pages);
    let reply = |request: &HttpRequest, _| {
        let page = request.url.contains("page=2");
        // It repeats the key in the link.
        let next = if page {
            ""
        } else {
            "?api+key=s3cr3t%2B%2F&page=2"
        };
        answer(200, &[], &format!(r#"{{"t":[{{"a":1}}],"next":"{next}"}}"#))
    };
    let done = "done 0:2; 2 requests, 0 repeats, 0 tokens";
    let script = check(&parameter, 1, None, reply, done);
    let urls: Vec<_> = script
        .sent
        .borrow()
        .iter()
        .map(|(_, it)| it.url.clone())
        .collect();
    let expected = ["?api+key=s3cr3t%2B%2F", "?page=2&api+key=s3cr3t%2B%2F"]
        .map(|query| format!("https://api.example/0{query}"));
    assert_eq!(urls, expected);

    // What waits for another call has no key, nor has any message.
    let script = Script::new(reply);
    let result = script.block_on(run(&script, &parameter, &rows(1), None, Some(12)));
    let resume = result.map(|it| it.pending.into_iter().filter_map(|it| it.resume).collect());
    let resume: Vec<_> = resume.unwrap_or_default();
    assert_eq!(resume.len(), 1);
    assert!(
        resume.iter().all(|text| !text.contains("s3cr3t")),
        "{resume:?}"
    );
    let echoes: [fn() -> Reply; 3] = [
        || answer(404, &[], r#"{"message":"no s3cr3t+/ here"}"#),
        || (10, Err(HttpError::Denied("/?k=s3cr3t%2B%2F".to_owned()))),
        || (10, Err(HttpError::Invalid("s3cr3t+/".to_owned()))),
    ];
    for echo in echoes {
        let script = Script::new(|_: &HttpRequest, _| echo());
        let result = script.block_on(run(&script, &parameter, &rows(1), None, None));
        assert!(!format!("{result:?}").contains("s3cr3t"), "{result:?}");
    }
}

#[test]
fn a_refresh_token_that_is_replaced_is_used_within_the_call() {
    let source = source_with(
        r#", "auth": {"type": "refresh-token", "token_url": "https://id.example/token",
            "client_id": "me", "refresh_token": "r0"}"#,
    );
    let asked = std::cell::RefCell::new(Vec::new());
    let reply = |request: &HttpRequest, before| {
        if request.url.ends_with("/token") {
            asked
                .borrow_mut()
                .push(String::from_utf8_lossy(&request.body).into_owned());
            let next = before + 1;
            let body = format!(r#"{{"access_token":"t{before}","refresh_token":"r{next}"}}"#);
            return answer(200, &[], &body);
        }
        let fresh = request
            .headers
            .iter()
            .any(|(_, value)| value == "Bearer t1");
        match id(request) {
            2 if !fresh => answer(401, &[], ""),
            _ => ok(),
        }
    };
    let expected = "done 0:1 1:1 2:1; 4 requests, 1 repeats, 2 tokens";
    check(&source, 3, None, reply, expected);
    let body = |token: &str| format!("grant_type=refresh_token&refresh_token={token}&client_id=me");
    assert_eq!(asked.into_inner(), [body("r0"), body("r1")]);
}
