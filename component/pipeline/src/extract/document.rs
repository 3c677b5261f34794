//! A record and its cell's attributes → one document, by splicing text: the
//! record's own members stay byte for byte.

use super::json::{self, Kind};
use super::pointer::{self, Pointer};
use super::template::{FillError, Part, Scope, Template, Value};
use crate::bindings::rowcast::pipeline::types::RejectionKind;
use serde_json::value::RawValue;

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

/// Why a record is no document.
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
    /// Fills a cell's values into an attribute's template; none where a value is
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

    /// The attribute's value as JSON text; none where it is to be left out. A
    /// template that is exactly one placeholder keeps a number's or boolean's
    /// type, unless it says otherwise; all others are strings.
    fn value(&self, record: &RawValue) -> Result<Option<String>, DocumentError> {
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
                return Ok(Some(literal.to_owned()));
            }
            text.push_str(literal);
        }
        Ok(Some(quoted(&text)))
    }

    /// Whether it is the record's own member of its name, as text: it takes that
    /// one's place.
    fn is_own_as_text(&self) -> bool {
        let [Piece::Record(pointer, _)] = self.pieces.as_slice() else {
            return false;
        };
        self.text && pointer.as_str() == pointer::to_member(self.name)
    }

    fn look<'r>(&self, at: &Pointer, record: &'r RawValue) -> Result<Value<'r>, DocumentError> {
        let attribute = || self.name.to_owned();
        let pointer = || at.as_str().to_owned();
        let value = at.find(record).ok_or_else(|| DocumentError::Missing {
            attribute: attribute(),
            pointer: pointer(),
        })?;
        match json::kind(value) {
            Kind::String => json::string(value)
                .map(Value::Text)
                .ok_or_else(|| DocumentError::NotUnicode(pointer())),
            Kind::Number | Kind::Boolean => Ok(Value::Literal(value.get())),
            kind @ (Kind::Null | Kind::Array | Kind::Object) => Err(DocumentError::Unfit {
                attribute: attribute(),
                pointer: pointer(),
                kind,
            }),
        }
    }
}

