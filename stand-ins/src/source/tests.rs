//! Limits over real sockets, and who came in a pause, by times that are given.

use super::log::Log;
use super::*;
use bytes::Bytes;

fn seen(at: Instant) -> Seen {
    Seen {
        method: "GET".to_owned(),
        target: "/v1/artists/a/top-tracks?market=US".to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
        at,
    }
}

#[test]
fn who_comes_in_a_pause() {
    let begun = Instant::now();
    let check = |pauses: usize, requests: &[u64], expected: usize| {
        let mut log = Log::default();
        for _ in 0..pauses {
            log.pause(begun, Duration::from_secs(1));
        }
        for at in requests {
            log.push(&seen(begun + Duration::from_millis(*at)), Logged::Good);
        }
        assert_eq!(log.inside_pauses(), expected, "{pauses}: {requests:?}");
    };
    check(1, &[], 0);
    check(1, &[1000, 1001], 0);
    check(1, &[999, 500, 301], 3);
    // These were on their way.
    check(1, &[0, 100, 299], 0);
    check(1, &[10; 25], 5);
    // However many asked for it.
    check(3, &[500, 1001], 1);
}

/// What becomes of a request, and the pause that it asks for.
fn ask(
    state: &mut State,
    plan: &SourcePlan,
    (artist, token): (&str, &str),
    at: Instant,
) -> (Option<Logged>, Option<u64>) {
    let mut seen = seen(at);
    seen.target = format!("/v1/artists/{artist}/top-tracks?market=US");
    seen.headers = vec![("authorization".to_owned(), format!("Bearer {token}"))];
    let decision = state.decide(plan, &seen);
    let outcome = state.log.asked.last().map(|asked| asked.outcome);
    let pause = decision.pause.map(|pause| pause.left(Instant::now()));
    (outcome, pause.map(|pause| pause.as_secs()))
}

#[test]
fn limits_and_tokens() {
    let plan = SourcePlan {
        limit: Some((Limit::window(2, 1), Refusal::RetryAfter)),
        requests_per_token: Some(3),
        always: &[("b", SourceFault::Status(500))],
        ..SourcePlan::QUIET
    };
    let (begun, mut state) = (Instant::now(), State::new(&plan));
    state.token();
    let good = (Some(Logged::Good), None);
    let refused = (Some(Logged::Refused), Some(1));
    let unauthorised = (Some(Logged::Unauthorised), None);
    let failed = (Some(Logged::Failed), None);
    for (who, at, expected) in [
        (("a", "token-1"), 0, unauthorised),
        (("a", "token-0"), 10, good),
        (("a", "token-0"), 20, refused),
        (("a", "token-0"), 1010, good),
        (("b", "token-0"), 1020, failed),
        (("a", "token-0"), 3000, unauthorised),
    ] {
        let at = begun + Duration::from_millis(at);
        assert_eq!(ask(&mut state, &plan, who, at), expected, "{who:?}");
    }
}
