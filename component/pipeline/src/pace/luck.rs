//! Refusals that ask for no pause → whether they have to do with how much is
//! sent. Where they don't, a lower rate would only cost time.
//!
//! An upstream that is at its limit accepts no more right after a refusal than
//! what its rate lets through since then; one that refuses by chance accepts then
//! as much as ever. So after some refusals what was refused is tried again at
//! once, and the answers are weighed until they say one or the other. Where they
//! say chance and many are refused, it is checked by going much slower for a
//! moment: by chance as many are refused then, at a limit none.

use crate::numbers::{float, whole};

/// A limit that is kept to refuses less than this share: beyond it each refusal
/// counts as so many.
const MANY_REFUSED: f64 = 0.3;
const MANY_STEP: u32 = 4;
/// So many times more likely, a logarithm: it's chance.
const CHANCE: f64 = 4.0;
/// Or a limit: a try costs requests, and there will be another one.
const LIMIT: f64 = -0.35;
/// A refusal never makes chance more likely.
const REFUSED_SCORE: f64 = -0.4;
/// A try that didn't tell after so many answers is over.
const LONGEST_TRY: u32 = 24;
/// What is known of a rate is within this factor.
const UNSURE: f64 = 1.3;
/// The least and the most likely that anything is.
const LEAST: f64 = 0.05;
const MOST: f64 = 0.8;
/// How much the last answer says about the share of refusals.
const LAST: f64 = 1.0 / 16.0;
/// Between tries there are so many refusals, twice as many each time,
const FIRST_SKIP: u32 = 2;
/// after a mistake so many,
const AGAIN_SKIP: u32 = 4;
/// after a check that showed a limit so many, and twice as many each time,
const FOUND_SKIP: u32 = 2;
/// at most so many,
const MOST_SKIP: u32 = 16;
/// or that time, where refusals are rare,
const LONG_MS: f64 = 20_000.0;
/// or that of so many units, where it is longer,
const MANY: f64 = 64.0;
/// up to that.
const LONGEST_MS: f64 = 60_000.0;
/// Chance of more than this share of refusals is checked,
const CHECKED_SHARE: f64 = 0.1;
/// after so many refusals, and then after so many times as many;
const FIRST_CHECK: u32 = 4;
const CHECK_FACTOR: u32 = 8;
/// with that part of the speed,
const CHECK_SPEED: f64 = 0.125;
/// which was measured over that time at least,
const LEAST_MS: u64 = 500;
/// by the answers of which chance would have refused so many.
const CHECK_REFUSED: f64 = 3.0;
/// Refusals in a row that are as unlikely as that aren't chance.
const UNLIKELY: f64 = 0.000_1;

/// What an answer shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lesson {
    Nothing,
    /// All refusals so far were chance.
    Chance,
    /// They are, as a check showed.
    StillChance,
    /// It may be a limit: go on at that many units a second for a while.
    Check(f64),
    /// It is a limit, of about so many units a second, where that is known.
    Limit(Option<f64>),
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    /// Refusals are about a limit.
    Limit,
    /// What was refused is tried again at once.
    Trying(Try),
    Chance(Speed),
    Checking(Check),
}

#[derive(Clone, Copy, Debug)]
struct Try {
    /// Units a second that the limit would be.
    per_second: f64,
    /// Units that it would have let through by now.
    level: f64,
    at_ms: u64,
    score: f64,
    answers: u32,
}

#[derive(Clone, Copy, Debug)]
struct Check {
    since_ms: u64,
    /// The speed that was measured.
    per_second: f64,
    /// Answers until it is sure.
    left: u32,
}

/// What is accepted while it's chance.
#[derive(Clone, Copy, Debug)]
struct Speed {
    since_ms: u64,
    accepted: u64,
    answers: u32,
    refused: u32,
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) now_ms: u64,
    /// When it was asked for.
    pub(super) sent_ms: u64,
    pub(super) accepted: u32,
    pub(super) refused: u32,
}

