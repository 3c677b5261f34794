//! Text → where its values and names are, in one pass; or where and why it is
//! no JSON (RFC 8259).

use super::bytes::{after_plain, after_space};
use super::entry::{ESCAPED, Entry};
use super::skip::{Unexpected, after_container};
use super::value::Value;
use std::fmt;

/// The entries of one text at a time; used again for the next.
#[derive(Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    /// The containers that are open, by their entries.
    open: Vec<u32>,
    /// Containers that have so many around them are passed over.
    levels: usize,
}

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The byte where it was noticed.
    pub at: usize,
    /// What should be there.
    expected: &'static str,
    /// Whether the text ends there.
    pub is_end: bool,
    /// JSON Pointer to the value that it is in.
    pub path: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, expected, .. } = self;
        if self.is_end {
            write!(
                formatter,
                "the text ends after {at} bytes; expected {expected}"
            )
        } else {
            write!(formatter, "byte {at} should be {expected}")
        }
    }
}

impl std::error::Error for Flaw {}

impl Index {
    /// Makes the index of a text. Texts of 4 GiB and more have none.
    pub fn read<'i>(&'i mut self, text: &'i str) -> Result<Value<'i>, Flaw> {
        self.outline(text, usize::MAX)
    }

    /// Makes an index of so many levels only: the containers on the last one seem
    /// to be empty. Of what is in those it is checked where they end, and that
    /// nobody could read another end: they hold strings and brackets, each with
    /// its other one, and between them nothing that JSON has in strings only.
    pub fn outline<'i>(&'i mut self, text: &'i str, levels: usize) -> Result<Value<'i>, Flaw> {
        self.levels = levels;
        self.entries.clear();
        self.open.clear();
        if levels == usize::MAX {
            // Most values have more text than that, names included.
            self.entries.reserve(text.len() / 16);
        }
        match self.scan(text.as_bytes()) {
            Ok(()) => Ok(self.root(text)),
            Err(Unexpected(at, expected)) => Err(self.flaw(text, at, expected)),
        }
    }

    /// The value of the text that was read last.
    #[must_use]
    pub fn root<'i>(&'i self, text: &'i str) -> Value<'i> {
        Value::new(text, &self.entries)
    }

