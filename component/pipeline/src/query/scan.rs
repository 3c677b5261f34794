//! A plan → Scan and Query requests, and rounds of them: one page of each
//! segment that isn't done.

use super::cursor::Segment;
use super::expression::Placeholders;
use super::plan::Plan;
use super::syntax::{Condition, Path};
use crate::bindings::exports::rowcast::pipeline::query::Access;
use crate::bindings::rowcast::pipeline::dynamodb::Request;
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::dynamodb::call::{CallError, Caller};
use crate::dynamodb::unmarshal::{Document, Page};
use crate::failure::{invalid, unavailable};
use crate::platform::Dynamo;
use crate::settings::Query;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Bytes of one expression, as DynamoDB has it. Names and values are
/// placeholders and count as those.
const MAX_EXPRESSION_BYTES: usize = 4096;

/// What every request of one reading says; only segment, start and page size
/// differ.
#[derive(Clone, Debug)]
pub struct Scan {
    operation: &'static str,
    body: Body,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    table_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_condition_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    projection_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression_attribute_names: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression_attribute_values: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    select: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consistent_read: Option<bool>,
    return_consumed_capacity: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PageBody<'a> {
    #[serde(flatten)]
    shared: &'a Body,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_segments: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exclusive_start_key: Option<&'a RawValue>,
}

/// What one round brought.
#[derive(Debug, Default)]
pub struct Round {
    /// In the order of the segments.
    pub documents: Vec<String>,
    /// Items that fulfil the filter.
    pub count: u64,
    /// Items read.
    pub scanned: u64,
    /// Read capacity units consumed.
    pub capacity: f64,
    /// Segments that were read further.
    pub advanced: usize,
    /// Why others were not; they stay where they were.
    pub stalled: Option<Failure>,
}

impl Scan {
    /// Reads documents, or with `select` those paths of them.
    pub fn documents(query: &Query, plan: &Plan, select: &[Path]) -> Result<Self, Failure> {
        Self::new(query, plan, plan.filter.as_ref(), Some(select))
    }

    /// Counts the items that fulfil a filter instead of the plan's own.
    pub fn count(query: &Query, plan: &Plan, filter: &Condition) -> Result<Self, Failure> {
        Self::new(query, plan, Some(filter), None)
    }

    fn new(
        query: &Query,
        plan: &Plan,
        filter: Option<&Condition>,
        select: Option<&[Path]>,
    ) -> Result<Self, Failure> {
        let mut placeholders = Placeholders::default();
        let key = plan.key.as_ref().map(|key| placeholders.condition(key));
        let filter = filter.map(|filter| placeholders.condition(filter));
        // Keys needn't be selected for the cursor's sake: `LastEvaluatedKey`
        // has them whatever is selected.
        let paths: Vec<_> = select
            .unwrap_or_default()
            .iter()
            .map(|path| placeholders.path(path))
            .collect();
        let projection = (!paths.is_empty()).then(|| paths.join(", "));
        for (what, text) in [
            ("filter", &filter),
            ("filter", &key),
            ("selection", &projection),
        ] {
            let length = text.as_ref().map_or(0, String::len);
            if length > MAX_EXPRESSION_BYTES {
                return Err(invalid(format!(
                    "the {what} makes an expression of {length} bytes; DynamoDB takes \
                     {MAX_EXPRESSION_BYTES} at most"
                )));
            }
        }
        Ok(Self {
            operation: match plan.access {
                Access::Query => "Query",
                Access::Scan => "Scan",
            },
            body: Body {
                table_name: query.table.clone(),
                index_name: query.index.clone(),
                key_condition_expression: key,
                filter_expression: filter,
                projection_expression: projection,
                expression_attribute_names: placeholders.names(),
                expression_attribute_values: placeholders.values(),
                select: select.is_none().then_some("COUNT"),
                consistent_read: query.consistent.then_some(true),
                return_consumed_capacity: "TOTAL",
            },
        })
    }

    /// Whether each item read is a match.
    #[must_use]
    pub fn is_unfiltered(&self) -> bool {
        self.body.filter_expression.is_none()
    }

    /// Reads one page of each segment that isn't done, of `page_size` items at
    /// the most where it's given. An error is one that repeating can't help;
    /// then the segments stay as they were.
    pub fn round<D: Dynamo>(
        &self,
        caller: &mut Caller<'_, D>,
        segments: &mut [Segment],
        page_size: Option<u32>,
    ) -> Result<Round, Failure> {
        let total = segments.len();
        let mut requests = Vec::with_capacity(total);
        for (number, segment) in segments.iter().enumerate() {
            match segment {
                Segment::Done => {}
                Segment::NotStarted => {
                    requests.push(self.request(number, total, None, page_size)?);
                }
                Segment::At(key) => {
                    requests.push(self.request(number, total, Some(key), page_size)?);
                }
            }
        }
        let answers = caller.send(requests);
        for answer in &answers {
            if let Err(error) = answer
                && is_permanent(error)
            {
                return Err(error.clone().into_failure(caller.upstream()));
            }
        }
        let mut round = Round::default();
        let unfinished = segments
            .iter_mut()
            .filter(|each| !matches!(each, Segment::Done));
        for (segment, answer) in unfinished.zip(answers) {
            match answer {
                Ok(body) => round.take(self.operation, &body, segment),
                Err(error) => round.stall(error.into_failure(caller.upstream())),
            }
        }
        Ok(round)
    }

    fn request(
        &self,
        segment: usize,
        total: usize,
        start: Option<&RawValue>,
        limit: Option<u32>,
    ) -> Result<Request, Failure> {
        let parallel = total > 1;
        let body = PageBody {
            shared: &self.body,
            limit,
            segment: parallel.then_some(segment),
            total_segments: parallel.then_some(total),
            exclusive_start_key: start,
        };
        let body = serde_json::to_string(&body)
            .map_err(|error| invalid(format!("write the request: {error}")))?;
        Ok(Request {
            operation: self.operation.to_owned(),
            body,
        })
    }
}

impl Round {
    fn take(&mut self, operation: &str, body: &str, segment: &mut Segment) {
        let page = match Page::parse(body) {
            Ok(page) => page,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let cause = cause.unwrap_or_default();
                self.stall(unavailable(format!("{operation}: {error}: {cause}")));
                return;
            }
        };
        self.count += page.count;
        self.scanned += page.scanned_count;
        self.capacity += page.capacity();
        self.advanced += 1;
        *segment = match page.last_evaluated_key {
            Some(key) => Segment::At(key.to_owned()),
            None => Segment::Done,
        };
        self.documents
            .extend(page.items.into_iter().map(|Document(text)| text));
    }

    fn stall(&mut self, failure: Failure) {
        // A rate limit says more than anything else: it says for how long.
        if self.stalled.is_none() || matches!(failure, Failure::RateLimited(_)) {
            self.stalled = Some(failure);
        }
    }
}

fn is_permanent(error: &CallError) -> bool {
    match error {
        CallError::Denied(_) | CallError::Invalid { .. } | CallError::TooLarge(_) => true,
        CallError::Throttled(_) | CallError::Unavailable(_) | CallError::OutOfTime => false,
    }
}
