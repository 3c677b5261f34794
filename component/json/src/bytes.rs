//! Bytes and a place in them → the next place that matters: the end of white
//! space, the end of a string's plain part. The two loops that most bytes of a
//! body go through, so they take 16 bytes at a time where they can, and 8 elsewhere.

/// Whether a byte ends the plain part of a string: it closes it, begins an
/// escape, or must not be there.
const fn ends_plain(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < b' '
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// The first place at or after `from` that is no white space.
#[inline]
pub fn after_space(bytes: &[u8], from: usize) -> usize {
    // Mostly there is none, or one.
    match bytes.get(from) {
        Some(byte) if *byte <= b' ' => {}
        _ => return from,
    }
    match bytes.get(from + 1) {
        Some(byte) if *byte <= b' ' => blocks::after_space(bytes, from),
        _ => from + usize::from(bytes.get(from).is_some_and(|byte| is_space(*byte))),
    }
}

/// The first place at or after `from` where the plain part of a string ends.
#[inline]
pub fn after_plain(bytes: &[u8], from: usize) -> usize {
    blocks::after_plain(bytes, from)
}

/// Which of 64 bytes are what, a bit for each.
pub struct Marks {
    /// Quotation marks.
    pub quotes: u64,
    /// Backslashes.
    pub escapes: u64,
    /// `{` and `[`
    pub opening: u64,
    /// `}` and `]`
    pub closing: u64,
    /// What other languages begin comments or strings with: `/`, `#` and `'`.
    pub foreign: u64,
}

/// The marks in a block.
#[inline]
pub fn marks(block: &[u8; 64]) -> Marks {
    blocks::marks(block)
}

fn slowly(bytes: &[u8], from: usize, is_part: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let length = rest.iter().position(|byte| !is_part(*byte));
    from + length.unwrap_or(rest.len())
}

/// Whether bytes are UTF-8: as the standard library says, which looks at only
/// those that aren't ASCII.
pub fn is_utf8(bytes: &[u8]) -> bool {
    let mut at = 0;
    loop {
        at = blocks::after_ascii(bytes, at);
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(u8::is_ascii);
        let length = length.unwrap_or(rest.len());
        if length == 0 {
            return true;
        }
        // A character's bytes are all of this kind.
        let characters = rest.get(..length).unwrap_or_default();
        if std::str::from_utf8(characters).is_err() {
            return false;
        }
        at += length;
    }
}

#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod blocks {
    use super::{Marks, ends_plain, is_space, slowly};
    use sixteen::{Sixteen, at, below, equal, high, or, places, with_bits};

    /// Sixteen bytes at a time, in instructions that every processor has.
    #[cfg(target_arch = "x86_64")]
    mod sixteen {
        use core::arch::x86_64::{
            __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_max_epu8, _mm_movemask_epi8,
            _mm_or_si128, _mm_set1_epi8,
        };

        pub type Sixteen = __m128i;

        #[inline]
        pub fn at(block: &[u8; 16]) -> Sixteen {
            // SAFETY: as below; there are sixteen bytes, wherever they begin.
            unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
        }

        #[inline]
        pub fn equal(block: Sixteen, byte: u8) -> Sixteen {
            // SAFETY: every x86-64 has these instructions, and they touch no
            // memory.
            unsafe { _mm_cmpeq_epi8(block, _mm_set1_epi8(byte.cast_signed())) }
        }

        /// Bytes that are less than that one, which isn't zero.
        #[inline]
        pub fn below(block: Sixteen, byte: u8) -> Sixteen {
            // SAFETY: as above.
            unsafe {
                let most = _mm_set1_epi8((byte - 1).cast_signed());
                _mm_cmpeq_epi8(_mm_max_epu8(block, most), most)
            }
        }

        #[inline]
        pub fn or(one: Sixteen, other: Sixteen) -> Sixteen {
            // SAFETY: as above.
            unsafe { _mm_or_si128(one, other) }
        }

        /// With those bits set in each byte.
        #[inline]
        pub fn with_bits(block: Sixteen, bits: u8) -> Sixteen {
            // SAFETY: as above.
            or(block, unsafe { _mm_set1_epi8(bits.cast_signed()) })
        }

        /// A bit for each byte that was found.
        #[inline]
        pub fn places(found: Sixteen) -> u32 {
            // SAFETY: as above.
            unsafe { _mm_movemask_epi8(found) }.cast_unsigned()
        }

        /// A bit for each byte that isn't ASCII.
        #[inline]
        pub fn high(block: Sixteen) -> u32 {
            places(block)
        }
    }

    #[cfg(target_arch = "wasm32")]
    mod sixteen {
        use core::arch::wasm32::{
            i8x16_eq, u8x16_bitmask, u8x16_lt, u8x16_splat, u64x2, v128, v128_or,
        };

        pub type Sixteen = v128;

        #[inline]
        pub fn at(block: &[u8; 16]) -> Sixteen {
            let both = u128::from_le_bytes(*block);
            #[expect(clippy::cast_possible_truncation, reason = "its two halves")]
            u64x2(both as u64, (both >> 64) as u64)
        }

        #[inline]
        pub fn equal(block: Sixteen, byte: u8) -> Sixteen {
            i8x16_eq(block, u8x16_splat(byte))
        }

        #[inline]
        pub fn below(block: Sixteen, byte: u8) -> Sixteen {
            u8x16_lt(block, u8x16_splat(byte))
        }

        #[inline]
        pub fn or(one: Sixteen, other: Sixteen) -> Sixteen {
            v128_or(one, other)
        }

        /// With those bits set in each byte.
        #[inline]
        pub fn with_bits(block: Sixteen, bits: u8) -> Sixteen {
            or(block, u8x16_splat(bits))
        }

        /// A bit for each byte that was found.
        #[inline]
        pub fn places(found: Sixteen) -> u32 {
            u8x16_bitmask(found).into()
        }

        /// A bit for each byte that isn't ASCII.
        #[inline]
        pub fn high(block: Sixteen) -> u32 {
            places(block)
        }
    }

    /// The first place at or after `from` that `ends` has a bit for.
    #[inline]
    fn find(
        bytes: &[u8],
        from: usize,
        ends: impl Fn(Sixteen) -> u32,
        slow: impl Fn(u8) -> bool,
    ) -> usize {
        let mut place = from;
        while let Some(block) = bytes.get(place..).and_then(|rest| rest.first_chunk::<16>()) {
            let ends = ends(at(block));
            if ends != 0 {
                return place + ends.trailing_zeros() as usize;
            }
            place += 16;
        }
        slowly(bytes, place, |byte| !slow(byte))
    }

    #[inline]
    pub fn after_space(bytes: &[u8], from: usize) -> usize {
        let ends = |block| {
            let lines = or(equal(block, b'\n'), equal(block, b'\r'));
            let spaces = or(equal(block, b' '), equal(block, b'\t'));
            places(or(lines, spaces)) ^ 0xffff
        };
        find(bytes, from, ends, |byte| !is_space(byte))
    }

    #[inline]
    pub fn after_plain(bytes: &[u8], from: usize) -> usize {
        let ends = |block| {
            let marks = or(equal(block, b'"'), equal(block, b'\\'));
            places(or(marks, below(block, b' ')))
        };
        find(bytes, from, ends, ends_plain)
    }

    #[inline]
    pub fn marks(block: &[u8; 64]) -> Marks {
        let mut marks = Marks {
            quotes: 0,
            escapes: 0,
            opening: 0,
            closing: 0,
            foreign: 0,
        };
        for (part, number) in block.as_chunks::<16>().0.iter().zip(0..) {
            let (part, shift) = (at(part), 16 * number);
            let mark = |found| u64::from(places(found)) << shift;
            marks.quotes |= mark(equal(part, b'"'));
            marks.escapes |= mark(equal(part, b'\\'));
            // Brackets of one kind differ from those of the other by a bit.
            let other = with_bits(part, 0x20);
            marks.opening |= mark(equal(other, b'{'));
            marks.closing |= mark(equal(other, b'}'));
            // As do `#` and `'`.
            let mark_foreign = or(equal(part, b'/'), equal(with_bits(part, 4), b'\''));
            marks.foreign |= mark(mark_foreign);
        }
        marks
    }

    #[inline]
    pub fn after_ascii(bytes: &[u8], from: usize) -> usize {
        find(bytes, from, high, |byte| !byte.is_ascii())
    }
}

