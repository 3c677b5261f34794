//! Document → DynamoDB's JSON → document is the identity, and sizes are those
//! of a plain reading.

use super::config;
use super::json::{objects, values, written};
use super::numbers::accepted;
use crate::dynamodb::marshal::marshal;
use crate::dynamodb::unmarshal;
use crate::fuzzing::one_pass::one_pass;
use crate::fuzzing::reference::{item_size, same};
use crate::fuzzing::transcoder;
use crate::settings::KeyType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use rowcast_json::Index;
use serde_json::{Map, Value};

/// A key's type and a value of it.
fn keys() -> impl Strategy<Value = (KeyType, Value)> {
    prop_oneof![
        "\\PC{1,8}".prop_map(|text| (KeyType::Text, Value::String(text))),
        accepted().prop_map(|digits| (KeyType::Number, serde_json::from_str(&digits).unwrap())),
        vec(any::<u8>(), 1..9)
            .prop_map(|bytes| (KeyType::Bytes, Value::String(STANDARD.encode(bytes)))),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn documents_come_back_as_they_were(
        attributes in objects(values()),
        id in keys(),
        at in proptest::option::of(keys()),
        place in any::<prop::sample::Index>(),
        style in any::<u64>(),
    ) {
        let schema = transcoder::keys(id.0, at.as_ref().map(|at| at.0));
        let mut members: Vec<(String, Value)> = attributes.into_iter().collect();
        // An attribute's name has a character at least.
        members.retain(|(name, _)| !["", "id", "at"].contains(&name.as_str()));
        members.insert(place.index(members.len() + 1), ("id".to_owned(), id.1));
        if let Some((_, value)) = at {
            members.insert(place.index(members.len() + 1), ("at".to_owned(), value));
        }
        let expected = Value::Object(Map::from_iter(members));
        let text = written(&expected, style);
        let item = marshal(&mut Index::default(), &text, &schema);
        prop_assert!(item.is_ok(), "{}: {:?}", text, item);
        let item = item.unwrap();
        let back: Value = serde_json::from_str(&unmarshal::document(&item.json).unwrap()).unwrap();
        prop_assert!(same(&back, &expected), "{} became {}", text, back);
        let binary: Vec<_> = [Some(&schema.partition), schema.sort.as_ref()]
            .into_iter()
            .flatten()
            .filter(|attribute| attribute.kind == KeyType::Bytes)
            .map(|attribute| attribute.name.as_str())
            .collect();
        prop_assert_eq!(item.size, item_size(&expected, &binary), "{}", text);
        prop_assert!(transcoder::document(&text, &schema));
        one_pass(Index::default().read(&text).unwrap());
    }

    #[test]
    fn a_page_holds_the_documents_of_its_items(
        documents in vec(objects(values()), 0..4), style in any::<u64>(),
    ) {
        let schema = transcoder::keys(KeyType::Text, None);
        let documents: Vec<Value> = documents
            .into_iter()
            .map(|mut members| {
                members.shift_remove("");
                members.insert("id".to_owned(), Value::from("k"));
                Value::Object(members)
            })
            .collect();
        let items: Vec<_> = documents
            .iter()
            .map(|document| {
                let text = written(document, style);
                marshal(&mut Index::default(), &text, &schema).unwrap().json
            })
            .collect();
        let answer = format!(r#"{{"Items":[{}],"Count":{}}}"#, items.join(","), items.len());
        let page = unmarshal::Page::parse(&answer).unwrap();
        prop_assert_eq!(page.items.len(), documents.len());
        for (unmarshal::Document(found), expected) in page.items.iter().zip(&documents) {
            let found: Value = serde_json::from_str(found).unwrap();
            prop_assert!(same(&found, expected), "{} became {}", expected, found);
        }
    }
}
