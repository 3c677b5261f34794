//! Source, rows and `only` → a checked plan, before any request; plan and cell
//! → one request.

use super::auth::{self, AuthError};
use super::document::Attribute;
use super::matrix::{Matrix, MatrixError};
use super::page::{Paging, PagingError};
use super::pointer::{Pointer, PointerError};
use super::row::Row;
use super::template::{FillError, Place, Scope, Template, TemplateError, list};
use crate::bindings::exports::rowcast::pipeline::extract::{Auth, Cell, Field, Source};
use std::collections::{BTreeSet, HashSet};
use url::Url;

/// What was checked.
pub struct Plan<'a> {
    /// The source as it was given.
    pub source: &'a Source,
    /// The cells to request, in their order.
    pub cells: Vec<Cell>,
    /// Where the records are.
    pub records: Pointer,
    /// What each record must have.
    pub require: Vec<Pointer>,
    /// How the next page is found.
    pub paging: Paging,
    url: Template,
    headers: Vec<(&'a str, Template)>,
    attributes: Vec<(&'a str, Template)>,
    matrix: Matrix<'a>,
    /// Each row, or why it is none.
    rows: Vec<Result<Row<'a>, String>>,
}

/// One cell's request and what its records are given.
pub struct Order<'p> {
    /// The first page.
    pub url: Url,
    /// The source's headers, filled in.
    pub headers: Vec<(String, String)>,
    /// The attributes, filled in but for the record's values.
    pub attributes: Vec<Attribute<'p>>,
}

