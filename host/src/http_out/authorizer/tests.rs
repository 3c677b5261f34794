//! Headers over real sockets, from a scripted token endpoint.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use crate::http_out::client::tests::loopback_client;
use futures_util::future::join_all;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;

const SOURCE: &str = "https://api.example/v1/artists/1/top-tracks?market=US";

fn url() -> Uri {
    SOURCE.parse().unwrap()
}

fn auth(json: &str) -> Auth {
    let node = crate::engine::settings::node(json);
    rowcast_pipeline::settings::read(node, &mut Mistakes::default()).unwrap()
}

fn rule(origin: &str, auth: Auth) -> Rule {
    let settings = vec!["ID".to_owned(), "KEY".to_owned()];
    Rule {
        origin: origin.parse().unwrap(),
        auth,
        plain_http: Vec::new(),
        settings,
        posts: false,
    }
}

fn bearer(token: &str) -> Auth {
    auth(&format!(r#"{{"type": "bearer", "token": {token:?}}}"#))
}

fn basic(username: &str, password: &str) -> Auth {
    auth(&format!(
        r#"{{"type": "basic", "username": "{username}", "password": "{password}"}}"#
    ))
}

fn client_credentials(token_url: &str, secret: &str) -> Auth {
    auth(&format!(
        r#"{{"type": "client-credentials", "token_url": "{token_url}", "client_id": "id",
            "client_secret": "{secret}"}}"#
    ))
}

fn authorizer(rules: Vec<Rule>) -> Result<Authorizer, RuleError> {
    Authorizer::new(rules, &loopback_client(), &Limits::default())
}

fn by_token(stand_in: &ScriptedSource) -> Authorizer {
    let client = client_credentials(&format!("{}/token", stand_in.origin()), "hunter2");
    authorizer(vec![rule("https://api.example", client)]).unwrap()
}

fn token(name: &str, life: u32) -> Reply {
    let body =
        serde_json::json!({"access_token": name, "token_type": "Bearer", "expires_in": life});
    Reply::status(200, body.to_string())
}

/// A request for that URL with what is added to it.
fn sent(url: &str, found: &Authorization) -> Parts {
    let request = http::Request::builder().uri(url);
    let request = request.header("x-key", "the guest's").body(()).unwrap();
    let mut parts = request.into_parts().0;
    found.add_to(&mut parts).unwrap();
    parts
}

fn shown(found: &Authorization) -> String {
    let parts = sent(SOURCE, found);
    let header = parts.headers.get("authorization").unwrap();
    assert!(header.is_sensitive());
    header.to_str().unwrap().to_owned()
}

async fn header(authorizer: &Authorizer) -> String {
    shown(&authorizer.authorization(&url()).await.unwrap().unwrap())
}

#[tokio::test]
async fn fixed_headers_go_to_their_origin_only() {
    let rules = vec![
        rule("https://api.example", bearer("hunter2")),
        rule("http://127.0.0.1:80", basic("Aladdin", "open sesame")),
    ];
    let authorizer = authorizer(rules).unwrap();
    let check = async |url: &str, expected: Option<&str>| {
        let url = url.parse().unwrap();
        let found = authorizer.authorization(&url).await.unwrap();
        assert_eq!(found.as_ref().map(shown).as_deref(), expected, "{url}");
        assert!(found.is_none_or(|found| !found.refused(&mut None)));
    };
    check(SOURCE, Some("Bearer hunter2")).await;
    check("https://API.example:443/", Some("Bearer hunter2")).await;
    check(
        "http://127.0.0.1/x",
        Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    )
    .await;
    check("http://api.example/", None).await;
    check("https://api.example:444/", None).await;
    check("https://sub.api.example/", None).await;
    check("/relative", None).await;
    let printed = format!("{authorizer:?}");
    assert!(
        !printed.contains("hunter2") && !printed.contains("QWxh"),
        "{printed}"
    );
}

