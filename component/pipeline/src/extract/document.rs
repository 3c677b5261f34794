//! A record and its request's attributes → one document, by splicing text: the
//! record's own members stay byte for byte.

use super::pointer::Pointer;
use super::template::{FillError, Part, Scope, Template, Value};
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use rowcast_json::{self as json, Kind, Output, pointer};
use std::borrow::Cow;

/// An attribute whose columns and axes are filled in; only the record's own
/// values are open.
pub struct Attribute<'t> {
    name: &'t str,
    pieces: Vec<Piece<'t>>,
    /// A placeholder that stands alone, and is text whatever its value.
    text: bool,
}

enum Piece<'t> {
    Text(String),
    /// A number or a boolean, with its digits.
    Literal(String),
    /// And whether the attribute is left out where there is nothing.
    Record(&'t Pointer, bool),
}

/// Why a record is not a document.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Records are objects.
    #[error("the record is {0}, not an object")]
    NotObject(Kind),
    /// A member's name or a used string has a lone surrogate.
    #[error("the record has text that is not Unicode")]
    NotUnicode(String),
    /// A required member isn't there.
    #[error("the record has no `{0}`, which the source requires; the upstream may not send it")]
    Required(String),
    /// An attribute looks at a member that isn't there.
    #[error("the record has no `{pointer}`, which the attribute `{attribute}` takes")]
    Missing {
        /// The attribute.
        attribute: String,
        /// Where it looks.
        pointer: String,
    },
    /// An attribute looks at something that is no scalar.
    #[error("`{pointer}`, which the attribute `{attribute}` takes, is {kind}")]
    Unfit {
        /// The attribute.
        attribute: String,
        /// Where it looks.
        pointer: String,
        /// What's there.
        kind: Kind,
    },
    /// An attribute would hide the record's own member.
    #[error("the record has a member `{0}` of its own; give the attribute another name")]
    Clash(String),
}

impl DocumentError {
    /// The contract's word for it.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        match self {
            Self::NotObject(_) | Self::NotUnicode(_) => RejectionKind::Body,
            Self::Required(_) | Self::Missing { .. } => RejectionKind::Required,
            Self::Unfit { .. } => RejectionKind::Template,
            Self::Clash(_) => RejectionKind::Clash,
        }
    }

    /// Where in the record it is.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::NotObject(_) => String::new(),
            Self::NotUnicode(pointer)
            | Self::Required(pointer)
            | Self::Missing { pointer, .. }
            | Self::Unfit { pointer, .. } => pointer.clone(),
            Self::Clash(name) => pointer::to_member(name),
        }
    }
}

impl<'t> Attribute<'t> {
    /// Fills a request's values into an attribute's template; none where a value is
    /// missing that may be.
    pub fn bind(
        name: &'t str,
        template: &'t Template,
        scope: &Scope<'_>,
    ) -> Result<Option<Self>, FillError> {
        let mut pieces = Vec::with_capacity(template.parts().len());
        for (place, part) in template.parts().iter().enumerate() {
            let optional = template.marks(place).optional;
            pieces.push(match part {
                Part::Text(text) => Piece::Text(text.clone()),
                Part::Name(name) => match scope.get(name) {
                    Ok(Value::Text(text)) => Piece::Text(text.into_owned()),
                    Ok(Value::Literal(literal)) => Piece::Literal(literal.to_owned()),
                    Err(
                        FillError::Missing { .. }
                        | FillError::Unfit {
                            kind: Kind::Null, ..
                        },
                    ) if optional => return Ok(None),
                    Err(error) => return Err(error),
                },
                Part::Record(pointer) => Piece::Record(pointer, optional),
            });
        }
        let text = template.marks(0).text;
        Ok(Some(Self { name, pieces, text }))
    }

