//! An object → which of its members has a name that an earlier one has.

use super::value::{Name, Value};
use std::borrow::Cow;

/// A name that may have occurred before is compared with so many earlier ones;
/// where there are more, all names are sorted.
const FEW: usize = 48;

/// Finds names that occur twice, one member after the other.
#[derive(Default)]
pub struct Names {
    /// A bit for each name so far. A bit that isn't set says that a name is
    /// new, which most are.
    seen: u64,
    /// The members whose names occurred before, once they had to be sorted.
    twice: Option<Vec<usize>>,
    count: usize,
}

impl Names {
    /// Whether an earlier member of the object has this name. Asked once for
    /// each member, in their order.
    #[inline]
    pub fn is_known(&mut self, object: Value<'_>, name: Name<'_>) -> bool {
        let place = self.count;
        self.count += 1;
        let bit = bit(name);
        let new = self.seen & bit == 0;
        self.seen |= bit;
        !new && self.compare(object, name, place)
    }

    fn compare(&mut self, object: Value<'_>, name: Name<'_>, place: usize) -> bool {
        if place > FEW {
            let twice = self.twice.get_or_insert_with(|| sorted(object));
            return twice.binary_search(&place).is_ok();
        }
        let mut earlier = object.members().take(place);
        if name.is_escaped() {
            return name
                .content()
                .is_ok_and(|content| earlier.any(|(other, _)| other.is(&content) == Ok(true)));
        }
        earlier.any(|(other, _)| other.is(name.raw()) == Ok(true))
    }
}

/// The places of members whose names occurred before.
#[cold]
fn sorted(object: Value<'_>) -> Vec<usize> {
    let mut names: Vec<(Cow<'_, str>, usize)> = object
        .members()
        .enumerate()
        .filter_map(|(place, (name, _))| Some((name.content().ok()?, place)))
        .collect();
    names.sort_unstable();
    let pairs = names.iter().zip(names.iter().skip(1));
    let mut twice: Vec<usize> = pairs
        .filter(|(one, other)| one.0 == other.0)
        .map(|(_, other)| other.1)
        .collect();
    twice.sort_unstable();
    twice
}

/// A name with escapes may be any, so it has all bits.
#[inline]
fn bit(name: Name<'_>) -> u64 {
    if name.is_escaped() {
        return u64::MAX;
    }
    let raw = name.raw().as_bytes();
    let byte = |at: usize| raw.get(at).copied().unwrap_or_default();
    let mixed = usize::from(byte(0))
        .wrapping_add(usize::from(byte(raw.len() / 2)).wrapping_mul(7))
        .wrapping_add(usize::from(byte(raw.len().saturating_sub(1))).wrapping_mul(31))
        .wrapping_add(raw.len().wrapping_mul(5));
    1 << (mixed % 64)
}
