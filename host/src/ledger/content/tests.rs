//! Items that a document would have been written as, and others. What is the same
//! to DynamoDB is tested where digests are made, in `rowcast_json`.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use crate::config::KeyAttribute;

const DIGEST_KEY: Digest = Digest { high: 1, low: 2 };

/// Whether a table's item is what a document with that key is written as.
fn check(kind: KeyType, key: Scalar<'_>, document: &str, item: &str, same: bool) {
    let keys = Keys {
        partition: KeyAttribute {
            name: "k".into(),
            kind,
        },
        sort: None,
    };
    let mut digester = Digester::new(DIGEST_KEY);
    let written = digester.content(Index::default().read(document).unwrap());
    let written = (digester.key(&[key]).into(), written.unwrap().into());
    let item = serde_json::from_str(item).unwrap();
    let item = of_item(&item, &keys, &mut digester);
    assert_eq!(item == Some(written), same, "{document}");
}

#[test]
fn items() {
    let text = |document, item, same| {
        check(KeyType::Text, Scalar::Text("a"), document, item, same);
    };
    text(
        r#"{"k":"a","n":1.50,"l":[true,null,{"x":"y"}]}"#,
        r#"{"l":{"L":[{"BOOL":true},{"NULL":true},{"M":{"x":{"S":"y"}}}]},"n":{"N":"1.5"},"k":{"S":"a"}}"#,
        true,
    );
    text(
        r#"{"k":"a","s":["x"]}"#,
        r#"{"k":{"S":"a"},"s":{"SS":["x"]}}"#,
        false,
    );
    text(
        r#"{"k":"a","b":"AA=="}"#,
        r#"{"k":{"S":"a"},"b":{"B":"AA=="}}"#,
        false,
    );
    text(r#"{"k":"a"}"#, r#"{"k":{"S":"b"}}"#, false);
    text(r#"{"k":"a"}"#, r#"{"k":{"N":"1"}}"#, false);
    check(
        KeyType::Bytes,
        Scalar::Text("AAE="),
        r#"{"k":"AAE="}"#,
        r#"{"k":{"B":"AAE="}}"#,
        true,
    );
    check(
        KeyType::Number,
        Scalar::Literal("1e2"),
        r#"{"k":1e2}"#,
        r#"{"k":{"N":"100"}}"#,
        true,
    );
}

#[test]
fn a_hash_is_read_back() {
    let hash = Hash::of(&["a", "b"]);
    assert_eq!(Hash::parse(&hash.to_string()), Some(hash));
    assert_eq!(Hash::parse("12"), None);
    assert_ne!(hash, Hash::of(&["ab"]));
}
