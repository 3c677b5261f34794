//! Answers and where their next pages are.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
use super::*;
use rowcast_json::Index;

const PRESENT: &str = "https://api.example/v1/list?market=US&q=a%20b";

fn check(paging: &Paging, body: &str, links: &[&str], expected: &str) {
    let present = Url::parse(PRESENT).unwrap();
    let headers: Vec<_> = links
        .iter()
        .map(|link| ("link".to_owned(), (*link).to_owned()))
        .collect();
    let mut index = Index::default();
    let body = index.read(body).unwrap();
    let next = paging.next(&present, body, &headers);
    let mut trail = Trail::new(present, 2);
    let advanced = next.and_then(|next| match next {
        Some(next) => trail.advance(next).map(|()| trail.present().to_string()),
        None => Ok("end".to_owned()),
    });
    let shown = advanced.unwrap_or_else(|error| error.to_string());
    assert_eq!(shown, expected, "{body:?} {links:?}");
}

#[test]
fn next_urls_stay_at_their_origin() {
    let check = |body: &str, expected: &str| {
        check(
            &Paging::NextUrl(Pointer::parse("/next").unwrap()),
            body,
            &[],
            expected,
        );
    };
    check("{}", "end");
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
    check(
        r#"{"next":"http://api.example/v2"}"#,
        &other("http://api.example"),
    );
    check(
        r#"{"next":"https://api.example:8443/v2"}"#,
        &other("https://api.example:8443"),
    );
    check(
        r#"{"next":"//evil.example/v2"}"#,
        &other("https://evil.example"),
    );
    check(r#"{"next":"data:,x"}"#, &other("null"));
    let circle = "the next page, https://api.example/v1/list, was read already; the pages run in \
                  circles";
    check(&format!(r#"{{"next":"{PRESENT}"}}"#), circle);
    let own = "the next page's link is no URL: it carries credentials of its own";
    check(r#"{"next":"https://me@api.example/"}"#, own);
    check(
        r#"{"next":"https://["}"#,
        "the next page's link is no URL: invalid IPv6 address",
    );
    check(
        r#"{"next":{}}"#,
        "the body has an object at `/next`, which leads to no next page",
    );
}

#[test]
fn cursors_replace_their_parameter_only() {
    let check = |parameter: &str, body: &str, expected: &str| {
        let cursor = Paging::Cursor {
            pointer: Pointer::parse("/meta/0").unwrap(),
            parameter: parameter.to_owned(),
        };
        check(&cursor, body, &[], expected);
    };
    check("after", r#"{"meta":[""]}"#, "end");
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
}

#[test]
fn link_headers_are_read_as_rfc_8288_says() {
    let check = |links: &[&str], expected: &str| {
        check(&Paging::LinkHeader, "{}", links, expected);
    };
    let second = "https://api.example/p2";
    check(&[], "end");
    check(&["</p2>; rel=\"next\""], second);
    check(&["</p2>;rel=next"], second);
    check(
        &["</p2> ; title=\"a, <b>; rel=next\" ; REL = \"last Next\""],
        second,
    );
    check(&["</p1>; rel=prev, </p2>; rel=next"], second);
    check(&["</p1>; rel=prev", "</p2>; rel=next"], second);
    check(&["</p1>; rel=last; rel=next"], "end");
    check(&["</p1>; title=\"rel=next\""], "end");
    check(&["</p1>"], "end");
    check(&["</p1; rel=next"], "end");
    check(&["</a,b;c>; rel=next"], "https://api.example/a,b;c");
}

#[test]
fn pages_are_bounded() {
    let page = |number: u32| Url::parse(&format!("https://api.example/{number}")).unwrap();
    let mut trail = Trail::new(page(1), 2);
    assert_eq!(trail.advance(page(2)), Ok(()));
    assert_eq!(
        trail.advance(page(1)).unwrap_err(),
        PageError::Repeated(page(1).to_string())
    );
    assert_eq!(trail.advance(page(3)), Err(PageError::TooMany(2)));
}