    fn scan(&mut self, bytes: &[u8]) -> Result<(), Unexpected> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(Unexpected(0, "less than 4 GiB of text"));
        }
        let mut at = after_space(bytes, 0);
        'value: loop {
            at = match byte(bytes, at) {
                b'"' => self.string(bytes, at)?,
                b'{' | b'[' if self.open.len() >= self.levels => {
                    let end = after_container(bytes, at)?;
                    self.push(at, end, 1);
                    end
                }
                b'{' => {
                    self.enter(at);
                    at = after_space(bytes, at + 1);
                    match byte(bytes, at) {
                        b'"' => {
                            at = self.name(bytes, at)?;
                            continue 'value;
                        }
                        b'}' => self.leave(at),
                        _ => return Err(Unexpected(at, "a name or `}`")),
                    }
                }
                b'[' => {
                    self.enter(at);
                    at = after_space(bytes, at + 1);
                    if byte(bytes, at) != b']' {
                        continue 'value;
                    }
                    self.leave(at)
                }
                b'-' | b'0'..=b'9' => self.number(bytes, at)?,
                b't' => self.word(bytes, at, b"true")?,
                b'f' => self.word(bytes, at, b"false")?,
                b'n' => self.word(bytes, at, b"null")?,
                _ => return Err(Unexpected(at, "a value")),
            };
            // What follows a value.
            loop {
                at = after_space(bytes, at);
                let Some(container) = self.open.last() else {
                    return if at == bytes.len() {
                        Ok(())
                    } else {
                        Err(Unexpected(at, "the end"))
                    };
                };
                let is_object = self
                    .entries
                    .get(*container as usize)
                    .is_some_and(|entry| byte(bytes, entry.start as usize) == b'{');
                match (byte(bytes, at), is_object) {
                    (b',', true) => {
                        at = after_space(bytes, at + 1);
                        if byte(bytes, at) != b'"' {
                            return Err(Unexpected(at, "a name"));
                        }
                        at = self.name(bytes, at)?;
                        continue 'value;
                    }
                    (b',', false) => {
                        at = after_space(bytes, at + 1);
                        continue 'value;
                    }
                    (b'}', true) | (b']', false) => at = self.leave(at),
                    (_, true) => return Err(Unexpected(at, "`,` or `}`")),
                    (_, false) => return Err(Unexpected(at, "`,` or `]`")),
                }
            }
        }
    }

    #[inline]
    fn push(&mut self, start: usize, end: usize, extent: u32) {
        #[expect(clippy::cast_possible_truncation, reason = "scan checked the length")]
        self.entries.push(Entry {
            start: start as u32,
            end: end as u32,
            extent,
        });
    }

    fn enter(&mut self, at: usize) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "there are fewer than bytes"
        )]
        self.open.push(self.entries.len() as u32);
        self.push(at, at, 1);
    }

    /// Closes the innermost container; the byte after it.
    fn leave(&mut self, at: usize) -> usize {
        let container = self.open.pop().unwrap_or_default() as usize;
        let count = self.entries.len();
        if let Some(entry) = self.entries.get_mut(container) {
            #[expect(clippy::cast_possible_truncation, reason = "scan checked the length")]
            {
                entry.end = (at + 1) as u32;
                entry.extent = (count - container) as u32;
            }
        }
        at + 1
    }

    /// A member's name and its colon; where its value begins.
    #[inline]
    fn name(&mut self, bytes: &[u8], at: usize) -> Result<usize, Unexpected> {
        let at = self.string(bytes, at)?;
        let at = after_space(bytes, at);
        if byte(bytes, at) != b':' {
            return Err(Unexpected(at, "`:`"));
        }
        Ok(after_space(bytes, at + 1))
    }

    #[inline]
    fn string(&mut self, bytes: &[u8], start: usize) -> Result<usize, Unexpected> {
        let mut extent = 1;
        let mut at = start + 1;
        loop {
            at = after_plain(bytes, at);
            match byte(bytes, at) {
                b'"' => {
                    self.push(start, at + 1, extent);
                    return Ok(at + 1);
                }
                b'\\' => {
                    extent |= ESCAPED;
                    at = escape(bytes, at + 1)?;
                }
                _ => return Err(Unexpected(at, "a character of a string")),
            }
        }
    }

    #[inline]
    fn number(&mut self, bytes: &[u8], start: usize) -> Result<usize, Unexpected> {
        let mut at = start + usize::from(byte(bytes, start) == b'-');
        at = match byte(bytes, at) {
            b'0' => at + 1,
            _ => digits(bytes, at)?,
        };
        if byte(bytes, at) == b'.' {
            at = digits(bytes, at + 1)?;
        }
        if matches!(byte(bytes, at), b'e' | b'E') {
            at += 1;
            at += usize::from(matches!(byte(bytes, at), b'+' | b'-'));
            at = digits(bytes, at)?;
        }
        self.push(start, at, 1);
        Ok(at)
    }

    #[inline]
    fn word(&mut self, bytes: &[u8], start: usize, word: &[u8]) -> Result<usize, Unexpected> {
        let rest = bytes.get(start..).unwrap_or_default();
        if rest.starts_with(word) {
            self.push(start, start + word.len(), 1);
            return Ok(start + word.len());
        }
        let same = rest
            .iter()
            .zip(word)
            .take_while(|(is, wanted)| is == wanted);
        Err(Unexpected(
            start + same.count(),
            "the rest of `true`, `false` or `null`",
        ))
    }

    #[cold]
    fn flaw(&mut self, text: &str, at: usize, expected: &'static str) -> Flaw {
        let mut path = String::new();
        let open = self.open.clone();
        // What is open is closed, so that it can be walked.
        while !self.open.is_empty() {
            self.leave(text.len().saturating_sub(1));
        }
        for (container, depth) in open.iter().zip(1..) {
            let entries = self.entries.get(*container as usize..).unwrap_or_default();
            Value::new(text, entries).push_last(depth == open.len(), &mut path);
        }
        Flaw {
            at,
            expected,
            is_end: at >= text.len(),
            path,
        }
    }
}

/// The byte there; zero, which JSON has nowhere, behind the end.
#[inline]
fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

#[inline]
fn digits(bytes: &[u8], from: usize) -> Result<usize, Unexpected> {
    let mut at = from;
    while byte(bytes, at).is_ascii_digit() {
        at += 1;
    }
    if at == from {
        return Err(Unexpected(at, "a digit"));
    }
    Ok(at)
}

/// What follows a backslash.
fn escape(bytes: &[u8], at: usize) -> Result<usize, Unexpected> {
    match byte(bytes, at) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 1),
        b'u' => {
            let mut end = at + 1;
            while end < at + 5 {
                if !byte(bytes, end).is_ascii_hexdigit() {
                    return Err(Unexpected(end, "a hexadecimal digit"));
                }
                end += 1;
            }
            Ok(end)
        }
        _ => Err(Unexpected(at, "an escape")),
    }
}
