//! Several rows in one request.

use super::super::super::script::source_with;
use super::*;
use crate::settings::{self, Mistakes};

const BATCH: &str = r#", "batch": {"size": 3, "pointer": "/id"}, "attributes": {"row": "{id}"}"#;

fn batched() -> Source {
    let mut source = source_with("");
    let text =
        format!(r#"{{"url": "https://api.example/list?ids={{id*}}", "records": "/t"{BATCH}}}"#);
    let mut mistakes = Mistakes::default();
    if let Some(read) = settings::source(&text, &mut mistakes) {
        source.url = read.url;
        source.batch = read.batch;
        source.attributes = read.attributes;
    }
    assert!(mistakes.is_empty(), "{mistakes}");
    source
}

fn ids(request: &HttpRequest) -> Vec<u32> {
    let ids = request.url.split_once("ids=").map_or("", |(_, ids)| ids);
    ids.split(',').filter_map(|id| id.parse().ok()).collect()
}

/// Records of those ids, the last first.
fn records(ids: &[u32]) -> Reply {
    let records: Vec<_> = ids
        .iter()
        .rev()
        .map(|id| format!(r#"{{"id":"{id}"}}"#))
        .collect();
    answer(200, &[], &format!(r#"{{"t":[{}]}}"#, records.join(",")))
}

#[test]
fn answers_are_matched_back_to_rows() {
    let reply = |request: &HttpRequest, _| {
        let ids: Vec<_> = ids(request).into_iter().filter(|id| *id != 4).collect();
        records(&ids)
    };
    let expected = "done 0:1 1:1 2:1 3:1 4:0 5:1 6:1; 3 requests, 0 repeats, 0 tokens";
    let script = check(&batched(), 7, None, reply, expected);
    let urls: Vec<_> = script
        .sent
        .borrow()
        .iter()
        .map(|(_, it)| it.url.clone())
        .collect();
    let list = "https://api.example/list?ids=";
    assert_eq!(
        urls,
        ["0,1,2", "3,4,5", "6"].map(|ids| format!("{list}{ids}"))
    );
    let script = Script::new(|_: &HttpRequest, _| records(&[0, 1, 9]));
    let result = script.block_on(run(&script, &batched(), &rows(2), None, None));
    let found = result.map(|it| (it.documents, it.rejected_records.len()));
    let documents = [r#"{"row":0,"id":"0"}"#, r#"{"row":1,"id":"1"}"#].map(str::to_owned);
    assert_eq!(found, Ok((documents.to_vec(), 1)));
}

#[test]
fn a_bad_row_spoils_no_other() {
    let rejects = |request: &HttpRequest, _| match ids(request) {
        ids if ids.contains(&1) => answer(400, &[], ""),
        ids => records(&ids),
    };
    let expected = "done 0:1 2:1 3:1 4:1 rejected 1(Status 400); 6 requests, 0 repeats, 0 tokens";
    check(&batched(), 5, None, rejects, expected);
    // A poisoned row, whose attempts run out.
    let poison = |request: &HttpRequest, _| match ids(request) {
        ids if ids.contains(&1) => answer(500, &[], ""),
        ids => records(&ids),
    };
    let script = Script::new(poison);
    let result = script.block_on(run(&script, &batched(), &rows(5), None, None));
    let shown = shown(&result);
    let expected = "done 0:1 2:1 3:1 4:1 rejected 1(Exhausted 500);";
    assert!(shown.starts_with(expected), "{shown}");
    check_balance(&result, 5);
    // Rows that fill no template go alone.
    let script = Script::new(|request: &HttpRequest, _| records(&ids(request)));
    let bad = [r#"{"id":0}"#, r#"{"id":null}"#, "[]", r#"{"id":3}"#].map(str::to_owned);
    let result = script.block_on(run(&script, &batched(), &bad, None, None));
    let expected = "done 0:1 3:1 rejected 1(Template) 2(Template); 2 requests, 0 repeats, 0 tokens";
    assert_eq!(
        super::shown(&result),
        expected.replace(
            "2 requests",
            &format!("{} requests", script.sent.borrow().len())
        )
    );
    // What is cut short by the budget is pending for every row of it.
    let slow = |_: &HttpRequest, _| (1_000, ok().1);
    let expected = "pending 0 1 2 3 4 because budget; 2 requests, 0 repeats, 0 tokens";
    check(&batched(), 5, Some(500), slow, expected);
}

#[test]
fn mistakes_in_batches() {
    let check = |url: &str, more: &str, expected: &str| {
        let mut mistakes = Mistakes::default();
        let text = format!(r#"{{"url": "https://api.example/{url}"{more}}}"#);
        if let Some(source) = settings::source(&text, &mut mistakes) {
            super::super::super::checked::Checked::new(&source, &mut mistakes);
        }
        assert_eq!(mistakes.to_string(), expected, "{url} {more}");
    };
    check("?ids={id*}", BATCH, "");
    check(
        "{country}?ids={id*}",
        &format!(r#"{BATCH}, "matrix": {{"country": ["US"]}}"#),
        "",
    );
    check(
        "?ids={id*}",
        "",
        "/batch is missing with `{id*}` (say how many rows a request may have)",
    );
    check(
        "?ids={id}",
        BATCH,
        "/url has no `{column*}` for the rows of a batch (such as \
         https://api.example.com/artists?ids={id*})",
    );
    check(
        "{name}?ids={id*}",
        BATCH,
        "/batch can't be used, because `name` differs between the rows (use only the matrix and \
         `{column*}`)",
    );
    check(
        "?ids={id*}",
        r#", "batch": {"size": 1, "pointer": "id", "separator": ""}"#,
        "/batch/pointer is not a JSON Pointer: a JSON Pointer is empty or starts with `/` (perhaps \
         \"/id\"); /batch/size is 1; it must be 2 to 1000; /batch/separator is empty",
    );
}
