//! An OpenAPI document (2.0, 3.0 or 3.1) and an operation's id → settings of a
//! source for it, and what was guessed of them, in sentences.

mod auth;
mod document;
mod pages;
mod records;
#[cfg(test)]
mod tests;

use document::{Document, Operation, Parameter, text};
use rowcast_pipeline::settings::{Node, nearest};
use serde_json::{Map, Value, json};

/// Operations that a hint lists.
const LISTED: usize = 12;

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
        if name.chars().all(plain) {
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
    let document = Document::new(document).ok_or(OpenApiError::NotOpenApi)?;
    let operation = find(document, id)?;
    let mut source = Map::new();
    let mut remarks = Vec::new();
    remarks.extend(operation.title());
    let parameters = document.parameters(&operation);
    let key = auth::guess(document, &operation, &parameters, &mut remarks);
    let answer = records::of(document, &operation, &mut remarks);
    let pages = pages::guess(&parameters, &answer, &mut remarks);
    let is_done = |parameter: &Parameter| {
        let name = parameter.name.as_str();
        pages.parameters.iter().any(|it| it == name) || key.parameter.as_deref() == Some(name)
    };
    let rest: Vec<_> = parameters.iter().filter(|it| !is_done(it)).collect();
    let (url, columns) = url(document, &operation, &rest, &pages.fixed, &mut remarks);
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
    let headers = headers(&rest, &mut remarks);
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
    Ok(Proposal {
        source: crate::engine::settings::node(&Value::Object(source).to_string()),
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
        let hint = match (nearest(id, &names), names.len()) {
            (Some(name), _) => format!("did you mean \"{name}\"?"),
            (None, 0) => "it has no GET operation at all".to_owned(),
            (None, count) => {
                let more = if count > LISTED { ", …" } else { "" };
                let listed: Vec<_> = names.into_iter().take(LISTED).collect();
                format!("its GET operations: {}{more}", listed.join(", "))
            }
        };
        let id = id.to_owned();
        return Err(OpenApiError::Unknown { id, hint });
    };
    if found.is_get() {
        return Ok(found.clone());
    }
    Err(OpenApiError::NotGet {
        id: id.to_owned(),
        method: found.method.to_uppercase(),
    })
}

/// The URL template, and the columns in it. `fixed` are parameters with values.
fn url(
    document: Document<'_>,
    operation: &Operation<'_>,
    parameters: &[&Parameter],
    fixed: &[(String, String)],
    remarks: &mut Vec<String>,
) -> (String, Vec<String>) {
    let mut columns = Vec::new();
    let server = document.server(operation, remarks);
    let mut path = String::new();
    for (number, piece) in operation.path.split('{').enumerate() {
        match piece.split_once('}') {
            Some((name, rest)) if number > 0 => {
                let is_it = |it: &&&Parameter| it.place == "path" && it.name == name;
                let parameter = parameters.iter().find(is_it);
                let value = parameter.and_then(|it| it.json_format().or_else(|| it.sole_value()));
                if let Some(value) = value {
                    path.extend([&encoded(&value), rest]);
                } else {
                    columns.push(name.to_owned());
                    path.extend(["{", name, "}", rest]);
                }
            }
            _ => path.push_str(piece),
        }
    }
    let mut query: Vec<(String, String)> = Vec::new();
    let mut optional = Vec::new();
    for parameter in parameters.iter().filter(|it| it.place == "query") {
        let name = &parameter.name;
        if let Some(value) = parameter.json_format() {
            query.push((name.clone(), value));
        } else if !parameter.required {
            optional.push(name.as_str());
        } else if let Some(value) = parameter.only_value() {
            query.push((name.clone(), value));
        } else {
            let column = column_name(name);
            query.push((name.clone(), format!("{{{column}}}")));
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    query.extend(fixed.iter().cloned());
    if !optional.is_empty() {
        let optional = optional.join(", ");
        remarks.push(format!("The URL may also have the parameters {optional}."));
    }
    if columns.is_empty() {
        remarks.push(
            "Nothing of a row is in the URL: every row asks for the same. Put a column in \
             braces, such as a parameter's value."
                .to_owned(),
        );
    }
    let query: Vec<_> = query
        .iter()
        .map(|(name, value)| format!("{}={value}", encoded(name)))
        .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    (format!("{server}{path}{mark}{}", query.join("&")), columns)
}

/// A parameter's name as a row's column may be called.
fn column_name(parameter: &str) -> String {
    let name = parameter.trim_end_matches("[]");
    let plain = |each: char| each.is_ascii_alphanumeric() || each == '_' || each == '-';
    name.chars()
        .map(|each| if plain(each) { each } else { '_' })
        .collect()
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Headers that every request must have.
fn headers(parameters: &[&Parameter], remarks: &mut Vec<String>) -> Map<String, Value> {
    // These are the component's own.
    let own = ["accept", "authorization", "content-type", "user-agent"];
    let mut headers = Map::new();
    for parameter in parameters {
        let name = parameter.name.to_ascii_lowercase();
        if parameter.place != "header" || !parameter.required || own.contains(&name.as_str()) {
            continue;
        }
        match parameter.only_value() {
            Some(value) => {
                headers.insert(name, value.into());
            }
            None => remarks.push(format!("Requests must have the header `{name}`: set it.")),
        }
    }
    headers
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
