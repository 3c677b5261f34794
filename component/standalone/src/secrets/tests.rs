//! References, where they may stand, and what becomes of them.

use super::*;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::{
    Basic, ClientCredentials, Field, Pagination,
};
use rowcast_pipeline::bindings::rowcast::pipeline::types::Retry;

const ENVIRONMENT: [(&str, &str); 5] = [
    ("ROWCAST_ALLOW", "https://api.example.com"),
    ("ROWCAST_SECRET_ID", "client"),
    ("ROWCAST_SECRET_KEY_2", "s{cret}"),
    ("ROWCAST_SECRET_EMPTY", ""),
    ("AWS_SECRET_ACCESS_KEY", "hunter2"),
];

fn variable(name: &str) -> Option<&'static str> {
    let found = ENVIRONMENT.iter().find(|(key, _)| *key == name);
    found.map(|(_, value)| *value)
}

fn source(auth: Auth) -> Source {
    Source {
        url: "https://api.example.com/${ROWCAST_SECRET_ID}".to_owned(),
        headers: Vec::new(),
        matrix: Vec::new(),
        records: String::new(),
        attributes: vec![Field {
            name: "a".to_owned(),
            value: "${ROWCAST_SECRET_ID}".to_owned(),
        }],
        require: Vec::new(),
        auth,
        pagination: Pagination::None,
        max_pages: 1,
        concurrency: 1,
        retry: Retry {
            max_attempts: 1,
            base_delay_ms: 1,
            max_delay_ms: 1,
            max_retry_after_ms: 0,
        },
        request_timeout_ms: 1,
        max_body_bytes: 1,
    }
}

fn bearer(token: &str) -> Source {
    source(Auth::Bearer(token.to_owned()))
}

#[test]
fn replaces_whole_credentials_and_nothing_else() {
    let check = |before: Auth, after: Auth| {
        assert_eq!(resolve(source(before), variable), Ok(source(after)));
    };
    let text = str::to_owned;
    check(Auth::None, Auth::None);
    check(
        Auth::Bearer(text("${ROWCAST_SECRET_KEY_2}")),
        Auth::Bearer(text("s{cret}")),
    );
    check(Auth::Bearer(text("abc")), Auth::Bearer(text("abc")));
    let within = "Token ${ROWCAST_SECRET_ID}";
    check(Auth::Bearer(text(within)), Auth::Bearer(text(within)));
    check(
        Auth::Basic(Basic {
            username: text("${ROWCAST_SECRET_ID}"),
            password: text("${ROWCAST_SECRET_KEY_2}"),
        }),
        Auth::Basic(Basic {
            username: text("client"),
            password: text("s{cret}"),
        }),
    );
    let client = |id: &str, secret: &str| {
        Auth::ClientCredentials(ClientCredentials {
            token_url: text("${ROWCAST_SECRET_ID}"),
            client_id: text(id),
            client_secret: text(secret),
            scope: text("${ROWCAST_SECRET_ID}"),
        })
    };
    check(
        client("${ROWCAST_SECRET_ID}", "${ROWCAST_SECRET_KEY_2}"),
        client("client", "s{cret}"),
    );
}

#[test]
fn replaces_whole_headers_as_templates() {
    let check = |before: &str, after: &str| {
        let with = |value: &str| {
            let mut source = source(Auth::None);
            source.headers = vec![Field {
                name: "x-api-key".to_owned(),
                value: value.to_owned(),
            }];
            source
        };
        assert_eq!(resolve(with(before), variable), Ok(with(after)));
    };
    check("${ROWCAST_SECRET_KEY_2}", "s{{cret}}");
    check("key ${ROWCAST_SECRET_ID}", "key ${ROWCAST_SECRET_ID}");
    // A dollar and a column.
    check("${price}", "${price}");
}

#[test]
fn refuses() {
    let check = |token: &str, expected: &str| {
        let error = resolve(bearer(token), variable).unwrap_err().to_string();
        assert!(error.contains(expected), "{token}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    };
    check("${ROWCAST_SECRET_GONE}", "which is not set");
    check("${ROWCAST_SECRET_EMPTY}", "which is not set");
    check("${AWS_SECRET_ACCESS_KEY}", "`AWS_SECRET_ACCESS_KEY`");
    check("${ROWCAST_SECRET_}", "begin with ROWCAST_SECRET_");
    check("${ROWCAST_SECRET_a}", "capitals");
    check("${}", "``");
}

#[test]
fn a_secret_needs_a_list_of_origins() {
    let unconfined = |name: &str| variable(name).filter(|_| name != "ROWCAST_ALLOW");
    let error = resolve(bearer("${ROWCAST_SECRET_ID}"), unconfined).unwrap_err();
    assert!(error.to_string().contains("set it"), "{error}");
    // Where no secret is used, none is needed.
    assert!(resolve(bearer("abc"), unconfined).is_ok());
    // An empty list allows nothing, so nothing can be sent anywhere.
    let empty = |name: &str| match name {
        "ROWCAST_ALLOW" => Some(""),
        _ => variable(name),
    };
    assert_eq!(
        resolve(bearer("${ROWCAST_SECRET_ID}"), empty),
        Ok(bearer("client"))
    );
}
