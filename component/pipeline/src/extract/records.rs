//! A body → its records as borrowed slices, or the reason why there are none;
//! an error's body → the upstream's own words.

use super::pointer::Pointer;
use super::snippet;
use rowcast_json::{Bytes, Index, Kind, Value};

/// Names that are listed at most when a pointer leads nowhere.
const LISTED: usize = 10;

/// Why a body has no records. An answer without records is an empty array; all
/// of these are something else.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The text ends in the middle of a value.
    #[error("the body ends before its JSON does, after {0} bytes; it starts with: {1}")]
    Truncated(usize, String),
    /// Nothing at all.
    #[error("the body is empty")]
    Empty,
    /// Not UTF-8, in which all formats are read.
    #[error("the body is not UTF-8 text")]
    NotText,
    /// Something else, such as a page for people.
    #[error("the body is not JSON; it starts with: {0}")]
    NotJson(String),
    /// JSON up to somewhere in the middle.
    #[error("the body is not JSON from line {line}, column {column} on: {there}")]
    Broken {
        /// The line, from 1.
        line: usize,
        /// The byte in the line, from 1.
        column: usize,
        /// What is there.
        there: String,
    },
    /// A row of a table that has too many values, or too few.
    #[error("row {line} of the body has {values} values, but there are {names} columns")]
    Ragged {
        /// Which row, the names being the first.
        line: usize,
        /// How many values it has.
        values: usize,
        /// How many columns there are.
        names: usize,
    },
    /// JSON or a page for people in place of a table.
    #[error("the body is not a table; it starts with: {0}")]
    NotTable(String),
    /// A quote that ends no value.
    #[error("row {0} of the body has a quote in the middle of a value")]
    Quote(usize),
    /// Records by id or in columns are an object.
    #[error("the body has {kind} at `{pointer}`, which should be an object")]
    NotObject {
        /// Where the records should be.
        pointer: String,
        /// What is there.
        kind: Kind,
    },
    /// Columns of different lengths.
    #[error("the columns at `{pointer}` are not lists of equal length: `{name}` differs")]
    Uneven {
        /// Where the columns are.
        pointer: String,
        /// The first that differs.
        name: String,
    },
    /// The pointer leads nowhere.
    #[error("the body has nothing at `{pointer}`; {there}")]
    Missing {
        /// Where the records should be.
        pointer: String,
        /// What there is instead.
        there: String,
    },
    /// The pointer leads to null, which some write for none.
    #[error(
        "the body has null at `{0}`, neither an array of records nor a record; if that means none: \
         rules = [{{ when = {{ body = {{ pointer = \"{0}\", type = \"null\" }} }}, then = \"nothing\" }}]"
    )]
    Null(String),
    /// The pointer leads to something else.
    #[error("the body has {kind} at `{pointer}`, neither an array of records nor a record")]
    NotRecords {
        /// Where the records should be.
        pointer: String,
        /// What is there.
        kind: Kind,
    },
}

/// A body without the mark that some put before UTF-8 text.
#[must_use]
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// The same for its text.
#[must_use]
pub fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads a body's text as JSON.
pub fn parse<'b>(index: &'b mut Index, text: &'b str) -> Result<Value<'b>, BodyError> {
    if text.trim_ascii().is_empty() {
        return Err(BodyError::Empty);
    }
    index.read(text).map_err(|flaw| {
        if flaw.is_end {
            BodyError::Truncated(text.len(), snippet::line(text))
        } else {
            broken(text, flaw.at)
        }
    })
}

/// Where a text stops being JSON.
fn broken(text: &str, at: usize) -> BodyError {
    let Some((before, there)) = text.split_at_checked(at) else {
        return BodyError::NotJson(snippet::line(text));
    };
    if before.trim_ascii().is_empty() {
        return BodyError::NotJson(snippet::line(text));
    }
    let begun = before.rfind('\n').map_or(0, |end| end + 1);
    BodyError::Broken {
        line: before.matches('\n').count() + 1,
        column: at - begun + 1,
        there: snippet::line(there),
    }
}

/// A body's text.
pub fn text_of(body: &Bytes) -> Result<&str, BodyError> {
    if let Some(text) = body.text() {
        return Ok(unmarked(text));
    }
    let body = without_mark(body.bytes());
    Err(
        match std::str::from_utf8(body).map_err(|error| error.error_len()) {
            // A cut can fall into the middle of a character.
            Err(None) => {
                let start = String::from_utf8_lossy(body);
                BodyError::Truncated(body.len(), snippet::line(&start))
            }
            Err(Some(_)) | Ok(_) => BodyError::NotText,
        },
    )
}

