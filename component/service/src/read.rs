//! A body → a call, or which member is wrong and how.
//!
//! serde says what is wrong; its words are put into ours here, because they
//! repeat values, which may be secrets.

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]
mod tests;

use rowcast_pipeline::settings::{escaped, nearest};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_path_to_error::Segment;
use std::borrow::Cow;
use std::fmt;

/// What JSON's grammar lets through and no text can hold, such as `"\ud83d"`.
const HALF: &str = "has half a character, a surrogate without its other half";

/// Characters of an unknown member's name that are repeated to its sender.
const SHOWN: usize = 64;

/// What is wrong with a member, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistake {
    pointer: String,
    message: String,
    hint: Option<String>,
}

impl Mistake {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    fn under(mut self, name: &str) -> Self {
        self.pointer = format!("/{}{}", escaped(name), self.pointer);
        self
    }

    /// JSON Pointer (RFC 6901) to the member; empty for the body itself.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => write!(formatter, "the body {}", self.message),
            pointer => write!(formatter, "`{pointer}` {}", self.message),
        }
    }
}

impl std::error::Error for Mistake {}

/// Reads a body, which must be one JSON object.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Mistake> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Mistake::new(format!("is not UTF-8 from byte {}", error.valid_up_to())))?;
    if text.trim_ascii().is_empty() {
        return Err(Mistake::new("is empty, expected a JSON object"));
    }
    // Errors of syntax tell the place, and nothing of the text.
    let value: &RawValue = serde_json::from_str(text)
        .map_err(|error| Mistake::new(format!("is not JSON: {error}")))?;
    // serde takes a list for an object's members in their order.
    if value.get().starts_with('[') {
        return Err(Mistake::new("is a list, expected an object"));
    }
    let mut json = serde_json::Deserializer::from_str(value.get());
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let mistake = mistake(error.inner());
        error.path().iter().rev().fold(mistake, under)
    })
}

fn under(mistake: Mistake, segment: &Segment) -> Mistake {
    match segment {
        Segment::Seq { index } => mistake.under(&index.to_string()),
        Segment::Map { key } => mistake.under(&shortened(key)),
        Segment::Enum { variant } => mistake.under(variant),
        Segment::Unknown => mistake,
    }
}

/// serde's words, such as ``unknown field `a`, expected `b` or `c` at line 1
/// column 5``. What stands behind its last "expected" is ours, never the body's.
fn mistake(error: &serde_json::Error) -> Mistake {
    if error.classify() == Category::Syntax {
        return Mistake::new(HALF);
    }
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(said, _)| said);
    let (said, expected) = text.rsplit_once(", expected ").unwrap_or((text, ""));
    let quoted = |said: &str| {
        said.trim_start_matches('`')
            .trim_end_matches('`')
            .to_owned()
    };
    if let Some(name) = said.strip_prefix("missing field ") {
        return Mistake::new("is missing").under(&quoted(name));
    }
    if let Some(name) = said.strip_prefix("duplicate field ") {
        return Mistake::new("is there twice").under(&quoted(name));
    }
    if let Some(name) = said.strip_prefix("unknown field ") {
        return unknown(&quoted(name), expected);
    }
    let found = said.split_once(": ").map_or("", |(_, found)| found);
    let number = ["integer", "floating", "number"];
    let is_number = number.iter().any(|kind| found.starts_with(kind));
    let expected = match expected {
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number from 0 to 18446744073709551615",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") => "an object",
        "a string" => expected,
        _ => "another value",
    };
    if is_number && expected.starts_with("a whole number") {
        return Mistake::new(format!("must be {expected}"));
    }
    let found = match found.split(' ').next() {
        _ if is_number => "a number",
        Some("string") => "a string",
        Some("map") => "an object",
        Some("sequence") => "a list",
        Some("boolean") => "true or false",
        Some("null" | "unit") => "null",
        _ => "another value",
    };
    Mistake::new(format!("is {found}, expected {expected}"))
}

/// A member that a call doesn't have, and which the path leads to; `known` is
/// serde's list of those it has.
fn unknown(name: &str, known: &str) -> Mistake {
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let hint = match nearest(name, &known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("known here: `{}`", known.join("`, `")),
    };
    Mistake {
        hint: Some(hint),
        ..Mistake::new("is not known")
    }
}

/// What the client sent is repeated to it, but not megabytes of it.
fn shortened(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", name.split_at(end).0).into(),
        None => name.into(),
    }
}
