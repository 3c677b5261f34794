//! A template and a request's values → URL, header or attribute text. Parsed once
//! per call, filled once per request.

use super::matrix::Matrix;
use super::pointer::{Pointer, PointerError};
use super::row::Row;
use crate::message::RESERVED;
use percent_encoding::utf8_percent_encode;
use rowcast_json::Kind;
use std::borrow::Cow;

/// Where a template stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Made before there is a record.
    Url,
    /// Likewise; and its text may be a secret, braces and all.
    Header,
    /// Likewise; and all braces that hold no name are text.
    Body,
    /// Attributes may look into the record.
    Attribute,
}

/// A checked template.
pub struct Template {
    parts: Vec<Part>,
    /// What is written beside each part's name.
    marks: Vec<Marks>,
}

/// What may be written beside a placeholder's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// `{name?}`: where there is no value, there is no attribute.
    pub optional: bool,
    /// `{text:name}`: a number or boolean that stands alone becomes text too.
    pub text: bool,
    /// `{name*}`, in URLs: the values of all rows of a request.
    pub joined: bool,
}

/// A piece of a template.
pub enum Part {
    /// Literal text.
    Text(String),
    /// A column, an axis, or a JSON Pointer into the row.
    Name(String),
    /// A place in the record.
    Record(Pointer),
}

/// Why a text is not a template. Messages don't repeat the text, which may be a
/// header's secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// An opening brace without its closing one.
    #[error("the `{{` at byte {0} is never closed; a literal brace is written `{{{{`")]
    Unclosed(usize),
    /// A closing brace without its opening one.
    #[error("the `}}` at byte {0} closes nothing; a literal brace is written `}}}}`")]
    Unopened(usize),
    /// Empty braces.
    #[error("the braces at byte {0} name nothing")]
    Nameless(usize),
    /// Braces in a header that are more likely part of its value.
    #[error("the braces at byte {0} hold no column's name; literal braces are doubled")]
    OddName(usize),
    /// A URL or a header can't be left out.
    #[error("`{{…?}}` is for attributes; a URL or a header can't be left out")]
    OptionalElsewhere,
    /// A record is looked into before there is one.
    #[error("`{{record:…}}` is for attributes; there is no record before the request is made")]
    RecordTooEarly,
    /// The part after `record:` is no pointer.
    #[error("read the pointer after `record:`")]
    Pointer(#[source] PointerError),
}

/// Why a template can't be filled for this request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// No such column, no such axis.
    #[error("the row has no `{name}`; {}", list(.known))]
    Missing {
        /// The name asked for.
        name: String,
        /// The names there are, sorted.
        known: Vec<String>,
    },
    /// A null, an array or an object.
    #[error("`{name}` is {kind}; a template takes strings, numbers and booleans")]
    Unfit {
        /// The column.
        name: String,
        /// What it is.
        kind: Kind,
    },
    /// A string with a lone surrogate.
    #[error("`{0}` is not Unicode")]
    NotUnicode(String),
}

/// A request's values by name.
pub struct Scope<'s> {
    /// The row.
    pub row: &'s Row<'s>,
    /// The axes.
    pub matrix: &'s Matrix<'s>,
    /// Which combination of them.
    pub combination: u32,
}

/// A value as a template takes it.
#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string's content.
    Text(Cow<'a, str>),
    /// A number's or boolean's JSON text.
    Literal(&'a str),
}

impl Template {
    /// Checks a template's text.
    pub fn parse(text: &str, place: Place) -> Result<Self, TemplateError> {
        let (mut parts, mut marks) = (Vec::new(), Vec::new());
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, brace, after)) = split_at_brace(rest) {
            let at = text.len() - after.len() - 1;
            literal.push_str(before);
            if let Some(after) = after.strip_prefix(brace) {
                literal.push(brace);
                rest = after;
                continue;
            }
            if brace == '}' {
                return Err(TemplateError::Unopened(at));
            }
            let (name, after) = after.split_once('}').ok_or(TemplateError::Unclosed(at))?;
            if name.contains('{') {
                return Err(TemplateError::Unclosed(at));
            }
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
                marks.push(Marks::default());
            }
            let (part, mark) = placeholder(name, place, at)?;
            parts.push(part);
            marks.push(mark);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
            marks.push(Marks::default());
        }
        Ok(Self { parts, marks })
    }

    /// The pieces in their order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The marks of the part at that place.
    #[must_use]
    pub fn marks(&self, place: usize) -> Marks {
        self.marks.get(place).copied().unwrap_or_default()
    }

    /// The columns and axes it asks for, but for those that may be missing.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .zip(&self.marks)
            .filter_map(|(part, marks)| match part {
                Part::Name(name) if !marks.optional => Some(name.as_str()),
                Part::Name(_) | Part::Text(_) | Part::Record(_) => None,
            })
    }

    /// Whether there may be no value of that name.
    #[must_use]
    pub fn is_optional(&self, name: &str) -> bool {
        let mut parts = self.parts.iter().zip(&self.marks);
        parts.any(|(part, marks)| {
            matches!(part, Part::Name(known) if known == name) && marks.optional
        })
    }

    /// The column whose values of all rows it takes.
    #[must_use]
    pub fn joined(&self) -> Option<&str> {
        let mut parts = self.parts.iter().zip(&self.marks);
        parts.find_map(|(part, marks)| match part {
            Part::Name(name) if marks.joined => Some(name.as_str()),
            Part::Name(_) | Part::Text(_) | Part::Record(_) => None,
        })
    }

    /// Fills a URL: values percent-encoded. All rows but the first are only for
    /// `{name*}`.
    pub fn fill_url(&self, scopes: &[Scope<'_>], separator: &str) -> Result<String, FillError> {
        let mut url = String::new();
        for (part, marks) in self.parts.iter().zip(&self.marks) {
            let rows = if marks.joined { scopes.len() } else { 1 };
            match part {
                Part::Text(text) => url.push_str(text),
                Part::Name(name) => {
                    for (place, scope) in scopes.iter().take(rows).enumerate() {
                        url.push_str(if place == 0 { "" } else { separator });
                        let value = scope.get(name)?;
                        url.extend(utf8_percent_encode(value.as_str(), &RESERVED));
                    }
                }
                // `placeholder` keeps these out of URLs.
                Part::Record(_) => {}
            }
        }
        Ok(url)
    }

    /// The URL with every placeholder replaced by `1`: enough to check its
    /// scheme and shape before there are values.
    #[must_use]
    pub fn sample_url(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Name(_) | Part::Record(_) => "1".to_owned(),
        };
        self.parts.iter().map(part).collect()
    }

    /// Fills a header: values as they are.
    pub fn fill_plain(&self, scope: &Scope<'_>) -> Result<String, FillError> {
        self.fill_by(|name, text| {
            text.push_str(scope.get(name)?.as_str());
            Ok(())
        })
    }

    fn fill_by(
        &self,
        mut add: impl FnMut(&str, &mut String) -> Result<(), FillError>,
    ) -> Result<String, FillError> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Name(name) => add(name, &mut filled)?,
                // `placeholder` keeps these out of URLs and headers.
                Part::Record(_) => {}
            }
        }
        Ok(filled)
    }
}

