//! What is refused before any request, and in which words.

use super::super::excerpt::chain;
use super::super::script::source;
use super::*;
use crate::bindings::exports::rowcast::pipeline::extract::{
    Axis, Basic, ClientCredentials, CursorPagination, Pagination,
};

const ROW: &str = r#"{"id":1,"name":"x"}"#;

fn check_cells(only: Option<&[Cell]>, change: impl FnOnce(&mut Source), expected: &str) {
    let mut source = source();
    change(&mut source);
    let rows = [ROW, r#"{"id":2}"#, "nonsense"].map(str::to_owned);
    let shown = match Plan::check(&source, &rows, only) {
        Ok(plan) => format!("{} cells", plan.cells.len()),
        Err(error) => chain(&error),
    };
    assert_eq!(shown, expected);
}

fn check(change: impl FnOnce(&mut Source), expected: &str) {
    check_cells(None, change, expected);
}

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        value: value.to_owned(),
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
    url("https://api.example/{id}/{name}", "3 cells");
    url("http://127.0.0.1:8080/{{{id}}}", "3 cells");
    url("https://{name}.example:{id}/", "3 cells");
    let scheme =
        "url must start with https:// (or http://, where the host allows it) and a host name";
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
    let user = "url has a user name or password in it; use auth = basic";
    url("https://me:secret@api.example/", user);
    let open = "the `{` at byte 20 is never closed; a literal brace is written `{{`";
    url(
        "https://api.example/{id",
        &format!("read the template of url: {open}"),
    );
    let early = "`{record:…}` is for attributes; there is no record before the request is made";
    url(
        "https://api.example/{record:/a}",
        &format!("read the template of url: {early}"),
    );
    let unknown = "no row has `ID`, and no axis is called so; known are `id`, `name`";
    url("https://api.example/{ID}", unknown);
    let header = |name: &str, value: &str, expected: &str| {
        check(
            |source| source.headers = vec![field("a", "1"), field(name, value)],
            expected,
        );
    };
    header("x-id", "{id}", "3 cells");
    header(
        "x id",
        "secret",
        "the name of header 2 is no HTTP field name",
    );
    header("", "secret", "the name of header 2 is no HTTP field name");
    header(
        "x",
        "se{cret",
        "read the template of header 2: the `{` at byte 2 is never closed; a \
                            literal brace is written `{{`",
    );
    header(
        "x",
        "{record:/a}",
        &format!("read the template of header 2: {early}"),
    );
    let odd = "read the template of header 2: the braces at byte 0 hold no column's name; literal \
               braces are doubled";
    header("x", r#"{"secret":1}"#, odd);
    let attribute = |name: &str, value: &str, expected: &str| {
        check(
            |source| source.attributes = vec![field("a", "1"), field(name, value)],
            expected,
        );
    };
    attribute("b", "{record:/x}{id}", "3 cells");
    attribute("a", "2", "the attribute name `a` is empty or given twice");
    attribute("", "2", "the attribute name `` is empty or given twice");
    attribute(
        "b",
        "{record:x}",
        "read the template of the attribute `b`: read the pointer after \
                                  `record:`: a JSON Pointer is empty or starts with `/`",
    );
    attribute(
        "b",
        "{nope}",
        "no row has `nope`, and no axis is called so; known are `id`, `name`",
    );
}

#[test]
fn pointers_and_pages() {
    let pointer = "a JSON Pointer is empty or starts with `/`";
    check(
        |source| source.records = "t".to_owned(),
        &format!("read the pointer in records: {pointer}"),
    );
    check(
        |source| source.require = vec!["/a".to_owned(), "b".to_owned()],
        &format!("read the pointer `b` in require: {pointer}"),
    );
    check(
        |source| source.pagination = Pagination::NextUrl("next".to_owned()),
        &format!("read the pointer in pagination: {pointer}"),
    );
    let cursor = CursorPagination {
        pointer: "/c".to_owned(),
        parameter: String::new(),
    };
    check(
        |source| source.pagination = Pagination::Cursor(cursor),
        "the pagination's cursor needs the name of a query parameter",
    );
}

#[test]
fn matrix_and_cells() {
    let matrix = |axes: Vec<Axis>, expected: &str| check(|source| source.matrix = axes, expected);
    matrix(
        vec![axis("a", &["1", "2"]), axis("b", &["1", "2"])],
        "12 cells",
    );
    matrix(
        vec![axis("a", &[])],
        "the axis `a` has no values; it needs at least one",
    );
    matrix(
        vec![axis("a", &["1"]), axis("a", &["1"])],
        "two axes are named `a`",
    );
    let column = "the axis `name` is named like a column; rename one of them";
    matrix(vec![axis("name", &["1"])], column);
    let many = vec!["x"; 65_536];
    let too_many = "rows times combinations is more than 4294967295 requests; give fewer rows per \
                    call";
    matrix(vec![axis("a", &many), axis("b", &many)], too_many);
    let only = |cells: &[(u32, u32)], expected: &str| {
        let cells: Vec<_> = cells
            .iter()
            .map(|&(row, combination)| Cell { row, combination })
            .collect();
        let two = |source: &mut Source| source.matrix = vec![axis("a", &["1", "2"])];
        check_cells(Some(&cells), two, expected);
    };
    only(&[(2, 1), (0, 0)], "2 cells");
    only(&[], "0 cells");
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
        "concurrency is 0; it must be 1 to 256",
    );
    check(
        |source| source.concurrency = 257,
        "concurrency is 257; it must be 1 to 256",
    );
    check(
        |source| source.max_pages = 10_001,
        "max-pages is 10001; it must be 1 to 10000",
    );
    let attempts = "retry.max-attempts is 21; it must be 1 to 20";
    check(|source| source.retry.max_attempts = 21, attempts);
    let timeout = "request-timeout-ms is 0; it must be 1 to 4294967295";
    check(|source| source.request_timeout_ms = 0, timeout);
    let body = "max-body-bytes is 0; it must be 1 to 18446744073709551615";
    check(|source| source.max_body_bytes = 0, body);
}

