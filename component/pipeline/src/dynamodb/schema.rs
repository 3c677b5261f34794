//! DescribeTable: a table's name → its keys, indexes and state.

use super::call::{CallError, Caller};
use crate::bindings::rowcast::pipeline::dynamodb::Request;
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::failure::{invalid, table_upstream};
use crate::platform::Dynamo;
use crate::settings::{KeyAttribute, KeyType, Keys};
use serde::Deserialize;

/// What DynamoDB says of a table.
#[derive(Clone, Debug)]
pub struct TableSchema {
    /// Its name, as DynamoDB has it.
    pub name: String,
    /// Its own keys.
    pub keys: Keys,
    /// Local and global secondary indexes.
    pub indexes: Vec<IndexDescription>,
    /// `ACTIVE`, `CREATING`, `UPDATING`, …
    pub status: String,
    /// Items, counted by DynamoDB about every six hours.
    pub item_count: u64,
}

/// What DynamoDB says of a secondary index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDescription {
    /// Its name.
    pub name: String,
    /// Its keys.
    pub keys: Keys,
    /// Global, which can't be read consistently; local otherwise.
    pub global: bool,
    /// Whether it holds every attribute of its items.
    pub projects_all: bool,
}

/// Why a description can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The answer isn't the JSON of a description.
    #[error("read DynamoDB's description of the table")]
    Json(#[from] serde_json::Error),
    /// A key without a definition of its attribute, or of an unknown type.
    #[error("the description of {owner} does not say the type of its key `{attribute}`")]
    Undefined {
        /// The table or the index.
        owner: String,
        /// The key's name.
        attribute: String,
    },
    /// A key schema without a partition key.
    #[error("the description of {0} names no partition key")]
    NoPartition(String),
}

impl SchemaError {
    /// With its cause.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Json(cause) => format!("{self}: {cause}"),
            Self::Undefined { .. } | Self::NoPartition(_) => self.to_string(),
        }
    }
}

/// The request.
#[must_use]
pub fn describe_request(table: &str) -> Request {
    let body = serde_json::json!({ "TableName": table }).to_string();
    Request {
        operation: "DescribeTable".to_owned(),
        body,
    }
}

/// Asks DynamoDB for a table's description.
pub fn describe<D: Dynamo>(
    caller: &mut Caller<'_, D>,
    table: &str,
) -> Result<TableSchema, Failure> {
    let answer = caller
        .send(vec![describe_request(table)])
        .into_iter()
        .next();
    interpret(table, answer.unwrap_or(Err(CallError::OutOfTime)))
}

/// Reads the result of a [`describe_request`], for callers that tell a budget
/// that ran out from other failures.
pub fn interpret(table: &str, answer: Result<String, CallError>) -> Result<TableSchema, Failure> {
    match answer {
        // An answer from something that isn't DynamoDB doesn't get better.
        Ok(body) => parse_description(&body).map_err(|error| invalid(error.reason())),
        Err(CallError::Invalid { code, .. }) if is_missing_table(&code) => {
            Err(missing_table(table))
        }
        Err(error) => Err(error.into_failure(&table_upstream(table))),
    }
}

/// Whether DynamoDB's code says that the table isn't there.
#[must_use]
pub fn is_missing_table(code: &str) -> bool {
    matches!(code, "ResourceNotFoundException" | "TableNotFoundException")
}

/// The failure of a call on a table that isn't there.
#[must_use]
pub fn missing_table(table: &str) -> Failure {
    invalid(format!(
        "DynamoDB has no table `{table}` in this account and region; \
         `rowcast table create` makes it"
    ))
}

/// Reads DescribeTable's answer.
pub fn parse_description(body: &str) -> Result<TableSchema, SchemaError> {
    let Description { table } = serde_json::from_str(body)?;
    let definitions = &table.attribute_definitions;
    let owner = format!("table `{}`", table.table_name);
    let keys = key_schema(&owner, &table.key_schema, definitions)?;
    let mut indexes = Vec::new();
    let locals = table.local_secondary_indexes.unwrap_or_default();
    let globals = table.global_secondary_indexes.unwrap_or_default();
    let all = locals.into_iter().map(|index| (index, false));
    for (index, global) in all.chain(globals.into_iter().map(|index| (index, true))) {
        let owner = format!("index `{}`", index.index_name);
        indexes.push(IndexDescription {
            keys: key_schema(&owner, &index.key_schema, definitions)?,
            name: index.index_name,
            global,
            projects_all: index
                .projection
                .is_some_and(|projection| projection.projection_type.as_deref() == Some("ALL")),
        });
    }
    Ok(TableSchema {
        name: table.table_name,
        keys,
        indexes,
        status: table.table_status,
        item_count: table.item_count,
    })
}

/// Global indexes may have several partition and sort attributes since 2025:
/// the first of each kind is taken, as the one that a query must name.
fn key_schema(
    owner: &str,
    elements: &[KeyElement],
    definitions: &[AttributeDefinition],
) -> Result<Keys, SchemaError> {
    let attribute = |kind: &str| {
        elements
            .iter()
            .find(|element| element.key_type == kind)
            .map(|element| {
                let name = element.attribute_name.clone();
                definitions
                    .iter()
                    .find(|definition| definition.attribute_name == name)
                    .and_then(|definition| key_kind(&definition.attribute_type))
                    .map(|kind| KeyAttribute {
                        name: name.clone(),
                        kind,
                    })
                    .ok_or(SchemaError::Undefined {
                        owner: owner.to_owned(),
                        attribute: name,
                    })
            })
    };
    let partition =
        attribute("HASH").ok_or_else(|| SchemaError::NoPartition(owner.to_owned()))??;
    Ok(Keys {
        partition,
        sort: attribute("RANGE").transpose()?,
    })
}

fn key_kind(letter: &str) -> Option<KeyType> {
    match letter {
        "S" => Some(KeyType::Text),
        "N" => Some(KeyType::Number),
        "B" => Some(KeyType::Bytes),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Description {
    #[serde(rename = "Table", alias = "TableDescription")]
    table: Table,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "they are DynamoDB's")]
struct Table {
    table_name: String,
    key_schema: Vec<KeyElement>,
    attribute_definitions: Vec<AttributeDefinition>,
    #[serde(default)]
    table_status: String,
    #[serde(default)]
    item_count: u64,
    #[serde(default)]
    local_secondary_indexes: Option<Vec<Index>>,
    #[serde(default)]
    global_secondary_indexes: Option<Vec<Index>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "they are DynamoDB's")]
struct Index {
    index_name: String,
    key_schema: Vec<KeyElement>,
    #[serde(default)]
    projection: Option<Projection>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Projection {
    #[serde(default)]
    projection_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeDefinition {
    attribute_name: String,
    attribute_type: String,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