/// The document of a record: the attributes, then its own members as they
/// were.
pub fn build(
    attributes: &[Attribute<'_>],
    require: &[Pointer],
    record: &RawValue,
) -> Result<String, DocumentError> {
    let Some(inner) = record.get().strip_prefix('{') else {
        return Err(DocumentError::NotObject(json::kind(record)));
    };
    let members = json::members(record).ok_or_else(|| DocumentError::NotUnicode(String::new()))?;
    if let Some(missing) = require
        .iter()
        .find(|pointer| pointer.find(record).is_none())
    {
        return Err(DocumentError::Required(missing.as_str().to_owned()));
    }
    let mut document = String::with_capacity(record.get().len() + 32 * attributes.len());
    document.push('{');
    let mut replaces = false;
    for attribute in attributes {
        if members.iter().any(|(name, _)| name == attribute.name) {
            if !attribute.is_own_as_text() {
                return Err(DocumentError::Clash(attribute.name.to_owned()));
            }
            replaces = true;
        }
        let Some(value) = attribute.value(record)? else {
            continue;
        };
        document.push_str(&quoted(attribute.name));
        document.push(':');
        document.push_str(&value);
        document.push(',');
    }
    if replaces {
        let is_added = |name: &str| attributes.iter().any(|attribute| attribute.name == name);
        for (name, value) in members.iter().filter(|(name, _)| !is_added(name)) {
            document.extend([&quoted(name), ":", value.get(), ","]);
        }
        if document.ends_with(',') {
            document.pop();
        }
        document.push('}');
        return Ok(document);
    }
    if members.is_empty() && document.ends_with(',') {
        document.pop();
    }
    document.push_str(inner);
    Ok(document)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::super::matrix::Matrix;
    use super::super::row::Row;
    use super::super::template::Place;
    use super::*;
    use crate::settings::Mistakes;

    fn check(attributes: &[(&str, &str)], require: &[&str], record: &str, expected: &str) {
        let row = Row::parse(r#"{"id":"x\"y","n":1.50,"yes":true,"nothing":null}"#).unwrap();
        let matrix = Matrix::new(&[], &mut Mistakes::default());
        let scope = Scope {
            row: &row,
            matrix: &matrix,
            combination: 0,
        };
        let attributes: Vec<(&str, Template)> = attributes
            .iter()
            .map(|(name, text)| (*name, Template::parse(text, Place::Attribute).unwrap()))
            .collect();
        let bound: Vec<_> = attributes
            .iter()
            .filter_map(|(name, template)| Attribute::bind(name, template, &scope).unwrap())
            .collect();
        let require: Vec<_> = require
            .iter()
            .map(|text| Pointer::parse(text).unwrap())
            .collect();
        let record: &RawValue = serde_json::from_str(record).unwrap();
        let shown = match build(&bound, &require, record) {
            Ok(document) => {
                serde_json::from_str::<serde_json::Value>(&document).unwrap();
                document
            }
            Err(error) => format!("{:?} {:?}: {error}", error.kind(), error.path()),
        };
        assert_eq!(shown.replace("RejectionKind::", ""), expected, "{record}");
    }

    #[test]
    fn attributes_come_first_and_members_stay_as_they_were() {
        check(&[], &[], r#"{ "a" : 1.0e5 }"#, r#"{ "a" : 1.0e5 }"#);
        check(
            &[("k", "v")],
            &[],
            r#"{ "a" : 1 }"#,
            r#"{"k":"v", "a" : 1 }"#,
        );
        check(&[("k", "v")], &[], "{ }", r#"{"k":"v" }"#);
        check(
            &[("k", ""), ("l\"", "{id}!")],
            &[],
            "{}",
            r#"{"k":"","l\"":"x\"y!"}"#,
        );
        check(&[], &[], "{}", "{}");
    }

    #[test]
    fn one_placeholder_keeps_numbers_and_booleans() {
        check(&[("k", "{n}")], &[], "{}", r#"{"k":1.50}"#);
        check(&[("k", "{yes}")], &[], "{}", r#"{"k":true}"#);
        check(&[("k", "{text:n}")], &[], "{}", r#"{"k":"1.50"}"#);
        // Without a value there is no attribute, where that may be.
        check(&[("k", "{no?}")], &[], r#"{"a":1}"#, r#"{"a":1}"#);
        check(&[("k", "a{nothing?}")], &[], r#"{"a":1}"#, r#"{"a":1}"#);
        check(&[("k", "{n?}")], &[], "{}", r#"{"k":1.50}"#);
        let optional = ("k", "{record:/b?}");
        for record in [r#"{"a":1}"#, r#"{"b":null}"#, "{}"] {
            check(&[optional], &[], record, record);
        }
        check(&[optional], &[], r#"{"b":2}"#, r#"{"k":2,"b":2}"#);
        // A record's own member becomes text, as a key of that name must be.
        let own = ("id", "{text:record:/id}");
        check(&[own], &[], r#"{"id":7}"#, r#"{"id":"7"}"#);
        check(&[own], &[], r#"{"a": 1.0, "id": 7, "b":[]}"#, r#"{"id":"7","a":1.0,"b":[]}"#);
        check(&[("k", "{n}{yes}")], &[], "{}", r#"{"k":"1.50true"}"#);
        check(&[("k", "#{n}")], &[], "{}", r##"{"k":"#1.50"}"##);
        check(
            &[("k", "{record:/a/0}")],
            &[],
            r#"{"a":[1E400]}"#,
            r#"{"k":1E400,"a":[1E400]}"#,
        );
        check(
            &[("k", "{record:/a}")],
            &[],
            r#"{"a":"\u00e9"}"#,
            r#"{"k":"é","a":"\u00e9"}"#,
        );
        check(
            &[("k", "{id}/{record:/a}")],
            &[],
            r#"{"a":2}"#,
            r#"{"k":"x\"y/2","a":2}"#,
        );
    }

    #[test]
    fn rejected_records_say_where() {
        check(
            &[],
            &[],
            "[]",
            r#"Body "": the record is an array, not an object"#,
        );
        check(
            &[],
            &["/a", "/b/0"],
            r#"{"a":null,"b":[1]}"#,
            r#"{"a":null,"b":[1]}"#,
        );
        check(
            &[],
            &["/a", "/b"],
            r#"{"a":1}"#,
            "Required \"/b\": the record has no `/b`, which the source requires; the upstream may \
             not send it",
        );
        check(
            &[("a/b", "x")],
            &[],
            r#"{"a\/b":1}"#,
            "Clash \"/a~1b\": the record has a member `a/b` of its own; give the attribute another \
             name",
        );
        check(
            &[("k", "{record:/z}")],
            &[],
            r#"{"a":1}"#,
            "Required \"/z\": the record has no `/z`, which the attribute `k` takes",
        );
        check(
            &[("k", "{record:/a}")],
            &[],
            r#"{"a":[]}"#,
            "Template \"/a\": `/a`, which the attribute `k` takes, is an array",
        );
        check(
            &[],
            &[],
            r#"{"\udc00":1}"#,
            "Body \"\": the record has text that is not Unicode",
        );
    }
}
