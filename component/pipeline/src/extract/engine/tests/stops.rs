//! When the upstream is given a pause, and when it is given up.

use super::*;

fn limited(wait: &str) -> Reply {
    answer(429, &[("retry-after", wait)], "")
}

#[test]
fn nobody_sends_inside_the_window() {
    for concurrency in [1, 4, 8] {
        let mut source = source();
        source.concurrency = concurrency;
        let reply = |request: &HttpRequest, before| match (id(request), before) {
            (2, 0) => limited("2"),
            // Asked for while the first window is open; the longer one counts.
            (3, 0) => (15, answer(503, &[("retry-after", "3")], "").1),
            _ => (20, ok().1),
        };
        let script = Script::new(reply);
        let result = script.block_on(run(&script, &source, &rows(20), None, None));
        check_balance(&result, 20);
        assert_eq!(
            result.map(|call| (call.done.len(), counted(&call, "source.retries"))),
            Ok((20, 2.0))
        );
        let sent = script.sent.borrow();
        let first = |row| {
            sent.iter()
                .find(|(_, request)| id(request) == row)
                .map(|sent| sent.0)
        };
        for (row, latency, window) in [(2, 10, 2_000), (3, 15, 3_000)] {
            let from = first(row).unwrap_or_default() + latency;
            let inside = sent
                .iter()
                .find(|(at, _)| (from..from + window).contains(at));
            assert_eq!(inside, None, "after {from}");
        }
    }
}

/// However often nobody is reached for it, while others are answered: no request is at fault.
#[test]
fn who_reaches_nobody_is_not_rejected() {
    let mut source = source();
    source.concurrency = 2;
    let reply = |request: &HttpRequest, _| match id(request) {
        3 => (10, Err(HttpError::Unreached("refused".to_owned()))),
        _ => ok(),
    };
    let done: Vec<_> = (0..60).filter(|row| *row != 3).collect();
    let done: Vec<_> = done.iter().map(|row| format!("{row}:1")).collect();
    let expected = format!(
        "done {} pending 3 because unavailable; 65 requests, 5 repeats, 0 tokens",
        done.join(" ")
    );
    check(&source, 60, None, reply, &expected);
}

#[test]
fn long_windows_stop_the_call() {
    let mut source = source();
    source.concurrency = 2;
    let reply = |wait: &'static str| {
        move |request: &HttpRequest, _| match id(request) {
            2 => (20, ok().1),
            3 => limited(wait),
            _ => ok(),
        }
    };
    // Row 2 is in flight then, and is let finish.
    let stopped = "done 0:1 1:1 2:1 pending 3 4 5 because limited 61000; 4 requests, 0 repeats, 0 \
                   tokens";
    check(&source, 6, None, reply("61"), stopped);
    let stopped = stopped.replace("61000", "7000");
    check(&source, 6, Some(7_000), reply("7"), &stopped);
    // Asked for again and again.
    let script = Script::new(reply("7"));
    let result = script.block_on(run(&script, &source, &rows(6), None, None));
    let shown = shown(&result);
    let stopped = "done 0:1 1:1 2:1 4:1 5:1 pending 3 because limited 7000;";
    assert!(shown.starts_with(stopped), "{shown}");
}

#[test]
fn one_that_is_always_limited_is_refused_for_itself() {
    let script = Script::new(|request: &HttpRequest, _| match id(request) {
        7 => limited("5"),
        _ => (40, ok().1),
    });
    let result = script.block_on(run(&script, &source(), &rows(200), None, None));
    let ended = result.map(|call| {
        let rejected = call.rejected.iter().map(|it| (it.kind, it.status));
        (call.done.len(), call.pending.len(), rejected.collect())
    });
    let rejected = vec![(RejectionKind::Exhausted, Some(429))];
    assert_eq!(ended, Ok((199, 0, rejected)));
    // Nobody else was refused: a few pauses tell that.
    let asked = script.sent.borrow();
    let asked = asked.iter().filter(|(_, it)| id(it) == 7).count();
    assert_eq!(asked, 5);
    // Where others are refused as well, it may be their number.
    let script = Script::new(
        |request: &HttpRequest, before| match (id(request), before) {
            (7, 0..8) | (1..150, 0) => limited("1"),
            _ => (40, ok().1),
        },
    );
    let result = script.block_on(run(&script, &source(), &rows(200), None, None));
    assert_eq!(result.map(|call| call.done.len()), Ok(200));
}

