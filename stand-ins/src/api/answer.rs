//! A request → what the API answers to it. Knows nothing of sockets and limits.

use super::Api;
use super::description::{Answered, Needed, Pages};
use crate::chance::Chance;
use crate::http::{Reply, Seen};
use crate::track::{self, Seed};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The token that is good.
pub const TOKEN: &str = "demo-token";
/// The key that is good.
pub const KEY: &str = "demo-key-5d0c";

/// A request, understood.
pub(super) struct Asked<'a> {
    api: &'a Api,
    /// Scheme and authority, as the client named them.
    origin: String,
    path: &'a str,
    query: Vec<(String, String)>,
    /// What the path's braces stand for.
    columns: HashMap<String, String>,
}

/// A page of records.
#[derive(Clone, Copy)]
struct Page {
    total: u64,
    start: u64,
    end: u64,
}

/// None where the API has no such path.
pub(super) fn read<'a>(api: &'a Api, target: &'a str, host: &str) -> Option<Asked<'a>> {
    let split = |target: &'a str| target.split_once('?').unwrap_or((target, ""));
    let ((pattern, expected), (path, query)) = (split(&api.target), split(target));
    let parsed = |query: &str| -> Vec<(String, String)> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.into_owned().collect()
    };
    let query = parsed(query);
    if pattern.split('/').count() != path.split('/').count() {
        return None;
    }
    let mut columns = HashMap::new();
    for (expected, given) in pattern.split('/').zip(path.split('/')) {
        match column(expected) {
            Some(column) if !given.is_empty() => {
                columns.insert(column.to_owned(), given.to_owned());
            }
            _ if expected == given => {}
            _ => return None,
        }
    }
    for (parameter, expected) in parsed(expected) {
        if let Some(column) = column(&expected) {
            let (_, given) = query.iter().find(|(name, _)| *name == parameter)?;
            columns.insert(column.to_owned(), given.clone());
        }
    }
    Some(Asked {
        api,
        origin: format!("http://{host}"),
        path,
        query,
        columns,
    })
}

/// The name in braces.
fn column(text: &str) -> Option<&str> {
    text.strip_prefix('{')?.strip_suffix('}')
}

/// The answer to a request that lacks what the API needs.
pub(super) fn unmet(api: &Api, seen: &Seen) -> Option<Reply> {
    let agent = seen.header("user-agent").unwrap_or_default();
    let bearer = seen.header("authorization") == Some(&format!("Bearer {TOKEN}"));
    let keyed = seen.target.contains(&format!("api_key={KEY}"));
    let unmet = api.needs.iter().find(|need| match need.kind {
        Needed::Agent => agent.is_empty(),
        Needed::Contact => !agent.contains(['@', ':']),
        Needed::Token => !bearer,
        Needed::TokenOrKey => !bearer && !keyed,
    })?;
    Some(Reply::status(unmet.status, unmet.body.to_string()))
}

impl Api {
    /// The answer to a request over the limit.
    pub(super) fn refusal(&self, status: u16) -> Reply {
        Reply::status(status, self.refused.to_string())
    }
}

