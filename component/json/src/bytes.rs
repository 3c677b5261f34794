//! Bytes and a place in them → the next place that matters: the end of white
//! space, the end of a string's plain part. The two loops that most bytes of a
//! body go through, so they take 16 bytes at a time in Wasm and 8 elsewhere.

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

fn slowly(bytes: &[u8], from: usize, is_part: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let length = rest.iter().position(|byte| !is_part(*byte));
    from + length.unwrap_or(rest.len())
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod blocks {
    use super::{ends_plain, is_space, slowly};
    use core::arch::wasm32::{
        i8x16_eq, u8x16_bitmask, u8x16_lt, u8x16_splat, u64x2, v128, v128_or,
    };

    fn load(block: &[u8; 16]) -> v128 {
        let both = u128::from_le_bytes(*block);
        #[expect(clippy::cast_possible_truncation, reason = "its two halves")]
        u64x2(both as u64, (both >> 64) as u64)
    }

    #[inline]
    pub fn after_space(bytes: &[u8], from: usize) -> usize {
        let mut at = from;
        while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            let block = load(block);
            let is = |byte: u8| i8x16_eq(block, u8x16_splat(byte));
            let spaces = v128_or(v128_or(is(b' '), is(b'\n')), v128_or(is(b'\r'), is(b'\t')));
            let others = !u8x16_bitmask(spaces);
            if others != 0 {
                return at + others.trailing_zeros() as usize;
            }
            at += 16;
        }
        slowly(bytes, at, is_space)
    }

    #[inline]
    pub fn after_plain(bytes: &[u8], from: usize) -> usize {
        let mut at = from;
        while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            let block = load(block);
            let ends = v128_or(
                v128_or(
                    i8x16_eq(block, u8x16_splat(b'"')),
                    i8x16_eq(block, u8x16_splat(b'\\')),
                ),
                u8x16_lt(block, u8x16_splat(b' ')),
            );
            let ends = u8x16_bitmask(ends);
            if ends != 0 {
                return at + ends.trailing_zeros() as usize;
            }
            at += 16;
        }
        slowly(bytes, at, |byte| !ends_plain(byte))
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod blocks {
    use super::{ends_plain, is_space, slowly};

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
                    }
                }
            }
        }
        assert_eq!(after_space(b"", 0), 0);
        assert_eq!(after_plain(b"x", 1), 1);
    }
}
