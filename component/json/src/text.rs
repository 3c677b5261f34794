//! A string's text as JSON writes it ↔ its content.

use super::bytes::{after_plain, is_utf8};

/// A string has half of a surrogate pair, which is not Unicode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the string has half of a surrogate pair, which is not Unicode")]
pub struct NotUnicode;

/// Bytes that may be a text, which is checked once.
#[derive(Debug, Default)]
pub struct Bytes {
    bytes: Vec<u8>,
    is_text: bool,
}

impl Bytes {
    /// Checks them.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let is_text = is_utf8(&bytes);
        Self { bytes, is_text }
    }

    /// As they are.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text; none if they aren't UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        // SAFETY: `new` has checked all of these bytes, and nobody can change
        // them. A body's text is asked for several times.
        self.is_text
            .then(|| unsafe { str::from_utf8_unchecked(&self.bytes) })
    }
}

/// What is between a string's quotation marks → what it means.
pub(super) fn unescape(raw: &str) -> Result<String, NotUnicode> {
    let mut content = String::with_capacity(raw.len());
    pieces(raw, |piece| match piece {
        Piece::Plain(text) => content.push_str(text),
        Piece::Escaped(character) => content.push(character),
    })?;
    Ok(content)
}

/// A part of a string.
pub(super) enum Piece<'t> {
    /// Written as it is meant.
    Plain(&'t str),
    /// Written as an escape.
    Escaped(char),
}

/// Hands over what is between a string's quotation marks, piece by piece. The
/// text was scanned: its escapes are complete.
pub(super) fn pieces(raw: &str, mut take: impl FnMut(Piece<'_>)) -> Result<(), NotUnicode> {
    let mut rest = raw;
    while !rest.is_empty() {
        let plain = after_plain(rest.as_bytes(), 0);
        let (before, after) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        if !before.is_empty() {
            take(Piece::Plain(before));
        }
        let Some(escape) = after.strip_prefix('\\') else {
            return Ok(());
        };
        let mut characters = escape.chars();
        let character = match characters.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (character, after) = unit(characters.as_str())?;
                take(Piece::Escaped(character));
                rest = after;
                continue;
            }
            Some(itself) => itself,
            None => return Ok(()),
        };
        take(Piece::Escaped(character));
        rest = characters.as_str();
    }
    Ok(())
}

/// The character of four digits, or of a pair of them; and what follows it.
fn unit(text: &str) -> Result<(char, &str), NotUnicode> {
    let (first, after) = digits(text)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, after));
    }
    let second = after.strip_prefix("\\u").ok_or(NotUnicode)?;
    let (second, after) = digits(second)?;
    let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
    let joined = is_pair.then(|| 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
    let character = joined.and_then(char::from_u32).ok_or(NotUnicode)?;
    Ok((character, after))
}

fn digits(text: &str) -> Result<(u32, &str), NotUnicode> {
    let (digits, after) = text.split_at_checked(4).ok_or(NotUnicode)?;
    let value = u32::from_str_radix(digits, 16).map_err(|_| NotUnicode)?;
    Ok((value, after))
}
