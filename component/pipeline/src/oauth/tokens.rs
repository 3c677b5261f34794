//! The attempts to get a token, and what becomes of one that is refused.

use super::{Failed, FailureKind};
use crate::retry::Backoff;

/// A token is renewed this part of its life before its end, so that it
/// outlives the requests it is sent with.
const EARLY: u64 = 5;
/// But no sooner than this before its end.
const EARLIEST_MS: u64 = 60_000;
/// New tokens in a row that never worked, after which the credentials are at
/// fault.
const MOST_USELESS: u32 = 2;

/// A request that is refused with so many newer tokens, which others are accepted with,
/// is refused for itself.
const MOST_RENEWED: u32 = 2;
/// After that, so many refusals without a good answer between them tell that a token has
/// expired.
const EXPIRED: u32 = 3;

/// The attempts to get one token.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    made: u32,
    most: u32,
    backoff: Backoff,
}

impl Attempts {
    /// So many at most, with waits within these bounds.
    #[must_use]
    pub fn new(most: u32, backoff: Backoff) -> Self {
        Self {
            made: 0,
            most,
            backoff,
        }
    }

    /// How long to wait before the next attempt; none if there is no next, as
    /// nothing would change or `left_ms` doesn't allow it. Being limited costs
    /// time and no attempts.
    pub fn after(&mut self, failed: &Failed, left_ms: u64, random: u64) -> Option<u64> {
        let drawn = |made: u32| self.backoff.wait_ms(made.max(1), random);
        let wait = match failed.kind {
            FailureKind::Denied => return None,
            FailureKind::Limited(Some(asked)) => asked.saturating_add(1).saturating_add(drawn(1)),
            FailureKind::Limited(None) | FailureKind::Unavailable => {
                self.made = self.made.saturating_add(1);
                if self.made >= self.most {
                    return None;
                }
                drawn(self.made)
            }
        };
        (wait < left_ms).then_some(wait)
    }
}

/// What becomes of a request whose token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Repeat it, with another token or the same once more.
    Repeat,
    /// The credentials are refused.
    Refused,
}

/// The tokens of one client, one at a time. `H` is what carries one.
#[derive(Debug)]
pub struct Tokens<H> {
    present: Option<Held<H>>,
    serial: u32,
    /// Tokens in a row that were refused before they had worked.
    useless: u32,
    /// One has worked.
    worked: bool,
    /// One was renewed in vain: it was the request that was refused.
    vain: bool,
    /// Refusals since the last good answer.
    in_a_row: u32,
}

#[derive(Debug)]
struct Held<H> {
    header: H,
    renew_at_ms: Option<u64>,
    worked: bool,
}

impl<H> Default for Tokens<H> {
    fn default() -> Self {
        Self {
            present: None,
            serial: 0,
            useless: 0,
            worked: false,
            vain: false,
            in_a_row: 0,
        }
    }
}

impl<H: Clone> Tokens<H> {
    /// The token to send and its number, counted from 1; none if one must be
    /// fetched.
    pub fn present(&self, now_ms: u64) -> Option<(H, u32)> {
        let held = self.present.as_ref()?;
        let fresh = held.renew_at_ms.is_none_or(|at| now_ms < at);
        fresh.then(|| (held.header.clone(), self.serial))
    }

    /// Whether one was accepted by the source.
    #[must_use]
    pub fn has_worked(&self) -> bool {
        self.worked
    }

    /// A new one was fetched.
    pub fn fetched(&mut self, header: H, lifetime_ms: Option<u64>, now_ms: u64) -> u32 {
        let usable = |life: u64| life.saturating_sub((life / EARLY).min(EARLIEST_MS));
        self.serial = self.serial.saturating_add(1);
        self.present = Some(Held {
            header,
            renew_at_ms: lifetime_ms.map(|life| now_ms.saturating_add(usable(life))),
            worked: false,
        });
        self.serial
    }

    /// The source accepted a request with that token.
    pub fn worked(&mut self, serial: u32) {
        if serial == self.serial
            && let Some(held) = &mut self.present
        {
            held.worked = true;
            self.worked = true;
            self.useless = 0;
            self.in_a_row = 0;
        }
    }

    /// The source answered 401 to it; the request was sent with `first` at first. One that
    /// has worked has expired, whatever its lifetime was said to be, unless it is the
    /// request that is refused.
    pub fn refused(&mut self, serial: u32, first: u32) -> Renewal {
        // Another request's 401 may have had it renewed already.
        if serial < self.serial || self.present.is_none() {
            return Renewal::Repeat;
        }
        let worked = self.present.as_ref().is_some_and(|held| held.worked);
        if !worked {
            self.useless = self.useless.saturating_add(1);
        } else if serial.saturating_sub(first) >= MOST_RENEWED {
            self.vain = true;
            return Renewal::Refused;
        } else {
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
        if self.useless >= MOST_USELESS {
            return Renewal::Refused;
        }
        // With the same one, once others had the time to tell.
        if worked && self.vain && self.in_a_row < EXPIRED {
            return Renewal::Repeat;
        }
        self.in_a_row = 0;
        self.present = None;
        Renewal::Repeat
    }
}
