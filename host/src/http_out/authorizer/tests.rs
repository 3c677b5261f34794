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

fn rule(origin: &str, method: Method) -> Rule {
    let settings = vec!["ID".to_owned(), "KEY".to_owned()];
    Rule {
        origin: origin.parse().unwrap(),
        method,
        plain_http: Vec::new(),
        settings,
    }
}

fn client_credentials(token_url: &str, secret: &str) -> Method {
    Method::ClientCredentials {
        token_url: Address::parse(token_url).unwrap(),
        client_id: "id".to_owned(),
        client_secret: Secret::new(secret),
        scope: String::new(),
    }
}

fn authorizer(rules: Vec<Rule>) -> Result<Authorizer, RuleError> {
    Authorizer::new(rules, &loopback_client(), &Limits::default())
}

fn by_token(stand_in: &ScriptedSource) -> Authorizer {
    let method = client_credentials(&format!("{}/token", stand_in.origin()), "hunter2");
    authorizer(vec![rule("https://api.example", method)]).unwrap()
}

fn token(name: &str, life: u32) -> Reply {
    let body =
        serde_json::json!({"access_token": name, "token_type": "Bearer", "expires_in": life});
    Reply::status(200, body.to_string())
}

async fn header(authorizer: &Authorizer) -> String {
    let header = authorizer.header(&url()).await.unwrap().unwrap().header;
    assert!(header.is_sensitive());
    header.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn fixed_headers_go_to_their_origin_only() {
    let bearer = Method::Bearer(Secret::new("hunter2"));
    let password = Secret::new("open sesame");
    let basic = Method::Basic {
        username: "Aladdin".into(),
        password,
    };
    let rules = vec![
        rule("https://api.example", bearer),
        rule("http://127.0.0.1:80", basic),
    ];
    let authorizer = authorizer(rules).unwrap();
    let check = async |url: &str, expected: Option<&str>| {
        let url = url.parse().unwrap();
        let found = authorizer.header(&url).await.unwrap();
        let header = found.as_ref().map(|found| &found.header);
        let text = header.map(|header| header.to_str().unwrap());
        assert_eq!(text, expected, "{url}");
        if let Some(found) = found {
            assert!(found.header.is_sensitive() && !found.refused());
        }
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
    let bearer = |token: &str| Method::Bearer(Secret::new(token));
    let api = "https://api.example";
    check(vec![rule(api, bearer(""))], "the bearer token is empty");
    check(
        vec![rule(api, bearer("hunter2\n"))],
        "the bearer token is empty or not plain",
    );
    check(
        vec![rule(api, bearer("a")), rule(api, bearer("b"))],
        "two rules",
    );
    check(vec![rule("http://api.example", bearer("a"))], "plain http");
    let token = "https://accounts.example/token";
    check(
        vec![rule(api, client_credentials(token, ""))],
        "the client secret is empty",
    );
    let plain = "http://accounts.example/token?client_secret=hunter2";
    check(
        vec![rule(api, client_credentials(plain, "hunter2"))],
        "use http://accounts.example as token endpoint: it must be https",
    );
    // The operator may name such an origin.
    let named = |origin: &str, method: Method| Rule {
        plain_http: vec![
            "http://api.example:8080".parse().unwrap(),
            "http://accounts.example".parse().unwrap(),
        ],
        ..rule(origin, method)
    };
    assert!(authorizer(vec![named(api, client_credentials(plain, "hunter2"))]).is_ok());
    assert!(authorizer(vec![named("http://api.example:8080", bearer("hunter2"))]).is_ok());
    check(
        vec![named("http://api.example", bearer("hunter2"))],
        "plain http",
    );
    let basic = Method::Basic {
        username: "a:b".into(),
        password: Secret::new("hunter2"),
    };
    check(vec![rule(api, basic)], "the user name");
}

#[tokio::test]
async fn one_token_for_all() {
    let stand_in = ScriptedSource::replies(vec![token("one", 3600), token("two", 3600)]).await;
    let authorizer = by_token(&stand_in);
    let headers = join_all((0..50).map(|_| header(&authorizer))).await;
    assert!(headers.iter().all(|header| header == "Bearer one"));
    assert_eq!(
        (stand_in.received().len(), authorizer.token_requests()),
        (1, 1)
    );
    let received = stand_in.received();
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
    let first = authorizer.header(&url()).await.unwrap().unwrap();
    let again = join_all((0..10).map(async |_| {
        assert!(first.refused());
        header(&authorizer).await
    }));
    assert!(again.await.iter().all(|header| header == "Bearer two"));
    assert_eq!(stand_in.received().len(), 2);
    // A late refusal of the first: the second may do.
    assert!(first.refused());
    assert_eq!(header(&authorizer).await, "Bearer two");
    // The new one is refused before it worked: a third wouldn't do either.
    let second = authorizer.header(&url()).await.unwrap().unwrap();
    assert!(!second.refused());
    assert_eq!(stand_in.received().len(), 2);
}

#[tokio::test]
async fn tokens_that_worked_have_expired() {
    let names = ["one", "two", "three", "four"];
    let script = names.map(|name| token(name, 3600)).to_vec();
    let stand_in = ScriptedSource::replies(script).await;
    let authorizer = by_token(&stand_in);
    for name in names {
        let present = authorizer.header(&url()).await.unwrap().unwrap();
        assert_eq!(present.header, format!("Bearer {name}"));
        present.worked();
        assert!(present.refused());
    }
}

/// A script → what each call in turn gives, and how many requests it takes.
#[tokio::test]
async fn scripts() {
    let check = async |script: Vec<Reply>, calls: &[&str], requests: usize| {
        let stand_in = ScriptedSource::replies(script).await;
        let authorizer = by_token(&stand_in);
        for expected in calls {
            let found = match authorizer.header(&url()).await {
                Ok(found) => found.unwrap().header.to_str().unwrap().to_owned(),
                Err(AuthorizeError::Denied { reason, hint }) => {
                    let hint = hint.map(|hint| format!("; {hint}"));
                    format!("denied {reason}{}", hint.unwrap_or_default())
                }
                Err(AuthorizeError::Unavailable(text)) => format!("unavailable {text}"),
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
        &["unavailable", "answered 429"],
        1,
    )
    .await;
}

#[tokio::test]
async fn fifty_callers_fail_together() {
    let stand_in = ScriptedSource::replies(vec![Reply::status(200, "no token")]).await;
    let authorizer = by_token(&stand_in);
    let url = url();
    let outcomes = join_all((0..50).map(|_| authorizer.header(&url))).await;
    assert!(
        outcomes
            .iter()
            .all(|one| matches!(one, Err(AuthorizeError::Denied { .. })))
    );
    assert_eq!(stand_in.received().len(), 1);
}
