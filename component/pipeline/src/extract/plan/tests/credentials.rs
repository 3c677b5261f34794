//! Credentials that can't work, and in which words.

use super::*;

#[test]
fn authentication() {
    let auth = |auth: Auth, expected: &str| check(|source| source.auth = auth, expected);
    let bearer = |token: &str| {
        Auth::Bearer(Bearer {
            token: token.into(),
        })
    };
    auth(bearer("abc"), "3 requests");
    auth(bearer(""), "source: /auth/token is empty");
    let characters = "source: /auth/token has characters that an HTTP header can't carry";
    auth(bearer("se\ncret"), characters);
    let basic = Basic {
        username: "a:b".to_owned(),
        password: "secret".into(),
    };
    auth(
        Auth::Basic(basic),
        "source: /auth/username has a colon, which HTTP Basic can't carry",
    );
    let client = |url: &str, id: &str| {
        Auth::ClientCredentials(ClientCredentials {
            token_url: url.to_owned(),
            client_id: id.to_owned(),
            client_secret: "secret".into(),
            scope: String::new(),
            audience: String::new(),
            parameters: Vec::new(),
            credentials_in: CredentialsIn::Header,
        })
    };
    auth(client("https://login.example/token", "me"), "3 requests");
    auth(
        client("https://login.example/token", ""),
        "source: /auth/client_id is empty",
    );
    let url =
        "source: /auth/token_url must start with https:// (or http://) and carry no credentials";
    for bad in [
        "login.example",
        "ftp://login.example",
        "https://me:secret@login.example",
        "",
    ] {
        auth(client(bad, "me"), url);
    }
    check(
        |source| {
            source.auth = bearer("abc");
            source.headers = vec![secret("Authorization", "secret")];
        },
        "source: /headers/Authorization is already set by `auth`",
    );
}

#[test]
fn keys_and_refresh_tokens() {
    let check = |auth: &str, more: &str, expected: &str| {
        let mut mistakes = Mistakes::default();
        let text = format!(r#"{{"url": "https://api.example/", "auth": {auth}{more}}}"#);
        if let Some(source) = settings::source(&text, &mut mistakes) {
            Checked::new(&source, &mut mistakes);
        }
        assert_eq!(mistakes.to_string(), expected, "{auth}");
    };
    let key = |more: &str| format!(r#"{{"type": "api-key", "key": "k"{more}}}"#);
    check(&key(r#", "header": "x-key""#), "", "");
    check(&key(r#", "parameter": "key""#), "", "");
    let either = "/auth must have either `header` or `parameter`, which takes the key";
    check(&key(""), "", either);
    check(&key(r#", "parameter": "key", "header": "x""#), "", either);
    let prefix = "/auth/prefix is only for a header";
    check(&key(r#", "parameter": "key", "prefix": "a""#), "", prefix);
    check(
        r#"{"type": "api-key", "key": "", "header": "x y", "prefix": "\n"}"#,
        "",
        "/auth/key is empty; /auth/header is not the name of an HTTP header; /auth/prefix has \
         characters that an HTTP header can't carry",
    );
    let twice = "/headers/X-Key is already set by `auth`";
    check(
        &key(r#", "header": "x-key""#),
        r#", "headers": {"X-Key": "1"}"#,
        twice,
    );
    check(
        r#"{"type": "refresh-token", "token_url": "x", "client_id": "", "refresh_token": "",
            "credentials_in": "query"}"#,
        "",
        "/auth/credentials_in is none of `header`, `plain-header`, `body`; /auth/client_id is empty; /auth/token_url must start with https:// (or \
         http://) and carry no credentials; /auth/refresh_token is empty",
    );
}
