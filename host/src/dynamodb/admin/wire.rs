//! DynamoDB's words for a table → values. Members that aren't asked for here
//! are left out.

use crate::config::{self, KeyType, Keys};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Answer {
    #[serde(rename = "Table", alias = "TableDescription")]
    pub table: Table,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Table {
    #[serde(rename = "TableName")]
    pub name: String,
    #[serde(rename = "TableStatus")]
    pub status: String,
    pub attribute_definitions: Vec<Attribute>,
    pub key_schema: Vec<Key>,
    #[serde(default)]
    pub item_count: u64,
    #[serde(default, rename = "TableSizeBytes")]
    pub size_bytes: u64,
    #[serde(rename = "TableId")]
    pub id: Option<String>,
    pub creation_date_time: Option<serde_json::Value>,
    pub billing_mode_summary: Option<BillingMode>,
    pub provisioned_throughput: Option<Capacity>,
    pub global_secondary_indexes: Option<Vec<Index>>,
    pub local_secondary_indexes: Option<Vec<Index>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attribute {
    attribute_name: String,
    attribute_type: KeyType,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Key {
    attribute_name: String,
    key_type: Role,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Role {
    Hash,
    Range,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Index {
    pub index_name: String,
    pub key_schema: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BillingMode {
    pub billing_mode: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Capacity {
    pub read_capacity_units: u64,
    pub write_capacity_units: u64,
}

/// Keys with their types; none where a type or the partition key is missing.
pub fn schema(keys: &[Key], attributes: &[Attribute]) -> Option<Keys> {
    let typed = |key: &Key| {
        let found = attributes
            .iter()
            .find(|one| one.attribute_name == key.attribute_name)?;
        Some(config::Key {
            name: key.attribute_name.clone(),
            kind: found.attribute_type,
        })
    };
    let of = |role: Role| keys.iter().find(|key| key.key_type == role);
    let partition = typed(of(Role::Hash)?)?;
    let sort = match of(Role::Range) {
        Some(key) => Some(typed(key)?),
        None => None,
    };
    Some(Keys { partition, sort })
}
