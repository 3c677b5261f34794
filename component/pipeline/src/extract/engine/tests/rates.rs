//! Budgets of requests, configured and stated.

use super::super::super::script::source_with;
use super::*;

/// The most requests in any time of that length.
fn most_within(times: &[u64], per_ms: u64) -> usize {
    let counts = times.iter().map(|from| {
        let window = *from..*from + per_ms;
        times.iter().filter(|at| window.contains(at)).count()
    });
    counts.max().unwrap_or(0)
}

#[test]
fn a_configured_budget_holds_from_the_first_request_on() {
    let mut source = source_with(r#", "rate": {"requests": 5, "per": "1s"}"#);
    source.concurrency = 20;
    let expected = (0..40)
        .map(|row| format!("{row}:1"))
        .collect::<Vec<_>>()
        .join(" ");
    let expected = format!("done {expected}; 40 requests, 0 repeats, 0 tokens");
    let times = check(&source, 40, None, |_, _| ok(), &expected).times();
    assert_eq!(most_within(&times, 1_000), 5, "{times:?}");
    // No slower than it must be.
    assert!(times.last().is_some_and(|last| *last <= 7_200), "{times:?}");
}

#[test]
fn a_stated_budget_lowers_it() {
    let source = source_with(r#", "rate": {"requests": 50, "per": "1s"}"#);
    let policy = [("ratelimit-policy", r#""default";q=2;w=1"#)];
    let reply = |_: &HttpRequest, _| answer(200, &policy, ONE);
    let expected = (0..12)
        .map(|row| format!("{row}:1"))
        .collect::<Vec<_>>()
        .join(" ");
    let expected = format!("done {expected}; 12 requests, 0 repeats, 0 tokens");
    let times = check(&source, 12, None, reply, &expected).times();
    // Those that were in flight before it was known are past.
    let later: Vec<_> = times.iter().copied().filter(|at| *at > 0).collect();
    assert_eq!(most_within(&later, 1_000), 2, "{times:?}");
}

#[test]
fn a_budget_that_frees_up_too_late_is_the_callers_to_wait_for() {
    let source = source_with(r#", "rate": {"requests": 3, "per": "1h"}"#);
    let expected = "done 0:1 1:1 2:1 pending 3 4 because limited 3600050; 3 requests, 0 repeats, \
                    0 tokens";
    check(&source, 5, None, |_, _| ok(), expected);
}
