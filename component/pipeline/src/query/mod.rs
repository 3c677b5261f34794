//! Conditions → documents, a page at a time. What enters is a question and a
//! cursor; what leaves are Scan and Query requests, and an answer.

use crate::bindings::exports::rowcast::pipeline::query::{Answer, Explanation, Question};
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::dynamodb::call::{Caller, check_retry};
use crate::dynamodb::schema::{TableSchema, describe};
use crate::platform::Dynamo;
use cursor::Cursor;
use plan::Plan;
use reading::Reading;
pub use syntax::FilterError;
use syntax::{Condition, Path};

pub mod cursor;
mod explain;
pub mod expression;
pub mod grammar;
pub mod lexer;
pub mod plan;
pub mod reading;
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

/// As the contract has it.
const MAX_SEGMENTS: u32 = 64;

/// A limit up to which unfiltered items are read by one segment. DynamoDB's
/// pages hold that many small items, and other segments' would be dropped.
const LIMIT_OF_ONE_SEGMENT: u32 = 1_000;

/// Answers one page of a question.
pub fn run<D: Dynamo>(
    dynamo: &D,
    question: &Question,
    cursor: Option<&str>,
    budget_ms: Option<u64>,
) -> Result<Answer, Failure> {
    let written = Written::read(question)?;
    let mut caller = Caller::new(dynamo, question.retry, budget_ms);
    let asked = written.ask(&mut caller, question)?;
    let reading = Reading::documents(question, &asked.plan, &asked.select)?;
    let access = asked.plan.access;
    let mut place = match cursor {
        Some(cursor) => Cursor::read(cursor, question, access).map_err(invalid)?,
        None => Cursor::start(question, access, segments(question, &reading)),
    };
    let mut answer = Answer {
        documents: Vec::new(),
        cursor: None,
        access,
        scanned: 0,
        matched: 0,
        capacity: 0.0,
        requests: 0,
    };
    let mut advanced = false;
    while place.remaining != Some(0) && !place.is_done() {
        // DynamoDB's own limit counts items read, which are matches only where
        // nothing filters them.
        let page_size = place.remaining.filter(|_| reading.is_unfiltered());
        let round = reading.round(&mut caller, &mut place.segments, page_size)?;
        answer.scanned += round.scanned;
        answer.capacity += round.capacity;
        advanced |= round.advanced > 0;
        keep(&mut answer.documents, round.documents, &mut place.remaining);
        match round.stalled {
            Some(failure) if !advanced => return Err(failure),
            Some(_) => break,
            None if !answer.documents.is_empty() || caller.out_of_time() => break,
            None => {}
        }
    }
    if place.remaining != Some(0) && !place.is_done() {
        answer.cursor = Some(place.write().map_err(invalid)?);
    }
    answer.matched = u64::try_from(answer.documents.len()).unwrap_or(u64::MAX);
    answer.requests = caller.requests;
    Ok(answer)
}

/// Says why nothing matches a question.
pub fn explain<D: Dynamo>(
    dynamo: &D,
    question: &Question,
    budget_ms: Option<u64>,
) -> Result<Explanation, Failure> {
    let written = Written::read(question)?;
    let mut caller = Caller::new(dynamo, question.retry, budget_ms);
    let asked = written.ask(&mut caller, question)?;
    // What couldn't be asked isn't explained either.
    Reading::documents(question, &asked.plan, &asked.select)?;
    explain::explain(&mut caller, question, &asked)
}

/// Whether a filter can be read; nothing is asked of DynamoDB. Only a table's
/// keys can tell whether what it compares them with has their types.
pub fn check_filter(filter: &str) -> Result<(), FilterError> {
    grammar::parse_filter(filter).map(drop)
}

/// What a question says, read and checked as far as it can be without the
/// table.
struct Written {
    condition: Option<Condition>,
    select: Vec<Path>,
}

/// A question and how it's asked of its table.
struct Asked {
    schema: TableSchema,
    condition: Option<Condition>,
    plan: Plan,
    select: Vec<Path>,
}

impl Written {
    fn read(question: &Question) -> Result<Self, Failure> {
        check_retry(&question.retry).map_err(Failure::PermanentInvalid)?;
        if !(1..=MAX_SEGMENTS).contains(&question.segments) {
            return Err(Failure::PermanentInvalid(format!(
                "segments is {}; it must be 1 to {MAX_SEGMENTS}",
                question.segments
            )));
        }
        let condition = grammar::parse_filter(&question.filter)
            .map_err(|error| Failure::PermanentInvalid(format!("filter, {error}")))?;
        Ok(Self {
            condition,
            select: selection(&question.select)?,
        })
    }

    fn ask<D: Dynamo>(
        self,
        caller: &mut Caller<'_, D>,
        question: &Question,
    ) -> Result<Asked, Failure> {
        let Self { condition, select } = self;
        let schema = describe(caller, &question.table)?;
        let index = question.index.as_deref();
        let plan = plan::plan(&schema, index, question.consistent, condition.clone());
        Ok(Asked {
            schema,
            condition,
            plan: plan.map_err(invalid)?,
            select,
        })
    }
}

/// The paths to select. DynamoDB refuses paths that lie within each other, so
/// only the outer ones are asked for; they include the inner.
fn selection(select: &[String]) -> Result<Vec<Path>, Failure> {
    let mut paths: Vec<Path> = Vec::new();
    for text in select {
        let path = grammar::parse_path(text)
            .map_err(|error| Failure::PermanentInvalid(format!("select `{text}`, {error}")))?;
        if !paths.iter().any(|outer| outer.covers(&path)) {
            paths.retain(|inner| !path.covers(inner));
            paths.push(path);
        }
    }
    Ok(paths)
}

fn segments(question: &Question, reading: &Reading) -> u32 {
    match question.limit {
        Some(limit) if reading.is_unfiltered() && limit <= LIMIT_OF_ONE_SEGMENT => 1,
        _ => question.segments,
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

fn invalid(error: impl std::error::Error) -> Failure {
    let cause = error
        .source()
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    Failure::PermanentInvalid(format!("{error}{cause}"))
}