/// What is known of one upstream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Luck {
    mode: Mode,
    /// Refusals before the next try, and after the one behind it.
    skip: u32,
    wait: u32,
    /// When the last try was.
    tried_ms: u64,
    /// Refusals before the next check.
    check: u32,
    /// Refusals before the next try, once a check shows a limit.
    found: u32,
    /// The share of refusals when it was found to be chance.
    expected: f64,
    /// Refusals in a row.
    refused: u32,
    /// The share of refusals, of late.
    share: f64,
}

impl Luck {
    pub(super) fn new() -> Self {
        Self {
            mode: Mode::Limit,
            skip: 0,
            wait: FIRST_SKIP,
            tried_ms: 0,
            check: FIRST_CHECK,
            found: FOUND_SKIP,
            expected: 0.0,
            refused: 0,
            share: 0.0,
        }
    }

    /// Whether refusals are by chance.
    pub(super) fn is_chance(&self) -> bool {
        matches!(self.mode, Mode::Chance(_) | Mode::Checking(_))
    }

    /// Whether hardly anything was refused of late.
    pub(super) fn is_rare(&self) -> bool {
        self.share < CHECKED_SHARE
    }

    /// Whether it is being checked.
    pub(super) fn is_checking(&self) -> bool {
        matches!(self.mode, Mode::Checking(_))
    }

    /// How many units a second the limit would be whose refusal is tried again.
    pub(super) fn trying(&self) -> Option<f64> {
        match self.mode {
            Mode::Trying(attempt) => Some(attempt.per_second),
            _ => None,
        }
    }

    /// Something was answered.
    pub(super) fn learn(&mut self, answer: Answer) -> Lesson {
        let refused = answer.accepted == 0;
        // Tries would answer for themselves.
        if !matches!(self.mode, Mode::Trying(_)) {
            self.share += (f64::from(u8::from(answer.refused > 0)) - self.share) * LAST;
        }
        match self.mode {
            Mode::Checking(check) if answer.sent_ms < check.since_ms => {}
            _ if refused => self.refused += 1,
            _ => self.refused = 0,
        }
        match self.mode {
            Mode::Limit => Lesson::Nothing,
            Mode::Trying(attempt) => self.weigh(attempt, answer),
            Mode::Chance(_) | Mode::Checking(_) if self.is_unlikely() => {
                self.wait = AGAIN_SKIP;
                self.limit(None)
            }
            Mode::Chance(speed) => {
                let speed = Speed {
                    accepted: speed.accepted + u64::from(answer.accepted),
                    answers: speed.answers + 1,
                    refused: speed.refused + u32::from(answer.refused > 0),
                    ..speed
                };
                self.mode = Mode::Chance(speed);
                let share = f64::from(speed.refused) / f64::from(speed.answers);
                if speed.refused < self.check || share <= CHECKED_SHARE {
                    return Lesson::Nothing;
                }
                let time_ms = answer.now_ms.saturating_sub(speed.since_ms).max(LEAST_MS);
                let per_second = float(speed.accepted.max(1)) * 1_000.0 / float(time_ms);
                self.check = self.check.saturating_mul(CHECK_FACTOR);
                self.mode = Mode::Checking(Check {
                    since_ms: answer.now_ms,
                    per_second,
                    left: whole(CHECK_REFUSED / share).max(1),
                });
                Lesson::Check(per_second * CHECK_SPEED)
            }
            Mode::Checking(check) if answer.sent_ms < check.since_ms => Lesson::Nothing,
            Mode::Checking(_) if answer.refused > 0 => {
                self.chance(answer.now_ms);
                Lesson::StillChance
            }
            Mode::Checking(Check {
                left: 0 | 1,
                per_second,
                ..
            }) => {
                self.wait = self.found;
                self.found = self.found.saturating_mul(2);
                self.limit(Some(per_second))
            }
            Mode::Checking(check) => {
                let left = check.left - 1;
                self.mode = Mode::Checking(Check { left, ..check });
                Lesson::Nothing
            }
        }
    }

