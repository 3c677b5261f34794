//! The first edition's transcoder, by `serde_json` and a string for each
//! escaped name: what the one that copies slices is held to. It has the same
//! names and rules; only exponents of numbers come out in one notation.

mod read;

use crate::bindings::rowcast::pipeline::types::RejectionKind;
use crate::dynamodb::key::{Key, KeyRole, KeyValue};
use crate::dynamodb::marshal::{Item, MAX_ITEM_BYTES, Rejection};
use crate::dynamodb::number;
use crate::settings::{KeyAttribute, Keys};
use read::Document;
use rowcast_json::pointer;
use serde::de::DeserializeSeed as _;
use std::fmt;

/// Turns a document into an item of a table with these keys.
pub fn marshal(document: &str, keys: &Keys) -> Result<Item, Rejection> {
    let mut writer = Writer {
        // Types cost about half as much again.
        out: Vec::with_capacity(document.len().saturating_add(document.len() / 2)),
        size: 0,
        keys,
        partition: None,
        sort: None,
        rejection: None,
    };
    let mut deserializer = serde_json::Deserializer::from_str(document);
    let read = Document(&mut writer).deserialize(&mut deserializer);
    if let Err(error) = read.and_then(|()| deserializer.end()) {
        return Err(writer.rejection.unwrap_or_else(|| Rejection {
            kind: RejectionKind::Item,
            path: String::new(),
            reason: format!("the document is not a JSON object: {error}"),
        }));
    }
    let partition = required(writer.partition, KeyRole::Partition, &keys.partition)?;
    let sort = match &keys.sort {
        Some(attribute) => Some(required(writer.sort, KeyRole::Sort, attribute)?),
        None => None,
    };
    let whole = |reason| Rejection {
        kind: RejectionKind::Item,
        path: String::new(),
        reason,
    };
    if writer.size > MAX_ITEM_BYTES {
        return Err(whole(format!(
            "the item has {} bytes as DynamoDB counts them; it holds {MAX_ITEM_BYTES}",
            writer.size
        )));
    }
    let json = String::from_utf8(writer.out)
        .map_err(|error| whole(format!("the document is not UTF-8: {error}")))?;
    Ok(Item {
        json,
        size: writer.size,
        key: Key { partition, sort },
    })
}

fn required(
    value: Option<KeyValue>,
    role: KeyRole,
    attribute: &KeyAttribute,
) -> Result<KeyValue, Rejection> {
    value.ok_or_else(|| Rejection {
        kind: RejectionKind::Item,
        path: pointer::to_member(&attribute.name),
        reason: format!(
            "the table's {} `{}` is missing",
            role.name(),
            attribute.name
        ),
    })
}

/// What is written and measured so far.
struct Writer<'k> {
    out: Vec<u8>,
    size: usize,
    keys: &'k Keys,
    partition: Option<KeyValue>,
    sort: Option<KeyValue>,
    /// The first thing wrong; its path grows from the inside out while the
    /// error travels up, so that documents that are fine pay nothing for it.
    rejection: Option<Rejection>,
}

impl Writer<'_> {
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn quote<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        serde_json::to_writer(&mut self.out, text).map_err(E::custom)
    }

    fn reject<E: serde::de::Error>(&mut self, reason: String) -> E {
        self.rejection.get_or_insert(Rejection {
            kind: RejectionKind::Item,
            path: String::new(),
            reason,
        });
        E::custom("rejected")
    }

    /// Says where in its container the error was.
    fn locate(&mut self, error: &impl fmt::Display, segment: &str) {
        let rejection = self.rejection.get_or_insert_with(|| Rejection {
            kind: RejectionKind::Item,
            path: String::new(),
            reason: format!("not valid JSON: {error}"),
        });
        rejection.path.insert_str(0, segment);
        rejection.path.insert(0, '/');
    }

    fn string<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        self.size += text.len();
        self.put(r#"{"S":"#);
        self.quote(text)?;
        self.put("}");
        Ok(())
    }

    fn number<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        self.size += number::size(text).map_err(|error| self.reject(error.to_string()))?;
        self.put(r#"{"N":""#);
        self.put(text);
        self.put(r#""}"#);
        Ok(())
    }

    fn bytes<E: serde::de::Error>(&mut self, text: &str, length: usize) -> Result<(), E> {
        self.size += length;
        self.put(r#"{"B":"#);
        self.quote(text)?;
        self.put("}");
        Ok(())
    }
}
