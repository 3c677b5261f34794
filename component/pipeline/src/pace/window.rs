//! A request budget and when requests were sent → when the next may be. The
//! budget holds in any window of its length, wherever that starts.

use super::history::History;

/// By how much longer a window is kept at most; short ones by a fiftieth.
const MARGIN_MS: u64 = 50;

/// So many requests in any such time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests, at least one.
    pub requests: u32,
    /// The length of the moving window, in milliseconds.
    pub per_ms: u64,
}

/// What was sent within a budget.
#[derive(Clone, Debug)]
pub struct Window {
    budget: Budget,
    sent: History,
}

impl Window {
    /// Nothing was sent yet.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            sent: History::default(),
        }
    }

    /// Its budget.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// When that many requests may be sent, in milliseconds; none for now.
    #[must_use]
    pub fn due(&self, now_ms: u64, requests: u32) -> Option<u64> {
        let Budget {
            requests: most,
            per_ms,
        } = self.budget;
        // Requests don't arrive as far apart as they are sent.
        let per_ms = per_ms.saturating_add((per_ms / 50).min(MARGIN_MS));
        let since = (now_ms + 1).saturating_sub(per_ms);
        if self.sent.since(since) + f64::from(requests) <= f64::from(most) {
            return None;
        }
        let oldest = self.sent.oldest_since(since).unwrap_or(now_ms);
        Some(oldest.saturating_add(per_ms).max(now_ms + 1))
    }

    /// That many were sent.
    pub fn take(&mut self, now_ms: u64, requests: u32) {
        self.sent.add(now_ms, requests);
    }
}

/// The budgets that a `RateLimit-Policy` header states, as in
/// `"default";q=100;w=60` and, before it was a list of names, `100;w=60`.
#[must_use]
pub fn policies(header: &str) -> Vec<Budget> {
    let budget = |policy: &str| {
        let mut parts = policy.split(';').map(str::trim);
        let first = parts.next()?;
        let (mut requests, mut seconds) = (first.parse::<u32>().ok(), None);
        for part in parts {
            match part.split_once('=') {
                Some(("q", value)) => requests = value.parse().ok(),
                Some(("w", value)) => seconds = value.parse::<u64>().ok(),
                // Bytes, for example.
                Some(("qu", unit)) if unit.trim_matches('"') != "requests" => return None,
                _ => {}
            }
        }
        Some(Budget {
            requests: requests.filter(|&requests| requests > 0)?,
            per_ms: seconds.filter(|&it| it > 0)?.checked_mul(1_000)?,
        })
    };
    header.split(',').filter_map(budget).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_hold_in_every_window() {
        let mut window = Window::new(Budget {
            requests: 2,
            per_ms: 1_000,
        });
        let mut send = |now: u64, due: Option<u64>| {
            assert_eq!(window.due(now, 1), due, "{now}");
            if due.is_none() {
                window.take(now, 1);
            }
        };
        send(0, None);
        send(600, None);
        send(600, Some(1_020));
        send(1_019, Some(1_020));
        send(1_020, None);
        send(1_021, Some(1_620));
        send(5_000, None);
    }

    #[test]
    fn policies_of_both_drafts() {
        let check = |header: &str, expected: &[(u32, u64)]| {
            let found = policies(header);
            let found: Vec<_> = found.iter().map(|it| (it.requests, it.per_ms)).collect();
            assert_eq!(found, expected, "{header}");
        };
        check("\"default\";q=100;w=60", &[(100, 60_000)]);
        check(
            "\"burst\";q=5; w=1, \"day\";q=900;w=86400",
            &[(5, 1_000), (900, 86_400_000)],
        );
        check("100;w=60", &[(100, 60_000)]);
        check("\"bytes\";q=65535;qu=\"content-bytes\";w=10", &[]);
        for none in [
            "",
            "100",
            "\"a\";q=0;w=1",
            "\"a\";q=1;w=0",
            "\"a\";w=9",
            "q=-1;w=5",
        ] {
            check(none, &[]);
        }
    }
}
