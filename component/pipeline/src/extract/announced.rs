//! The last answer that is read for a request → whether it announces more than
//! was read. So that nobody takes a part for the whole.

use super::links::next_link;
use super::paging::Received;
use super::pointer::Pointer;
use rowcast_json::{Kind, Value};

/// Members that have the next page's link or token.
const NEXT: &[&str] = &[
    "next",
    "next_url",
    "nextUrl",
    "next_page",
    "nextPage",
    "next_page_url",
    "nextLink",
    "@odata.nextLink",
    "next_cursor",
    "nextCursor",
    "next_page_token",
    "nextPageToken",
    "next_token",
    "nextToken",
    "NextToken",
];
/// Members that say whether there are more pages.
const MORE: &[&str] = &[
    "has_more",
    "hasMore",
    "has_next",
    "has_next_page",
    "hasNextPage",
    "isTruncated",
    "IsTruncated",
    "next",
];
/// Members that count all records.
const TOTAL: &[&str] = &[
    "total",
    "count",
    "total_count",
    "totalCount",
    "total_results",
    "totalResults",
    "totalElements",
    "total_items",
    "totalItems",
    "total_records",
    "numFound",
];
/// Members that count pages.
const PAGES: &[&str] = &["total_pages", "totalPages", "page_count", "last_page"];
/// Headers that count all records.
const TOTAL_HEADERS: &[&str] = &["x-total-count", "x-total", "x-wp-total"];
/// Headers that count pages.
const PAGES_HEADERS: &[&str] = &["x-total-pages", "x-wp-totalpages"];
/// Members that have such members.
const AROUND: &[&str] = &[
    "links",
    "_links",
    "paging",
    "pagination",
    "meta",
    "page_info",
    "pageInfo",
    "page",
    "hits",
    "response_metadata",
];

/// Whether an answer announces more than the pages and records that were read. Where it
/// was said that it is the last page, or that page is empty, only a total says so, or a
/// `Link`.
#[must_use]
pub fn announces_more(
    root: Value<'_>,
    records: &Pointer,
    headers: &[(String, String)],
    received: Received,
    ended: bool,
) -> bool {
    let records_read = u64::try_from(received.of_all).unwrap_or(u64::MAX);
    let pages_read = u64::from(received.pages);
    let says_so = |(name, value): &(String, String)| {
        let name = name.as_str();
        let more = |all: &str, read| all.trim().parse::<u64>().is_ok_and(|all| all > read);
        match name {
            "link" => next_link(value).is_some(),
            // Such as `items 0-9/125`, with 206.
            "content-range" if !value.trim_start().starts_with("bytes") => {
                more(value.rsplit('/').next().unwrap_or_default(), records_read)
            }
            _ if TOTAL_HEADERS.contains(&name) => more(value, records_read),
            _ => !ended && PAGES_HEADERS.contains(&name) && more(value, pages_read),
        }
    };
    if headers.iter().any(says_so) {
        return true;
    }
    // Beside the records; where they are the body there is no such place.
    let Some(parent) = records.parent() else {
        return false;
    };
    let mut places = vec![root];
    places.extend(parent.find(root).filter(|_| !parent.as_str().is_empty()));
    while let Some(place) = places.pop() {
        for (name, value) in place.members() {
            let Ok(name) = name.content() else { continue };
            let name = name.as_ref();
            let total = TOTAL.contains(&name) || name.ends_with("-count");
            let more = (total && count(value) > Some(records_read))
                || (!ended && NEXT.contains(&name) && leads(value))
                || (!ended && MORE.contains(&name) && value.text() == "true")
                || (!ended && PAGES.contains(&name) && count(value) > Some(pages_read));
            if more {
                return true;
            }
            if AROUND.contains(&name) && value.kind() == Kind::Object {
                places.push(value);
            }
        }
    }
    false
}

fn count(value: Value<'_>) -> Option<u64> {
    match value.kind() {
        Kind::Number => value.text().parse().ok(),
        Kind::String => value.string()?.parse().ok(),
        // As Elasticsearch has it.
        Kind::Object => count(
            value
                .member("value")
                .filter(|it| it.kind() == Kind::Number)?,
        ),
        Kind::Null | Kind::Boolean | Kind::Array => None,
    }
}

