//! Whole calls against a scripted upstream over virtual time.

use super::super::run;
use super::super::script::{Reply, Script, answer, draw, rows, source};
use crate::bindings::exports::rowcast::pipeline::extract::Extraction;
use crate::bindings::rowcast::pipeline::types::{Failure, Stop};
use crate::bindings::rowcast::pipeline::types::{PendingRequest, RejectionKind, Request};
use crate::platform::{HttpError, HttpRequest};
use crate::seeds::each_seed;
use crate::settings::{Axis, End, Field, Header, NextUrl, Pagination, Source};
use std::cell::Cell;

mod batches;
mod budgets;
mod credentials;
mod pages;
mod presets;
mod rates;
mod rules;
mod stops;

/// One call in a line: "done 0:2 1:1 rejected 2(Status 404) pending 3 because
/// budget; 5 requests, 1 repeats, 0 tokens", requests by row.
fn shown(result: &Result<Extraction, Failure>) -> String {
    let extraction = match result {
        Ok(extraction) => extraction,
        Err(failure) => return shown_failure(failure),
    };
    let mut words = Vec::new();
    let mut say = |what: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            words.push(format!("{what} {}", rows.join(" ")));
        }
    };
    let done = extraction
        .done
        .iter()
        .map(|done| format!("{}:{}", done.request.row, done.documents));
    say("done", done.collect());
    let rejected = extraction.rejected.iter().map(|rejected| {
        let kind = format!("{:?}", rejected.kind).replace("RejectionKind::", "");
        let status = rejected
            .status
            .map(|status| format!(" {status}"))
            .unwrap_or_default();
        format!("{}({kind}{status})", rejected.request.row)
    });
    say("rejected", rejected.collect());
    say(
        "pending",
        extraction
            .pending
            .iter()
            .map(|pending| pending.request.row.to_string())
            .collect(),
    );
    match &extraction.stopped {
        None => {}
        Some(Stop::Budget) => words.push("because budget".to_owned()),
        Some(Stop::Denied(_)) => words.push("because denied".to_owned()),
        Some(Stop::Invalid(_)) => words.push("because invalid".to_owned()),
        Some(Stop::Unavailable(_)) => words.push("because unavailable".to_owned()),
        Some(Stop::RateLimited(limit)) => {
            words.push(format!("because limited {}", limit.retry_after_ms));
        }
    }
    let [requests, retries, token_requests] =
        ["source.requests", "source.retries", "token.requests"]
            .map(|name| counted(extraction, name));
    format!(
        "{}; {requests} requests, {retries} repeats, {token_requests} tokens",
        words.join(" ")
    )
}

/// A failure without its counters, which it must have.
fn shown_failure(failure: &Failure) -> String {
    let (text, counters) = match failure {
        Failure::ExecutionFailed => return "ExecutionFailed".to_owned(),
        Failure::Unavailable(it) => (format!("Unavailable({:?})", it.reason), &it.counters),
        Failure::PermanentInvalid(it) => {
            (format!("PermanentInvalid({:?})", it.reason), &it.counters)
        }
        Failure::PermanentDenied(it) => (format!("PermanentDenied({:?})", it.reason), &it.counters),
        Failure::RateLimited(it) => {
            let (wait, upstream, reason) = (it.retry_after_ms, &it.upstream, &it.reason);
            let text = format!("RateLimited({wait}, {upstream}, {reason:?})");
            (text, &it.counters)
        }
    };
    assert_eq!(counters.len(), 8, "{failure:?}");
    text
}

/// A counter of that name; each has one.
fn counted(extraction: &Extraction, name: &str) -> f64 {
    let mut counters = extraction.counters.iter();
    let counter = counters.find(|counter| counter.name == name);
    counter.map_or(f64::NAN, |counter| counter.value)
}

/// Each of the plan's requests is in exactly one list, and the counts fit.
fn check_balance(result: &Result<Extraction, Failure>, requests: usize) {
    let Ok(extraction) = result else { return };
    let done = extraction.done.iter().map(|done| done.request);
    let rejected = extraction.rejected.iter().map(|rejected| rejected.request);
    let mut all: Vec<_> = done
        .chain(rejected)
        .chain(extraction.pending.iter().map(|pending| pending.request))
        .collect();
    all.sort_by_key(|request| (request.row, request.combination));
    all.dedup();
    let lists = extraction.done.len() + extraction.rejected.len() + extraction.pending.len();
    assert_eq!((all.len(), lists), (requests, requests), "{extraction:?}");
    let documents: u32 = extraction.done.iter().map(|done| done.documents).sum();
    assert_eq!(
        usize::try_from(documents).ok(),
        Some(extraction.documents.len())
    );
    assert_eq!(
        extraction.stopped.is_some(),
        !extraction.pending.is_empty(),
        "{extraction:?}"
    );
}

