//! What becomes of a record: a text, for `extract` and between steps; or the
//! item of a table, for `transfer`, written in one walk over the body's index.

use crate::bindings::exports::rowcast::pipeline::extract::Extraction;
use crate::dynamodb::marshal::{Item, Rejection, Writer};
use crate::dynamodb::unmarshal;
use crate::extract::document::{Attribute, DocumentError, splice, values};
use crate::extract::pointer::Pointer;
use crate::extract::template;
use crate::settings::Keys;
use rowcast_json::Value;
use rowcast_json::digest::{Digest, Digester, Scalar};
use std::cell::RefCell;

/// A document on its way.
#[derive(Debug)]
pub enum Document {
    /// As JSON text.
    Text(String),
    /// As what a table holds, with the digest of all of it where that is wanted.
    Item(Item, Option<Digest>),
    /// As text, and why it can't be an item.
    Unfit(String, Box<Rejection>),
}

impl Document {
    /// As JSON text: of an item what it means, member by member.
    #[must_use]
    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Unfit(text, _) => text,
            Self::Item(item, _) => text_of(&item),
        }
    }
}

/// The document that an item was made of, with as few escapes as JSON allows.
#[must_use]
pub fn text_of(item: &Item) -> String {
    // We wrote the item.
    unmarshal::document(&item.json).unwrap_or_default()
}

/// An extraction and its documents, which are apart → one with their texts.
#[must_use]
pub fn with_texts((extraction, documents): (Extraction, Vec<Document>)) -> Extraction {
    Extraction {
        documents: documents.into_iter().map(Document::into_text).collect(),
        ..extraction
    }
}

/// What a call makes of records.
pub enum Sink<'k> {
    /// Texts.
    Texts,
    /// Items of a table with these keys; and what makes the digests of contents,
    /// where they are wanted.
    Items(&'k Keys, Option<RefCell<Digester>>),
}

impl Sink<'_> {
    /// A record's document.
    pub fn document(
        &self,
        attributes: &[Attribute<'_>],
        require: &[Pointer],
        record: Value<'_>,
    ) -> Result<Document, DocumentError> {
        let values = values(attributes, require, record)?;
        let Self::Items(keys, contents) = self else {
            return Ok(Document::Text(splice(attributes, &values, record)));
        };
        let given = attributes.iter().zip(&values);
        let added: Vec<(&str, Scalar<'_>)> = given
            .filter_map(|(attribute, value)| Some((attribute.name(), scalar(value.as_ref()?))))
            .collect();
        match item(&added, record, keys) {
            Ok(item) => {
                let content = contents.as_ref().and_then(|digester| {
                    let mut digester = digester.borrow_mut();
                    digester.with_members(&added, record)
                });
                Ok(Document::Item(item, content))
            }
            Err(rejection) => {
                let text = splice(attributes, &values, record);
                Ok(Document::Unfit(text, Box::new(rejection)))
            }
        }
    }
}

fn scalar<'v>(value: &'v template::Value<'_>) -> Scalar<'v> {
    match value {
        template::Value::Text(text) => Scalar::Text(text),
        template::Value::Literal(literal) => Scalar::Literal(literal),
    }
}

/// The same item as that of the record's text with these members before its
/// own.
fn item(added: &[(&str, Scalar<'_>)], record: Value<'_>, keys: &Keys) -> Result<Item, Rejection> {
    let length = record.text().len() + 64 * added.len();
    // Types cost about half as much again.
    let mut writer = Writer::new(keys, length + length / 2);
    for (name, value) in added {
        writer.add(name, *value)?;
    }
    writer.members(record)?;
    writer.finish()
}
