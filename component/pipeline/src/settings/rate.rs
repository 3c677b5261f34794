//! How often the API may be asked.

use super::{Duration, Mistakes, within};
use crate::pace::Budget;
use serde::Deserialize;

/// A budget of requests, in any time of that length. It holds from the first
/// request on; what the API's own headers say may lower it. Where the host
/// shares the pace it holds for all instances together, elsewhere for each
/// call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests at most.
    #[cfg_attr(test, schemars(range(min = 1, max = 1_000_000), example = 50))]
    pub requests: u32,
    /// In any time of that length, such as "5s"; a day at most.
    #[cfg_attr(test, schemars(schema_with = "super::schema::duration", example = &"5s"))]
    pub per: Duration,
}

/// A day, in milliseconds.
const LONGEST_MS: u64 = 86_400_000;

impl Rate {
    /// Adds what can't work.
    pub fn check(&self, mistakes: &mut Mistakes) {
        let requests = self.requests.into();
        within(mistakes, "/rate/requests", requests, 1, 1_000_000);
        if self.per.ms > LONGEST_MS {
            mistakes.add("/rate/per", "is longer than a day");
        }
    }

    /// The same for a [`Pace`](crate::pace::Pace). A host that shares paces
    /// among its instances reads it from the settings that it passes on.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget {
            requests: self.requests,
            per_ms: self.per.ms,
        }
    }
}