    /// The attribute's name.
    #[must_use]
    pub fn name(&self) -> &'t str {
        self.name
    }

    /// The attribute's value for that record; none where it is to be left out. A
    /// template that is exactly one placeholder keeps a number's or boolean's
    /// type, unless it says otherwise; all others are strings.
    pub fn value<'v>(
        &'v self,
        record: json::Value<'v>,
    ) -> Result<Option<Value<'v>>, DocumentError> {
        let mut text = String::new();
        for piece in &self.pieces {
            let literal = match piece {
                Piece::Text(piece) => {
                    text.push_str(piece);
                    continue;
                }
                Piece::Literal(literal) => literal.as_str(),
                Piece::Record(pointer, optional) => match self.look(pointer, record) {
                    Ok(Value::Text(piece)) => {
                        text.push_str(&piece);
                        continue;
                    }
                    Ok(Value::Literal(literal)) => literal,
                    Err(
                        DocumentError::Missing { .. }
                        | DocumentError::Unfit {
                            kind: Kind::Null, ..
                        },
                    ) if *optional => return Ok(None),
                    Err(error) => return Err(error),
                },
            };
            if self.pieces.len() == 1 && !self.text {
                return Ok(Some(Value::Literal(literal)));
            }
            text.push_str(literal);
        }
        Ok(Some(Value::Text(Cow::Owned(text))))
    }

    fn look<'r>(&self, at: &Pointer, record: json::Value<'r>) -> Result<Value<'r>, DocumentError> {
        let attribute = || self.name.to_owned();
        let pointer = || at.as_str().to_owned();
        let value = at.find(record).ok_or_else(|| DocumentError::Missing {
            attribute: attribute(),
            pointer: pointer(),
        })?;
        match value.kind() {
            Kind::String => value
                .string()
                .map(Value::Text)
                .ok_or_else(|| DocumentError::NotUnicode(pointer())),
            Kind::Number | Kind::Boolean => Ok(Value::Literal(value.text())),
            kind @ (Kind::Null | Kind::Array | Kind::Object) => Err(DocumentError::Unfit {
                attribute: attribute(),
                pointer: pointer(),
                kind,
            }),
        }
    }
}

/// The attributes' values, checking that a record becomes a document: an object
/// that has what is required, and no member that an attribute would hide.
pub fn values<'v>(
    attributes: &'v [Attribute<'_>],
    require: &[Pointer],
    record: json::Value<'v>,
) -> Result<Vec<Option<Value<'v>>>, DocumentError> {
    if record.kind() != Kind::Object {
        return Err(DocumentError::NotObject(record.kind()));
    }
    // Also where there are no attributes: a name must have a meaning.
    if !record.has_names() {
        return Err(DocumentError::NotUnicode(String::new()));
    }
    let mut names = attributes.iter().map(|attribute| attribute.name);
    let clash = names.position(|name| record.member(name).is_some());
    if let Some(missing) = require
        .iter()
        .find(|pointer| pointer.find(record).is_none())
    {
        return Err(DocumentError::Required(missing.as_str().to_owned()));
    }
    // An attribute before the clash may have no value: that is said first.
    let value = |(place, attribute): (usize, &'v Attribute<'_>)| {
        if clash == Some(place) {
            return Err(DocumentError::Clash(attribute.name.to_owned()));
        }
        attribute.value(record)
    };
    attributes.iter().enumerate().map(value).collect()
}

/// The document of a record: the attributes, then its own members as they
/// were.
pub fn build(
    attributes: &[Attribute<'_>],
    require: &[Pointer],
    record: json::Value<'_>,
) -> Result<String, DocumentError> {
    let values = values(attributes, require, record)?;
    Ok(splice(attributes, &values, record))
}

/// The same, of values that fit.
#[must_use]
pub fn splice(
    attributes: &[Attribute<'_>],
    values: &[Option<Value<'_>>],
    record: json::Value<'_>,
) -> String {
    let text = record.text();
    let mut document = Output::with_capacity(text.len() + 64 * attributes.len());
    let mut before = "{";
    for (attribute, value) in attributes.iter().zip(values) {
        let Some(value) = value else {
            continue;
        };
        document.put(before);
        document.put_quoted(attribute.name);
        document.put_literal(":");
        match value {
            Value::Text(text) => document.put_quoted(text),
            Value::Literal(literal) => document.put(literal),
        }
        before = ",";
    }
    if record.is_empty() && before == "," {
        before = "";
    }
    document.put(before);
    document.put(text.strip_prefix('{').unwrap_or_default());
    document.into_text()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
