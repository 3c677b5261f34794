//! What is refused before any request, and in which words.

mod credentials;

use super::super::script::{source, source_with};
use super::super::snippet::chain;
use super::*;
use crate::settings;
use crate::settings::{Auth, Axis, Basic, Bearer, ClientCredentials, CredentialsIn, Field, Header};

const ROW: &str = r#"{"id":1,"name":"x"}"#;

fn check_requests(
    only: Option<&[PendingRequest]>,
    change: impl FnOnce(&mut Source),
    expected: &str,
) {
    let mut source = source();
    change(&mut source);
    let rows = [ROW, r#"{"id":2}"#, "nonsense"].map(str::to_owned);
    let shown = match Plan::check(&source, &rows, only) {
        Ok(plan) => format!("{} requests", plan.requests.len()),
        Err(error) => chain(&error),
    };
    assert_eq!(shown, expected);
}

fn check(change: impl FnOnce(&mut Source), expected: &str) {
    check_requests(None, change, expected);
}

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn secret(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.into(),
    }
}

fn axis(name: &str, values: &[&str]) -> Axis {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Axis {
        name: name.to_owned(),
        values,
    }
}

#[test]
fn urls_and_templates() {
    let url = |url: &str, expected: &str| check(|source| url.clone_into(&mut source.url), expected);
    url("https://api.example/{id}/{name}", "3 requests");
    url("http://127.0.0.1:8080/{{{id}}}", "3 requests");
    url("https://{name}.example:{id}/", "3 requests");
    let scheme = "source: /url must start with https:// (or http://, where the host allows it) and a \
                  host name";
    for bad in [
        "ftp://api.example/{id}",
        "{id}",
        "file:///{id}",
        "api.example/{id}",
        "",
        "data:,x",
    ] {
        url(bad, scheme);
    }
    let user = "source: /url has a user name or password in it (use `auth` with type \"basic\")";
    url("https://me:secret@api.example/", user);
    let open = "the `{` at byte 20 is never closed; a literal brace is written `{{`";
    url(
        "https://api.example/{id",
        &format!("source: /url is not a template: {open}"),
    );
    let early = "`{record:…}` is for attributes; there is no record before the request is made";
    url(
        "https://api.example/{record:/a}",
        &format!("source: /url is not a template: {early}"),
    );
    let unknown = "no row has `ID`, and no matrix axis has this name; known are `id`, `name`";
    url("https://api.example/{ID}", unknown);
    let header = |name: &str, value: &str, expected: &str| {
        check(
            |source| source.headers = vec![secret("a", "1"), secret(name, value)],
            expected,
        );
    };
    header("x-id", "{id}", "3 requests");
    header(
        "x id",
        "secret",
        "source: /headers/x id is not the name of an HTTP header",
    );
    header(
        "",
        "secret",
        "source: /headers/ is not the name of an HTTP header",
    );
    header(
        "x",
        "se{cret",
        "source: /headers/x is not a template: the `{` at byte 2 is never closed; a literal \
         brace is written `{{`",
    );
    header(
        "x",
        "{record:/a}",
        &format!("source: /headers/x is not a template: {early}"),
    );
    let odd = "source: /headers/x is not a template: the braces at byte 0 hold no column's name; \
               literal braces are doubled";
    header("x", r#"{"secret":1}"#, odd);
    let attribute = |name: &str, value: &str, expected: &str| {
        check(
            |source| source.attributes = vec![field("a", "1"), field(name, value)],
            expected,
        );
    };
    attribute("b", "{record:/x}{id}", "3 requests");
    attribute("a", "2", "source: /attributes/a is given twice");
    attribute("", "2", "source: /attributes/ has no name");
    attribute(
        "b",
        "{record:x}",
        "source: /attributes/b is not a template: read the pointer after `record:`: a JSON Pointer \
         is empty or starts with `/`",
    );
    attribute(
        "b",
        "{nope}",
        "no row has `nope`, and no matrix axis has this name; known are `id`, `name`",
    );
}

#[test]
fn pointers_and_pages() {
    let pointer = "a JSON Pointer is empty or starts with `/`";
    check(
        |source| source.records = "t".to_owned(),
        &format!("source: /records is not a JSON Pointer: {pointer} (perhaps \"/t\")"),
    );
    check(
        |source| source.require = vec!["/a".to_owned(), "b".to_owned()],
        &format!("source: /require/1 is not a JSON Pointer: {pointer} (perhaps \"/b\")"),
    );
}

#[test]
fn matrix_and_requests() {
    let matrix = |axes: Vec<Axis>, expected: &str| check(|source| source.matrix = axes, expected);
    matrix(
        vec![axis("a", &["1", "2"]), axis("b", &["1", "2"])],
        "12 requests",
    );
    matrix(
        vec![axis("a", &[])],
        "source: /matrix/a has no values; it needs at least one",
    );
    matrix(
        vec![axis("a", &["1"]), axis("a", &["1"])],
        "source: /matrix/a is given twice",
    );
    let column = "the axis `name` is named like a column; rename one of them";
    matrix(vec![axis("name", &["1"])], column);
    let many: Vec<_> = (0..65_536).map(|value| value.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    matrix(
        vec![axis("a", &many), axis("b", &many)],
        "source: /matrix has more than 4294967295 combinations",
    );
    let half = many.get(..32_768).unwrap_or_default();
    let too_many = "rows times combinations is more than 4294967295 requests; give fewer rows per \
                    call";
    matrix(vec![axis("a", &many), axis("b", half)], too_many);
    let only = |requests: &[(u32, u32)], expected: &str| {
        let requests: Vec<_> = requests
            .iter()
            .map(|&(row, combination)| PendingRequest {
                request: Request { row, combination },
                resume: None,
            })
            .collect();
        let two = |source: &mut Source| source.matrix = vec![axis("a", &["1", "2"])];
        check_requests(Some(&requests), two, expected);
    };
    only(&[(2, 1), (0, 0)], "2 requests");
    only(&[], "0 requests");
    only(
        &[(3, 0)],
        "only has row 3, combination 0, but there are 3 rows and 2 combinations",
    );
    only(
        &[(0, 2)],
        "only has row 0, combination 2, but there are 3 rows and 2 combinations",
    );
    only(
        &[(1, 1), (0, 0), (1, 1)],
        "only has row 1, combination 1 twice",
    );
}

#[test]
fn ranges() {
    check(
        |source| source.concurrency = 0,
        "source: /concurrency is 0; it must be 1 to 256",
    );
    check(
        |source| source.concurrency = 257,
        "source: /concurrency is 257; it must be 1 to 256",
    );
    check(
        |source| source.max_pages = 10_001,
        "source: /max_pages is 10001; it must be 1 to 10000",
    );
    let attempts = "source: /retry/max_attempts is 21; it must be 1 to 20";
    check(|source| source.retry.max_attempts = 21, attempts);
    let timeout = "source: /request_timeout_ms is 0; it must be 1 to 4294967295";
    check(|source| source.request_timeout_ms = 0, timeout);
    let body = "source: /max_body_bytes is 0; it must be 1 to 18446744073709551615";
    check(|source| source.max_body_bytes = 0, body);
}

#[test]
fn rates_and_bodies() {
    let check = |settings: &str, expected: &str| {
        let mut mistakes = Mistakes::default();
        let text = format!(r#"{{"url": "https://api.example/{{id}}"{settings}}}"#);
        if let Some(source) = settings::source(&text, &mut mistakes) {
            Checked::new(&source, &mut mistakes);
        }
        assert_eq!(mistakes.to_string(), expected, "{settings}");
    };
    check(r#", "rate": {"requests": 50, "per": "5s"}"#, "");
    check(
        r#", "rate": {"requests": 0, "per": "25h"}"#,
        "/rate/requests is 0; it must be 1 to 1000000; /rate/per is longer than a day",
    );
    check(
        r#", "rate": {"requests": 5, "per": "5"}"#,
        "/rate/per is not a length of time such as \"500ms\", \"5s\", \"1m\" or \"2h\"",
    );
    check(r#", "method": "POST", "body": {"a": "{id}"}"#, "");
    check(
        r#", "body": [1]"#,
        "/body is only for POST (set `method` to \"POST\")",
    );
    check(
        r#", "method": "PUT""#,
        "/method is none of `GET`, `POST` (did you mean \"POST\"?)",
    );
}

#[test]
fn everything_is_said_at_once() {
    check(
        |source| {
            source.url = "api.example".to_owned();
            source.max_pages = 0;
            source.require = vec!["id".to_owned()];
        },
        "source: /max_pages is 0; it must be 1 to 10000; /url must start with https:// (or \
         http://, where the host allows it) and a host name; /require/0 is not a JSON Pointer: a \
         JSON Pointer is empty or starts with `/` (perhaps \"/id\")",
    );
}

#[test]
fn what_would_not_be_sent_is_refused() {
    for url in [
        "https://api.example/s?q=#{id}",
        "https://api.example/#/{id}",
    ] {
        check(
            |source| source.url = url.to_owned(),
            "source: /url has a `#`, and what follows it is never sent (write %23 for the \
             character; or leave out what follows)",
        );
    }
    check(
        |source| source.headers = vec![secret("Content-Length", "1")],
        "source: /headers/Content-Length is written by the HTTP client itself",
    );
    check(
        |source| source.url = "https://a.example:99999/{id}".to_owned(),
        "source: /url is not a URL: invalid port number",
    );
}

#[test]
fn requests_that_cannot_be_made() {
    let order = |row: &str, expected: &str| {
        let mut source = source();
        source.url = "https://api.example/{id}".to_owned();
        source.headers = vec![secret("x", "{id}")];
        source.attributes = vec![field("b", "{name}")];
        let rows = [ROW.to_owned(), row.to_owned()];
        let plan = Plan::check(&source, &rows, None).map_err(|error| chain(&error));
        let request = Request {
            row: 1,
            combination: 0,
        };
        let shown = plan.and_then(|plan| {
            let prepared = plan.prepare(&[request]).map_err(|error| chain(&error))?;
            Ok(prepared.url.to_string())
        });
        assert_eq!(shown.unwrap_or_else(|reason| reason), expected, "{row}");
    };
    order(r#"{"id":"a b","name":1}"#, "https://api.example/a%20b");
    order(
        r#"{"id":"a/../b","name":1}"#,
        "https://api.example/a%2F..%2Fb",
    );
    let dots = "the filled url has `.` or `..` as a path segment, which would lead elsewhere";
    order(r#"{"id":"..","name":1}"#, dots);
    order(r#"{"id":".","name":1}"#, dots);
    order(
        r#"{"id":"a\r\nx: y","name":1}"#,
        "the filled value of header 1 has control characters",
    );
    order("7", "the row is a number, not an object");
    order(
        r#"{"name":1}"#,
        "fill the template of url: the row has no `id`; known are `name`",
    );
    order(
        r#"{"id":1,"name":null}"#,
        "fill the template of the attribute `b`: `name` is null; a template takes strings, numbers \
         and booleans",
    );
}

/// Settings → the first request's headers.
fn check_headers(settings: &str, expected: &[(&str, &str)]) {
    let source = source_with(settings);
    let rows = [ROW.to_owned()];
    let plan = Plan::check(&source, &rows, None).map_err(|error| chain(&error));
    let request = Request {
        row: 0,
        combination: 0,
    };
    let headers = plan.and_then(|plan| {
        let prepared = plan.prepare(&[request]).map_err(|error| chain(&error))?;
        Ok(prepared.headers)
    });
    let expected = expected
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(headers, Ok(expected.collect()), "{settings}");
}

#[test]
fn requests_say_what_may_be_answered() {
    let agent = ("user-agent", concat!("rowcast/", env!("CARGO_PKG_VERSION")));
    check_headers("", &[agent, ("accept", "application/json")]);
    let github = "application/vnd.github+json";
    check_headers(
        &format!(r#", "accept": "{github}""#),
        &[agent, ("accept", github)],
    );
    check_headers(
        r#", "headers": {"Accept": "text/csv"}"#,
        &[("Accept", "text/csv"), agent],
    );
    let contact = concat!("rowcast/", env!("CARGO_PKG_VERSION"), " (a@b.example)");
    let all = [("user-agent", contact), ("accept", "application/json")];
    check_headers(r#", "contact": "a@b.example""#, &all);
    check(
        |source| source.contact = Some("a) x/1 (b".to_owned()),
        "source: /contact must be one line of ASCII characters, at least one, without parentheses \
         and backslashes",
    );
    let accept = "source: /accept must be one line of ASCII characters, at least one";
    for bad in ["", " ", "a\nb", "é"] {
        check(|source| source.accept = Some(bad.to_owned()), accept);
    }
}
