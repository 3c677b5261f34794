//! Conditions → documents, a page at a time. What enters is a query and a
//! cursor; what leaves are Scan and Query requests, and an answer.

use crate::bindings::exports::rowcast::pipeline::query::{Explanation, Page};
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::dynamodb::call::Caller;
use crate::dynamodb::schema::{TableSchema, describe};
use crate::failure::{invalid, with_counters};
use crate::platform::Dynamo;
use crate::settings::{Mistakes, Query, within};
use cursor::Cursor;
use plan::Plan;
use scan::Scan;
pub use syntax::FilterError;
use syntax::{Condition, Path};

pub mod cursor;
mod explain;
pub mod expression;
pub mod grammar;
pub mod lexer;
pub mod plan;
pub mod scan;
pub mod syntax;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]
mod tests;

/// The counter of read capacity units.
const READ_CAPACITY: &str = "dynamodb.read-capacity";

/// A limit up to which unfiltered items are read by one segment. DynamoDB's
/// pages hold that many small items, and other segments' would be dropped.
const LIMIT_OF_ONE_SEGMENT: u32 = 1_000;

/// Answers one page of a query.
pub fn run<D: Dynamo>(
    dynamo: &D,
    query: &Query,
    cursor: Option<&str>,
    budget_ms: Option<u64>,
) -> Result<Page, Failure> {
    let checked = Checked::new(query)?;
    let mut caller = Caller::new(dynamo, &query.table, query.retry, budget_ms);
    let mut capacity = 0.0;
    let page = read_page(&mut caller, checked, query, cursor, &mut capacity);
    let counters = caller.counters(0, READ_CAPACITY, capacity);
    match page {
        Ok(page) => Ok(Page { counters, ..page }),
        Err(failure) => Err(with_counters(failure, counters)),
    }
}

fn read_page<D: Dynamo>(
    caller: &mut Caller<'_, D>,
    checked: Checked,
    query: &Query,
    cursor: Option<&str>,
    capacity: &mut f64,
) -> Result<Page, Failure> {
    let asked = checked.ask(caller, query)?;
    let reading = Scan::documents(query, &asked.plan, &asked.select)?;
    let access = asked.plan.access;
    let mut place = match cursor {
        Some(cursor) => Cursor::read(cursor, query, access).map_err(|error| chain(&error))?,
        None => Cursor::start(query, access, segments(query, &reading)),
    };
    let mut page = Page {
        documents: Vec::new(),
        cursor: None,
        access,
        scanned: 0,
        counters: Vec::new(),
    };
    let mut advanced = false;
    while place.remaining != Some(0) && !place.is_done() {
        let page_size = place.page_size(reading.is_unfiltered());
        let round = reading.round(caller, &mut place.segments, page_size)?;
        page.scanned += round.scanned;
        place.grow();
        *capacity += round.capacity;
        advanced |= round.advanced > 0;
        keep(&mut page.documents, round.documents, &mut place.remaining);
        match round.stalled {
            Some(failure) if !advanced => return Err(failure),
            Some(_) => break,
            None if !page.documents.is_empty() || caller.out_of_time() => break,
            None => {}
        }
    }
    if place.remaining != Some(0) && !place.is_done() {
        page.cursor = Some(place.write().map_err(|error| chain(&error))?);
    }
    Ok(page)
}

/// Says why nothing matches a query.
pub fn explain<D: Dynamo>(
    dynamo: &D,
    query: &Query,
    budget_ms: Option<u64>,
) -> Result<Explanation, Failure> {
    let checked = Checked::new(query)?;
    let mut caller = Caller::new(dynamo, &query.table, query.retry, budget_ms);
    let mut explanation = Explanation {
        diagnoses: Vec::new(),
        scanned: 0,
        complete: true,
        counters: Vec::new(),
    };
    let mut capacity = 0.0;
    let explained = checked.ask(&mut caller, query).and_then(|asked| {
        // What couldn't be asked isn't explained either.
        Scan::documents(query, &asked.plan, &asked.select)?;
        explain::explain(&mut caller, query, &asked, &mut explanation, &mut capacity)
    });
    let counters = caller.counters(0, READ_CAPACITY, capacity);
    match explained {
        Ok(()) => Ok(Explanation {
            counters,
            ..explanation
        }),
        Err(failure) => Err(with_counters(failure, counters)),
    }
}

/// What a query says, read and checked as far as it can be without the
/// table.
struct Checked {
    condition: Option<Condition>,
    select: Vec<Path>,
}

/// A query and how it's asked of its table.
struct Asked {
    schema: TableSchema,
    condition: Option<Condition>,
    plan: Plan,
    select: Vec<Path>,
}

/// Adds what can't work.
pub fn check(query: &Query, mistakes: &mut Mistakes) {
    Checked::read(query, mistakes);
}

impl Checked {
    fn new(query: &Query) -> Result<Self, Failure> {
        let mut mistakes = Mistakes::default();
        let checked = Self::read(query, &mut mistakes);
        match checked {
            Some(checked) if mistakes.is_empty() => Ok(checked),
            _ => Err(invalid(format!("query: {mistakes}"))),
        }
    }

    fn read(query: &Query, mistakes: &mut Mistakes) -> Option<Self> {
        query.retry.check(mistakes);
        within(mistakes, "/segments", query.segments.into(), 1, 64);
        let condition = grammar::parse_filter(&query.filter)
            .map_err(|error| mistakes.add("/filter", format!("can't be read: {error}")));
        let select = selection(&query.select, mistakes);
        Some(Self {
            condition: condition.ok()?,
            select,
        })
    }

    fn ask<D: Dynamo>(self, caller: &mut Caller<'_, D>, query: &Query) -> Result<Asked, Failure> {
        let Self { condition, select } = self;
        let schema = describe(caller, &query.table)?;
        let index = query.index.as_deref();
        let plan = plan::plan(&schema, index, query.consistent, condition.clone());
        Ok(Asked {
            schema,
            condition,
            plan: plan.map_err(|error| chain(&error))?,
            select,
        })
    }
}

/// The paths to select. DynamoDB refuses paths that lie within each other, so
/// only the outer ones are asked for; they include the inner.
fn selection(select: &[String], mistakes: &mut Mistakes) -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    for (index, text) in select.iter().enumerate() {
        match grammar::parse_path(text) {
            Err(error) => {
                mistakes.add(
                    format!("/select/{index}"),
                    format!("can't be read: {error}"),
                );
            }
            Ok(path) if !paths.iter().any(|outer| outer.covers(&path)) => {
                paths.retain(|inner| !path.covers(inner));
                paths.push(path);
            }
            Ok(_) => {}
        }
    }
    paths
}

fn segments(query: &Query, reading: &Scan) -> u32 {
    match query.limit {
        Some(limit) if reading.is_unfiltered() && limit <= LIMIT_OF_ONE_SEGMENT => 1,
        _ => query.segments,
    }
}

/// Keeps documents up to the limit.
fn keep(kept: &mut Vec<String>, documents: Vec<String>, remaining: &mut Option<u32>) {
    match remaining {
        None => kept.extend(documents),
        Some(remaining) => {
            for document in documents {
                let Some(fewer) = remaining.checked_sub(1) else {
                    return;
                };
                *remaining = fewer;
                kept.push(document);
            }
        }
    }
}

fn chain(error: &dyn std::error::Error) -> Failure {
    let cause = error
        .source()
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    invalid(format!("{error}{cause}"))
}