/// Runs a call over `count` rows and compares it.
fn check<F: Fn(&HttpRequest, u32) -> Reply>(
    source: &Source,
    count: u32,
    budget_ms: Option<u64>,
    reply: F,
    expected: &str,
) -> Script<F> {
    let script = Script::new(reply);
    let rows = rows(count);
    let result = script.block_on(run(&script, source, &rows, None, budget_ms));
    assert_eq!(shown(&result), expected);
    check_balance(&result, rows.len());
    assert!(script.most_in_flight.get() <= source.concurrency);
    script
}

/// The row a request is for.
fn id(request: &HttpRequest) -> u32 {
    let path = request.url.split('?').next().unwrap_or_default();
    path.rsplit('/')
        .next()
        .and_then(|id| id.parse().ok())
        .unwrap_or(u32::MAX)
}

/// The next page's URL is the body's `next`.
fn next_url() -> Pagination {
    Pagination::NextUrl(NextUrl {
        pointer: "/next".to_owned(),
        keep_origin: false,
        end: End::default(),
    })
}

const ONE: &str = r#"{"t":[{"a":1}]}"#;

fn ok() -> Reply {
    answer(200, &[], ONE)
}

fn unavailable() -> Reply {
    (10, Err(HttpError::Unavailable("reset".to_owned())))
}

