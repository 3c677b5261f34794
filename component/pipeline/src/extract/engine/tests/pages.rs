//! Pages in all their kinds, and answers that announce more.

use super::super::super::script::source_with;
use super::*;
use crate::platform::HttpMethod;
use crate::settings::{self, Mistakes};

fn parameter(request: &HttpRequest, name: &str) -> usize {
    let query = request.url.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|pair| pair.0 == name);
    found
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(usize::MAX)
}

/// Records from a place on, of so many.
fn records(from: usize, to: usize) -> String {
    let records: Vec<_> = (from..to).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    records.join(",")
}

/// Runs a call for one row; its documents, and a counter.
fn documents<F: Fn(&HttpRequest, u32) -> Reply>(
    settings: &str,
    reply: F,
    expected: &str,
) -> (usize, f64) {
    let source = source_with(settings);
    let script = Script::new(reply);
    let result = script.block_on(run(&script, &source, &rows(1), None, None));
    check_balance(&result, 1);
    assert_eq!(shown(&result), expected, "{settings}");
    let unfollowed = result.as_ref().map(|it| counted(it, "source.unfollowed"));
    let length = result.as_ref().map(|it| it.documents.len());
    (length.unwrap_or(0), unfollowed.unwrap_or(f64::NAN))
}

#[test]
fn page_numbers_and_offsets_read_everything() {
    let numbers = r#", "pagination": {"type": "page-number", "parameter": "page",
        "size_parameter": "per_page", "size": 100}"#;
    let page = |request: &HttpRequest, _| {
        let (page, size) = (parameter(request, "page"), parameter(request, "per_page"));
        let from = (page - 1) * size;
        let body = format!(
            r#"{{"t":[{}],"total":250}}"#,
            records(from, 250.min(from + size))
        );
        answer(200, &[], &body)
    };
    let done = "done 0:250; 3 requests, 0 repeats, 0 tokens";
    assert_eq!(documents(numbers, page, done), (250, 0.0));
    // The server caps the size of pages.
    let offsets = r#", "pagination": {"type": "offset", "parameter": "offset",
        "size_parameter": "limit", "size": 100, "end": {"total": "/count"}}"#;
    let capped = |request: &HttpRequest, _| {
        let from = parameter(request, "offset");
        let body = format!(
            r#"{{"t":[{}],"count":120}}"#,
            records(from, 120.min(from + 50))
        );
        answer(200, &[], &body)
    };
    let done = "done 0:120; 3 requests, 0 repeats, 0 tokens";
    assert_eq!(documents(offsets, capped, done), (120, 0.0));
}

