//! Slices of text → one text, by copies of fixed sizes: most slices are short,
//! and a copy of unknown size is a call into the host in Wasm.

use super::bytes::after_plain;
use super::text::{self, NotUnicode, Piece};
use super::value::Name;

/// Slices that are longer are worth a call.
const SHORT: usize = 128;

/// A text that grows.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// UTF-8: whole texts are added, and nothing else.
    bytes: Vec<u8>,
}

impl Output {
    /// Room for that many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
        }
    }

    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds a text whose length the compiler knows.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the length is known only if it is")]
    pub fn put_literal(&mut self, text: &'static str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Adds a text.
    #[inline]
    pub fn put(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if bytes.len() > SHORT {
            self.bytes.extend_from_slice(bytes);
            return;
        }
        let (blocks, mut rest) = bytes.as_chunks::<16>();
        for block in blocks {
            self.bytes.extend_from_slice(block);
        }
        if let Some((block, after)) = rest.split_first_chunk::<8>() {
            self.bytes.extend_from_slice(block);
            rest = after;
        }
        if let Some((block, after)) = rest.split_first_chunk::<4>() {
            self.bytes.extend_from_slice(block);
            rest = after;
        }
        for byte in rest {
            self.bytes.push(*byte);
        }
    }

    /// Adds a content as a JSON string.
    pub fn put_quoted(&mut self, content: &str) {
        self.put_literal("\"");
        self.put_escaped(content);
        self.put_literal("\"");
    }

    /// Adds a string of a scanned text, with as few escapes as JSON allows; the
    /// bytes of what it means.
    #[inline]
    pub fn put_string(&mut self, string: Name<'_>) -> Result<usize, NotUnicode> {
        if !string.is_escaped() {
            let text = string.quoted();
            self.put(text);
            return Ok(text.len().saturating_sub(2));
        }
        self.put_rewritten(string.raw())
    }

    #[cold]
    fn put_rewritten(&mut self, raw: &str) -> Result<usize, NotUnicode> {
        let mut length = 0;
        self.put_literal("\"");
        text::pieces(raw, |piece| match piece {
            Piece::Plain(text) => {
                length += text.len();
                self.put(text);
            }
            Piece::Escaped(character) => {
                length += character.len_utf8();
                self.put_escaped(character.encode_utf8(&mut [0; 4]));
            }
        })?;
        self.put_literal("\"");
        Ok(length)
    }

    fn put_escaped(&mut self, content: &str) {
        let mut rest = content;
        loop {
            let plain = after_plain(rest.as_bytes(), 0);
            let (before, after) = rest.split_at_checked(plain).unwrap_or((rest, ""));
            self.put(before);
            let mut characters = after.chars();
            match characters.next() {
                None => return,
                Some('"') => self.put_literal("\\\""),
                Some('\\') => self.put_literal("\\\\"),
                Some('\u{8}') => self.put_literal("\\b"),
                Some('\t') => self.put_literal("\\t"),
                Some('\n') => self.put_literal("\\n"),
                Some('\u{c}') => self.put_literal("\\f"),
                Some('\r') => self.put_literal("\\r"),
                Some(control) => self.put(&format!("\\u{:04x}", u32::from(control))),
            }
            rest = characters.as_str();
        }
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        // SAFETY: all that is ever added are whole `str`s. A check would read
        // every byte again.
        unsafe { String::from_utf8_unchecked(self.bytes) }
    }
}
