//! JSON Pointer (RFC 6901) and a value → the value it leads to.

use crate::settings::Mistakes;
use rowcast_json::{Kind, Value};

/// A checked JSON Pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    tokens: Vec<String>,
}

/// Why a text is not JSON Pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It starts with something other than a slash.
    #[error("a JSON Pointer is empty or starts with `/`")]
    NoSlash,
    /// A tilde that escapes nothing.
    #[error("in a JSON Pointer `~` is followed by `0` or `1`")]
    BadEscape,
}

impl Pointer {
    /// Checks a pointer's text.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        let tokens = match text.strip_prefix('/') {
            Some(rest) => rest.split('/').map(unescape).collect::<Result<_, _>>()?,
            None if text.is_empty() => Vec::new(),
            None => return Err(PointerError::NoSlash),
        };
        Ok(Self {
            text: text.to_owned(),
            tokens,
        })
    }

    /// Reads the pointer in the setting `at`.
    pub fn of_setting(at: &str, text: &str, mistakes: &mut Mistakes) -> Option<Self> {
        Self::parse(text)
            .map_err(|error| {
                let message = format!("is not a JSON Pointer: {error}");
                if text.starts_with(['/', '#', '$']) {
                    mistakes.add(at, message);
                } else {
                    let hint = format!("perhaps \"/{}\"", text.replace('.', "/"));
                    mistakes.add_with_hint(at, message, hint);
                }
            })
            .ok()
    }

    /// The pointer as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names and places that it goes through.
    #[must_use]
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// The pointer to what the place is in; none for the whole.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (text, _) = self.text.rsplit_once('/')?;
        let (_, tokens) = self.tokens.split_last()?;
        Some(Self {
            text: text.to_owned(),
            tokens: tokens.to_vec(),
        })
    }

    /// What the pointer leads to, if anything.
    #[must_use]
    pub fn find<'a>(&self, root: Value<'a>) -> Option<Value<'a>> {
        self.tokens
            .iter()
            .try_fold(root, |value, token| match value.kind() {
                Kind::Object => value.member(token),
                Kind::Array => value.elements().nth(index(token)?),
                Kind::Null | Kind::Boolean | Kind::Number | Kind::String => None,
            })
    }
}

fn unescape(token: &str) -> Result<String, PointerError> {
    let mut parts = token.split('~');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escaped, rest) = match part.strip_prefix('0') {
            Some(rest) => ('~', rest),
            None => ('/', part.strip_prefix('1').ok_or(PointerError::BadEscape)?),
        };
        plain.push(escaped);
        plain.push_str(rest);
    }
    Ok(plain)
}

fn index(token: &str) -> Option<usize> {
    // RFC 6901 has no leading zeros and no signs, which `parse` would take.
    let plain = token.bytes().all(|byte| byte.is_ascii_digit());
    let zero_led = token.len() > 1 && token.starts_with('0');
    (plain && !zero_led).then(|| token.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;
    use rowcast_json::Index;

    fn check(pointer: &str, expected: Option<&str>) {
        let body = r#" {"foo": ["bar", {"x":1.50}], "": 0, "a/b": 1, "m~n": 8, "n":null,
            "é": 2, "d":1, "d":2, "\u0065scaped": true, "~1": "tilde one"} "#;
        let mut index = Index::default();
        let root = index.read(body).unwrap();
        let found = Pointer::parse(pointer).unwrap().find(root).map(Value::text);
        assert_eq!(found, expected, "{pointer}");
    }

    #[test]
    fn pointers_lead_to_borrowed_values() {
        check("/foo", Some(r#"["bar", {"x":1.50}]"#));
        check("/foo/0", Some(r#""bar""#));
        check("/foo/1/x", Some("1.50"));
        check("/", Some("0"));
        check("/a~1b", Some("1"));
        check("/m~0n", Some("8"));
        check("/~01", Some(r#""tilde one""#));
        check("/n", Some("null"));
        check("/é", Some("2"));
        check("/d", Some("2"));
        check("/escaped", Some("true"));
        check("/foo/2", None);
        check("/foo/00", None);
        check("/foo/+1", None);
        check("/foo/-", None);
        check("/foo/", None);
        check("/foo/99999999999999999999999", None);
        check("/n/x", None);
        check("/missing", None);
        check("/d/x", None);
    }

    #[test]
    fn malformed_pointers_are_refused() {
        assert_eq!(Pointer::parse("foo"), Err(PointerError::NoSlash));
        assert_eq!(Pointer::parse("/a~"), Err(PointerError::BadEscape));
        assert_eq!(Pointer::parse("/a~2"), Err(PointerError::BadEscape));
        assert_eq!(rowcast_json::pointer::to_member("a/b~c"), "/a~1b~0c");
    }
}
