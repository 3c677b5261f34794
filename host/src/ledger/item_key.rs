//! What an item of a ledger's table is about → its key, as DynamoDB has it.

use serde_json::{Map, Value, json};

/// The key of that part of what has that id.
pub(super) fn item_key(id: &str, part: &str) -> Map<String, Value> {
    let text = |text: &str| json!({ "S": text });
    Map::from_iter([("id".into(), text(id)), ("part".into(), text(part))])
}
