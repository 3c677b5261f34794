//! An answer → the same without the credentials that its request was sent with: a server
//! may repeat them, as in the next page's URL or in an error. Each is overwritten by as
//! many letters, so that no length changes.
//!
//! A host that authenticates does this before the component reads anything.

use super::auth::{self, Authorization};
use super::echo::Echo;
use crate::platform::HttpResponse;
use crate::settings::Auth;

/// What is shorter stands in answers by chance.
const SHORTEST: usize = 8;
/// What takes its place.
pub const LETTER: u8 = b'x';

/// The secrets of credentials, to be looked for; `header` is what is sent of them.
#[must_use]
pub fn echoes(auth: &Auth, header: Option<&str>) -> Vec<Echo> {
    let sent = header.and_then(|value| Some(value.split_once(' ')?.1));
    let secrets = auth::secrets(auth).into_iter().chain(sent);
    secrets.filter_map(echo).collect()
}

/// Overwrites a secret in a text that may repeat it.
pub fn overwrite(text: &mut [u8], secret: &str) {
    if let Some(echo) = echo(secret) {
        echo.overwrite(text, LETTER);
    }
}

/// A secret to be looked for; none where it is too short for that.
#[must_use]
pub fn echo(secret: &str) -> Option<Echo> {
    (secret.len() >= SHORTEST)
        .then(|| Echo::of(secret))
        .flatten()
}

/// Overwrites in an answer what its request was sent with.
pub fn mask(response: &mut HttpResponse, auth: &Auth, sent: &Authorization) {
    let header = sent.header.as_ref().map(|(_, value)| value.as_str());
    for echo in echoes(auth, header) {
        echo.overwrite(&mut response.body, LETTER);
        for (_, value) in &mut response.headers {
            let mut bytes = std::mem::take(value).into_bytes();
            echo.overwrite(&mut bytes, LETTER);
            *value = String::from_utf8(bytes).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Mistakes, Node, read};

    fn auth(text: &str) -> Auth {
        let node = Node::parse(text, &mut Mistakes::default());
        let auth = node.and_then(|node| read(node, &mut Mistakes::default()));
        auth.unwrap_or(Auth::None {})
    }

    #[test]
    fn what_was_sent_is_overwritten() {
        let check = |settings: &str, body: &str, expected: &str| {
            let auth = auth(settings);
            let mut response = HttpResponse {
                status: 200,
                headers: vec![("link".to_owned(), body.to_owned())],
                body: body.as_bytes().to_vec(),
            };
            let sent = auth::fixed(&auth).unwrap_or_default();
            mask(&mut response, &auth, &sent);
            assert_eq!(
                String::from_utf8_lossy(&response.body),
                expected,
                "{settings}"
            );
            assert_eq!(response.headers, [("link".to_owned(), expected.to_owned())]);
        };
        let bearer = r#"{"type":"bearer","token":"hunter2-hunter3"}"#;
        check(
            bearer,
            "a hunter2-hunter3 b hunter2-",
            "a xxxxxxxxxxxxxxx b hunter2-",
        );
        check(
            bearer,
            "hunter2-hunterhunter2-hunter3",
            "hunter2-hunterxxxxxxxxxxxxxxx",
        );
        let key = r#"{"type":"api-key","parameter":"key","key":"hunter2/+\"x"}"#;
        check(
            key,
            "?key=hunter2%2F%2B%22x&a=1",
            "?key=xxxxxxxxxxxxxxxxx&a=1",
        );
        check(key, r#"{"a":"hunter2/+\"x"}"#, r#"{"a":"xxxxxxxxxxxx"}"#);
        let basic = r#"{"type":"basic","username":"me","password":"hunter2-hunter3"}"#;
        check(
            basic,
            "Basic bWU6aHVudGVyMi1odW50ZXIz",
            "Basic xxxxxxxxxxxxxxxxxxxxxxxx",
        );
        // What is short stands there by chance.
        check(
            r#"{"type":"bearer","token":"short"}"#,
            "a short one",
            "a short one",
        );
        check(r#"{"type":"none"}"#, "hunter2-hunter3", "hunter2-hunter3");
    }
}