/// Whether a value is a link, a token or a number that leads on.
fn leads(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::String => value.text() != "\"\"",
        Kind::Number => value.text() != "0",
        Kind::Object => value
            .member("href")
            .is_some_and(|href| href.kind() == Kind::String),
        Kind::Null | Kind::Boolean | Kind::Array => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;
    use rowcast_json::Index;

    fn check(records: &str, body: &str, link: &str, received: usize, expected: [bool; 2]) {
        let mut index = Index::default();
        let root = index.read(body).unwrap();
        let records = Pointer::parse(records).unwrap();
        let headers = [("link".to_owned(), link.to_owned())];
        let received = Received {
            of_page: received,
            of_all: received,
            pages: 2,
        };
        let found =
            [false, true].map(|ended| announces_more(root, &records, &headers, received, ended));
        assert_eq!(found, expected, "{body} {link}");
    }

    #[test]
    fn headers_announce_more_too() {
        let mut index = Index::default();
        let root = index.read("[]").unwrap();
        let received = Received {
            of_page: 10,
            of_all: 10,
            pages: 1,
        };
        let check = |name: &str, value: &str, expected: bool| {
            let headers = [(name.to_owned(), value.to_owned())];
            let records = Pointer::parse("").unwrap();
            let found = announces_more(root, &records, &headers, received, false);
            assert_eq!(found, expected, "{name}: {value}");
        };
        for (name, more, all) in [
            ("x-total-count", "11", "10"),
            ("x-wp-total", " 11", "x"),
            ("x-wp-totalpages", "2", "1"),
            ("content-range", "items 0-9/125", "items 0-9/10"),
            ("content-range", "0-9/11", "bytes 0-9/11"),
            ("content-range", "items 0-9/11", "items 0-9/*"),
        ] {
            check(name, more, true);
            check(name, all, false);
        }
    }

    #[test]
    fn answers_announce_more_in_many_ways() {
        let both = [true, true];
        let unsaid = [true, false];
        let neither = [false, false];
        check("/data", r#"{"data":[],"total":7}"#, "", 6, both);
        check("/data", r#"{"data":[],"total":7}"#, "", 7, neither);
        check(
            "/recordings",
            r#"{"recording-count":360,"recording-offset":0}"#,
            "",
            100,
            both,
        );
        check(
            "/a/items",
            r#"{"a":{"items":[],"totalCount":2}}"#,
            "",
            1,
            both,
        );
        check("/data", r#"{"meta":{"total":2}}"#, "", 1, both);
        check("", "[]", "</p2>; rel=next", 9, both);
        check("", "[]", "</p1>; rel=prev", 9, neither);
        check("/data", r#"{"next":"https://a.example/2"}"#, "", 9, unsaid);
        check(
            "/data",
            r#"{"_links":{"next":{"href":"/2"}}}"#,
            "",
            9,
            unsaid,
        );
        check("/data", r#"{"next_page":2}"#, "", 9, unsaid);
        check("/results", r#"{"page":2,"total_pages":3}"#, "", 9, unsaid);
        check("/results", r#"{"page":2,"total_pages":2}"#, "", 9, neither);
        check("/data", r#"{"has_more":true}"#, "", 9, unsaid);
        check("/data", r#"{"next":true}"#, "", 9, unsaid);
        check("/data", r#"{"page":{"totalPages":3}}"#, "", 9, unsaid);
        check("/data", r#"{"page":2,"total":"10"}"#, "", 9, both);
        check(
            "/hits/hits",
            r#"{"hits":{"total":{"value":10},"hits":[]}}"#,
            "",
            9,
            both,
        );
        for none in [
            r#"{"next":null}"#,
            r#"{"next":""}"#,
            r#"{"has_more":false}"#,
            "{}",
            "[1]",
        ] {
            check("/data", none, "", 9, neither);
        }
    }
}