/// Three rows' lists of 65 records, in pages of 20 and never more, one of them empty.
#[test]
fn no_page_is_taken_for_the_last_by_its_length_alone() {
    let numbers = |more: &str| {
        format!(
            r#", "pagination": {{"type": "page-number", "parameter": "page",
                "size_parameter": "per_page", "size": 100{more}}}"#
        )
    };
    let capped = |request: &HttpRequest, _| {
        let from = (parameter(request, "page") - 1) * 20;
        let list = records(from, 65.min(from + 20));
        answer(200, &[], &format!(r#"{{"t":[{list}]}}"#))
    };
    let done = "done 0:65; 4 requests, 0 repeats, 0 tokens";
    assert_eq!(documents(&numbers(""), capped, done), (65, 0.0));
    let filtered = |request: &HttpRequest, _| {
        let page = parameter(request, "page");
        let list = if page == 2 {
            String::new()
        } else {
            records(page, page + 5)
        };
        let body = format!(r#"{{"t":[{list}],"more":{},"pages":4}}"#, page < 4);
        answer(200, &[], &body)
    };
    let done = "done 0:15; 4 requests, 0 repeats, 0 tokens";
    for end in [r#"{"has_more": "/more"}"#, r#"{"total_pages": "/pages"}"#] {
        let settings = numbers(&format!(r#", "end": {end}"#));
        assert_eq!(documents(&settings, filtered, done), (15, 0.0), "{end}");
    }
    // Nothing says so by the settings, but the answer does.
    let short = |_: &HttpRequest, _| answer(200, &[], r#"{"t":[{"n":1}],"has_more":true}"#);
    let done = "done 0:1; 1 requests, 0 repeats, 0 tokens";
    assert_eq!(documents(&numbers(""), short, done), (1, 1.0));
    let total = numbers(r#", "end": {"total": "/info/found"}"#);
    let fewer = |request: &HttpRequest, _| {
        let list = if parameter(request, "page") == 1 {
            records(0, 10)
        } else {
            String::new()
        };
        answer(
            200,
            &[],
            &format!(r#"{{"t":[{list}],"info":{{"found":125}}}}"#),
        )
    };
    let done = "done 0:10; 2 requests, 0 repeats, 0 tokens";
    assert_eq!(documents(&total, fewer, done), (10, 1.0));
}

#[test]
fn a_parameter_that_the_api_does_not_know_is_noticed() {
    let offsets = r#", "pagination": {"type": "offset", "parameter": "skip"}"#;
    let reply = |_: &HttpRequest, _| answer(200, &[], r#"{"t":[{"a":1},{"a":2}]}"#);
    let rejected = "rejected 0(Body 200); 2 requests, 0 repeats, 0 tokens";
    assert_eq!(documents(offsets, reply, rejected), (0, 0.0));
    let source = source_with(offsets);
    let script = Script::new(reply);
    let result = script.block_on(run(&script, &source, &rows(1), None, None));
    let reasons = result.map(|it| it.rejected.into_iter().map(|it| it.reason).collect());
    let reason = "the next page is the same again; the API doesn't seem to know `skip`, by which \
                  pages are counted";
    assert!(
        reasons.is_ok_and(|reasons: Vec<String>| reasons.concat().contains(reason)),
        "{reason}"
    );
}

#[test]
fn pages_are_counted_in_a_body_too() {
    let check = |way: &str, first: &str, expected: &[&str]| {
        let settings = format!(
            r#", "method": "POST", "body": {{"id": "{{id}}", "at": {first}}},
                "pagination": {{"type": "{way}", "body_pointer": "/at", "size": 2}}"#
        );
        let source = source_with(&settings);
        let script = Script::new(|_: &HttpRequest, before| {
            let list = records(
                before as usize,
                if before < 2 { before as usize + 2 } else { 3 },
            );
            answer(200, &[], &format!(r#"{{"t":[{list}]}}"#))
        });
        let result = script.block_on(run(&script, &source, &rows(1), None, None));
        check_balance(&result, 1);
        let sent = script.sent.borrow();
        let bodies: Vec<_> = sent
            .iter()
            .map(|(_, request)| String::from_utf8_lossy(&request.body).into_owned())
            .collect();
        assert_eq!(bodies, expected, "{way}");
    };
    let body = |at: u8| format!(r#"{{"id":0,"at":{at}}}"#);
    let bodies = [body(1), body(2), body(3)];
    check("page-number", "1", &bodies.each_ref().map(String::as_str));
    let bodies = [body(0), body(2), body(4)];
    check("offset", "0", &bodies.each_ref().map(String::as_str));
}

#[test]
fn what_is_announced_and_not_followed_is_counted() {
    let musicbrainz = |_: &HttpRequest, _| {
        let body = format!(r#"{{"t":[{}],"recording-count":360}}"#, records(0, 100));
        answer(200, &[], &body)
    };
    let done = "done 0:100; 1 requests, 0 repeats, 0 tokens";
    assert_eq!(documents("", musicbrainz, done), (100, 1.0));
    // Somebody wants the first page only, and says so.
    let one = r#", "pagination": {"type": "none"}"#;
    assert_eq!(documents(one, musicbrainz, done), (100, 0.0));
    let link = |_: &HttpRequest, _| answer(200, &[("link", "</2>; rel=\"next\"")], ONE);
    let done = "done 0:1; 1 requests, 0 repeats, 0 tokens";
    assert_eq!(documents("", link, done), (1, 1.0));
    // The pages end sooner than the total says.
    let cursor = r#", "pagination": {"type": "cursor", "pointer": "/next", "parameter": "c"}"#;
    let ends = |_: &HttpRequest, _| answer(200, &[], r#"{"t":[{"a":1}],"total":2}"#);
    assert_eq!(documents(cursor, ends, done), (1, 1.0));
    assert_eq!(documents(cursor, |_, _| ok(), done), (1, 0.0));
}

#[test]
fn graphql_cursors_go_into_variables() {
    let settings = r#", "method": "POST", "body": {
        "query": "query($id: Int!, $after: String) { list(id: $id, after: $after) { n } }",
        "variables": {"id": "{id}", "after": null}},
        "pagination": {"type": "cursor", "pointer": "/data/info/end",
            "body_pointer": "/variables/after", "end": {"has_more": "/data/info/more"}}"#;
    let mut source = source_with(settings);
    source.records = "/data/list".to_owned();
    let script = Script::new(|request: &HttpRequest, before| {
        assert_eq!(request.method, HttpMethod::Post);
        let body = format!(
            r#"{{"data":{{"list":[{{"n":{before}}}],"info":{{"end":"c{before}","more":{}}}}}}}"#,
            before < 2
        );
        answer(200, &[], &body)
    });
    let result = script.block_on(run(&script, &source, &rows(1), None, None));
    assert_eq!(shown(&result), "done 0:3; 3 requests, 0 repeats, 0 tokens");
    let sent = script.sent.borrow();
    let bodies: Vec<_> = sent
        .iter()
        .map(|(_, request)| {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            body.split_once("\"variables\":")
                .map(|(_, rest)| rest.to_owned())
        })
        .collect();
    let expected =
        ["null", "\"c0\"", "\"c1\""].map(|after| Some(format!(r#"{{"id":0,"after":{after}}}}}"#)));
    assert_eq!(bodies, expected);
    let content = |(_, request): &(u64, HttpRequest)| {
        request
            .headers
            .contains(&("content-type".to_owned(), "application/json".to_owned()))
    };
    assert!(sent.iter().all(content));
}

#[test]
fn cursors_in_bodies_continue_in_another_call() {
    let source = source_with(
        r#", "method": "POST", "body": {"after": null},
            "pagination": {"type": "cursor", "pointer": "/next", "body_pointer": "/after"}"#,
    );
    let reply = |request: &HttpRequest, _| {
        let after: u32 = match String::from_utf8_lossy(&request.body).as_ref() {
            r#"{"after":null}"# => 0,
            body => body
                .trim_matches(|part: char| !part.is_ascii_digit())
                .parse()
                .unwrap_or(99),
        };
        let next = if after < 9 {
            (after + 1).to_string()
        } else {
            "null".to_owned()
        };
        answer(
            200,
            &[],
            &format!(r#"{{"t":[{{"n":{after}}}],"next":{next}}}"#),
        )
    };
    let script = Script::new(reply);
    let mut pending = None;
    let mut calls = 0;
    let documents = loop {
        calls += 1;
        let result = script.block_on(run(
            &script,
            &source,
            &rows(1),
            pending.as_deref(),
            Some(30),
        ));
        let extraction = match result {
            Ok(extraction) if !extraction.pending.is_empty() => extraction,
            last => break last.map(|extraction| extraction.documents),
        };
        pending = Some(extraction.pending);
    };
    let expected: Vec<_> = (0..10).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    assert_eq!((documents, calls > 2), (Ok(expected), true));
    // No page was asked for twice.
    assert_eq!(script.sent.borrow().len(), 10);
}

#[test]
fn bodies_come_in_other_formats_and_shapes() {
    let check = |more: &str, body: &str, expected: &[&str]| {
        let text = format!(r#"{{"url": "https://api.example/{{id}}", {more}}}"#);
        let mut mistakes = Mistakes::default();
        let source = settings::source(&text, &mut mistakes);
        assert!(mistakes.is_empty(), "{mistakes}");
        let source = source.unwrap_or_else(|| source_with(""));
        let script = Script::new(|_: &HttpRequest, _| answer(200, &[], body));
        let result = script.block_on(run(&script, &source, &rows(1), None, None));
        let documents = result.map(|it| it.documents).unwrap_or_default();
        assert_eq!(documents, expected, "{more}");
    };
    check(
        r#""format": "ndjson", "attributes": {"row": "{id}"}"#,
        "{\"a\":1}\n{\"a\":2}",
        &[r#"{"row":0,"a":1}"#, r#"{"row":0,"a":2}"#],
    );
    check(
        r#""format": "csv""#,
        "a,b\n1,x\n",
        &[r#"{"a":"1","b":"x"}"#],
    );
    for (format, body) in [
        ("csv", r#"{"error":"quota"}"#),
        ("ndjson", r#"{"error":{"message":"quota"}}"#),
    ] {
        check(&format!(r#""format": "{format}""#), body, &[]);
        check(&format!(r#""format": "{format}""#), "", &[]);
    }
    check(
        r#""records": "/items", "rules": [{"when": {"body": {"pointer": "/items", "type": "null"}},
            "then": "nothing"}]"#,
        r#"{"items":null}"#,
        &[],
    );
    check(
        r#""records": "/items", "records_as": "by-id", "id_attribute": "key",
            "attributes": {"copy": "{record:/key}"}"#,
        r#"{"items":{"x":{"a":1},"y":{"a":2}}}"#,
        &[
            r#"{"copy":"x","key":"x","a":1}"#,
            r#"{"copy":"y","key":"y","a":2}"#,
        ],
    );
    check(
        r#""records": "/hourly", "records_as": "columns""#,
        r#"{"hourly":{"time":["t1","t2"],"rain":[0.10,2]}}"#,
        &[r#"{"time":"t1","rain":0.10}"#, r#"{"time":"t2","rain":2}"#],
    );
}

#[test]
fn pages_are_read_to_the_end_or_not_at_all() {
    let mut source = source();
    source.pagination = Some(next_url());
    source.max_pages = 3;
    let reply = |request: &HttpRequest, before| {
        let page = request.url.split_once("?p=").map_or("1", |(_, page)| page);
        let next = match (id(request), page) {
            (0 | 3 | 4, "1") => "\"?p=2\"",
            (0, "2") => "\"?p=3\"",
            (1, "1") => "\"https://evil.example/1\"",
            (2, "1") => "\"/2\"",
            (3, page) => &format!("\"?p={page}0\""),
            _ => "null",
        };
        match (id(request), page, before) {
            (0, "2", 0) => answer(500, &[], ""),
            (4, "2", _) => answer(410, &[], ""),
            _ => answer(
                200,
                &[],
                &format!(r#"{{"t":[{{"a":1}},{{"a":2}}],"next":{next}}}"#),
            ),
        }
    };
    check(
        &source,
        6,
        None,
        reply,
        "done 0:6 5:2 rejected 1(Body 200) 2(Body 200) 3(Body 200) 4(Status 410); 13 requests, \
         1 repeats, 0 tokens",
    );
}

/// As Crossref does it: the cursor stays the same, and the server counts.
#[test]
fn a_cursor_may_stay_the_same_as_long_as_the_pages_differ() {
    let mut source = source();
    source.pagination = Some(next_url());
    let reply = |request: &HttpRequest, before: u32| {
        let page = request.url.split_once("?p=").map_or("1", |(_, page)| page);
        let body = match (id(request), page, before) {
            (_, "1", _) => r#"{"t":[{"a":1}],"next":"?p=2"}"#,
            (_, "2", 0) => r#"{"t":[{"a":2}],"next":"?p=2"}"#,
            (_, "2", 1) | (1, ..) => r#"{"t":[{"a":3}],"next":"?p=2"}"#,
            _ => r#"{"t":[],"next":"?p=2"}"#,
        };
        answer(200, &[], body)
    };
    check(
        &source,
        2,
        None,
        reply,
        "done 0:3 rejected 1(Body 200); 8 requests, 0 repeats, 0 tokens",
    );
}
