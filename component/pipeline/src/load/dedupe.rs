//! Documents → the puts that write them, each with those that it supersedes; the
//! rejected are settled. Pure.

use super::accounting::{Accounting, DocumentOutcome};
use super::put::Put;
use crate::document::Document;
use crate::dynamodb::key::{Key, KeyValue};
use crate::dynamodb::marshal::{self, Rejection};
use crate::order;
use crate::settings::Keys;
use rowcast_json::Index;
use rowcast_json::digest::Digester;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Puts of different partitions in turn, so that a batch isn't one partition's:
/// the first of each, then the second of each.
#[must_use]
pub fn interleave(puts: Vec<Put>) -> Vec<Put> {
    let mut seen: HashMap<KeyValue, u32> = HashMap::new();
    order::in_order(puts, |put| {
        let rank = seen.entry(put.item.key.partition.clone()).or_default();
        *rank += 1;
        (*rank, 0)
    })
}

/// Turns documents into puts, in their order. DynamoDB refuses a batch that
/// names one key twice, and parallel batches have no order: so the last
/// document of each key is the only one that is sent. A rejected document
/// supersedes nothing.
///
/// A text is freed once it has an item, so that it doesn't need memory twice.
pub fn prepare(
    documents: Vec<Document>,
    keys: &Keys,
    mut contents: Option<&mut Digester>,
    accounting: &mut Accounting,
) -> Vec<Put> {
    let mut puts: Vec<Put> = Vec::with_capacity(documents.len());
    // Where the put of each key is.
    let mut kept: HashMap<Key, usize> = HashMap::with_capacity(documents.len());
    // From the end, so that the first seen of a key is the one to keep.
    let mut json = Index::default();
    for (at, document) in documents.into_iter().enumerate().rev() {
        let Ok(index) = u32::try_from(at) else {
            continue;
        };
        let document = match document {
            Document::Text(text) => of_text(&mut json, text, keys, contents.as_deref_mut()),
            made @ (Document::Item(..) | Document::Unfit(..)) => made,
        };
        let put = match document {
            Document::Item(item, content) => Put::new(index, item, content),
            Document::Unfit(text, rejection) => {
                let Rejection { kind, path, reason } = *rejection;
                accounting.settle(index, DocumentOutcome::Rejected { kind, path, reason });
                accounting.leave(index, || text);
                continue;
            }
            // It has become one of the others.
            Document::Text(_) => continue,
        };
        match kept.entry(put.item.key.clone()) {
            Entry::Occupied(at) => {
                if let Some(later) = puts.get_mut(*at.get()) {
                    later.supersedes.push(put);
                }
            }
            Entry::Vacant(free) => {
                free.insert(puts.len());
                puts.push(put);
            }
        }
    }
    puts.reverse();
    puts
}

/// The item of a text, or why it has none.
fn of_text(
    json: &mut Index,
    text: String,
    keys: &Keys,
    contents: Option<&mut Digester>,
) -> Document {
    let made = marshal::read(json, &text).and_then(|document| {
        let item = marshal::item(document, keys)?;
        let content = contents.and_then(|digester| digester.content(document));
        Ok((item, content))
    });
    match made {
        Ok((item, content)) => Document::Item(item, content),
        Err(rejection) => Document::Unfit(text, Box::new(rejection)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{KeyAttribute, KeyType};

    /// `expected`: indices to put, superseded pairs, rejected indices.
    fn check(documents: &[&str], expected: (&[u32], &[(u32, u32)], &[u32])) {
        let attribute = |name: &str, kind| KeyAttribute {
            name: name.to_owned(),
            kind,
        };
        let keys = Keys {
            partition: attribute("p", KeyType::Text),
            sort: Some(attribute("s", KeyType::Number)),
        };
        let texts = documents
            .iter()
            .map(|&each| Document::Text(each.to_owned()));
        let total = u32::try_from(documents.len()).unwrap_or_default();
        let mut accounting = Accounting::new(total, false);
        let prepared = prepare(texts.collect(), &keys, None, &mut accounting);
        let puts: Vec<u32> = prepared.iter().map(|put| put.index).collect();
        for put in &prepared {
            accounting.settle_all(put, DocumentOutcome::Written);
        }
        let balance = accounting.close().unwrap_or_default();
        let superseded: Vec<_> = balance
            .superseded
            .iter()
            .map(|it| (it.index, it.by.unwrap_or(u32::MAX)))
            .collect();
        let rejected: Vec<_> = balance.rejected.iter().map(|it| it.index).collect();
        assert_eq!(
            (&puts[..], &superseded[..], &rejected[..]),
            expected,
            "{documents:?}"
        );
    }

    #[test]
    fn the_last_of_a_key_is_kept() {
        check(&[], (&[], &[], &[]));
        let (one, same, other) = (
            r#"{"p":"a","s":1}"#,
            r#"{"s":1.0,"p":"a","x":2}"#,
            r#"{"p":"a","s":2}"#,
        );
        check(&[one, other], (&[0, 1], &[], &[]));
        check(&[one, other, same], (&[1, 2], &[(0, 2)], &[]));
        check(&[one, same, one], (&[2], &[(0, 2), (1, 2)], &[]));
        check(
            &[one, other, same, other],
            (&[2, 3], &[(0, 2), (1, 3)], &[]),
        );
        let bad = r#"{"p":"a","s":1,"x":1e999}"#;
        check(&[one, bad], (&[0], &[], &[1]));
        check(
            &[
                r#"{"p":"1","s":1}"#,
                r#"{"p":"11","s":1}"#,
                r#"{"p":"1","s":11}"#,
            ],
            (&[0, 1, 2], &[], &[]),
        );
    }
}