/// Cuts a body into its records. An object at the pointer is one record.
pub fn records<'a>(root: Value<'a>, pointer: &Pointer) -> Result<Vec<Value<'a>>, BodyError> {
    let Some(value) = pointer.find(root) else {
        let pointer = pointer.as_str().to_owned();
        return Err(BodyError::Missing {
            pointer,
            there: outline(root),
        });
    };
    match value.kind() {
        Kind::Array => Ok(value.elements().collect()),
        Kind::Object => Ok(vec![value]),
        Kind::Null => Err(BodyError::Null(pointer.as_str().to_owned())),
        kind @ (Kind::Boolean | Kind::Number | Kind::String) => Err(BodyError::NotRecords {
            pointer: pointer.as_str().to_owned(),
            kind,
        }),
    }
}

/// What an error's body says, in the shapes in use: `error` as an object
/// (Google, Spotify) or a code (OAuth), `errors` (GraphQL, JSON:API), problem
/// details (RFC 9457), and a plain `message`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// A code such as `QUOTA_EXCEEDED`.
    pub code: Option<String>,
    /// A sentence.
    pub message: Option<String>,
}

impl Words {
    /// Code and sentence in one line; none if the body says nothing.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => Some(format!("{code}: {message}")),
            (Some(text), None) | (None, Some(text)) => Some(text.clone()),
            (None, None) => None,
        }
    }

    /// Reads an error's body that is JSON.
    #[must_use]
    pub fn of(root: Value<'_>) -> Self {
        let error = root.member("error");
        let first = root.member("errors");
        let first = first.and_then(|errors| errors.elements().next());
        let nested = [error, first]
            .into_iter()
            .flatten()
            .find(|value| value.kind() == Kind::Object);
        let place = nested.unwrap_or(root);
        let code = text(place, &["reason", "code"]).or_else(|| error.and_then(scalar_text));
        let message = text(
            place,
            &[
                "message",
                "error_description",
                "detail",
                "title",
                "description",
                "error_message",
                "status_message",
            ],
        );
        let message = message.or_else(|| first.and_then(scalar_text));
        Self {
            code,
            message: message.or_else(|| text(root, &["message", "error_description"])),
        }
    }
}

/// Whether a body reports an error, whatever its status. A record may itself
/// have a member called `error`: where the whole body is the record, having all
/// that is required tells it from an error.
#[must_use]
pub fn reports_error(root: Value<'_>, pointer: &Pointer, require: &[Pointer]) -> bool {
    let is_record = |value: Value<'_>| require.iter().all(|place| place.find(value).is_some());
    let whole = pointer.as_str().is_empty() && !require.is_empty() && is_record(root);
    if whole {
        return false;
    }
    let error = root
        .member("error")
        .is_some_and(|error| match error.kind() {
            Kind::Object => !is_success(error) && error.members().any(|(_, it)| says_something(it)),
            Kind::String => error.text() != r#""""#,
            Kind::Boolean => error.text() == "true",
            Kind::Null | Kind::Number | Kind::Array => false,
        });
    let errors = root
        .member("errors")
        .is_some_and(|errors| match errors.kind() {
            Kind::Array => !errors.is_empty(),
            // What is wrong by what it's wrong with; numbers only count.
            Kind::Object => errors
                .members()
                .any(|(_, it)| it.kind() != Kind::Number && says_something(it)),
            Kind::Null | Kind::Boolean | Kind::Number | Kind::String => false,
        });
    error || errors
}

/// Whether an error has the code of none.
fn is_success(error: Value<'_>) -> bool {
    let code = ["code", "status", "errno"];
    let code = code.iter().find_map(|name| error.member(name));
    code.is_some_and(|code| matches!(code.text(), "0" | r#""0""# | r#""ok""# | r#""OK""#))
}

/// Whether a value isn't one of those that stand for nothing.
fn says_something(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null => false,
        Kind::Boolean => value.text() == "true",
        Kind::Number => value.text() != "0",
        Kind::String => value.text() != r#""""#,
        Kind::Array | Kind::Object => !value.is_empty(),
    }
}

fn outline(root: Value<'_>) -> String {
    if root.kind() != Kind::Object {
        return format!("it is {}", root.kind());
    }
    if root.is_empty() {
        return "it is an empty object".to_owned();
    }
    let said = Words::of(root)
        .message
        .map(|message| format!(", and says: {message}"));
    let mut members = root.members();
    let names: Vec<_> = members
        .by_ref()
        .take(LISTED)
        .map(|(name, _)| snippet::line(&name.content().unwrap_or_default()))
        .collect();
    let more = if members.next().is_some() {
        ", …"
    } else {
        ""
    };
    format!(
        "its members are `{}`{more}{}",
        names.join("`, `"),
        said.unwrap_or_default()
    )
}

fn text(value: Value<'_>, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| value.member(name).and_then(scalar_text))
}

fn scalar_text(value: Value<'_>) -> Option<String> {
    let text = match value.kind() {
        Kind::String => snippet::line(&value.string()?),
        Kind::Number => snippet::line(value.text()),
        Kind::Null | Kind::Boolean | Kind::Array | Kind::Object => return None,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
