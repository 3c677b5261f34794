//! What is accepted and refused → a rate that is far from what was measured.
//!
//! An upstream that saves hardly anything accepts no more after a pause than
//! before it, however long the pause was: its rate may be many times of that.
//! So each answer says that the rate may be tried that is a step above the one
//! at which that request was sent. Steps are bold until one is refused, and
//! become smaller between what was accepted and what was refused.

/// By how many steps the first rate is bolder than what was measured.
const FIRST: f64 = 1.5;
/// Rates that were accepted and refused are near enough.
const NARROW: f64 = 1.08;
/// A refusal costs a pause of a second or so, which is dear where the rate is low:
/// at one a second, so much above what was accepted isn't tried.
const COARSE: f64 = 0.15;
/// It ends this much below what was refused.
const BELOW: f64 = 0.94;
/// The next steps are this part of the way, on a scale of factors.
const PART: f64 = 0.33;

/// A rate between one that was accepted and one that was refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    pub(super) per_second: f64,
    /// By what part it rises with each answer.
    growth: f64,
    /// Reservations that the upstream saves.
    reserve: f64,
    accepted: f64,
    refused: f64,
}

impl Search {
    pub(super) fn new(accepted: f64, reserve: f64) -> Self {
        let growth = 1.0 / reserve;
        Self {
            per_second: accepted * (1.0 + growth).powf(FIRST),
            growth,
            reserve,
            accepted,
            refused: f64::INFINITY,
        }
    }

    /// The time between two at a rate that was accepted.
    pub(super) fn between_ms(&self) -> f64 {
        1_000.0 / self.accepted
    }

    /// One was accepted that was sent at that rate. Whether the search is over.
    pub(super) fn accept(&mut self, sent_at: f64) -> bool {
        let sent_at = sent_at.min(self.per_second);
        let most = self.refused * BELOW;
        let growth = if self.refused.is_finite() {
            (self.refused / sent_at).powf(PART / self.reserve)
        } else {
            1.0 + self.growth
        };
        let risen = sent_at * growth;
        self.per_second = self.per_second.max(risen).min(most);
        self.per_second >= most
    }

    /// One was refused that was sent at that rate; `least` was accepted on
    /// average, and `proven` beyond what was in reserve. Or what was found.
    pub(super) fn narrow(self, least: f64, proven: f64, sent_at: f64) -> Result<Self, f64> {
        let refused = sent_at.min(self.per_second);
        let accepted = least.max(self.accepted).max(proven).min(refused * BELOW);
        if refused / accepted < NARROW.max(1.0 + COARSE / accepted) {
            return Err(accepted);
        }
        Ok(Self {
            per_second: accepted,
            growth: (refused / accepted).powf(PART / self.reserve) - 1.0,
            accepted,
            refused,
            ..self
        })
    }
}