#[test]
fn authentication() {
    let auth = |auth: Auth, expected: &str| check(|source| source.auth = auth, expected);
    auth(Auth::Bearer("abc".to_owned()), "3 cells");
    auth(Auth::Bearer(String::new()), "auth has no token");
    let characters = "auth's token has characters that an HTTP header can't carry";
    auth(Auth::Bearer("se\ncret".to_owned()), characters);
    let basic = Basic {
        username: "a:b".to_owned(),
        password: "secret".to_owned(),
    };
    auth(
        Auth::Basic(basic),
        "auth's username has a colon, which HTTP Basic can't carry",
    );
    let client = |url: &str, id: &str| {
        Auth::ClientCredentials(ClientCredentials {
            token_url: url.to_owned(),
            client_id: id.to_owned(),
            client_secret: "secret".to_owned(),
            scope: String::new(),
        })
    };
    auth(client("https://login.example/token", "me"), "3 cells");
    auth(
        client("https://login.example/token", ""),
        "auth has no client-id",
    );
    let url = "auth's token-url must start with https:// (or http://) and carry no credentials";
    for bad in [
        "login.example",
        "ftp://login.example",
        "https://me:secret@login.example",
        "",
    ] {
        auth(client(bad, "me"), url);
    }
    check(
        |source| {
            source.auth = Auth::Bearer("abc".to_owned());
            source.headers = vec![field("Authorization", "secret")];
        },
        "headers have an Authorization beside auth; keep one of them",
    );
}

#[test]
fn cells_without_a_request() {
    let order = |row: &str, expected: &str| {
        let mut source = source();
        source.url = "https://api.example/{id}#part".to_owned();
        source.headers = vec![field("x", "{id}")];
        source.attributes = vec![field("b", "{name}")];
        let rows = [ROW.to_owned(), row.to_owned()];
        let plan = Plan::check(&source, &rows, None).map_err(|error| chain(&error));
        let cell = Cell {
            row: 1,
            combination: 0,
        };
        let shown = plan.and_then(|plan| {
            let order = plan.order(cell).map_err(|error| chain(&error))?;
            Ok(order.url.to_string())
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
