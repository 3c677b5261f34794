//! Source, rows and `only` → a checked plan, before any request; plan and
//! request → one HTTP request.

use super::body::Body;
use super::checked::Checked;
use super::document::Attribute;
use super::row::Row;
use super::snippet;
use super::template::{FillError, Scope, Template, list};
use crate::bindings::rowcast::pipeline::types::{PendingRequest, Request};
use crate::order;
use crate::settings::{Mistakes, Source};
use std::collections::BTreeSet;
use url::Url;

/// What was checked.
pub struct Plan<'a> {
    /// The source's settings, checked.
    pub checked: Checked<'a>,
    /// The requests to make, in their order.
    pub requests: Vec<PendingRequest>,
    /// Each row, or why it is none.
    rows: Vec<Result<Row<'a>, String>>,
}

/// One HTTP request and what its records are given.
pub struct PreparedRequest<'p> {
    /// The first page.
    pub url: Url,
    /// The body, filled in but for the page.
    pub body: Option<Body>,
    /// The source's headers, filled in.
    pub headers: Vec<(String, String)>,
    /// The rows that it is for: one, unless there are batches.
    pub rows: Vec<PreparedRow<'p>>,
}

/// One row of an HTTP request.
pub struct PreparedRow<'p> {
    /// Which it is.
    pub request: Request,
    /// What records have that belong to it; none: it has all records.
    pub id: Option<String>,
    /// The attributes, filled in but for the record's values.
    pub attributes: Vec<Attribute<'p>>,
}

/// Why a source, its rows or `only` can't be used. No message repeats a
/// secret.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The settings themselves.
    #[error("source: {0}")]
    Settings(Mistakes),
    /// A template asks for what no row has.
    #[error("no row has `{name}`, and no matrix axis has this name; {}", list(.known))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are, sorted.
        known: Vec<String>,
    },
    /// Requests are counted in 32 bits.
    #[error("rows times combinations is more than 4294967295 requests; give fewer rows per call")]
    TooMany,
    /// A template could mean either.
    #[error("the axis `{0}` is named like a column; rename one of them")]
    AxisIsColumn(String),
    /// `only` names what isn't there.
    #[error(
        "only has row {}, combination {}, but there are {rows} rows and {combinations} combinations",
        .request.row, .request.combination
    )]
    NoSuchRequest {
        /// The request.
        request: Request,
        /// How many rows there are.
        rows: usize,
        /// How many combinations there are.
        combinations: u32,
    },
    /// `only` names a request twice.
    #[error("only has row {}, combination {} twice", .0.row, .0.combination)]
    RequestTwice(Request),
}