/// Why a source, its rows or `only` can't be used. No message repeats a
/// header's value.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The URL's template.
    #[error("read the template of url")]
    Url(#[source] TemplateError),
    /// No http, no https, or no URL at all.
    #[error("url must start with https:// (or http://, where the host allows it) and a host name")]
    Scheme,
    /// Credentials in the URL.
    #[error("url has a user name or password in it; use auth = basic")]
    UserInfo,
    /// A header's template, counted from 1: its value may be a secret.
    #[error("read the template of header {0}")]
    Header(usize, #[source] TemplateError),
    /// A header's name.
    #[error("the name of header {0} is no HTTP field name")]
    HeaderName(usize),
    /// Two sources of one header.
    #[error("headers have an Authorization beside auth; keep one of them")]
    TwoAuthorizations,
    /// An attribute's template.
    #[error("read the template of the attribute `{0}`")]
    Attribute(String, #[source] TemplateError),
    /// An attribute's name.
    #[error("the attribute name `{0}` is empty or given twice")]
    AttributeName(String),
    /// A template asks for what no row has.
    #[error("no row has `{name}`, and no axis is called so; {}", list(.known))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are, sorted.
        known: Vec<String>,
    },
    /// The pointer to the records.
    #[error("read the pointer in records")]
    Records(#[source] PointerError),
    /// A pointer to something required.
    #[error("read the pointer `{0}` in require")]
    Require(String, #[source] PointerError),
    /// The matrix.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// A template could mean either.
    #[error("the axis `{0}` is named like a column; rename one of them")]
    AxisIsColumn(String),
    /// Pagination.
    #[error(transparent)]
    Paging(#[from] PagingError),
    /// Authentication.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A number out of its range.
    #[error("{name} is {value}; it must be {least} to {most}")]
    Range {
        /// The setting.
        name: &'static str,
        /// What it is.
        value: u64,
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
    /// `only` names what isn't there.
    #[error(
        "only has row {}, combination {}, but there are {rows} rows and {combinations} combinations",
        .cell.row, .cell.combination
    )]
    NoSuchCell {
        /// The cell.
        cell: Cell,
        /// How many rows there are.
        rows: usize,
        /// How many combinations there are.
        combinations: u32,
    },
    /// `only` names a cell twice.
    #[error("only has row {}, combination {} twice", .0.row, .0.combination)]
    CellTwice(Cell),
}

/// Why a cell has no request.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The row itself.
    #[error("{0}")]
    Row(String),
    /// The URL's values.
    #[error("fill the template of url")]
    Url(#[source] FillError),
    /// The URL as filled.
    #[error("the filled url is no URL")]
    NoUrl(#[source] url::ParseError),
    /// A value that would lead to another path.
    #[error("the filled url has `.` or `..` as a path segment, which would lead elsewhere")]
    Dots,
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
        only: Option<&[Cell]>,
    ) -> Result<Self, PlanError> {
        check_ranges(source)?;
        auth::check(&source.auth)?;
        let url = Template::parse(&source.url, Place::Url).map_err(PlanError::Url)?;
        check_url(&url.sample_url())?;
        let require = source.require.iter().map(|text| {
            Pointer::parse(text).map_err(|error| PlanError::Require(text.clone(), error))
        });
        let matrix = Matrix::new(&source.matrix, rows.len())?;
        let plan = Self {
            source,
            cells: cells(only, rows.len(), matrix.combinations())?,
            records: Pointer::parse(&source.records).map_err(PlanError::Records)?,
            require: require.collect::<Result<_, _>>()?,
            paging: Paging::parse(&source.pagination)?,
            url,
            headers: headers(source)?,
            attributes: attributes(&source.attributes)?,
            matrix,
            rows: rows
                .iter()
                .map(|text| Row::parse(text).map_err(|error| super::excerpt::chain(&error)))
                .collect(),
        };
        plan.check_names()?;
        Ok(plan)
    }

    /// A cell's request.
    pub fn order(&self, cell: Cell) -> Result<Order<'_>, OrderError> {
        let row = usize::try_from(cell.row)
            .ok()
            .and_then(|row| self.rows.get(row));
        let row = match row {
            Some(Ok(row)) => row,
            Some(Err(reason)) => return Err(OrderError::Row(reason.clone())),
            None => return Err(OrderError::Row("there is no such row".to_owned())),
        };
        let scope = Scope {
            row,
            matrix: &self.matrix,
            combination: cell.combination,
        };
        let filled = self.url.fill_url(&scope).map_err(OrderError::Url)?;
        let path = filled.split(['?', '#']).next().unwrap_or_default();
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(OrderError::Dots);
        }
        let mut url = Url::parse(&filled).map_err(OrderError::NoUrl)?;
        url.set_fragment(None);
        let mut headers = Vec::with_capacity(self.headers.len());
        for ((name, template), number) in self.headers.iter().zip(1..) {
            let value = template
                .fill_plain(&scope)
                .map_err(|error| OrderError::Header(number, error))?;
            if value.contains(|character: char| character.is_control() && character != '\t') {
                return Err(OrderError::HeaderValue(number));
            }
            headers.push(((*name).to_owned(), value));
        }
        let mut attributes = Vec::with_capacity(self.attributes.len());
        for (name, template) in &self.attributes {
            let bound = Attribute::bind(name, template, &scope);
            attributes
                .push(bound.map_err(|error| OrderError::Attribute((*name).to_owned(), error))?);
        }
        Ok(Order {
            url,
            headers,
            attributes,
        })
    }

    /// A name that no row has is a mistake in the source, not in the rows.
    fn check_names(&self) -> Result<(), PlanError> {
        let rows: Vec<_> = self.rows.iter().flatten().collect();
        let columns: BTreeSet<_> = rows.iter().flat_map(|row| row.names()).collect();
        let axes: BTreeSet<_> = self.matrix.names().collect();
        if let Some(both) = axes.intersection(&columns).next() {
            return Err(PlanError::AxisIsColumn((*both).to_owned()));
        }
        if rows.is_empty() {
            return Ok(());
        }
        let fields = self
            .headers
            .iter()
            .chain(&self.attributes)
            .map(|(_, template)| template);
        let mut names = std::iter::once(&self.url)
            .chain(fields)
            .flat_map(Template::names);
        match names.find(|name| !columns.contains(name) && !axes.contains(name)) {
            None => Ok(()),
            Some(name) => {
                let known = columns
                    .union(&axes)
                    .map(|name| (*name).to_owned())
                    .collect();
                Err(PlanError::Unknown {
                    name: name.to_owned(),
                    known,
                })
            }
        }
    }
}

fn check_ranges(source: &Source) -> Result<(), PlanError> {
    let check = |name, value, least, most| {
        let fits = (least..=most).contains(&value);
        fits.then_some(()).ok_or(PlanError::Range {
            name,
            value,
            least,
            most,
        })
    };
    check("concurrency", source.concurrency.into(), 1, 256)?;
    check("max-pages", source.max_pages.into(), 1, 10_000)?;
    check(
        "retry.max-attempts",
        source.retry.max_attempts.into(),
        1,
        20,
    )?;
    check(
        "request-timeout-ms",
        source.request_timeout_ms.into(),
        1,
        u32::MAX.into(),
    )?;
    check("max-body-bytes", source.max_body_bytes, 1, u64::MAX)
}

/// Checks a URL's scheme, host and lack of credentials.
fn check_url(sample: &str) -> Result<(), PlanError> {
    let url = Url::parse(sample).map_err(|_| PlanError::Scheme)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(PlanError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(PlanError::UserInfo);
    }
    Ok(())
}

fn headers(source: &Source) -> Result<Vec<(&str, Template)>, PlanError> {
    let mut headers = Vec::with_capacity(source.headers.len());
    for (field, number) in source.headers.iter().zip(1..) {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if field.name.is_empty() || !field.name.bytes().all(token) {
            return Err(PlanError::HeaderName(number));
        }
        if field.name.eq_ignore_ascii_case("authorization") && !matches!(source.auth, Auth::None) {
            return Err(PlanError::TwoAuthorizations);
        }
        let template = Template::parse(&field.value, Place::Header);
        let template = template.map_err(|error| PlanError::Header(number, error))?;
        headers.push((field.name.as_str(), template));
    }
    Ok(headers)
}

fn attributes(fields: &[Field]) -> Result<Vec<(&str, Template)>, PlanError> {
    let mut names = HashSet::new();
    let mut attributes = Vec::with_capacity(fields.len());
    for Field { name, value } in fields {
        if name.is_empty() || !names.insert(name) {
            return Err(PlanError::AttributeName(name.clone()));
        }
        let template = Template::parse(value, Place::Attribute);
        let template = template.map_err(|error| PlanError::Attribute(name.clone(), error))?;
        attributes.push((name.as_str(), template));
    }
    Ok(attributes)
}

fn cells(only: Option<&[Cell]>, rows: usize, combinations: u32) -> Result<Vec<Cell>, PlanError> {
    // `Matrix::new` has checked that the rows can be counted.
    let count = u32::try_from(rows).map_err(|_| MatrixError::TooMany)?;
    let Some(only) = only else {
        let of_row = |row| (0..combinations).map(move |combination| Cell { row, combination });
        return Ok((0..count).flat_map(of_row).collect());
    };
    let mut cells = only.to_vec();
    cells.sort_unstable_by_key(|cell| (cell.row, cell.combination));
    let outside = |cell: &&Cell| cell.row >= count || cell.combination >= combinations;
    if let Some(&cell) = cells.iter().find(outside) {
        return Err(PlanError::NoSuchCell {
            cell,
            rows,
            combinations,
        });
    }
    match cells
        .iter()
        .zip(cells.iter().skip(1))
        .find(|(one, other)| one == other)
    {
        Some((&twice, _)) => Err(PlanError::CellTwice(twice)),
        None => Ok(cells),
    }
}

#[cfg(test)]
mod tests;