#[test]
fn documents_follow_the_cells_whatever_comes_first() {
    let mut source = source();
    source.matrix = vec![Axis {
        name: "country".to_owned(),
        values: ["US", "CA"].map(str::to_owned).to_vec(),
    }];
    source.url.push_str("?market={country}");
    let field = |name: &str, value: &str| Field {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    source.attributes = vec![field("key", "{id}-{country}"), field("row", "{id}")];
    source.headers = vec![Header {
        name: "x-row".to_owned(),
        value: "{id}".into(),
    }];
    // Later requests are answered sooner.
    let script = Script::new(|request: &HttpRequest, _| {
        let latency = if request.url.ends_with("US") { 90 } else { 30 };
        (latency - 10 * u64::from(id(request)), ok().1)
    });
    let result = script.block_on(run(&script, &source, &rows(2), None, None));
    let expected = [
        "0-US\",\"row\":0",
        "0-CA\",\"row\":0",
        "1-US\",\"row\":1",
        "1-CA\",\"row\":1",
    ]
    .map(|start| format!(r#"{{"key":"{start},"a":1}}"#));
    assert_eq!(
        result.as_ref().map(|call| call.documents.as_slice()),
        Ok(expected.as_slice())
    );
    check_balance(&result, 4);
    let sent = script.sent.borrow();
    let heads: Vec<_> = sent
        .iter()
        .map(|(_, request)| request.headers.first().cloned())
        .collect();
    let row = |id: &str| Some(("x-row".to_owned(), id.to_owned()));
    assert_eq!(heads, [row("0"), row("0"), row("1"), row("1")]);
}

#[test]
fn only_names_the_requests() {
    let script = Script::new(|_: &HttpRequest, _| ok());
    let only = [3, 1].map(|row| PendingRequest {
        request: Request {
            row,
            combination: 0,
        },
        resume: None,
    });
    let result = script.block_on(run(&script, &source(), &rows(5), Some(&only), None));
    assert_eq!(
        shown(&result),
        "done 1:1 3:1; 2 requests, 0 repeats, 0 tokens"
    );
    let result = script.block_on(run(&script, &source(), &rows(5), Some(&[]), None));
    assert_eq!(shown(&result), "; 0 requests, 0 repeats, 0 tokens");
    let result = script.block_on(run(&script, &source(), &[], None, Some(0)));
    assert_eq!(shown(&result), "; 0 requests, 0 repeats, 0 tokens");
}

#[test]
fn concurrency_is_reached_and_never_exceeded() {
    for concurrency in [1, 2, 7, 256] {
        let mut source = source();
        source.concurrency = concurrency;
        let script =
            Script::new(|request: &HttpRequest, _| (u64::from(id(request) % 5) * 10 + 1, ok().1));
        let result = script.block_on(run(&script, &source, &rows(300), None, None));
        check_balance(&result, 300);
        // Nothing was refused, so it grows with what is accepted.
        let reached = script.most_in_flight.get();
        assert!(reached <= concurrency, "{reached}");
        assert!(reached >= concurrency.min(12), "{reached}");
    }
}

#[test]
fn each_cell_and_record_is_rejected_for_its_own_reason() {
    let mut source = source();
    source.require = vec!["/a".to_owned()];
    let reply = |request: &HttpRequest, _| match id(request) {
        0 => answer(404, &[], ""),
        1 => answer(200, &[], "<html>"),
        2 => answer(200, &[], r#"{"u":[]}"#),
        3 => answer(200, &[], r#"{"error":{"message":"no"}}"#),
        4 => (10, Err(HttpError::TooLarge)),
        5 => (10, Err(HttpError::Denied("no".to_owned()))),
        6 => (10, Err(HttpError::Invalid("no".to_owned()))),
        7 => answer(200, &[], r#"{"t":[]}"#),
        8 => answer(200, &[], r#"{"t":[{"a":1},{"b":1},7,{"a":2}]}"#),
        9 => answer(204, &[], ""),
        _ => answer(200, &[], r#"{"t":[{"a""#),
    };
    check(
        &source,
        11,
        None,
        reply,
        "done 7:0 8:2 9:0 rejected 0(Status 404) 1(Body 200) 2(Body 200) 3(Body 200) 4(Body) 5(Policy) \
         6(Template) 10(Body 200); 11 requests, 2 repeats, 0 tokens",
    );
    let script = Script::new(reply);
    let result = script.block_on(run(&script, &source, &rows(9), None, None));
    let records = result.map(|call| call.rejected_records).unwrap_or_default();
    let found = records
        .iter()
        .map(|record| (record.index, record.kind, record.path.as_str()));
    let expected = [
        (1, RejectionKind::Required, "/a"),
        (2, RejectionKind::Body, ""),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn a_coding_that_is_not_read_is_named() {
    let reply = |_: &HttpRequest, _| answer(200, &[("content-encoding", "br")], "\u{b}\u{2}");
    let script = Script::new(reply);
    let result = script.block_on(run(&script, &source(), &rows(1), None, None));
    let reasons = result.map(|call| call.rejected).unwrap_or_default();
    let reason = reasons.first().map(|rejected| rejected.reason.as_str());
    let expected = "its Content-Encoding is `br`, which wasn't asked for: gzip is";
    assert!(
        reason.is_some_and(|it| it.ends_with(expected)),
        "{reason:?}"
    );
}

#[test]
fn rows_that_fill_no_template_are_rejected_alone() {
    let rows = [
        r#"{"id":1}"#,
        r#"{"id":null}"#,
        "[]",
        r#"{"x":1}"#,
        r#"{"id":".."}"#,
    ];
    let script = Script::new(|_: &HttpRequest, _| ok());
    let result = script.block_on(run(
        &script,
        &source(),
        &rows.map(str::to_owned),
        None,
        None,
    ));
    let expected = "done 0:1 rejected 1(Template) 2(Template) 3(Template) 4(Template); 1 requests, \
                    0 repeats, 0 tokens";
    assert_eq!(shown(&result), expected);
}

#[test]
fn any_mix_of_answers_balances() {
    each_seed(0..600, |seed| {
        let mut source = source();
        let choice = draw(seed);
        source.concurrency = u32::try_from(choice % 9 + 1).unwrap_or(1);
        // Some upstreams are mostly well, some mostly ill.
        let illness = choice / 16 % 24 + 1;
        let budget_ms = match choice / 512 % 4 {
            0 => None,
            1 => Some(400),
            2 => Some(3_000),
            _ => Some(0),
        };
        let denied = Cell::new(0);
        let reply = |request: &HttpRequest, before: u32| {
            let chance = draw(seed ^ draw(u64::from(id(request)) << 20 | u64::from(before)));
            let (latency, reply) = match chance % (illness + 12) {
                0 => answer(429, &[("retry-after", "1")], ""),
                1 => answer(429, &[], ""),
                2 => answer(503, &[("retry-after", "90")], ""),
                3 => answer(500, &[], ""),
                4 => unavailable(),
                5 => (10, Err(HttpError::Timeout)),
                6 => answer(403, &[], ""),
                7 => answer(404, &[], ""),
                8 => answer(200, &[], "{"),
                9 => (10, Err(HttpError::Denied("no".to_owned()))),
                10 if chance.is_multiple_of(7) => answer(401, &[], ""),
                _ => ok(),
            };
            let latency = latency + chance / 64 % 200;
            // A rejection that comes too late is a timeout.
            if matches!(reply, Err(HttpError::Denied(_))) && latency <= request.timeout_ms {
                denied.set(denied.get() + 1);
            }
            (latency, reply)
        };
        let script = Script::new(reply);
        let rows = rows(25);
        let result = script.block_on(run(&script, &source, &rows, None, budget_ms));
        check_balance(&result, rows.len());
        assert!(script.most_in_flight.get() <= source.concurrency);
        if let Ok(extraction) = &result {
            // What policy refuses goes nowhere.
            let sent = script.sent.borrow().len() - denied.get();
            assert_eq!(
                u32::try_from(sent).ok().map(f64::from),
                Some(counted(extraction, "source.requests"))
            );
        }
    });
}
