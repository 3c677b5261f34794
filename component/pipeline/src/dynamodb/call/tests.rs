//! Scripts of answers and a virtual clock → results, waits and counts.

use super::*;
use crate::dynamodb::response;
use crate::platform::Platform;
use crate::settings::Mistakes;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// Answers from a script, a round a time; its clock moves when it sleeps, and
/// by 10 ms a round.
struct Script {
    rounds: RefCell<VecDeque<&'static str>>,
    now: Cell<u64>,
    sent: RefCell<Vec<Vec<String>>>,
}

impl Dynamo for Script {
    fn send(&self, requests: Vec<Request>) -> Vec<Result<Response, SendError>> {
        self.now.set(self.now.get() + 10);
        let letters = self.rounds.borrow_mut().pop_front().unwrap_or_default();
        self.sent
            .borrow_mut()
            .push(requests.into_iter().map(|each| each.body).collect());
        letters.chars().map(answer).collect()
    }
    fn sleep_ms(&self, duration: u64) {
        self.now.set(self.now.get() + duration);
    }
}

impl Platform for Script {
    fn now_ms(&self) -> u64 {
        self.now.get()
    }
    fn random(&self) -> u64 {
        100
    }
}

/// `+` success, `t` throttled, `u` unavailable, `d` denied, `i` invalid; `T` and
/// `U` ask to wait for a while, `A` for ever.
fn answer(letter: char) -> Result<Response, SendError> {
    let (status, body) = match letter {
        '+' => (200, "{}"),
        't' | 'T' | 'A' => (400, r#"{"__type":"ThrottlingException"}"#),
        'U' => (500, ""),
        'i' => (400, r#"{"__type":"ValidationException","message":"m"}"#),
        'd' => return Err(SendError::Denied("policy".to_owned())),
        _ => return Err(SendError::Unavailable("reset".to_owned())),
    };
    let retry_after_ms = match letter {
        'T' => Some(700),
        'U' => Some(50),
        'A' => Some(u64::MAX),
        _ => None,
    };
    Ok(Response {
        retry_after_ms,
        ..response(status, body)
    })
}

/// Runs as many requests as the first round has letters; `expected` is one
/// letter for each result, capitals for the errors left at the end.
fn check(
    rounds: &[&'static str],
    budget_ms: Option<u64>,
    expected: &str,
    figures: (u32, u32, u64),
) {
    let script = Script {
        rounds: RefCell::new(rounds.iter().copied().collect()),
        now: Cell::new(1_000),
        sent: RefCell::default(),
    };
    let retry = Retry {
        max_attempts: 3,
        base_delay_ms: 100,
        max_delay_ms: 1_000,
        max_retry_after_ms: 0,
    };
    let mut caller = Caller::new(&script, "tracks", retry, budget_ms);
    let requests = (0..rounds.first().map_or(1, |round| round.len()))
        .map(|number| Request {
            operation: "Query".to_owned(),
            body: number.to_string(),
        })
        .collect();
    let letters: String = caller
        .send(requests)
        .into_iter()
        .map(|result| match result {
            Ok(_) => '+',
            Err(CallError::Throttled(_)) => 'T',
            Err(CallError::Unavailable(_)) => 'U',
            Err(CallError::OutOfTime) => 'O',
            Err(CallError::Denied(_)) => 'D',
            Err(CallError::Invalid { .. }) => 'I',
            Err(CallError::TooLarge(_)) => 'L',
        })
        .collect();
    assert_eq!(letters, expected, "{rounds:?} {budget_ms:?}");
    let seen = (caller.requests, caller.retries, script.now.get() - 1_000);
    assert_eq!(
        seen, figures,
        "requests, retries, milliseconds of {rounds:?}"
    );
}

#[test]
fn only_what_may_succeed_is_repeated() {
    check(&["+++"], None, "+++", (3, 0, 10));
    check(&["+t+u", "++"], None, "++++", (6, 2, 120));
    check(&["t+u", "u+", "+"], None, "+++", (6, 3, 179));
    check(&["tdiu", "++"], None, "+DI+", (6, 2, 120));
    check(&["t", "t", "u"], None, "U", (3, 2, 230));
    // Being throttled costs no attempts.
    check(&["t", "t", "t", "t", "+"], None, "+", (5, 4, 450));
    check(&["u", "u", "u"], None, "U", (3, 2, 101));
    check(&["t", "u", "+"], None, "+", (3, 2, 179));
}

#[test]
fn dynamodb_is_left_alone_for_as_long_as_it_asks() {
    check(&["T", "+"], None, "+", (2, 1, 720));
    check(&["+TtU", "+++"], None, "++++", (7, 3, 720));
    check(&["U", "+"], None, "+", (2, 1, 70));
    check(&["T"], Some(710), "T", (1, 0, 10));
    // Never more than five seconds longer than it would wait anyway.
    check(&["A", "+"], None, "+", (2, 1, 5_120));
}

#[test]
fn the_budget_ends_it() {
    check(&["+"], Some(0), "O", (0, 0, 0));
    check(&["+"], Some(1), "+", (1, 0, 10));
    check(&["+tt", "++"], Some(110), "+TT", (3, 0, 10));
    check(&["+tt", "++"], Some(111), "+++", (5, 2, 120));
    check(&["+d", "++"], Some(5), "+D", (2, 0, 10));
}

#[test]
fn a_provider_that_answers_too_few_loses_nothing() {
    check(&["++", ""], None, "++", (2, 0, 10));
    check(&["tt", "+", "+"], None, "++", (5, 3, 179));
}

#[test]
fn attempts_have_bounds() {
    for (attempts, fine) in [(0, false), (1, true), (20, true), (21, false)] {
        let retry = Retry {
            max_attempts: attempts,
            base_delay_ms: 1,
            max_delay_ms: 1,
            max_retry_after_ms: 0,
        };
        let mut mistakes = Mistakes::default();
        retry.check(&mut mistakes);
        assert_eq!(mistakes.is_empty(), fine, "{attempts}");
    }
}
