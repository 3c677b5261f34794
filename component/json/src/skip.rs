//! A container in a text → where it ends, 64 bytes at a time, without a look at
//! what it holds: no index is made of it, and only its strings and brackets are
//! read.

use super::bytes::{Marks, marks};

/// Where a text isn't JSON, and what was expected there.
pub(super) struct Unexpected(pub(super) usize, pub(super) &'static str);

const BLOCK: usize = 64;

/// Every second bit, from the lowest.
const EVEN: u64 = 0x5555_5555_5555_5555;

/// The byte after the container that begins there. Brackets are counted, whatever
/// their kind.
pub fn after_container(bytes: &[u8], from: usize) -> Result<usize, Unexpected> {
    let mut place = Place::default();
    let mut rest = bytes.get(from..).unwrap_or_default();
    loop {
        let at = bytes.len().saturating_sub(rest.len());
        let found = if let Some((block, later)) = rest.split_first_chunk() {
            rest = later;
            place.pass(&marks(block))
        } else {
            let mut block = [b' '; BLOCK];
            for (to, byte) in block.iter_mut().zip(rest) {
                *to = *byte;
            }
            match place.pass(&marks(&block)) {
                Found::Nothing => return Err(Unexpected(bytes.len(), "`}` or `]`")),
                found => found,
            }
        };
        match found {
            Found::End(length) => return Ok(at + length),
            Found::Foreign(length) => return Err(Unexpected(at + length, "a part of a value")),
            Found::Nothing => {}
        }
    }
}

/// What a block had.
enum Found {
    /// The container's last byte is before that place.
    End(usize),
    /// There is a byte that JSON has nowhere but in strings.
    Foreign(usize),
    Nothing,
}

/// What is known of a place in a text.
#[derive(Default)]
struct Place {
    /// Brackets that are open.
    open: u32,
    /// All bits are set within a string, none is elsewhere.
    inside: u64,
    /// The lowest bit is set behind a backslash that is not escaped itself.
    escaped: u64,
}

impl Place {
    #[inline]
    fn pass(&mut self, marks: &Marks) -> Found {
        let quotes = marks.quotes & !self.escaped(marks.escapes);
        // Each bit becomes the parity of those up to it: set from a quotation mark
        // to the byte before the next one.
        let mut inside = quotes;
        for distance in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << distance;
        }
        inside ^= self.inside;
        self.inside = (inside.cast_signed() >> 63).cast_unsigned();
        let foreign = (marks.foreign | marks.escapes) & !inside;
        if foreign != 0 {
            return Found::Foreign(foreign.trailing_zeros() as usize);
        }
        let closing = marks.closing & !inside;
        let mut brackets = marks.opening & !inside | closing;
        while brackets != 0 {
            let lowest = brackets & brackets.wrapping_neg();
            let step = if closing & lowest == 0 { 1 } else { u32::MAX };
            self.open = self.open.wrapping_add(step);
            if self.open == 0 {
                return Found::End(lowest.trailing_zeros() as usize + 1);
            }
            brackets ^= lowest;
        }
        Found::Nothing
    }

    /// The bytes that are behind a backslash which begins an escape: of several in
    /// a row each second one doesn't, being escaped itself.
    #[inline]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        if backslashes == 0 {
            return std::mem::take(&mut self.escaped);
        }
        let starts = backslashes & !self.escaped;
        let behind = starts << 1 | self.escaped;
        // Rows that begin at an odd place carry into the byte behind them.
        let (odd, carries) = (starts & !EVEN & !behind).overflowing_add(starts);
        self.escaped = u64::from(carries);
        (EVEN ^ (odd << 1)) & behind
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    /// The same, byte by byte.
    fn slowly(bytes: &[u8], from: usize) -> Option<usize> {
        let (mut open, mut inside, mut escaped) = (0_usize, false, false);
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            if std::mem::take(&mut escaped) {
                continue;
            }
            match (byte, inside) {
                (b'"', _) => inside = !inside,
                (b'\\', true) => escaped = true,
                (b'{' | b'[', false) => open += 1,
                (b'}' | b']', false) => {
                    open -= 1;
                    if open == 0 {
                        return Some(at + 1);
                    }
                }
                (b'\\' | b'/' | b'\'' | b'#', false) => return None,
                _ => {}
            }
        }
        None
    }

    #[test]
    fn blocks_agree_with_single_bytes() {
        const PARTS: [&str; 16] = [
            "{",
            "}",
            "[",
            "]",
            "\"",
            "\"",
            "\\",
            "\\\\",
            "\\\"",
            " ",
            ":",
            "text",
            "é",
            "\"a\":",
            "{\"S\":\"\"}",
            "0123456789012345678901234567890123456789",
        ];
        let mut seed = 1_u64;
        let mut draw = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize
        };
        let mut ends = 0;
        for _ in 0..200_000 {
            let mut text = "{".to_owned();
            for _ in 0..draw() % 40 {
                text.push_str(PARTS.get(draw() % PARTS.len()).unwrap());
            }
            // What follows an end is nobody's business here, unless it is foreign.
            if let Some(end) = slowly(text.as_bytes(), 0) {
                text.truncate(end);
                text.push_str(&" ".repeat(draw() % 70));
                ends += 1;
            }
            let found = after_container(text.as_bytes(), 0).ok();
            assert_eq!(found, slowly(text.as_bytes(), 0), "{text}");
        }
        assert!(ends > 10_000, "{ends}");
    }

    #[test]
    fn what_others_read_differently_is_refused() {
        for inner in ["/* \" */", "// \"\n", "# \"\n", "'\"'", "\\\"", "\\"] {
            for before in 0..70 {
                let text = format!("{{{}{inner}}}", " ".repeat(before));
                assert!(after_container(text.as_bytes(), 0).is_err(), "{text}");
                let string = inner.replace(['"', '\\'], "");
                let text = format!("{{{}\"{string}\"}}", " ".repeat(before));
                assert_eq!(after_container(text.as_bytes(), 0).ok(), Some(text.len()));
            }
        }
        for unended in ["{", "[[]", "{\"", "{\"}", "{\"\\\"}", "{}"] {
            let end = after_container(unended.as_bytes(), 0).ok();
            assert_eq!(end, (unended == "{}").then_some(2), "{unended}");
        }
    }
}
