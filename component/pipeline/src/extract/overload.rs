//! Answers such as 503 that ask for no pause → whether they may be about the number of
//! requests. A few of them are hiccups, which would only cost speed.

use std::cell::Cell;

/// For so long after good answers, 503 may be how the source limits requests: few
/// limit them by longer windows than a minute.
const OVERLOADED_MS: u64 = 65_000;

/// So many of the last eight answers: those of a source that is pressed come together.
const LEAST_OF_EIGHT: u32 = 3;

/// What a call has seen of them.
#[derive(Default)]
pub struct Overload {
    /// Since when there is nothing else, after good answers.
    since_ms: Cell<Option<u64>>,
    was_good: Cell<bool>,
    /// The last eight answers, the newest first: a bit for each that was such a one.
    recent: Cell<u8>,
    /// They came together once: each that follows may be about the number again.
    dense: Cell<bool>,
}

impl Overload {
    /// An answer was good.
    pub fn ends(&self) {
        self.since_ms.set(None);
        self.was_good.set(true);
        self.recent.set(self.recent.get() << 1);
    }

    /// There was such an answer. Whether it may be about the number of requests.
    pub fn goes_on(&self, now_ms: u64) -> bool {
        let since = self.since_ms.get().unwrap_or(now_ms);
        self.since_ms.set(Some(since));
        self.recent.set(self.recent.get() << 1 | 1);
        if self.recent.get().count_ones() >= LEAST_OF_EIGHT {
            self.dense.set(true);
        }
        self.dense.get() && self.was_good.get() && now_ms.saturating_sub(since) < OVERLOADED_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` a good answer, `-` a bad one, a second each; and which of the bad ones count.
    #[test]
    fn hiccups_are_told_from_limits() {
        let check = |answers: &str, expected: &str| {
            let overload = Overload::default();
            let shown = |(second, answer): (u64, char)| match answer {
                '+' => {
                    overload.ends();
                    '+'
                }
                _ if overload.goes_on(second * 1_000) => '!',
                _ => '-',
            };
            let found: String = (0..).zip(answers.chars()).map(shown).collect();
            assert_eq!(found, expected);
        };
        check("+-+++++++-+++++++-++", "+-+++++++-+++++++-++");
        check("++--+-+++++++++++++-", "++--+!+++++++++++++!");
        check("---+-", "---+!");
        let long = "-".repeat(70);
        let counted = ["--", &"!".repeat(63), "-----"].concat();
        check(&format!("+{long}"), &format!("+{counted}"));
    }
}