#[test]
fn nothing_achieved_is_a_failure() {
    let failure = |reply: &dyn Fn() -> Reply, expected: &str| {
        check(&source(), 30, None, |_, _| reply(), expected).times()
    };
    failure(
        &|| limited("3600"),
        "RateLimited(3600000, https://api.example, \
         \"https://api.example/0 answered 429\")",
    );
    let denied = |said: &str| format!("PermanentDenied(\"{said}\")");
    failure(
        &|| answer(403, &[], ""),
        &denied("https://api.example/19 answered 403"),
    );
    failure(
        &|| answer(401, &[], ""),
        &denied("https://api.example/19 answered 401; check the source's credentials"),
    );
    failure(
        &|| {
            (
                10,
                Err(HttpError::Denied("allow https://api.example".to_owned())),
            )
        },
        &denied("allow https://api.example"),
    );
    let mut source = source();
    source.concurrency = 1;
    check(
        &source,
        9,
        None,
        |_, _| unavailable(),
        "Unavailable(\"https://api.example/0 gave no complete answer: reset\")",
    );
    let script = Script::new(|_: &HttpRequest, _| answer(429, &[], ""));
    let result = script.block_on(run(&script, &source, &rows(9), None, None));
    assert!(shown(&result).starts_with("RateLimited("), "{result:?}");
}

#[test]
fn troubles_are_repeated_within_bounds() {
    for status in [408, 425, 500, 502, 503, 504, 429] {
        let reply = |_: &HttpRequest, before| match before {
            0 | 1 => answer(status, &[], ""),
            _ => ok(),
        };
        check(
            &source(),
            1,
            None,
            reply,
            "done 0:1; 3 requests, 2 repeats, 0 tokens",
        );
    }
    let reply = |_: &HttpRequest, before| match before {
        0 => (10, Err(HttpError::Timeout)),
        1 => answer(200, &[], r#"{"t":[{"#),
        _ => ok(),
    };
    check(
        &source(),
        1,
        None,
        reply,
        "done 0:1; 3 requests, 2 repeats, 0 tokens",
    );
    let mut once = source();
    once.retry.max_attempts = 1;
    let reply = |request: &HttpRequest, _| {
        if id(request) == 0 {
            unavailable()
        } else {
            ok()
        }
    };
    let expected = "done 1:1 rejected 0(Exhausted); 3 requests, 1 repeats, 0 tokens";
    check(&once, 2, None, reply, expected);
}

#[test]
fn an_upstream_that_is_down_is_left_alone() {
    let mut source = source();
    source.concurrency = 1;
    let reply = |request: &HttpRequest, _| {
        if id(request).is_multiple_of(3) {
            ok()
        } else {
            unavailable()
        }
    };
    let expected = "done 0:1 3:1 6:1 rejected 1(Exhausted) 2(Exhausted) 4(Exhausted) 5(Exhausted) pending 7 because unavailable; 30 requests, 22 \
                    repeats, 0 tokens";
    check(&source, 8, None, reply, expected);
    let reply = |request: &HttpRequest, _| {
        if id(request) == 0 {
            ok()
        } else {
            unavailable()
        }
    };
    let expected = "done 0:1 pending 1 2 3 4 5 6 7 because unavailable; 22 requests, 14 repeats, 0 \
                    tokens";
    check(&source, 8, None, reply, expected);
}

#[test]
fn refusals_stop_only_where_nothing_succeeds() {
    let mut source = source();
    source.concurrency = 1;
    let forbidden = || answer(403, &[], "");
    let reply = |request: &HttpRequest, _| if id(request) == 0 { ok() } else { forbidden() };
    let expected = "done 0:1 rejected 1(Status 403) 2(Status 403) 3(Status 403) 4(Status 403); 5 \
                    requests, 0 repeats, 0 tokens";
    check(&source, 5, None, reply, expected);
    let two = "rejected 0(Status 403) 1(Status 403); 2 requests, 0 repeats, 0 tokens";
    check(&source, 2, None, |_, _| forbidden(), two);
    let reply = |request: &HttpRequest, _| match id(request) {
        0 => answer(404, &[], ""),
        _ => forbidden(),
    };
    let expected = "rejected 0(Status 404) 1(Status 403) 2(Status 403) 3(Status 403) 4(Status 403); \
                    5 requests, 0 repeats, 0 tokens";
    check(&source, 5, None, reply, expected);
    let reply = |request: &HttpRequest, _| match id(request) {
        0 => answer(404, &[], ""),
        _ => (10, Err(HttpError::Denied("no".to_owned()))),
    };
    let expected = "rejected 0(Status 404) 1(Policy) 2(Policy); 1 requests, 0 repeats, 0 tokens";
    check(&source, 3, None, reply, expected);
}

#[test]
fn a_stop_wakes_those_who_sleep() {
    let mut source = source();
    source.retry.base_delay_ms = 1_000_000;
    source.retry.max_delay_ms = 1_000_000;
    let reply = |request: &HttpRequest, _| match id(request) {
        0 => ok(),
        1 => (50, limited("3600").1),
        _ => unavailable(),
    };
    let expected = "done 0:1 pending 1 2 3 4 5 because limited 3600000; 5 requests, 0 repeats, 0 \
                    tokens";
    let script = check(&source, 6, None, reply, expected);
    assert_eq!(crate::platform::Platform::now_ms(&script), 50);
}
