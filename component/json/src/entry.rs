//! Where a value or a name is in a scanned text.

/// One value or one member's name. An object's entry is followed by those of
/// its names and values in turn, an array's by those of its elements.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its first byte.
    pub start: u32,
    /// The byte after it.
    pub end: u32,
    /// How many entries it has with all that is in it. The highest bit is set
    /// for a string with escapes.
    pub(super) extent: u32,
}

/// The highest bit of an extent.
pub(super) const ESCAPED: u32 = 1 << 31;

impl Entry {
    /// How many entries it has with all that is in it.
    #[inline]
    pub fn extent(self) -> usize {
        (self.extent & !ESCAPED) as usize
    }

    /// How many bytes it has.
    #[inline]
    pub fn length(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether it is a string with escapes.
    #[inline]
    pub fn is_escaped(self) -> bool {
        self.extent & ESCAPED != 0
    }
}
