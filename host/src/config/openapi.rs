//! An OpenAPI document (2.0, 3.0 or 3.1) and an operation's id → settings of a
//! source for it, and what was guessed of them, in sentences.

mod auth;
mod document;
mod foreign;
mod pages;
mod records;
mod request;
mod server;
#[cfg(test)]
mod tests;

use document::{Document, Operation, Parameter, text};
use rowcast_pipeline::settings::{Node, nearest};
use serde_json::{Map, Value, json};
use server::Server;
use std::cell::Cell;

/// Names that a hint or a remark lists.
const LISTED: usize = 12;

/// Words that PostgreSQL doesn't take for a column's name unless they are quoted.
/// `user` would be the name of who is connected.
const SQL_WORDS: &str = "all analyse analyze and any array as asc asymmetric authorization binary \
    both case cast check collate collation column concurrently constraint create cross \
    current_catalog current_date current_role current_schema current_time current_timestamp \
    current_user default deferrable desc distinct do else end except false fetch for foreign \
    freeze from full grant group having ilike in initially inner intersect into is isnull join \
    lateral leading left like limit localtime localtimestamp natural not notnull null offset on \
    only or order outer overlaps placing primary references returning right select session_user \
    similar some symmetric system_user table tablesample then to trailing true union unique user \
    using variadic verbose when where window with";

/// What a document says of an operation, as settings.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The settings of `[source]`.
    pub source: Node,
    /// What the document says in words, and what was guessed.
    pub remarks: Vec<String>,
    /// The columns that rows need.
    pub columns: Vec<String>,
}

impl Proposal {
    /// A query that has the columns; none where none are needed.
    #[must_use]
    pub fn query(&self) -> Option<String> {
        query(&self.columns)
    }
}

/// A query that has these columns; none where there are none.
pub(super) fn query(columns: &[String]) -> Option<String> {
    let plain = |each: char| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '_';
    let column = |name: &String| {
        let is_number = name.starts_with(|first: char| first.is_ascii_digit());
        let is_word = SQL_WORDS.split(' ').any(|word| word == name);
        if name.chars().all(plain) && !is_number && !is_word {
            name.clone()
        } else {
            format!("\"{name}\"")
        }
    };
    let columns: Vec<_> = columns.iter().map(column).collect();
    (!columns.is_empty()).then(|| format!("SELECT {} FROM requests", columns.join(", ")))
}

/// Why a document gives no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenApiError {
    /// It is something else.
    #[error("the file is not an OpenAPI document: it has no `paths`")]
    NotOpenApi,
    /// It has no such operation.
    #[error("the document has no operation \"{id}\"")]
    Unknown {
        /// What was asked for.
        id: String,
        /// What to write instead.
        hint: String,
    },
    /// The operation is not a read.
    #[error("the operation \"{id}\" is a {method}; only GET operations can be proposed")]
    NotGet {
        /// What was asked for.
        id: String,
        /// Its method.
        method: String,
    },
}

impl OpenApiError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unknown { hint, .. } => Some(hint),
            Self::NotOpenApi => Some("it must be OpenAPI 2.0, 3.0 or 3.1, in JSON or YAML"),
            Self::NotGet { .. } => Some(
                "name an operation that reads; a POST that only reads can be written by hand, \
                 with `method` and `body`",
            ),
        }
    }
}

/// Proposes a source. An operation without an id is named as `GET /its/path`.
pub fn propose(document: &Value, id: &str) -> Result<Proposal, OpenApiError> {
    let lost = Cell::default();
    let document = Document::new(document, &lost).ok_or(OpenApiError::NotOpenApi)?;
    let operation = find(document, id)?;
    let server = Server::of(document, &operation);
    let mut source = Map::new();
    let mut remarks = Vec::new();
    remarks.extend(operation.title());
    let parameters = document.parameters(&operation);
    let key = auth::guess(document, &operation, &parameters, &server, &mut remarks);
    let answer = records::of(document, &operation, &mut remarks);
    let pages = pages::guess(&parameters, &answer, &mut remarks);
    let is_done = |parameter: &Parameter| {
        let name = parameter.name.as_str();
        let is_of_pages = pages.parameters.iter().any(|it| it == name);
        (parameter.place == "query" && is_of_pages) || key.is(parameter)
    };
    let rest: Vec<_> = parameters.iter().filter(|it| !is_done(it)).collect();
    let (url, columns) = request::url(&server, &operation, &rest, &pages.fixed, &mut remarks);
    source.insert("url".to_owned(), url.into());
    if let Some(format) = answer.format {
        source.insert("format".to_owned(), format.into());
    }
    if !answer.pointer.is_empty() {
        source.insert("records".to_owned(), answer.pointer.as_str().into());
    }
    if answer.has("id") {
        source.insert("require".to_owned(), json!(["/id"]));
    }
    let headers = request::headers(&rest, key.settings.is_some(), &mut remarks);
    if !headers.is_empty() {
        source.insert("headers".to_owned(), headers.into());
    }
    // What a record doesn't say itself of the row that it was asked for.
    for column in columns.iter().filter(|column| answer.has(column)) {
        remarks.push(format!(
            "Records have a member `{column}` of their own: to keep the row's, set an attribute \
             of another name."
        ));
    }
    let attributes = columns.iter().filter(|column| !answer.has(column));
    let attributes: Map<_, _> = attributes
        .map(|column| (column.clone(), format!("{{{column}}}").into()))
        .collect();
    if !attributes.is_empty() {
        source.insert("attributes".to_owned(), attributes.into());
    }
    if let Some(settings) = pages.settings {
        source.insert("pagination".to_owned(), settings);
    }
    if let Some(settings) = key.settings {
        source.insert("auth".to_owned(), settings);
    }
    let mut source = source.into();
    // In this order: what the document calls a variable is none.
    foreign::without_variables(&mut source);
    source.get_mut("auth").map(auth::add_secrets);
    Ok(Proposal {
        source: crate::engine::settings::node(&source.to_string()),
        remarks,
        columns,
    })
}

fn find<'a>(document: Document<'a>, id: &str) -> Result<Operation<'a>, OpenApiError> {
    let operations = document.operations();
    let Some(found) = operations.iter().find(|operation| operation.is(id)) else {
        let reads = operations.iter().filter(|operation| operation.is_get());
        let names: Vec<String> = reads.map(Operation::name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let elsewhere = document.lost().into_iter().next();
        let hint = match (nearest(id, &names), names.len()) {
            (Some(name), _) => format!("did you mean \"{name}\"?"),
            // A path may be nothing but a reference.
            (None, 0) => match elsewhere {
                Some(remark) => format!("it has no GET operation of its own. {remark}"),
                None => "it has no GET operation at all".to_owned(),
            },
            (None, count) => {
                let more = if count > LISTED { ", …" } else { "" };
                let listed: Vec<_> = names.into_iter().take(LISTED).collect();
                format!("its GET operations: {}{more}", listed.join(", "))
            }
        };
        let id = id.to_owned();
        return Err(OpenApiError::Unknown { id, hint });
    };
    // What other paths lack isn't this one's.
    document.lost();
    if found.is_get() {
        return Ok(found.clone());
    }
    Err(OpenApiError::NotGet {
        id: id.to_owned(),
        method: found.method.to_uppercase(),
    })
}

/// A sentence of a document, without its markup and line breaks.
fn sentence(value: Option<&Value>) -> Option<String> {
    let words: Vec<_> = text(value)?.split_whitespace().collect();
    let mut words = words.join(" ");
    if words.is_empty() {
        return None;
    }
    if !words.ends_with(['.', '!', '?']) {
        words.push('.');
    }
    Some(words)
}
