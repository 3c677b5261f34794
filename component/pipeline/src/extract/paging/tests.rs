//! Answers and where their next pages are.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
use super::super::page::PageHistory;
use super::super::script::source_with;
use super::*;
use crate::platform::HttpResponse;
use crate::settings::Format;

const PRESENT: &str = "https://api.example/v1/list?market=US&q=a%20b";

/// The page after `present`, `page` records of which were received, of `all`.
fn check_counts(
    pagination: &str,
    present: &str,
    (body, headers): (&str, &[(&str, &str)]),
    (of_page, of_all): (usize, usize),
    expected: &str,
) {
    let more = r#", "method": "POST", "body": {"page": 1}"#;
    let source = source_with(&format!(r#"{more}, "pagination": {pagination}"#));
    let paging = Paging::new(&source, &mut Mistakes::default()).unwrap();
    let present = Page::from(Url::parse(present).unwrap());
    let headers = headers
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let answer = Answer::new(
        HttpResponse {
            status: 200,
            headers: headers.collect(),
            body: body.into(),
        },
        Format::Json,
    );
    let received = Received {
        of_page,
        of_all,
        pages: 2,
    };
    let next = paging.next(&present, answer.body().unwrap(), &answer, received);
    let mut history = PageHistory::new(present, 2);
    let advanced = next.and_then(|next| match next {
        Next::Page(next) => history.advance(next).map(|()| {
            let page = history.present();
            let cursor = page.cursor.as_ref().map(|it| format!(" with {it}"));
            format!("{}{}", page.url, cursor.unwrap_or_default())
        }),
        Next::End => Ok("end".to_owned()),
        Next::Unsaid => Ok("nothing said".to_owned()),
        Next::Short => Ok("short of the total".to_owned()),
    });
    let shown = advanced.unwrap_or_else(|error| error.to_string());
    assert_eq!(shown, expected, "{body:?} {pagination}");
}

fn check_one(pagination: &str, body: &str, links: &[&str], expected: &str) {
    let headers: Vec<_> = links.iter().map(|link| ("link", *link)).collect();
    check_counts(pagination, PRESENT, (body, &headers), (9, 9), expected);
}

#[test]
fn next_urls_stay_at_their_origin() {
    let own = r#"{"type": "next-url", "pointer": "/next"}"#;
    let kept = r#"{"type": "next-url", "pointer": "/next", "keep_origin": true}"#;
    let check = |body: &str, expected: &str| {
        check_one(own, body, &[], expected);
    };
    check("{}", "nothing said");
    check(r#"{"next":null}"#, "end");
    check(r#"{"next":""}"#, "end");
    check(r#"{"next":false}"#, "end");
    check(
        r#"{"next":"?page=2#top"}"#,
        "https://api.example/v1/list?page=2",
    );
    check(r#"{"next":"/v2"}"#, "https://api.example/v2");
    check(
        r#"{"next":"https://api.example:443/v2"}"#,
        "https://api.example/v2",
    );
    let other = |origin: &str| {
        format!(
            "the next page is at {origin}, another origin than the first; it isn't asked for \
             because the credentials would go there"
        )
    };
    let elsewhere = [
        ("http://api.example/v2", "http://api.example"),
        ("https://api.example:8443/v2", "https://api.example:8443"),
        ("//evil.example/v2", "https://evil.example"),
    ];
    for (next, origin) in elsewhere {
        let body = format!(r#"{{"next":"{next}"}}"#);
        check(&body, &other(origin));
        check_one(kept, &body, &[], "https://api.example/v2");
    }
    check(r#"{"next":"data:,x"}"#, &other("null"));
    check_one(kept, r#"{"next":"data:,x"}"#, &[], &other("null"));
    let circle = "the next page, https://api.example/v1/list, was read already; the pages run in \
                  circles";
    check(&format!(r#"{{"next":"{PRESENT}"}}"#), circle);
    let own = "the next page's link is not a URL: it carries credentials of its own";
    check(r#"{"next":"https://me@api.example/"}"#, own);
    let kept_own = "https://api.example/x?y";
    check_one(
        kept,
        r#"{"next":"https://me@api.example/x?y"}"#,
        &[],
        kept_own,
    );
    check(
        r#"{"next":"https://["}"#,
        "the next page's link is not a URL: invalid IPv6 address",
    );
    check(
        r#"{"next":{}}"#,
        "the body has an object at `/next`, which is not a link to a next page",
    );
}

#[test]
fn cursors_replace_their_parameter_only() {
    let check = |parameter: &str, body: &str, expected: &str| {
        let cursor = format!(
            r#"{{"type": "cursor", "pointer": "/meta/0", "parameter": "{parameter}",
                "end": {{"value": -1}}}}"#
        );
        check_one(&cursor, body, &[], expected);
    };
    check("after", r#"{"meta":[""]}"#, "end");
    check("after", r#"{"meta":[-1]}"#, "end");
    check("after", r#"{"meta":["-1"]}"#, "end");
    let base = "https://api.example/v1/list?";
    check(
        "after",
        r#"{"meta":["a+b/="]}"#,
        &format!("{base}market=US&q=a%20b&after=a%2Bb%2F%3D"),
    );
    check(
        "market",
        r#"{"meta":[7]}"#,
        &format!("{base}q=a%20b&market=7"),
    );
    check(
        "q",
        r#"{"meta":["a b"]}"#,
        &format!("{base}market=US&q=a+b"),
    );
    let header = r#"{"type": "cursor", "header": "X-Next", "parameter": "q"}"#;
    let headers: &[_] = &[("x-next", "n1")];
    let next = format!("{base}market=US&q=n1");
    check_counts(header, PRESENT, ("[]", headers), (0, 0), &next);
    check_counts(header, PRESENT, ("[]", &[]), (0, 0), "nothing said");
    check_counts(header, PRESENT, ("[]", &[("x-next", "")]), (0, 0), "end");
}

#[test]
fn an_answer_that_says_there_are_more_must_say_where() {
    let check = |way: &str, body: &str, expected: &str| {
        check_one(&format!("{{{way}}}"), body, &[], expected);
    };
    let error = "the answer says that there are more pages, but not where the next one is; see \
                 `pagination` of the source";
    for way in [
        r#""type": "cursor", "pointer": "/next", "parameter": "c", "end": {"has_more": "/more"}"#,
        r#""type": "next-url", "pointer": "/next", "end": {"has_more": "/more"}"#,
        r#""type": "link-header", "end": {"has_more": "/more"}"#,
    ] {
        check(way, r#"{"more":true}"#, error);
        check(way, r#"{"more":true,"next":null}"#, error);
        check(way, r#"{"more":false,"next":"x"}"#, "end");
    }
    // A total may be too high.
    let total = r#""type": "cursor", "pointer": "/next", "parameter": "c", "end": {"total": "/n"}"#;
    check(total, r#"{"n":10}"#, "short of the total");
    check(total, r#"{"n":9}"#, "end");
    let offset = r#"{"type": "offset", "parameter": "o", "end": {"has_more": "/more"}}"#;
    check_counts(offset, PRESENT, (r#"{"more":true}"#, &[]), (0, 9), error);
}

#[test]
fn pages_and_offsets_are_counted() {
    let list = "https://api.example/l?page=2&per_page=3";
    let third = "https://api.example/l?per_page=3&page=3";
    let check = |more: &str, body: &str, of_page: usize, expected: &str| {
        let pagination = format!(
            r#"{{"type": "page-number", "parameter": "page", "size_parameter": "per_page",
                "size": 3{more}}}"#
        );
        let all = 3 + of_page;
        check_counts(&pagination, list, (body, &[]), (of_page, all), expected);
    };
    check("", "{}", 3, third);
    check("", "{}", 2, "nothing said");
    check("", "{}", 0, "end");
    let more = r#", "end": {"has_more": "/more"}"#;
    check(more, r#"{"more":true}"#, 1, third);
    check(more, r#"{"more":"yes"}"#, 1, third);
    // What was filtered out of a page isn't the end of all.
    check(more, r#"{"more":true}"#, 0, third);
    for no in [
        r#"{"more":false}"#,
        r#"{"more":null}"#,
        r#"{"more":0}"#,
        r#"{"more":""}"#,
        "{}",
    ] {
        check(more, no, 3, "end");
    }
    let total = r#", "end": {"total": "/total"}"#;
    check(total, r#"{"total":7}"#, 3, third);
    check(total, r#"{"total":"7"}"#, 3, third);
    check(total, r#"{"total":6}"#, 3, "end");
    check(total, "{}", 3, third);
    check(total, "{}", 2, "nothing said");
    check(total, r#"{"total":7}"#, 0, "short of the total");
    let pages = r#", "end": {"total_pages": "/pages"}"#;
    check(pages, r#"{"pages":3}"#, 1, third);
    check(pages, r#"{"pages":3}"#, 0, third);
    check(pages, r#"{"pages":2}"#, 3, "end");
    let from_zero = r#"{"type": "page-number", "parameter": "page", "first": 0,
        "end": {"total_pages": "/pages"}}"#;
    let next = "https://api.example/l?per_page=3&page=3";
    check_counts(from_zero, list, (r#"{"pages":4}"#, &[]), (1, 1), next);
    check_counts(from_zero, list, (r#"{"pages":3}"#, &[]), (1, 1), "end");

    // It goes on after what came, if that is fewer than was asked for.
    let offset = r#"{"type": "offset", "parameter": "offset", "size_parameter": "limit",
        "size": 100, "end": {"total": "/recording-count"}}"#;
    let at = "https://api.example/l?limit=100&offset=100";
    let body = r#"{"recording-count":360}"#;
    let next = "https://api.example/l?limit=100&offset=200";
    check_counts(offset, at, (body, &[]), (100, 200), next);
    let next = "https://api.example/l?limit=100&offset=150";
    check_counts(offset, at, (body, &[]), (50, 150), next);
    check_counts(offset, at, (body, &[]), (60, 360), "end");
    check_counts(offset, at, ("{}", &[]), (50, 150), "nothing said");
    check_counts(offset, at, (body, &[]), (0, 100), "short of the total");
    // Fewer than were asked for, each time, and as many as APIs cut pages to.
    let next = "https://api.example/l?limit=100&offset=150";
    check_counts(offset, at, ("{}", &[]), (50, 100), next);
    check_counts(offset, at, ("{}", &[]), (51, 102), "nothing said");
    let more =
        r#"{"type": "offset", "parameter": "offset", "size": 100, "end": {"has_more": "/m"}}"#;
    let next = "https://api.example/l?limit=100&offset=200";
    check_counts(more, at, (r#"{"m":1}"#, &[]), (0, 100), next);

    // In a body.
    let body = r#"{"type": "page-number", "body_pointer": "/page", "size": 3}"#;
    check_counts(body, list, ("{}", &[]), (3, 6), &format!("{list} with 2"));
    check_counts(body, list, ("{}", &[]), (1, 4), "nothing said");
}

#[test]
fn the_first_page_has_the_parameters_too() {
    let check = |pagination: &str, expected: &str| {
        let source = source_with(&format!(r#", "pagination": {pagination}"#));
        let paging = Paging::new(&source, &mut Mistakes::default()).unwrap();
        assert_eq!(
            paging.first(Url::parse(PRESENT).unwrap()).as_str(),
            expected
        );
    };
    check(r#"{"type": "link-header"}"#, PRESENT);
    check(
        r#"{"type": "page-number", "parameter": "p"}"#,
        &format!("{PRESENT}&p=1"),
    );
    check(
        r#"{"type": "offset", "parameter": "o", "size_parameter": "n", "size": 7}"#,
        &format!("{PRESENT}&o=0&n=7"),
    );
}

#[test]
fn link_headers_are_read_as_rfc_8288_says() {
    let check = |links: &[&str], expected: &str| {
        check_one(r#"{"type": "link-header"}"#, "{}", links, expected);
    };
    let second = "https://api.example/p2";
    check(&[], "nothing said");
    check(&["</p2>; rel=\"next\""], second);
    check(&["</p2>;rel=next"], second);
    check(
        &["</p2> ; title=\"a, <b>; rel=next\" ; REL = \"last Next\""],
        second,
    );
    check(&["</p1>; rel=prev, </p2>; rel=next"], second);
    check(&["</p1>; rel=prev", "</p2>; rel=next"], second);
    check(&["</p1>; rel=last; rel=next"], "nothing said");
    check(&["</p1>; title=\"rel=next\""], "nothing said");
    check(&["</p1>"], "nothing said");
    check(&["</p1; rel=next"], "nothing said");
    check(&["</a,b;c>; rel=next"], "https://api.example/a,b;c");
}

#[test]
fn pages_are_bounded() {
    let page = |number: u32| {
        let url = format!("https://api.example/{number}");
        Page::from(Url::parse(&url).unwrap())
    };
    let mut history = PageHistory::new(page(1), 2);
    assert_eq!(history.advance(page(2)), Ok(()));
    assert_eq!(
        history.advance(page(1)).unwrap_err(),
        PageError::Repeated(page(1).url.to_string())
    );
    assert_eq!(history.advance(page(3)), Err(PageError::TooMany(2)));
}

#[test]
fn mistakes_are_told_with_their_place() {
    let check = |pagination: &str, expected: &[&str]| {
        let text = format!(r#"{{"url": "https://api.example/", "pagination": {pagination}}}"#);
        let mut mistakes = Mistakes::default();
        if let Some(source) = settings::source(&text, &mut mistakes) {
            Paging::new(&source, &mut mistakes);
        }
        let mistakes = mistakes.into_list().into_iter();
        let told: Vec<_> = mistakes
            .map(|it| format!("{} {}", it.pointer, it.message))
            .collect();
        assert_eq!(told, expected, "{pagination}");
    };
    let pointer = "is not a JSON Pointer: a JSON Pointer is empty or starts with `/`";
    check(
        r#"{"type": "next-url", "pointer": "next"}"#,
        &[&format!("/pagination/pointer {pointer}")],
    );
    check(
        r#"{"type": "cursor", "pointer": "/a", "header": "b"}"#,
        &["/pagination must have either `pointer` or `header`, where the token is"],
    );
    check(
        r#"{"type": "cursor", "pointer": "/a", "parameter": ""}"#,
        &["/pagination/parameter is empty"],
    );
    check(
        r#"{"type": "cursor", "pointer": "/a", "body_pointer": "/b"}"#,
        &["/pagination/body_pointer needs a `body`, which the source doesn't have"],
    );
    check(
        r#"{"type": "page-number", "parameter": "p", "size_parameter": "p", "first": -1}"#,
        &[
            "/pagination/first is a number; it must be a whole number that is not negative",
            "/pagination/size_parameter is empty or the same as `parameter`",
            "/pagination/size is missing",
        ],
    );
    check(
        r#"{"type": "offset", "parameter": "o", "size": 0, "end": {"total": "t", "total_pages": "/p"}}"#,
        &[
            "/pagination/size is 0; it must be at least 1",
            &format!("/pagination/end/total {pointer}"),
            "/pagination/end/total_pages is only for `type` \"page-number\"",
        ],
    );
    check(
        r#"{"type": "offset", "end": {"valu": 1}}"#,
        &[
            "/pagination/end/valu is not a known setting",
            "/pagination must have either `parameter` or `body_pointer`, where the offset goes",
        ],
    );
}