impl<'s> Scope<'s> {
    /// A column's or an axis's value.
    pub fn get(&self, name: &str) -> Result<Value<'s>, FillError> {
        if let Some(text) = self.matrix.get(self.combination, name) {
            return Ok(Value::Text(Cow::Borrowed(text)));
        }
        let Some(value) = self.row.get(name) else {
            let names = self.row.names().chain(self.matrix.names());
            let mut known: Vec<_> = names.map(str::to_owned).collect();
            known.sort_unstable();
            return Err(FillError::Missing {
                name: name.to_owned(),
                known,
            });
        };
        match value.kind() {
            Kind::String => value
                .string()
                .map(Value::Text)
                .ok_or_else(|| FillError::NotUnicode(name.to_owned())),
            Kind::Number | Kind::Boolean => Ok(Value::Literal(value.text())),
            kind @ (Kind::Null | Kind::Array | Kind::Object) => Err(FillError::Unfit {
                name: name.to_owned(),
                kind,
            }),
        }
    }
}

impl FillError {
    /// Whether it is about a value that may be missing.
    #[must_use]
    pub fn is_none_of(&self, template: &Template) -> bool {
        match self {
            Self::Missing { name, .. }
            | Self::Unfit {
                name,
                kind: Kind::Null,
            } => template.is_optional(name),
            Self::Unfit { .. } | Self::NotUnicode(_) => false,
        }
    }
}

impl Value<'_> {
    /// The value as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Literal(text) => text,
        }
    }
}

/// "it has `a`, `b`", for messages about a name that isn't there.
#[must_use]
pub fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "it has no columns".to_owned();
    }
    format!("known are `{}`", names.join("`, `"))
}

fn split_at_brace(text: &str) -> Option<(&str, char, &str)> {
    let at = text.find(['{', '}'])?;
    let (before, from) = text.split_at_checked(at)?;
    let mut characters = from.chars();
    let brace = characters.next()?;
    Some((before, brace, characters.as_str()))
}

fn placeholder(name: &str, place: Place, at: usize) -> Result<(Part, Marks), TemplateError> {
    let mut marks = Marks::default();
    let mut name = name;
    if let Some(before) = name.strip_suffix('?').filter(|name| !name.is_empty()) {
        match place {
            Place::Url => return Err(TemplateError::OptionalElsewhere),
            // A secret's braces, more likely.
            Place::Header => return Err(TemplateError::OddName(at)),
            Place::Attribute | Place::Body => {}
        }
        marks.optional = true;
        name = before;
    }
    if let (Some(before), Place::Url) = (name.strip_suffix('*'), place) {
        if before.ends_with(['*', '?']) {
            return Err(TemplateError::OddName(at));
        }
        marks.joined = true;
        name = before;
    }
    if let (Some(after), Place::Attribute | Place::Body) = (name.strip_prefix("text:"), place) {
        marks.text = true;
        name = after;
    }
    let part = match (name.strip_prefix("record:"), place) {
        (Some(_), Place::Url | Place::Header | Place::Body) => {
            return Err(TemplateError::RecordTooEarly);
        }
        (Some(pointer), Place::Attribute) => Pointer::parse(pointer)
            .map(Part::Record)
            .map_err(TemplateError::Pointer)?,
        (None, _) if name.is_empty() => return Err(TemplateError::Nameless(at)),
        (None, Place::Header) if !name.chars().all(is_plain) => {
            return Err(TemplateError::OddName(at));
        }
        (None, Place::Body) if !is_bare(name) => return Err(TemplateError::OddName(at)),
        (None, _) => Part::Name(name.to_owned()),
    };
    Ok((part, marks))
}

/// A column's name, or a pointer into one.
fn is_bare(name: &str) -> bool {
    name == name.trim() && name.chars().all(|part| is_plain(part) || part == '/')
}

fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, ' ' | '_' | '-' | '.')
}

#[cfg(test)]
mod tests;