/// Whatever the guest has written in its place.
#[tokio::test]
async fn keys_stand_in_a_header_or_in_the_query() {
    let check = async |more: &str, url: &str, expected: &str| {
        let key = auth(&format!(
            r#"{{"type": "api-key", "key": "h&nter 2", {more}}}"#
        ));
        let authorizer = authorizer(vec![rule("https://api.example", key)]).unwrap();
        let found = authorizer.authorization(&url.parse().unwrap()).await;
        let found = found.unwrap().unwrap();
        let parts = sent(url, &found);
        let header = parts.headers.get("x-key").unwrap();
        let printed = format!("{authorizer:?} {found:?}");
        assert!(!printed.contains("nter"), "{printed}");
        let header = header.to_str().unwrap();
        assert_eq!(format!("{} {header}", parts.uri), expected, "{more}");
    };
    let api = "https://api.example/a";
    let query = r#""parameter": "key""#;
    let guests = "the guest's";
    check(
        r#""header": "X-Key", "prefix": "Token ""#,
        api,
        "https://api.example/a Token h&nter 2",
    )
    .await;
    for (url, target) in [
        ("https://api.example", "/?key=h%26nter+2"),
        ("https://api.example/a?", "/a?key=h%26nter+2"),
        (
            "https://api.example/a?b=%2F+c&d",
            "/a?b=%2F+c&d&key=h%26nter+2",
        ),
        (
            "https://api.example/a?key=mine&b=1&k%65y=2&key",
            "/a?b=1&key=h%26nter+2",
        ),
    ] {
        let expected = format!("https://api.example{target} {guests}");
        check(query, url, &expected).await;
    }
}

