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
        append(&mut self.bytes, text.as_bytes());
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

    /// The text, in no more memory than it takes: what is kept long shouldn't keep
    /// room that was made for more.
    #[must_use]
    pub fn into_text(mut self) -> String {
        self.bytes.shrink_to_fit();
        // SAFETY: all that is ever added are whole `str`s. A check would read
        // every byte again.
        unsafe { String::from_utf8_unchecked(self.bytes) }
    }
}

/// The content as a JSON string, with its quotation marks.
#[must_use]
pub fn quoted(content: &str) -> String {
    let mut output = Output::with_capacity(content.len() + 2);
    output.put_quoted(content);
    output.into_text()
}

/// Adds bytes, of which there are mostly few.
#[inline]
pub(super) fn append(to: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > SHORT {
        to.extend_from_slice(bytes);
        return;
    }
    to.reserve(bytes.len());
    let end = to.spare_capacity_mut().as_mut_ptr();
    // SAFETY: there is room for these bytes, which `copy` writes all of.
    unsafe {
        copy(bytes, end.cast());
        to.set_len(to.len() + bytes.len());
    }
}

/// Copies by blocks of fixed sizes. The last one of a size overlaps with the
/// one before it, so that no byte is copied alone.
///
/// # Safety
///
/// `to` has room for all bytes, and none of them is there.
#[inline]
unsafe fn copy(bytes: &[u8], to: *mut u8) {
    /// The first and the last `N` bytes.
    #[inline]
    unsafe fn ends<const N: usize>(from: *const u8, to: *mut u8, length: usize) {
        // SAFETY: `length` is `N` at least, and both places have so many bytes.
        unsafe {
            let last = length - N;
            let (first, end) = (from.cast::<[u8; N]>(), from.add(last).cast::<[u8; N]>());
            let (first, end) = (first.read(), end.read());
            to.cast::<[u8; N]>().write(first);
            to.add(last).cast::<[u8; N]>().write(end);
        }
    }
    let (from, length) = (bytes.as_ptr(), bytes.len());
    // SAFETY: each branch touches bytes below `length` only.
    unsafe {
        match length {
            17.. => {
                let mut at = 0;
                while at + 16 < length {
                    let block = from.add(at).cast::<[u8; 16]>().read();
                    to.add(at).cast::<[u8; 16]>().write(block);
                    at += 16;
                }
                let last = length - 16;
                let block = from.add(last).cast::<[u8; 16]>().read();
                to.add(last).cast::<[u8; 16]>().write(block);
            }
            8.. => ends::<8>(from, to, length),
            4.. => ends::<4>(from, to, length),
            2.. => ends::<2>(from, to, length),
            1 => to.write(from.read()),
            0 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_all_lengths_are_copied() {
        let text: String = (0..200).map(|at| char::from(b' ' + at % 90)).collect();
        for length in 0..200 {
            let mut output = Output::default();
            let part = text.get(..length).unwrap_or_default();
            output.put("<");
            output.put(part);
            output.put(">");
            assert_eq!(output.into_text(), format!("<{part}>"));
        }
    }
}
