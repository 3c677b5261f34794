//! A record → the same item, size, key, digest and rejection, whether it is
//! written from the record or from the text of its document.

use super::{serde_marshal, transcoder};
use crate::document::{Document, Sink};
use crate::dynamodb::marshal::marshal;
use crate::extract::document::{Attribute, build};
use crate::extract::matrix::Matrix;
use crate::extract::row::Row;
use crate::extract::template::{Place, Scope, Template};
use crate::settings::{KeyType, Keys, Mistakes};
use rowcast_json::digest::{Digest, Digester};
use rowcast_json::{Index, Value};
use std::cell::RefCell;

const ROW: &str = r#"{"n":1.50,"s":"a\"\u0001é","yes":true,"b":"AQI=","long":1e400}"#;

/// Attributes' names and templates.
const ATTRIBUTES: [&[(&str, &str)]; 7] = [
    &[],
    &[("id", "US#{s}")],
    &[("added", "{n}"), ("at", "{n}"), ("id", "{b}")],
    &[("id", "{n}"), ("\"", "{yes}"), ("at", "{s}")],
    &[("id", "{yes}")],
    &[("at", "{record:/at?}"), ("id", "")],
    &[("", "{n}"), ("id", "{long}")],
];

/// # Panics
///
/// Where the two ways don't agree.
pub(crate) fn one_pass(record: Value<'_>) {
    let keys = [
        (KeyType::Text, None),
        (KeyType::Number, Some(KeyType::Text)),
        (KeyType::Bytes, Some(KeyType::Number)),
    ];
    for (partition, sort) in keys {
        let keys = transcoder::keys(partition, sort);
        for attributes in ATTRIBUTES {
            agree(attributes, &keys, record);
        }
    }
}

#[expect(clippy::panic, reason = "a target panics where what must hold doesn't")]
fn agree(attributes: &[(&str, &str)], keys: &Keys, record: Value<'_>) {
    let matrix = Matrix::new(&[], &mut Mistakes::default());
    let Ok(row) = Row::parse(ROW) else {
        return;
    };
    let scope = Scope {
        row: &row,
        matrix: &matrix,
        combination: 0,
    };
    let templates: Vec<(&str, Template)> = attributes
        .iter()
        .filter_map(|(name, text)| Some((*name, Template::parse(text, Place::Attribute).ok()?)))
        .collect();
    assert_eq!(templates.len(), attributes.len());
    let bound: Vec<Attribute<'_>> = templates
        .iter()
        .filter_map(|(name, template)| Attribute::bind(name, template, &scope).ok().flatten())
        .collect();
    assert_eq!(bound.len(), attributes.len());
    let new = || Digester::new(Digest { high: 1, low: 2 });
    let sink = Sink::Items(keys, Some(RefCell::new(new())));
    let made = sink.document(&bound, &[], record);
    let text = match build(&bound, &[], record) {
        Ok(text) => text,
        Err(error) => {
            assert_eq!(made.err(), Some(error), "{record:?}");
            return;
        }
    };
    let mut index = Index::default();
    let item = marshal(&mut index, &text, keys);
    transcoder::agree(&text, &item, serde_marshal::marshal(&text, keys));
    match (made, item) {
        (Ok(Document::Item(made, content)), Ok(item)) => {
            assert_eq!(made.json, item.json, "{text}");
            assert_eq!((made.size, made.key), (item.size, item.key), "{text}");
            assert!(content.is_some(), "{text}");
            assert_eq!(content, new().content(index.root(&text)), "{text}");
        }
        (Ok(Document::Unfit(kept, made)), Err(rejection)) => {
            assert_eq!((kept, *made), (text, rejection));
        }
        (made, item) => panic!("{text} becomes {made:?} and {item:?}"),
    }
}
