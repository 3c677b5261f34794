//! Searches and their details, against a scripted upstream.

#![expect(
    clippy::float_cmp,
    clippy::indexing_slicing,
    reason = "counters are whole; a test stops at the first surprise"
)]

use super::super::run;
use super::super::script::{Reply, Script, answer, rows, source_with};
use crate::bindings::exports::rowcast::pipeline::extract::Extraction;
use crate::bindings::rowcast::pipeline::types::{Failure, RejectionKind, Stop};
use crate::describe::{origins, validate};
use crate::platform::HttpRequest;
use crate::settings::Source;

/// Row n's search finds the albums n0, n1 and n2; each has its own details.
const DETAILS: &str = r#", "attributes": {"artist": "{id}"}, "then": [
    {"url": "https://api.example/albums/{/album/id}", "records": "",
     "attributes": {"artist": "{artist}", "album": "{/album/id}"}}]"#;

fn albums(artist: &str) -> String {
    let album = |n| format!(r#"{{"album":{{"id":"{artist}{n}"}}}}"#);
    format!(r#"{{"t":[{},{},{}]}}"#, album(0), album(1), album(2))
}

fn path(request: &HttpRequest) -> &str {
    request.url.rsplit('/').next().unwrap_or_default()
}

fn is_detail(request: &HttpRequest) -> bool {
    request.url.contains("/albums/")
}

fn good(request: &HttpRequest, _: u32) -> Reply {
    if is_detail(request) {
        return answer(200, &[], r#"{"name":"x"}"#);
    }
    answer(200, &[], &albums(path(request)))
}

fn counted(extraction: &Extraction, name: &str) -> f64 {
    let mut counters = extraction.counters.iter();
    counters
        .find(|it| it.name == name)
        .map_or(f64::NAN, |it| it.value)
}

fn ok(result: Result<Extraction, Failure>) -> Extraction {
    assert!(result.is_ok(), "{result:?}");
    result.unwrap_or_else(|_| Extraction {
        documents: Vec::new(),
        done: Vec::new(),
        rejected: Vec::new(),
        rejected_records: Vec::new(),
        pending: Vec::new(),
        stopped: None,
        counters: Vec::new(),
    })
}

fn called<F: Fn(&HttpRequest, u32) -> Reply>(
    source: &Source,
    reply: F,
    count: u32,
) -> (Extraction, usize) {
    let script = Script::new(reply);
    let extraction = ok(script.block_on(run(&script, source, &rows(count), None, None)));
    let sent = script.sent.borrow().len();
    (extraction, sent)
}

#[test]
fn records_are_the_rows_of_the_next_step() {
    let (extraction, sent) = called(&source_with(DETAILS), good, 2);
    assert_eq!(
        extraction.documents,
        [
            r#"{"artist":0,"album":"00","name":"x"}"#,
            r#"{"artist":0,"album":"01","name":"x"}"#,
            r#"{"artist":0,"album":"02","name":"x"}"#,
            r#"{"artist":1,"album":"10","name":"x"}"#,
            r#"{"artist":1,"album":"11","name":"x"}"#,
            r#"{"artist":1,"album":"12","name":"x"}"#,
        ]
    );
    let done: Vec<_> = extraction.done.iter().map(|it| it.documents).collect();
    assert_eq!((done, sent), (vec![3, 3], 8));
    assert_eq!(counted(&extraction, "source.requests"), 8.0);
    assert_eq!(counted(&extraction, "then.done"), 6.0);
    assert!(extraction.pending.is_empty() && extraction.stopped.is_none());
}

#[test]
fn a_detail_that_fails_is_a_rejected_record_of_its_row() {
    let one_is_gone = |request: &HttpRequest, before| match path(request) {
        "01" => answer(404, &[], "{}"),
        _ => good(request, before),
    };
    let (extraction, _) = called(&source_with(DETAILS), one_is_gone, 2);
    assert_eq!(extraction.documents.len(), 5);
    let done: Vec<_> = extraction.done.iter().map(|it| it.documents).collect();
    assert_eq!(done, [2, 3]);
    let rejected: Vec<_> = extraction
        .rejected_records
        .iter()
        .map(|it| (it.request.row, it.kind))
        .collect();
    assert_eq!(rejected, [(0, RejectionKind::Status)]);
    let reason = extraction.rejected_records.first().map(|it| &it.reason);
    assert!(
        reason.is_some_and(|it| it.contains("/albums/01")),
        "{reason:?}"
    );
    assert_eq!(counted(&extraction, "then.rejected"), 1.0);
}

/// One of two that were found always fails: the other one is kept, by the second call.
#[test]
fn a_detail_that_always_fails_takes_no_other_with_it() {
    let source = source_with(DETAILS);
    let reply = |request: &HttpRequest, before| match path(request) {
        "01" => answer(500, &[], ""),
        _ => good(request, before),
    };
    let script = Script::new(reply);
    let mut pending = None;
    let mut calls = 0;
    let last = loop {
        calls += 1;
        let rows = rows(1);
        let called = script.block_on(run(&script, &source, &rows, pending.as_deref(), None));
        let extraction = ok(called);
        if extraction.pending.is_empty() {
            break extraction;
        }
        pending = Some(extraction.pending);
        assert!(calls < 5, "{pending:?}");
    };
    assert_eq!((calls, last.documents.len(), last.done.len()), (2, 2, 1));
    let rejected: Vec<_> = last.rejected_records.iter().map(|it| it.kind).collect();
    assert_eq!(rejected, [RejectionKind::Exhausted]);
    assert_eq!(counted(&last, "then.rejected"), 1.0);
    // The search is answered once, and then nothing is: nothing is given up.
    let silent = |request: &HttpRequest, before| {
        if before > 0 || is_detail(request) {
            return answer(500, &[], "");
        }
        good(request, before)
    };
    let script = Script::new(silent);
    let rows = rows(1);
    let mut pending = None;
    for _ in 0..3 {
        let called = script.block_on(run(&script, &source, &rows, pending.as_deref(), None));
        pending = Some(ok(called).pending);
    }
    assert_eq!(pending.map(|it| it.len()), Some(1));
}

#[test]
fn a_record_without_the_member_is_rejected_and_the_rest_is_not() {
    let odd = |request: &HttpRequest, before| match path(request) {
        "0" => answer(200, &[], r#"{"t":[{"album":null},{"album":{"id":"a"}}]}"#),
        _ => good(request, before),
    };
    let (extraction, _) = called(&source_with(DETAILS), odd, 1);
    assert_eq!(
        extraction.documents,
        [r#"{"artist":0,"album":"a","name":"x"}"#]
    );
    let kinds: Vec<_> = extraction
        .rejected_records
        .iter()
        .map(|it| it.kind)
        .collect();
    assert_eq!(kinds, [RejectionKind::Template]);
    // None of them has it.
    let none = |_: &HttpRequest, _| answer(200, &[], r#"{"t":[{"x":1}]}"#);
    let (extraction, _) = called(&source_with(DETAILS), none, 1);
    assert_eq!(
        (extraction.done.len(), extraction.rejected_records.len()),
        (1, 1)
    );
}

#[test]
fn a_step_that_was_cut_off_goes_on_where_it_was() {
    let source = source_with(DETAILS);
    let slow = |request: &HttpRequest, before| match path(request) {
        "02" | "11" if before == 0 => (60_000, good(request, before).1),
        _ => good(request, before),
    };
    let script = Script::new(slow);
    let rows = rows(2);
    let first = ok(script.block_on(run(&script, &source, &rows, None, Some(1_000))));
    assert_eq!(first.pending.len(), 2);
    assert!(first.done.is_empty() && first.documents.is_empty());
    assert!(matches!(first.stopped, Some(Stop::Budget)));
    let sent = script.sent.borrow().len();
    let again = run(&script, &source, &rows, Some(&first.pending), None);
    let second = ok(script.block_on(again));
    let albums: Vec<_> = second
        .documents
        .iter()
        .map(|it| it.split('"').nth(5).unwrap_or_default())
        .collect();
    assert_eq!(albums, ["00", "01", "02", "10", "11", "12"]);
    assert_eq!(script.sent.borrow().len() - sent, 2);
}

#[test]
fn a_third_step_and_a_matrix_follow() {
    let settings = r#", "then": [
        {"url": "https://api.example/albums/{/album/id}?lang={lang}", "records": "/t",
         "matrix": {"lang": ["en", "de"]}, "attributes": {"lang": "{lang}"}},
        {"url": "https://other.example/texts/{n}", "records": ""}]"#;
    let reply = |request: &HttpRequest, before| {
        if request.url.contains("/albums/") {
            return answer(200, &[], r#"{"t":[{"n":1},{"n":2}]}"#);
        }
        if request.url.contains("/texts/") {
            return answer(200, &[], r#"{"text":"y"}"#);
        }
        good(request, before)
    };
    let source = source_with(settings);
    let (extraction, sent) = called(&source, reply, 1);
    assert_eq!(
        (extraction.documents.len(), sent),
        (3 * 2 * 2, 1 + 3 * 2 + 12)
    );
}

#[test]
fn one_origin_shares_what_is_said_of_it() {
    let settings = r#", "auth": {"type": "bearer", "token": "t0k3n"}, "contact": "me@example.com",
        "then": [{"url": "https://api.example/albums/{id}"},
            {"url": "https://other.example/{id}", "records": ""}]"#;
    let source = source_with(settings);
    let steps: Vec<_> = source
        .then
        .iter()
        .map(|step| (step.auth.clone(), step.contact.clone(), step.concurrency))
        .collect();
    assert_eq!(steps[0], (source.auth.clone(), source.contact.clone(), 4));
    assert_eq!(steps[1].0, crate::settings::Auth::None {});
    assert_eq!(steps[1].1, None);
}

#[test]
fn origins_and_mistakes_of_steps_are_told() {
    let text = r#"{"url": "https://a.example/{id}", "then": [{"url": "https://b.example/{x}"}]}"#;
    assert_eq!(
        origins(text).ok(),
        Some(vec![
            "https://a.example".to_owned(),
            "https://b.example".to_owned()
        ])
    );
    let told = |text: &str| {
        let found = validate(
            crate::bindings::exports::rowcast::pipeline::describe::Kind::Source,
            text,
        );
        let found = found
            .into_iter()
            .map(|it| format!("{} {}", it.pointer, it.message));
        found.collect::<Vec<_>>().join("; ")
    };
    let nested = r#"{"url": "https://a.example/{id}", "concurrency": 0, "then": [
        {"url": "https://a.example/{id}", "records": "x", "then": []}, {"urll": ""}]}"#;
    assert_eq!(
        told(nested),
        "/then/0/then is inside of a step; /then/1/urll is not a known setting; /then/1/url is \
         missing; /concurrency is 0; it must be 1 to 256; /then/0/records is not a JSON Pointer: \
         a JSON Pointer is empty or starts with `/`"
    );
    let preset = r#"{"url": "https://a.example/{id}", "then": [{"preset": "no"}]}"#;
    assert_eq!(
        told(preset),
        "/then/0/preset is not the name of a preset; /then/0/url is missing"
    );
}
