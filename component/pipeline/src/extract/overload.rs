//! Answers such as 503 that ask for no pause → whether they may be about the number of
//! requests. A few of them are hiccups, which would only cost speed.

use std::cell::Cell;
use std::future::Future;

/// For so long after good answers, 503 may be how the source limits requests: few
/// limit them by longer windows than a minute.
const OVERLOADED_MS: u64 = 65_000;

/// So many of the last eight answers: those of a source that is pressed come together.
const LEAST_OF_EIGHT: u32 = 3;

/// So many of the last eight requests waited for their turn while no other one was under
/// way: the source is known to be slow, and a single such answer counts.
const LEAST_ALONE: u32 = 3;

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
    /// Requests under way.
    under_way: Cell<u32>,
    /// The last eight turns: a bit for each that was waited for alone.
    alone: Cell<u8>,
}

impl Overload {
    /// It's a request's turn, at once or after it `waited`.
    pub fn begins(&self, waited: bool) {
        let alone = waited && self.under_way.get() == 0;
        self.alone.set(self.alone.get() << 1 | u8::from(alone));
    }

    /// A request is sent, and then answered.
    pub async fn during<T>(&self, exchange: impl Future<Output = T>) -> T {
        self.under_way.set(self.under_way.get() + 1);
        let answer = exchange.await;
        self.under_way.set(self.under_way.get() - 1);
        answer
    }

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
        let known = self.alone.get().count_ones() >= LEAST_ALONE;
        if known || self.recent.get().count_ones() >= LEAST_OF_EIGHT {
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
        // Where requests wait for their turn one by one, the first one counts.
        let overload = Overload::default();
        overload.ends();
        (0..3).for_each(|_| overload.begins(true));
        assert!(overload.goes_on(0));
        let long = "-".repeat(70);
        let counted = ["--", &"!".repeat(63), "-----"].concat();
        check(&format!("+{long}"), &format!("+{counted}"));
    }
}