impl Asked<'_> {
    /// A failure that passes, for some requests that come for the first time.
    pub(super) fn hiccup(&self, before: u32) -> Option<Reply> {
        let target = format!("{}?{:?}", self.path, self.query);
        (before == 0)
            .then(|| drawn(&self.api.hiccup, &target))
            .flatten()
    }

    /// How many records there are, on all pages.
    pub(super) fn total(&self) -> u64 {
        let row = self.row();
        match self.missing(&row) {
            Some(_) => 0,
            None => self.page(&row).total,
        }
    }

    fn missing(&self, row: &str) -> Option<Reply> {
        drawn(&self.api.missing, &format!("missing {row}"))
    }

    /// A page of records, or what is said where there are none.
    pub(super) fn reply(&self) -> Reply {
        let row = self.row();
        if let Some(missing) = self.missing(&row) {
            return missing;
        }
        let page = self.page(&row);
        let next = self.next(page);
        let records = (page.start..page.end)
            .map(|index| self.record(&row, page, index))
            .collect();
        let body = match &self.api.body {
            Value::String(whole) if whole == "{records}" => Value::Array(records),
            body => self.envelope(body, page, next.as_deref(), &records),
        };
        let reply = Reply::json(body.to_string());
        match next {
            // Where the body doesn't say it.
            Some(next) if !self.api.body.to_string().contains("{next}") && self.links() => {
                reply.with_header("link", format!("<{next}>; rel=\"next\""))
            }
            _ => reply,
        }
    }

    /// Who counts pages says by a header which is next.
    fn links(&self) -> bool {
        self.api
            .pages
            .as_ref()
            .is_some_and(|pages| pages.first == 1)
    }

    /// What tells a row from others: all of the request but the page.
    fn row(&self) -> String {
        let pages = self.api.pages.as_ref();
        let turns = |name: &str| {
            pages.is_some_and(|pages| name == pages.parameter || name == pages.size_parameter)
        };
        let query = self.query.iter();
        let query = query.filter(|(name, _)| !turns(name) && name != "api_key");
        query.fold(self.path.to_owned(), |row, (name, value)| {
            format!("{row}&{name}={value}")
        })
    }

    fn page(&self, row: &str) -> Page {
        let (fewest, most) = self.api.records;
        let total = fewest + Chance::of(0, row, 0).draw() % (most - fewest + 1);
        let Some(pages) = &self.api.pages else {
            return Page {
                total,
                start: 0,
                end: total,
            };
        };
        let size = self.size(pages);
        let at = self.number(&pages.parameter).unwrap_or(pages.first);
        let start = match pages.first {
            0 => at,
            first => at.saturating_sub(first) * size,
        };
        let start = start.min(total);
        Page {
            total,
            start,
            end: (start + size).min(total),
        }
    }

    fn size(&self, pages: &Pages) -> u64 {
        let size = self.number(&pages.size_parameter).unwrap_or(pages.size);
        size.clamp(1, pages.most)
    }

    fn number(&self, parameter: &str) -> Option<u64> {
        let (_, value) = self.query.iter().find(|(name, _)| name == parameter)?;
        value.parse().ok()
    }

    /// The next page's URL.
    fn next(&self, page: Page) -> Option<String> {
        let pages = self.api.pages.as_ref()?;
        let next = match pages.first {
            0 => page.end,
            first => page.end / self.size(pages) + first,
        };
        let kept = self
            .query
            .iter()
            .filter(|(name, _)| *name != pages.parameter);
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .append_pair(&pages.parameter, &next.to_string())
            .finish();
        (page.end < page.total).then(|| format!("{}{}?{query}", self.origin, self.path))
    }

    fn envelope(&self, body: &Value, page: Page, next: Option<&str>, records: &[Value]) -> Value {
        let Value::Object(members) = body else {
            return body.clone();
        };
        let filled = members.iter().filter_map(|(name, value)| {
            let value = match value.as_str() {
                Some("{records}") => Value::from(records),
                Some("{next}") => next?.into(),
                Some("{total}") => page.total.into(),
                Some("{start}") => page.start.into(),
                _ => filled(value, &|name| self.column(name)),
            };
            Some((name.clone(), value))
        });
        Value::Object(filled.collect::<Map<_, _>>())
    }

    fn column(&self, name: &str) -> Option<Value> {
        let (number, name) = match name.strip_prefix('#') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let value = self.columns.get(name)?.as_str();
        let as_number = || value.parse::<u64>().ok().map(Value::from);
        number.then(as_number).unwrap_or_else(|| Some(value.into()))
    }

    /// The same index of the same row always gives the same record.
    fn record(&self, row: &str, page: Page, index: u64) -> Value {
        let turn = u32::try_from(index).unwrap_or(u32::MAX);
        let chance = |name: &str| Chance::of(0, &format!("{row} {name}"), turn).draw();
        filled(&self.api.record, &|name| {
            if let Some((low, high)) = name.split_once("..") {
                let (low, high): (u64, u64) = (low.parse().ok()?, high.parse().ok()?);
                return Some((low + chance(name) % (high - low + 1)).into());
            }
            Some(match name {
                "index" => (index + 1).into(),
                "down" => (page.total - index).into(),
                "id" => (chance(name) % 4_000_000_000).into(),
                "hex" => format!("{:016x}", chance(name)).into(),
                "uuid" => uuid(chance("one"), chance("other")).into(),
                "title" => {
                    let number = usize::try_from(chance(name) >> 1).unwrap_or(0);
                    track::title(&mut Seed::of(number, 0), 0).into()
                }
                "yes" => (chance(name) % 2 == 0).into(),
                _ => return self.column(name),
            })
        })
    }
}

/// Texts with the values of what is in braces; a text that is nothing else
/// becomes the value.
fn filled(value: &Value, of: &dyn Fn(&str) -> Option<Value>) -> Value {
    match value {
        Value::String(text) => fill_text(text, of),
        Value::Array(items) => items.iter().map(|item| filled(item, of)).collect(),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| (name.clone(), filled(value, of)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

fn fill_text(text: &str, of: &dyn Fn(&str) -> Option<Value>) -> Value {
    let mut pieces = text.split('{');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
        let value = of(name).unwrap_or_else(|| format!("{{{name}}}").into());
        if text.len() == name.len() + 2 {
            return value;
        }
        match value {
            Value::String(value) => filled.push_str(&value),
            other => filled.push_str(&other.to_string()),
        }
        filled.push_str(rest);
    }
    filled.into()
}

fn uuid(one: u64, other: u64) -> String {
    let hex = format!("{one:016x}{other:016x}");
    let piece = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [
        piece(0, 8),
        piece(8, 12),
        piece(12, 16),
        piece(16, 20),
        piece(20, 32),
    ]
    .join("-")
}

fn drawn(answered: &Answered, subject: &str) -> Option<Reply> {
    let chance = Chance::of(0, subject, 0).among(&[((), answered.in_thousand)]);
    let body = match &answered.body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    chance.map(|()| Reply::status(answered.status, body))
}
