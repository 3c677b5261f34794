//! The parameters of a request and the shape of its answer → how the next page
//! is found. All of it is guessed by names that many APIs use.

use super::document::Parameter;
use super::records::Answer;
use serde_json::{Map, Value, json};

const SIZES: [&str; 12] = [
    "perpage",
    "pagesize",
    "limit",
    "size",
    "maxresults",
    "count",
    "pagelimit",
    "itemsperpage",
    "rows",
    "top",
    "take",
    "maxitems",
];
const NUMBERS: [&str; 5] = ["page", "pagenumber", "pageno", "pagenum", "pageindex"];
const OFFSETS: [&str; 6] = ["offset", "start", "skip", "startindex", "startat", "from"];
const CURSORS: [&str; 9] = [
    "cursor",
    "after",
    "pagetoken",
    "nexttoken",
    "startingafter",
    "continuationtoken",
    "nextcursor",
    "nextpagetoken",
    "marker",
];
const NEXT_URLS: [&str; 5] = ["next", "nexturl", "nextpageurl", "nextlink", "nextpage"];
const NEXT_CURSORS: [&str; 9] = [
    "nextcursor",
    "nextpagetoken",
    "nexttoken",
    "cursor",
    "endcursor",
    "after",
    "continuationtoken",
    "nextmarker",
    "next",
];
const TOTALS: [&str; 7] = [
    "total",
    "totalcount",
    "totalresults",
    "totalitems",
    "totalsize",
    "numresults",
    "hits",
];
const TOTAL_PAGES: [&str; 5] = ["totalpages", "pagecount", "lastpage", "numpages", "pages"];
const HAS_MORE: [&str; 4] = ["hasmore", "hasnextpage", "hasnext", "more"];

/// How pages are asked for.
#[derive(Debug, Default)]
pub struct Pages {
    /// `[source.pagination]`.
    pub settings: Option<Value>,
    /// The parameters that pages are asked by.
    pub parameters: Vec<String>,
    /// Those that have a value in the URL.
    pub fixed: Vec<(String, String)>,
}

pub fn guess(parameters: &[Parameter], answer: &Answer, remarks: &mut Vec<String>) -> Pages {
    let find = |names: &[&str]| {
        let query = parameters.iter().filter(|it| it.place == "query");
        let known = query.filter(|it| names.contains(&plain(&it.name).as_str()));
        known.min_by_key(|it| names.iter().position(|name| *name == plain(&it.name)))
    };
    // Nobody promised what the document doesn't say: then a page has its usual size.
    let size = find(&SIZES).and_then(|it| Some((it, size_of(it)?)));
    let (number, offset, cursor) = (find(&NUMBERS), find(&OFFSETS), find(&CURSORS));
    let next_url = pointer(answer, &NEXT_URLS, |kind| kind == "string");
    let next_cursor = pointer(answer, &NEXT_CURSORS, |kind| kind != "boolean");
    let by_link = answer.headers.iter().any(|name| name == "link");
    let (settings, by, counted) = match (cursor, number, offset) {
        _ if by_link => (json!({"type": "link-header"}), "the `Link` header", None),
        (Some(cursor), ..) if next_cursor.is_some() => (
            json!({"type": "cursor", "parameter": cursor.name, "pointer": next_cursor}),
            "a cursor",
            Some(cursor),
        ),
        _ if next_url.is_some() && (number.is_some() || offset.is_some() || size.is_some()) => (
            json!({"type": "next-url", "pointer": next_url}),
            "the next page's URL in the body",
            number.or(offset),
        ),
        (_, Some(number), _) => (
            counting("page-number", number, size, 1, answer),
            "a page's number",
            Some(number),
        ),
        (_, None, Some(offset)) => (
            counting("offset", offset, size, 0, answer),
            "an offset",
            Some(offset),
        ),
        (Some(cursor), ..) => {
            remarks.push(format!(
                "Pages: the parameter `{}` looks like a cursor, but no member of the answer looks \
                 like the next one: set [source.pagination].",
                cursor.name
            ));
            return Pages::default();
        }
        _ => {
            remarks.push("Pages: none were found; one request is the whole answer.".to_owned());
            return Pages::default();
        }
    };
    remarks.push(format!(
        "Pages: guessed to be found by {by}; see whether that is so."
    ));
    let counts = settings.get("parameter").is_some() && settings.get("size").is_some();
    let size_in_url = size.filter(|_| !counts);
    let fixed = size_in_url.map(|(it, size)| (it.name.clone(), size.to_string()));
    // A link has the next page's number in it; the first request may need one.
    let by_number = settings.get("parameter").is_some();
    let is_left_out = |it: &&Parameter| by_number || !it.required;
    let others = [
        counted.filter(is_left_out),
        size.map(|(it, _)| it),
        number.filter(|_| by_link).filter(is_left_out),
        offset.filter(|_| by_link).filter(is_left_out),
    ];
    let parameters = others.into_iter().flatten().map(|it| it.name.clone());
    Pages {
        settings: Some(settings),
        parameters: parameters.collect(),
        fixed: fixed.into_iter().collect(),
    }
}

