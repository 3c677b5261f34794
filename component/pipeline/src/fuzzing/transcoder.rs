//! A document → the item that comes back as the same document, with the size
//! and the key that a plain reading of it has. An item → valid JSON.

use super::reference::{PRIVATE, item_size, same};
use super::serde_marshal;
use crate::dynamodb::key::Key;
use crate::dynamodb::marshal::{Item, MAX_ITEM_BYTES, Rejection, marshal};
use crate::dynamodb::unmarshal::{self, Page};
use crate::extract::pointer::Pointer;
use crate::settings::{KeyAttribute, KeyType, Keys};
use rowcast_json::Index;
use serde_json::Value;
use serde_json::value::RawValue;

/// The input is a document, and an item, and a page of items.
///
/// # Panics
///
/// Where what must hold doesn't.
pub fn transcoder(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for (partition, sort) in [
        (KeyType::Text, None),
        (KeyType::Number, Some(KeyType::Text)),
        (KeyType::Bytes, Some(KeyType::Number)),
    ] {
        document(text, &keys(partition, sort));
    }
    if let Ok(document) = unmarshal::document(text) {
        let valid = serde_json::from_str::<&RawValue>(&document);
        assert!(valid.is_ok(), "{text} became {document}");
    }
    if let Ok(page) = Page::parse(text) {
        for unmarshal::Document(document) in &page.items {
            let valid = serde_json::from_str::<&RawValue>(document);
            assert!(valid.is_ok(), "{text} has {document}");
        }
    }
}

/// Whether it became an item; then everything that must hold of it does.
pub(crate) fn document(text: &str, keys: &Keys) -> bool {
    let mut index = Index::default();
    let item = marshal(&mut index, text, keys);
    agree(text, &item, serde_marshal::marshal(text, keys));
    let item = match item {
        Ok(item) => item,
        Err(rejection) => {
            assert!(Pointer::parse(&rejection.path).is_ok(), "{rejection:?}");
            assert!(!rejection.reason.is_empty());
            return false;
        }
    };
    assert!(item.size <= MAX_ITEM_BYTES);
    assert_eq!(Key::of_item(&item.json, keys).as_ref(), Some(&item.key));
    let back = unmarshal::document(&item.json).unwrap_or_default();
    let again = marshal(&mut index, &back, keys);
    let again = again.map(|again| (again.json, again.size, again.key));
    assert_eq!(again, Ok((item.json, item.size, item.key)), "{text}");
    // As an attribute's name it's fine, but not in a tree.
    if text.contains(PRIVATE) {
        return true;
    }
    let tree = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (document, back) = (tree(text), tree(&back));
    assert!(document.is_object(), "{text}");
    assert!(same(&document, &back), "{text} came back as {back}");
    let attributes = [&keys.partition].into_iter().chain(&keys.sort);
    let binary: Vec<_> = attributes
        .filter(|attribute| attribute.kind == KeyType::Bytes)
        .map(|attribute| attribute.name.as_str())
        .collect();
    assert_eq!(item.size, item_size(&document, &binary), "{text}");
    true
}

/// The first edition has the same item, or the same place of what is wrong.
pub(crate) fn agree(
    text: &str,
    item: &Result<Item, Rejection>,
    reference: Result<Item, Rejection>,
) {
    match (item, reference) {
        (Ok(item), Ok(reference)) => {
            assert_eq!(item.size, reference.size, "{text}");
            assert_eq!(item.key, reference.key, "{text}");
            if item.json != reference.json {
                // It writes `1E5` as `1e+5`.
                let numbers = |json: &str| json.replace('E', "e").replace("e+", "e");
                assert_eq!(numbers(&item.json), numbers(&reference.json), "{text}");
            }
        }
        (Err(item), Err(reference)) => {
            // It stops at what it can't hold, even where no JSON follows.
            if serde_json::from_str::<&RawValue>(text).is_ok() {
                // It names the object where a member's name isn't Unicode.
                let around = item.reason.contains("surrogate")
                    && item.path.rsplit_once('/').map(|(path, _)| path) == Some(&reference.path);
                let is_same = item.path == reference.path || around;
                assert!(is_same, "{text}: {item:?} {reference:?}");
            }
        }
        // It can't hold objects that imitate its numbers.
        (item, reference) => {
            assert!(text.contains(PRIVATE), "{text}: {item:?} {reference:?}");
        }
    }
}

/// The keys `id` and `at`.
pub(crate) fn keys(partition: KeyType, sort: Option<KeyType>) -> Keys {
    let attribute = |name: &str, kind| KeyAttribute {
        name: name.to_owned(),
        kind,
    };
    Keys {
        partition: attribute("id", partition),
        sort: sort.map(|kind| attribute("at", kind)),
    }
}
