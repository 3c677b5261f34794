//! How an upstream did so far in this run → whether the run waits for it, how
//! long, or stops. Pure: the time is an argument, counted from the run's start.

use super::event::Upstream;
use std::collections::BTreeMap;
use std::time::Duration;

/// The first wait for an upstream that is out of order.
const SHORTEST: Duration = Duration::from_secs(1);
/// However long it is out of order, it is tried this often.
const LONGEST: Duration = Duration::from_secs(30);

/// What a run knows about its upstreams.
#[derive(Debug)]
pub struct Patience {
    max_wait: Duration,
    upstreams: BTreeMap<Upstream, Known>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// It has answered in this run.
    answered: bool,
    /// Since when nothing succeeds.
    failing_since: Option<Duration>,
}

/// Whether to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitDecision {
    /// Ask again after that time.
    Wait(Duration),
    /// It was waited for long enough.
    Stop,
}

impl Patience {
    pub fn new(max_wait: Duration) -> Self {
        Self {
            max_wait,
            upstreams: BTreeMap::new(),
        }
    }

    /// Something succeeded.
    pub fn succeeded(&mut self, upstream: Upstream) {
        let answered = true;
        let failing_since = None;
        self.upstreams.insert(
            upstream,
            Known {
                answered,
                failing_since,
            },
        );
    }

    /// Something has succeeded, if not since it failed.
    pub fn answered(&mut self, upstream: Upstream) {
        self.upstreams.entry(upstream).or_default().answered = true;
    }

    /// Whether something has succeeded.
    pub fn has_answered(&self, upstream: Upstream) -> bool {
        self.upstreams
            .get(&upstream)
            .is_some_and(|known| known.answered)
    }

    /// It asks to be left alone for so long.
    pub fn asked_to_wait(
        &mut self,
        upstream: Upstream,
        wait: Duration,
        now: Duration,
    ) -> WaitDecision {
        let since = self.in_trouble(upstream, now);
        if now.saturating_sub(since).saturating_add(wait) > self.max_wait {
            WaitDecision::Stop
        } else {
            WaitDecision::Wait(wait)
        }
    }

    /// It doesn't answer, or only with errors. `random` is any number: workers
    /// that wait together don't come back together.
    pub fn out_of_order(&mut self, upstream: Upstream, now: Duration, random: u64) -> WaitDecision {
        let since = self.in_trouble(upstream, now);
        let waited = now.saturating_sub(since);
        if !self.has_answered(upstream) || waited >= self.max_wait {
            return WaitDecision::Stop;
        }
        let wait = (waited / 2).clamp(SHORTEST, LONGEST);
        let millis = u64::try_from(wait.as_millis() / 2).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(random % millis.max(1));
        WaitDecision::Wait((wait / 2 + jitter).min(self.max_wait.saturating_sub(waited)))
    }

    /// Since when.
    fn in_trouble(&mut self, upstream: Upstream, now: Duration) -> Duration {
        let known = self.upstreams.entry(upstream).or_default();
        *known.failing_since.get_or_insert(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Upstream::{Source, Table};

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_pause_that_was_asked_for() {
        let mut patience = Patience::new(seconds(100));
        let mut check = |now, wait, expected| {
            let verdict = patience.asked_to_wait(Source, seconds(wait), seconds(now));
            assert_eq!(verdict, expected, "{now} {wait}");
        };
        check(5, 100, WaitDecision::Wait(seconds(100)));
        check(5, 101, WaitDecision::Stop);
        check(105, 0, WaitDecision::Wait(seconds(0)));
        check(105, 1, WaitDecision::Stop);
        patience.succeeded(Source);
        let again = patience.asked_to_wait(Source, seconds(60), seconds(200));
        assert_eq!(again, WaitDecision::Wait(seconds(60)));
    }

    #[test]
    fn an_outage() {
        let mut patience = Patience::new(seconds(100));
        assert_eq!(
            patience.out_of_order(Source, seconds(0), 0),
            WaitDecision::Stop
        );
        patience.succeeded(Source);
        let mut now = seconds(10);
        let mut waits = 0_u32;
        while let WaitDecision::Wait(wait) =
            patience.out_of_order(Source, now, u64::from(waits) * 997)
        {
            assert!(wait <= LONGEST && !wait.is_zero(), "{wait:?}");
            now += wait;
            waits += 1;
        }
        assert_eq!(now, seconds(110));
        assert!((5..30).contains(&waits), "{waits}");
        // The other one has its own time.
        patience.succeeded(Table);
        let table = patience.out_of_order(Table, now, 0);
        assert_eq!(table, WaitDecision::Wait(seconds(1) / 2));
    }
}