/// Why a request can't be made.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The row itself.
    #[error("{0}")]
    Row(String),
    /// The URL's values.
    #[error("fill the template of url")]
    Url(#[source] FillError),
    /// The URL as filled.
    #[error("the filled url is not a URL")]
    NoUrl(#[source] url::ParseError),
    /// A value that would lead to another path.
    #[error("the filled url has `.` or `..` as a path segment, which would lead elsewhere")]
    Dots,
    /// A value that would lead to the list that the resource is in.
    #[error("a value in the path of url is empty, which would lead elsewhere")]
    Empty,
    /// The body's values.
    #[error("fill the template of body")]
    Body(#[source] FillError),
    /// A header's values.
    #[error("fill the template of header {0}")]
    Header(usize, #[source] FillError),
    /// A header that would end early and smuggle in another.
    #[error("the filled value of header {0} has control characters")]
    HeaderValue(usize),
    /// An attribute's values.
    #[error("fill the template of the attribute `{0}`")]
    Attribute(String, #[source] FillError),
}

impl<'a> Plan<'a> {
    /// Checks everything that can be checked without a request.
    pub fn check(
        source: &'a Source,
        rows: &'a [String],
        only: Option<&[PendingRequest]>,
    ) -> Result<Self, PlanError> {
        let plan = Self::new(source, rows, only)?;
        plan.check_names()?;
        Ok(plan)
    }

    /// The same for rows that are records: they may have any members.
    pub fn of_records(
        source: &'a Source,
        rows: &'a [String],
        only: &[PendingRequest],
    ) -> Result<Self, PlanError> {
        Self::new(source, rows, Some(only))
    }

    fn new(
        source: &'a Source,
        rows: &'a [String],
        only: Option<&[PendingRequest]>,
    ) -> Result<Self, PlanError> {
        let mut mistakes = Mistakes::default();
        let checked = Checked::new(source, &mut mistakes);
        let checked = checked.ok_or(PlanError::Settings(mistakes))?;
        let count = u32::try_from(rows.len()).map_err(|_| PlanError::TooMany)?;
        let combinations = checked.matrix.combinations();
        count.checked_mul(combinations).ok_or(PlanError::TooMany)?;
        Ok(Self {
            requests: requests(only, count, combinations)?,
            checked,
            rows: rows
                .iter()
                .map(|text| Row::parse(text).map_err(|error| snippet::chain(&error)))
                .collect(),
        })
    }

    /// The requests of one HTTP request, filled in: one, or a batch of one
    /// combination.
    pub fn prepare(&self, requests: &[Request]) -> Result<PreparedRequest<'_>, PrepareError> {
        let scopes = requests.iter().map(|request| self.scope(*request));
        let scopes = scopes.collect::<Result<Vec<_>, _>>()?;
        let Some(scope) = scopes.first() else {
            return Err(PrepareError::Row("there is no row".to_owned()));
        };
        let batch = self.checked.source.batch.as_ref();
        let separator = batch.map_or("", |batch| batch.separator.as_str());
        let filled = self.checked.url.fill_url(&scopes, separator);
        let filled = filled.map_err(PrepareError::Url)?;
        let path = filled.split(['?', '#']).next().unwrap_or_default();
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(PrepareError::Dots);
        }
        if empty_segments(path) > empty_segments(&self.checked.url.sample_url()) {
            return Err(PrepareError::Empty);
        }
        let mut url = Url::parse(&filled).map_err(PrepareError::NoUrl)?;
        url.set_fragment(None);
        let mut headers = Vec::with_capacity(self.checked.headers.len());
        for ((name, template), number) in self.checked.headers.iter().zip(1..) {
            let value = template
                .fill_plain(scope)
                .map_err(|error| PrepareError::Header(number, error))?;
            if value.contains(|character: char| character.is_control() && character != '\t') {
                return Err(PrepareError::HeaderValue(number));
            }
            headers.push(((*name).to_owned(), value));
        }
        let source = self.checked.source;
        let accept = source.accept.as_deref();
        let accept = accept.unwrap_or_else(|| source.format.accept());
        let user_agent = self.checked.user_agent.as_str();
        for (name, value) in [("user-agent", user_agent), ("accept", accept)] {
            if !is_given(&headers, name) {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        let body = self.checked.body.as_ref();
        let body = body.map(|body| body.fill(scope)).transpose();
        let body = body.map_err(PrepareError::Body)?.flatten();
        if body.is_some() && !is_given(&headers, "content-type") {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let rows = requests.iter().zip(&scopes);
        let rows = rows.map(|(request, scope)| self.prepare_row(*request, scope));
        Ok(PreparedRequest {
            url: self.checked.paging.first(url),
            body,
            headers,
            rows: rows.collect::<Result<_, _>>()?,
        })
    }

    fn prepare_row(
        &self,
        request: Request,
        scope: &Scope<'_>,
    ) -> Result<PreparedRow<'_>, PrepareError> {
        let mut attributes = Vec::with_capacity(self.checked.attributes.len());
        for (name, template) in &self.checked.attributes {
            let bound = Attribute::bind(name, template, scope);
            attributes
                .extend(bound.map_err(|error| PrepareError::Attribute((*name).to_owned(), error))?);
        }
        let id = self.checked.url.joined().map(|name| scope.get(name));
        let id = id.transpose().map_err(PrepareError::Url)?;
        Ok(PreparedRow {
            request,
            id: id.map(|value| value.as_str().to_owned()),
            attributes,
        })
    }

    /// A request's values.
    fn scope(&self, request: Request) -> Result<Scope<'_>, PrepareError> {
        let row = usize::try_from(request.row).ok();
        match row.and_then(|row| self.rows.get(row)) {
            Some(Ok(row)) => Ok(Scope {
                row,
                matrix: &self.checked.matrix,
                combination: request.combination,
            }),
            Some(Err(reason)) => Err(PrepareError::Row(reason.clone())),
            None => Err(PrepareError::Row("there is no such row".to_owned())),
        }
    }

    /// A name that none of the rows has that are asked for is a mistake in the source, not
    /// in the rows.
    fn check_names(&self) -> Result<(), PlanError> {
        let asked: BTreeSet<_> = self.requests.iter().map(|it| it.request.row).collect();
        let rows = || {
            let rows = asked.iter().filter_map(|row| usize::try_from(*row).ok());
            rows.filter_map(|row| self.rows.get(row)?.as_ref().ok())
        };
        let axes = || self.checked.matrix.names();
        let is_column = |name: &str| rows().any(|row| row.names().any(|column| column == name));
        if let Some(both) = axes().find(|axis| is_column(axis)) {
            return Err(PlanError::AxisIsColumn(both.to_owned()));
        }
        if rows().next().is_none() {
            return Ok(());
        }
        let Checked {
            headers,
            attributes,
            url,
            ..
        } = &self.checked;
        let fields = headers
            .iter()
            .chain(attributes)
            .map(|(_, template)| template);
        let body = self.checked.body.iter().flat_map(Body::names);
        let names = std::iter::once(url).chain(fields).flat_map(Template::names);
        let mut names = names.chain(body);
        let is_known = |name: &str| axes().any(|axis| axis == name) || is_column(name);
        match names.find(|name| !name.starts_with('/') && !is_known(name)) {
            None => Ok(()),
            Some(name) => {
                let columns = rows().flat_map(Row::names);
                let mut known: Vec<_> = columns.chain(axes()).map(str::to_owned).collect();
                known.sort_unstable();
                known.dedup();
                Err(PlanError::Unknown {
                    name: name.to_owned(),
                    known,
                })
            }
        }
    }
}

fn is_given(headers: &[(String, String)], name: &str) -> bool {
    let mut names = headers.iter().map(|(known, _)| known);
    names.any(|known| known.eq_ignore_ascii_case(name))
}

/// Empty segments of a URL's path.
fn empty_segments(url: &str) -> usize {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    path.split('/')
        .skip(1)
        .filter(|segment| segment.is_empty())
        .count()
}

fn requests(
    only: Option<&[PendingRequest]>,
    rows: u32,
    combinations: u32,
) -> Result<Vec<PendingRequest>, PlanError> {
    let Some(only) = only else {
        let of_row = |row| (0..combinations).map(move |combination| Request { row, combination });
        let all = (0..rows).flat_map(of_row);
        return Ok(all
            .map(|request| PendingRequest {
                request,
                resume: None,
            })
            .collect());
    };
    let place = |pending: &PendingRequest| (pending.request.row, pending.request.combination);
    let requests = order::in_order(only.to_vec(), place);
    let all = requests.iter().map(|pending| pending.request);
    let outside = |request: &Request| request.row >= rows || request.combination >= combinations;
    if let Some(request) = all.clone().find(outside) {
        return Err(PlanError::NoSuchRequest {
            request,
            rows: usize::try_from(rows).unwrap_or(usize::MAX),
            combinations,
        });
    }
    match all
        .clone()
        .zip(all.skip(1))
        .find(|(one, other)| one == other)
    {
        Some((twice, _)) => Err(PlanError::RequestTwice(twice)),
        None => Ok(requests),
    }
}

#[cfg(test)]
mod tests;