fn counting(
    kind: &str,
    parameter: &Parameter,
    size: Option<(&Parameter, u64)>,
    usual: u64,
    answer: &Answer,
) -> Value {
    let mut settings = Map::new();
    settings.insert("type".to_owned(), kind.into());
    settings.insert("parameter".to_owned(), parameter.name.as_str().into());
    let default = parameter.default.as_ref().and_then(Value::as_u64);
    let first = default.or(parameter.minimum).unwrap_or(usual);
    if first != usual && first <= 1 {
        settings.insert("first".to_owned(), first.into());
    }
    let is_number = |kind: &str| kind == "integer" || kind == "number";
    let end = if let Some(pages) = pointer(answer, &TOTAL_PAGES, is_number) {
        Some(json!({"total_pages": pages})).filter(|_| kind == "page-number")
    } else {
        None
    };
    let end = end
        .or_else(|| Some(json!({"has_more": pointer(answer, &HAS_MORE, |it| it == "boolean")?})))
        .or_else(|| Some(json!({"total": total(answer)?})));
    // Without an end or a bound, a page that the API cuts shorter would be the last.
    if let Some((parameter, size)) = size.filter(|(it, _)| end.is_some() || it.maximum.is_some()) {
        settings.insert("size_parameter".to_owned(), parameter.name.as_str().into());
        settings.insert("size".to_owned(), size.into());
    }
    if let Some(end) = end {
        settings.insert("end".to_owned(), end);
    }
    settings.into()
}

/// As large as it may be, or else as it is where nobody chooses.
fn size_of(parameter: &Parameter) -> Option<u64> {
    let default = parameter.default.as_ref().and_then(Value::as_u64);
    let size = parameter.maximum.map(|most| most.min(1_000)).or(default);
    size.filter(|size| *size > 0)
}

/// A number of records, also if it is called after them.
fn total(answer: &Answer) -> Option<String> {
    let is_number = |kind: &str| kind == "integer" || kind == "number";
    let records = answer.pointer.trim_start_matches('/').trim_end_matches('s');
    let called =
        |name: &str| !records.is_empty() && plain(name) == format!("{}count", plain(records));
    let by_records = || {
        let beside = answer.beside.iter().filter(|(_, kind)| is_number(kind));
        let mut names = beside.map(|(pointer, _)| pointer);
        names.find(|pointer| called(last(pointer))).cloned()
    };
    pointer(answer, &TOTALS, is_number).or_else(by_records)
}

/// The member of an answer that has one of these names, the shallowest first.
fn pointer(answer: &Answer, names: &[&str], fits: impl Fn(&str) -> bool) -> Option<String> {
    let beside = answer.beside.iter();
    let known = beside
        .filter(|(pointer, kind)| fits(kind) && names.contains(&plain(last(pointer)).as_str()));
    let place = |pointer: &str| {
        let order = names.iter().position(|name| *name == plain(last(pointer)));
        (pointer.matches('/').count(), order)
    };
    let found = known.min_by_key(|(pointer, _)| place(pointer));
    found.map(|(pointer, _)| pointer.clone())
}

fn last(pointer: &str) -> &str {
    pointer.rsplit('/').next().unwrap_or_default()
}

/// Without what names differ by from API to API.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|each| each.to_ascii_lowercase()).collect()
}
