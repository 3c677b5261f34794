//! Refusals that ask for no pause → whether they have to do with how much is
//! sent. Where they don't, a lower rate would only cost time.
//!
//! An upstream that is at its limit refuses one of two probes that are sent at
//! once, and one that refuses by chance accepts most pairs. So the first refusals
//! are followed by two probes at once; where one was refused as well, the next
//! such try is made much later.

/// How much more likely both probes are accepted if it's chance: a logarithm, for
/// three of ten refusals by chance and one pair of twenty that fits in.
const BOTH: f64 = 2.3;
/// And if one of them is refused.
const NOT_BOTH: f64 = -0.7;
/// Enough of them: it's chance.
const CHANCE: f64 = 4.0;
/// Or not. A try costs a request, or one unit of a table's: more tries are made
/// there.
const LIMIT_REQUESTS: f64 = -1.4;
const LIMIT_UNITS: f64 = -4.2;
/// So many refusals in a row aren't.
const REFUSED: u32 = 8;
/// Or this share of all, of late.
const MOST_REFUSED: f64 = 0.75;
/// How much the last one says about that share.
const LAST: f64 = 1.0 / 16.0;
/// Where it isn't chance, the next try is made after so many refusals.
const LATER: u32 = 16;
/// Then after so many times as many, and at last always after as many as that.
const LATER_FACTOR: u32 = 2;
const SELDOM: u32 = 32;
/// Or after that time, where refusals are rare.
const LONG_MS: u64 = 120_000;

/// What an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    Nothing,
    /// All refusals so far were chance.
    Chance,
    /// Those of late aren't.
    Limit,
}

/// What is known of one upstream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Luck {
    /// The score at which it isn't chance.
    limit: f64,
    chance: bool,
    /// Probes of the present try that have no answer yet.
    trying: u8,
    /// How much more likely chance is, a logarithm.
    score: f64,
    /// Refusals before the next try, and after the one behind it.
    skip: u32,
    wait: u32,
    /// When the last try was.
    tried_ms: u64,
    /// Refusals in a row.
    refused: u32,
    /// The share of refusals, of late.
    share: f64,
}

impl Luck {
    pub(super) fn of_requests() -> Self {
        Self::new(LIMIT_REQUESTS)
    }

    pub(super) fn of_units() -> Self {
        Self::new(LIMIT_UNITS)
    }

    fn new(limit: f64) -> Self {
        Self {
            limit,
            chance: false,
            trying: 0,
            score: 0.0,
            skip: 0,
            wait: 0,
            tried_ms: 0,
            refused: 0,
            share: 0.0,
        }
    }

    /// Whether refusals are by chance.
    pub(super) fn is_chance(&self) -> bool {
        self.chance
    }

    /// Whether the present probe is sent at once.
    pub(super) fn is_trying(&self) -> bool {
        self.trying > 0
    }

    /// Something was answered.
    pub(super) fn learn(&mut self, refused: bool) -> Lesson {
        self.share += (f64::from(u8::from(refused)) - self.share) * LAST;
        self.refused = if refused {
            self.refused.saturating_add(1)
        } else {
            0
        };
        if self.chance && (self.refused >= REFUSED || self.share > MOST_REFUSED) {
            *self = Self {
                score: self.limit,
                skip: LATER,
                wait: LATER,
                ..Self::new(self.limit)
            };
            return Lesson::Limit;
        }
        if self.trying == 0 {
            return Lesson::Nothing;
        }
        self.trying = if refused { 0 } else { self.trying - 1 };
        if self.trying > 0 {
            return Lesson::Nothing;
        }
        self.score += if refused { NOT_BOTH } else { BOTH };
        if self.score <= self.limit {
            self.score = self.limit;
            self.wait = (self.wait * LATER_FACTOR).clamp(LATER, SELDOM);
            self.skip = self.wait;
        }
        self.chance = self.score >= CHANCE;
        if self.chance {
            Lesson::Chance
        } else {
            Lesson::Nothing
        }
    }

    /// It asks for a pause, so that it knows what it does.
    pub(super) fn asked_to_wait(&mut self) {
        self.chance = false;
        self.trying = 0;
        self.score = self.score.min(0.0);
    }

    /// Whether the next probe is sent at once. `refusals` is how many there were
    /// since something was accepted, `tells` whether its answer would tell.
    pub(super) fn tries(&mut self, now_ms: u64, refusals: u32, tells: bool) -> bool {
        if self.chance {
            return true;
        }
        if refusals > 1 || !tells {
            return false;
        }
        if self.skip > 0 && now_ms < self.tried_ms.saturating_add(LONG_MS) {
            self.skip -= 1;
            return false;
        }
        self.tried_ms = now_ms;
        self.trying = 2;
        true
    }
}