    /// How much more likely an answer to a try is if it's chance.
    fn weigh(&mut self, attempt: Try, answer: Answer) -> Lesson {
        let units = f64::from(answer.accepted.max(1));
        let since = float(answer.sent_ms.saturating_sub(attempt.at_ms)) / 1_000.0;
        let level = attempt.level + attempt.per_second * since;
        let chance = self.share.clamp(LEAST, 0.5);
        // What a limit lets through of a batch is what came back since the last one.
        let score = if answer.accepted >= answer.refused {
            let limit = (UNSURE * level / units).clamp(LEAST, 1.0);
            ((1.0 - chance) / limit).ln().max(0.0)
        } else {
            let limit = (UNSURE * level / f64::from(answer.refused)).clamp(LEAST, MOST);
            (chance / (1.0 - limit)).ln().min(REFUSED_SCORE)
        };
        let attempt = Try {
            level: match answer.refused {
                0 => (level - f64::from(answer.accepted)).max(0.0),
                _ if answer.accepted > 0 => 0.0,
                _ => level,
            },
            at_ms: answer.sent_ms.max(attempt.at_ms),
            score: attempt.score + score,
            answers: attempt.answers + 1,
            ..attempt
        };
        if attempt.score >= CHANCE {
            self.chance(answer.now_ms);
            return Lesson::Chance;
        }
        if attempt.score <= LIMIT || attempt.answers >= LONGEST_TRY {
            self.skip = self.wait;
            self.wait = self.wait.saturating_mul(2).min(MOST_SKIP.max(self.wait));
            self.mode = Mode::Limit;
        } else {
            self.mode = Mode::Trying(attempt);
        }
        Lesson::Nothing
    }

    /// Refusals are by chance, until a check shows otherwise.
    pub(super) fn chance(&mut self, now_ms: u64) {
        self.mode = Mode::Chance(Speed {
            since_ms: now_ms,
            accepted: 0,
            answers: 0,
            refused: 0,
        });
        self.refused = 0;
        self.expected = self.share;
    }

    /// So many refusals in a row would be a rare chance.
    fn is_unlikely(&self) -> bool {
        let share = match self.mode {
            Mode::Chance(speed) => f64::from(speed.refused) / f64::from(speed.answers.max(8)),
            _ => 0.0,
        };
        let share = share.max(self.expected).clamp(LEAST, MOST);
        share.powf(f64::from(self.refused)) < UNLIKELY
    }

    fn limit(&mut self, per_second: Option<f64>) -> Lesson {
        self.mode = Mode::Limit;
        self.skip = self.wait;
        Lesson::Limit(per_second)
    }

    /// It asks for a pause, so that it knows what it does: a try is over. Chance may
    /// ask for one, too.
    pub(super) fn asked_to_wait(&mut self) {
        if matches!(self.mode, Mode::Trying(_)) {
            self.mode = Mode::Limit;
        }
    }

    /// Something was refused. Whether more is sent at once; the limit would be
    /// that many units a second.
    pub(super) fn tries(&mut self, now_ms: u64, sent_ms: u64, per_second: f64) -> bool {
        let long = (MANY * 1_000.0 / per_second).clamp(LONG_MS, LONGEST_MS);
        if self.skip > 0 && float(now_ms.saturating_sub(self.tried_ms)) < long {
            let many = self.share >= MANY_REFUSED;
            self.skip = self.skip.saturating_sub(if many { MANY_STEP } else { 1 });
            return false;
        }
        self.tried_ms = now_ms;
        self.mode = Mode::Trying(Try {
            per_second,
            level: 0.0,
            at_ms: sent_ms,
            score: 0.0,
            answers: 0,
        });
        true
    }
}
