//! Calls that run out of time.

use super::*;
use crate::platform::Platform;

#[test]
fn the_budget_ends_a_call_in_time() {
    let mut source = source();
    source.concurrency = 2;
    let slow = |_: &HttpRequest, _| (300, ok().1);
    let expected =
        "done 0:1 1:1 2:1 3:1 pending 4 5 because budget; 6 requests, 0 repeats, 0 tokens";
    let script = check(&source, 6, Some(700), slow, expected);
    assert_eq!(script.now_ms(), 700);
    let timeouts: Vec<_> = script
        .sent
        .borrow()
        .iter()
        .map(|(_, sent)| sent.timeout_ms)
        .collect();
    assert_eq!(timeouts, [700, 700, 400, 400, 100, 100]);
    let expected = "done 0:1 1:1 pending 2 3 4 5 because budget; 2 requests, 0 repeats, 0 tokens";
    check(&source, 6, Some(300), slow, expected);
}

#[test]
fn a_budget_too_small_is_no_failure() {
    let pending = |requests: u32| {
        format!("pending 0 1 because budget; {requests} requests, 0 repeats, 0 tokens")
    };
    check(&source(), 2, Some(0), |_, _| ok(), &pending(0));
    check(&source(), 2, Some(9), |_, _| ok(), &pending(2));
}

#[test]
fn waits_that_do_not_fit_are_not_begun() {
    let mut source = source();
    source.retry.base_delay_ms = 1_000_000;
    source.retry.max_delay_ms = 1_000_000;
    let reply = |request: &HttpRequest, _| {
        if id(request) == 0 {
            unavailable()
        } else {
            ok()
        }
    };
    let expected = "done 1:1 pending 0 because budget; 2 requests, 0 repeats, 0 tokens";
    let script = check(&source, 2, Some(2_000), reply, expected);
    assert_eq!(script.now_ms(), 10);
    // To call again at once would be wrong here.
    let reply = |request: &HttpRequest, _| match id(request) {
        0 => answer(429, &[], ""),
        _ => ok(),
    };
    let script = Script::new(reply);
    let result = script.block_on(run(&script, &source, &rows(2), None, Some(2_000)));
    let shown = shown(&result);
    assert!(
        shown.starts_with("done 1:1 pending 0 because limited"),
        "{shown}"
    );
    assert!(script.now_ms() < 2_000);
}

#[test]
fn without_a_budget_the_request_timeout_counts() {
    let script = check(
        &source(),
        1,
        None,
        |_, before| if before == 0 { (6_000, ok().1) } else { ok() },
        "done 0:1; 2 requests, 1 repeats, 0 tokens",
    );
    assert!(
        script
            .sent
            .borrow()
            .iter()
            .all(|(_, sent)| sent.timeout_ms == 5_000)
    );
}

#[test]
fn the_gravest_reason_is_told() {
    let mut source = source();
    source.retry.max_attempts = 1;
    let reply = |request: &HttpRequest, _| match id(request) {
        0 => ok(),
        1 => unavailable(),
        2 => (900, ok().1),
        _ => (20, answer(429, &[("retry-after", "9")], "").1),
    };
    let unavailable = "done 0:1 pending 1 2 because unavailable; 3 requests, 0 repeats, 0 tokens";
    check(&source, 3, Some(500), reply, unavailable);
    let limited = "done 0:1 pending 1 2 3 because limited 9000; 4 requests, 0 repeats, 0 tokens";
    check(&source, 4, Some(500), reply, limited);
}
