//! A document's text → the same document on one line.

use std::borrow::Cow;

/// The document without the whitespace between its parts, if it has line
/// breaks there; else as it is. Everything else stays, number by digit.
///
/// APIs that print their answers prettily, and PostgreSQL's `json`, give such
/// documents. The text must be JSON.
#[must_use]
pub fn one_line(document: &str) -> Cow<'_, str> {
    // In a JSON string a line break is escaped, so these stand between parts.
    if !document.contains(['\n', '\r']) {
        return Cow::Borrowed(document);
    }
    let (mut inside, mut escaped) = (false, false);
    let kept = document.chars().filter(|each| {
        let kept = inside || !matches!(each, ' ' | '\t' | '\n' | '\r');
        if *each == '"' && !escaped {
            inside = !inside;
        }
        escaped = inside && !escaped && *each == '\\';
        kept
    });
    Cow::Owned(kept.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, expected: &str) {
        assert_eq!(one_line(document), expected);
    }

    #[test]
    fn only_whitespace_between_parts_goes() {
        check(r#"{"a": 1}"#, r#"{"a": 1}"#);
        check(
            "{\n\t\"a b\" :\r\n 1.50 , \"c\": [ ] }",
            r#"{"a b":1.50,"c":[]}"#,
        );
        check(
            "{\"a\":\n\"x  \\\" y \\\\\" , \"\": \" \"}",
            r#"{"a":"x  \" y \\","":" "}"#,
        );
        check("\n{\"é\": \"\u{2028} 😀\"}\n", "{\"é\":\"\u{2028} 😀\"}");
    }
}
