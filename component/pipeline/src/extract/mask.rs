//! An answer → the same without the credentials that its request was sent with: a server
//! may repeat them, as in the next page's URL or in an error. Each is overwritten by as
//! many letters, so that no length changes.
//!
//! A host that authenticates does this before the component reads anything.

use super::auth::{self, Authorization};
use crate::platform::HttpResponse;
use crate::settings::Auth;
use url::form_urlencoded;

/// What is shorter stands in answers by chance.
pub const SHORTEST: usize = 8;
/// What takes its place.
pub const LETTER: u8 = b'x';

/// The secrets of credentials, in each form that a server may repeat; `header` is what
/// is sent of them.
#[must_use]
pub fn forms(auth: &Auth, header: Option<&str>) -> Vec<String> {
    let encoded = |secret: &str| {
        let in_form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let in_url = in_form.replace('+', "%20");
        let in_json = rowcast_json::quoted(secret);
        let in_json = in_json.trim_matches('"').to_owned();
        [secret.to_owned(), in_form, in_url, in_json]
    };
    let sent = header.and_then(|value| Some(value.split_once(' ')?.1.to_owned()));
    let forms = auth::secrets(auth)
        .into_iter()
        .flat_map(encoded)
        .chain(sent);
    forms.filter(|form| form.len() >= SHORTEST).collect()
}

/// Overwrites in an answer what its request was sent with.
pub fn mask(response: &mut HttpResponse, auth: &Auth, sent: &Authorization) {
    let header = sent.header.as_ref().map(|(_, value)| value.as_str());
    for form in forms(auth, header) {
        overwrite(&mut response.body, form.as_bytes());
        for (_, value) in &mut response.headers {
            if value.contains(&form) {
                *value = value.replace(&form, &char::from(LETTER).to_string().repeat(form.len()));
            }
        }
    }
}

fn overwrite(text: &mut [u8], form: &[u8]) {
    let Some(first) = form.first() else {
        return;
    };
    let mut from = 0;
    while let Some(at) = text
        .get(from..)
        .and_then(|rest| rest.iter().position(|byte| byte == first))
    {
        from += at;
        match text.get_mut(from..from + form.len()) {
            Some(found) if found == form => found.fill(LETTER),
            Some(_) => {}
            None => return,
        }
        from += 1;
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
    fn what_was_sent_is_overwritten_in_each_form() {
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
