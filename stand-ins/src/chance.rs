//! A seed and what is being decided → the same numbers on every run, in
//! whatever order requests come in.

/// Numbers by splitmix64.
pub struct Chance(u64);

impl Chance {
    /// The numbers for one decision.
    #[must_use]
    pub fn of(seed: u64, subject: &str, turn: u32) -> Self {
        // FNV-1a: small, and the mixing follows.
        let start = seed ^ 0xcbf2_9ce4_8422_2325;
        let hash = subject
            .bytes()
            .chain(turn.to_le_bytes())
            .fold(start, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        Self(hash)
    }

    /// The next one.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Which of them happens, each with so many chances in a thousand.
    pub fn among<T: Copy>(&mut self, rates: &[(T, u64)]) -> Option<T> {
        let mut drawn = self.draw() % 1_000;
        for (each, rate) in rates {
            if drawn < *rate {
                return Some(*each);
            }
            drawn -= rate;
        }
        None
    }
}