#[tokio::test]
async fn tokens_are_asked_for_as_the_settings_say() {
    let check = async |json: &str, basic: Option<&str>, bodies: &[&str]| {
        let answer = |name: &str| {
            let body = format!(
                r#"{{"access_token":"{name}","expires_in":3600,"refresh_token":"{name}-next"}}"#
            );
            Reply::status(200, body)
        };
        let stand_in = ScriptedSource::replies(vec![answer("one"), answer("two")]).await;
        let json = json.replace("URL", &format!("{}/token", stand_in.origin()));
        let authorizer = authorizer(vec![rule("https://api.example", auth(&json))]).unwrap();
        for name in ["one", "two"] {
            let found = authorizer.authorization(&url()).await.unwrap().unwrap();
            assert_eq!(shown(&found), format!("Bearer {name}"));
            found.worked();
            assert!(found.refused(&mut None));
        }
        let received = stand_in.received();
        for (request, body) in received.iter().zip(bodies) {
            let header = request.headers().get("authorization");
            let header = header.map(|it| it.to_str().unwrap());
            assert_eq!(header, basic, "{json}");
            assert_eq!(request.body(), body, "{json}");
        }
        assert_eq!(received.len(), bodies.len(), "{json}");
    };
    let grant = "grant_type=client_credentials";
    let client = r#""token_url": "URL", "client_id": "i:d", "client_secret": "s/t""#;
    let json = |more: &str| format!(r#"{{"type": "client-credentials", {client}{more}}}"#);
    // i%3Ad:s%2Ft
    let encoded = Some("Basic aSUzQWQ6cyUyRnQ=");
    check(&json(""), encoded, &[grant; 2]).await;
    // i:d:s/t
    let plain = Some("Basic aTpkOnMvdA==");
    check(
        &json(r#", "credentials_in": "plain-header""#),
        plain,
        &[grant; 2],
    )
    .await;
    let in_body = "grant_type=client_credentials&client_id=i%3Ad&client_secret=s%2Ft";
    check(&json(r#", "credentials_in": "body""#), None, &[in_body; 2]).await;
    let more =
        r#", "scope": "read", "audience": "https://a.example/", "parameters": {"tenant": "7"}"#;
    let said =
        "grant_type=client_credentials&scope=read&audience=https%3A%2F%2Fa.example%2F&tenant=7";
    check(&json(more), encoded, &[said; 2]).await;
    // What the server gives in its place is used next.
    let refresh = r#"{"type": "refresh-token", "token_url": "URL", "client_id": "id",
        "refresh_token": "first"}"#;
    let asked =
        |token: &str| format!("grant_type=refresh_token&refresh_token={token}&client_id=id");
    check(refresh, None, &[&asked("first"), &asked("one-next")]).await;
}

#[test]
fn unusable_rules() {
    let check = |rules: Vec<Rule>, expected: &str| {
        let error = authorizer(rules).unwrap_err();
        assert!(
            error.to_string().contains(expected),
            "{error} lacks {expected}"
        );
        assert!(error.hint().is_some());
        assert!(!format!("{error:?}").contains("hunter2"));
    };
    let api = "https://api.example";
    check(vec![rule(api, bearer(""))], "`/auth/token` is empty");
    check(
        vec![rule(api, bearer("hunter2\n"))],
        "`/auth/token` has characters that an HTTP header can't carry",
    );
    check(
        vec![rule(api, bearer("a")), rule(api, bearer("b"))],
        "two rules",
    );
    check(vec![rule("http://api.example", bearer("a"))], "plain http");
    let token = "https://accounts.example/token";
    check(
        vec![rule(api, client_credentials(token, ""))],
        "`/auth/client_secret` is empty",
    );
    let plain = "http://accounts.example/token?client_secret=hunter2";
    check(
        vec![rule(api, client_credentials(plain, "hunter2"))],
        "use http://accounts.example as token endpoint: it must be https",
    );
    // The operator may name such an origin.
    let named = |origin: &str, auth: Auth| Rule {
        plain_http: vec![
            "http://api.example:8080".parse().unwrap(),
            "http://accounts.example".parse().unwrap(),
        ],
        ..rule(origin, auth)
    };
    assert!(authorizer(vec![named(api, client_credentials(plain, "hunter2"))]).is_ok());
    assert!(authorizer(vec![named("http://api.example:8080", bearer("hunter2"))]).is_ok());
    check(
        vec![named("http://api.example", bearer("hunter2"))],
        "plain http",
    );
    check(
        vec![rule(api, basic("a:b", "hunter2"))],
        "`/auth/username` has a colon",
    );
    check(
        vec![rule(api, auth(r#"{"type": "none"}"#))],
        "there is nothing to add",
    );
}

#[tokio::test]
async fn one_token_for_all() {
    let stand_in = ScriptedSource::replies(vec![token("one", 3600), token("two", 3600)]).await;
    let authorizer = by_token(&stand_in);
    let headers = join_all((0..50).map(|_| header(&authorizer))).await;
    assert!(headers.iter().all(|header| header == "Bearer one"));
    let received = stand_in.received();
    assert_eq!(received.len(), 1);
    let request = received.first().unwrap();
    assert_eq!(
        request.headers().get("authorization").unwrap(),
        "Basic aWQ6aHVudGVyMg=="
    );
    assert_eq!(
        (request.uri().path(), request.method().as_str()),
        ("/token", "POST")
    );
    assert_eq!(request.body(), "grant_type=client_credentials");
    let printed = format!("{authorizer:?}");
    assert!(
        !printed.contains("hunter2") && !printed.contains("Bearer"),
        "{printed}"
    );
}

#[tokio::test]
async fn one_refresh_for_ten_refusals() {
    let stand_in = ScriptedSource::replies(vec![token("one", 3600), token("two", 3600)]).await;
    let authorizer = by_token(&stand_in);
    let first = authorizer.authorization(&url()).await.unwrap().unwrap();
    let again = join_all((0..10).map(async |_| {
        assert!(first.refused(&mut None));
        header(&authorizer).await
    }));
    assert!(again.await.iter().all(|header| header == "Bearer two"));
    assert_eq!(stand_in.received().len(), 2);
    // A late refusal of the first: the second may do.
    assert!(first.refused(&mut None));
    assert_eq!(header(&authorizer).await, "Bearer two");
    // The new one is refused before it worked: a third wouldn't do either.
    let second = authorizer.authorization(&url()).await.unwrap().unwrap();
    assert!(!second.refused(&mut None));
    assert_eq!(stand_in.received().len(), 2);
}

#[tokio::test]
async fn tokens_that_worked_have_expired() {
    let names = ["one", "two", "three", "four"];
    let script = names.map(|name| token(name, 3600)).to_vec();
    let stand_in = ScriptedSource::replies(script).await;
    let authorizer = by_token(&stand_in);
    for name in names {
        let present = authorizer.authorization(&url()).await.unwrap().unwrap();
        assert_eq!(shown(&present), format!("Bearer {name}"));
        present.worked();
        assert!(present.refused(&mut None));
    }
}

/// A script → what each call in turn gives, and how many requests it takes.
#[tokio::test]
async fn scripts() {
    let check = async |script: Vec<Reply>, calls: &[&str], requests: usize| {
        let stand_in = ScriptedSource::replies(script).await;
        let authorizer = by_token(&stand_in);
        for expected in calls {
            let found = match authorizer.authorization(&url()).await {
                Ok(found) => shown(&found.unwrap()),
                Err(AuthorizeError::Denied { reason, hint }) => {
                    let hint = hint.map(|hint| format!("; {hint}"));
                    format!("denied {reason}{}", hint.unwrap_or_default())
                }
                Err(AuthorizeError::Unavailable(text)) => format!("unavailable {text}"),
                Err(AuthorizeError::Limited { reason, until }) => {
                    let wait = until - tokio::time::Instant::now();
                    format!("limited {} s {reason}", wait.as_secs() + 1)
                }
            };
            assert!(found.contains(expected), "{found} lacks {expected}");
            assert!(!found.contains("hunter2"), "{found}");
        }
        assert_eq!(stand_in.received().len(), requests, "{calls:?}");
    };
    // An odd lifetime: it is used until it is refused.
    let odd = vec![token("one", 0), token("two", 3600)];
    check(odd, &["Bearer one", "Bearer one", "Bearer one"], 1).await;
    let invalid = r#"{"error":"invalid_client","error_description":"Invalid client secret"}"#;
    let refused = vec![Reply::status(401, invalid), token("one", 3600)];
    // Nobody presses a server that said no.
    let said = "answered 401: invalid_client: Invalid client secret; check ID, KEY";
    check(refused, &["denied", said], 1).await;
    check(
        vec![Reply::status(503, ""), token("one", 3600)],
        &["Bearer one"],
        2,
    )
    .await;
    check(vec![Reply::Reset, token("one", 3600)], &["Bearer one"], 2).await;
    check(
        vec![Reply::status(503, "")],
        &["unavailable the token endpoint"],
        3,
    )
    .await;
    let later = Reply::status(429, "").with_header("retry-after", "60");
    check(
        vec![later, token("one", 3600)],
        &["limited 60 s", "answered 429"],
        1,
    )
    .await;
    let hours = Reply::status(429, "").with_header("retry-after", "36000");
    check(vec![hours], &["limited 36000 s"], 1).await;
}

#[tokio::test]
async fn fifty_callers_fail_together() {
    let stand_in = ScriptedSource::replies(vec![Reply::status(200, "no token")]).await;
    let authorizer = by_token(&stand_in);
    let url = url();
    let outcomes = join_all((0..50).map(|_| authorizer.authorization(&url))).await;
    assert!(
        outcomes
            .iter()
            .all(|one| matches!(one, Err(AuthorizeError::Denied { .. })))
    );
    assert_eq!(stand_in.received().len(), 1);
}
