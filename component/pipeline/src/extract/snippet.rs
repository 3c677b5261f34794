//! Foreign text, URLs and error chains → one short line that is safe to show.

use super::echo::Echo;
use std::error::Error;
use url::Url;

/// Characters of foreign text that are shown at most.
const LONGEST: usize = 200;

/// One line of foreign text: shortened, and without control characters, which
/// could forge log lines or move a terminal's cursor.
#[must_use]
pub fn line(text: &str) -> String {
    let mut shown = String::new();
    let mut characters = text.trim().chars();
    for character in characters.by_ref().take(LONGEST) {
        if !is_unsafe(character) {
            shown.push(character);
        } else if !shown.ends_with(' ') {
            shown.push(' ');
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A URL without its query, its fragment and any credentials.
#[must_use]
pub fn url(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// Foreign text without secrets that it may repeat.
#[must_use]
pub fn without<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let echoes = secrets.into_iter().filter_map(Echo::of);
    echoes.fold(text.to_owned(), |text, echo| echo.removed(&text))
}

/// An error and its causes, joined.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn is_unsafe(character: char) -> bool {
    // Beside controls: the marks that reorder or hide text.
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(line(text), expected, "{text:?}");
    }

    #[test]
    fn lines_are_short_and_plain() {
        check(" not\r\n\tfound ", "not found");
        check("\u{1b}[31mred\u{202e}x", " [31mred x");
        check(&"é".repeat(200), &"é".repeat(200));
        check(&"é".repeat(201), &format!("{}…", "é".repeat(200)));
    }

    #[test]
    fn urls_lose_what_may_be_secret() -> Result<(), url::ParseError> {
        let secret = Url::parse("https://me:pass@api.example:8443/a/b?key=secret#part")?;
        assert_eq!(url(&secret), "https://api.example:8443/a/b");
        Ok(())
    }
}