#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
mod blocks {
    use super::{Marks, ends_plain, is_space, slowly};

    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;

    /// The high bit of each byte that is zero. Bytes above the lowest such one
    /// may be marked wrongly, so only the lowest counts.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(LOW) & !word & HIGH
    }

    /// The byte in each place.
    fn spread(byte: u8) -> u64 {
        LOW * u64::from(byte)
    }

    fn word(bytes: &[u8], at: usize) -> Option<u64> {
        let block = bytes.get(at..)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*block))
    }

    #[inline]
    pub fn after_space(bytes: &[u8], from: usize) -> usize {
        let mut at = from;
        // Indentation is of spaces, after a line's end.
        while let Some(word) = word(bytes, at) {
            let others = word ^ spread(b' ');
            if others != 0 {
                at += (others.trailing_zeros() / 8) as usize;
                match bytes.get(at) {
                    Some(byte) if is_space(*byte) => at += 1,
                    _ => return at,
                }
            } else {
                at += 8;
            }
        }
        slowly(bytes, at, is_space)
    }

    #[inline]
    pub fn after_plain(bytes: &[u8], from: usize) -> usize {
        let mut at = from;
        while let Some(word) = word(bytes, at) {
            let ends = zeros(word ^ (spread(b'"')))
                | zeros(word ^ (spread(b'\\')))
                | (word.wrapping_sub(spread(b' ')) & !word & HIGH);
            if ends != 0 {
                return at + (ends.trailing_zeros() / 8) as usize;
            }
            at += 8;
        }
        slowly(bytes, at, |byte| !ends_plain(byte))
    }

    pub fn marks(block: &[u8; 64]) -> Marks {
        let places = |is_it: fn(u8) -> bool| {
            let bits = block.iter().zip(0..);
            bits.fold(0, |all, (byte, at)| all | u64::from(is_it(*byte)) << at)
        };
        Marks {
            quotes: places(|byte| byte == b'"'),
            escapes: places(|byte| byte == b'\\'),
            opening: places(|byte| matches!(byte, b'{' | b'[')),
            closing: places(|byte| matches!(byte, b'}' | b']')),
            foreign: places(|byte| matches!(byte, b'/' | b'#' | b'\'')),
        }
    }

    #[inline]
    pub fn after_ascii(bytes: &[u8], from: usize) -> usize {
        let mut at = from;
        while word(bytes, at).is_some_and(|word| word & HIGH == 0) {
            at += 8;
        }
        slowly(bytes, at, |byte| byte.is_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte value, at every place in a block.
    #[test]
    fn blocks_agree_with_single_bytes() {
        for byte in 0..=u8::MAX {
            for place in 0..40 {
                for filler in [b' ', b'x', b'\n', 0xc3] {
                    let mut bytes = [filler; 40];
                    bytes.get_mut(place).into_iter().for_each(|it| *it = byte);
                    for from in 0..4 {
                        let plain = slowly(&bytes, from, |byte| !ends_plain(byte));
                        assert_eq!(after_plain(&bytes, from), plain, "{byte} at {place}");
                        let space = slowly(&bytes, from, is_space);
                        assert_eq!(after_space(&bytes, from), space, "{byte} at {place}");
                        let rest = bytes.get(from..).unwrap_or_default();
                        let text = std::str::from_utf8(rest).is_ok();
                        assert_eq!(is_utf8(rest), text, "{byte} at {place}");
                    }
                }
            }
        }
        assert!(is_utf8(b"") && is_utf8("é".as_bytes()));
        assert_eq!(after_space(b"", 0), 0);
        assert_eq!(after_plain(b"x", 1), 1);
    }
}
