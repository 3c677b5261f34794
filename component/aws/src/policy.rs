//! An operation and its body → admitted, or refused. Of DynamoDB's operations
//! only those that the pipeline needs, on those tables that are configured.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// Which tables may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Whichever the credentials allow.
    All,
    /// These.
    Only(BTreeSet<String>),
}

/// What policy refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// An operation that the pipeline doesn't need.
    #[error("policy refuses the DynamoDB operation {0}")]
    Operation(String),
    /// A table that isn't configured.
    #[error("policy refuses {operation} on the DynamoDB table {table:?}")]
    Table {
        /// What was to be done.
        operation: String,
        /// To which table.
        table: String,
    },
    /// What isn't understood can't be judged.
    #[error("policy refuses a body of {operation} it can't judge")]
    Unreadable {
        /// Whose body it is.
        operation: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Tables {
    /// Whether that body may be sent to that operation.
    pub fn admit(&self, operation: &str, body: &str) -> Result<(), Refusal> {
        let named = match operation {
            "DescribeTable" | "PutItem" | "Query" | "Scan" => {
                parse::<OneTable>(operation, body).map(|body| vec![body.table_name])
            }
            "BatchWriteItem" => parse::<Puts>(operation, body).map(|body| body.request_items.0),
            _ => Err(Refusal::Operation(operation.to_owned())),
        }?;
        let Self::Only(tables) = self else {
            return Ok(());
        };
        match named.into_iter().find(|table| !tables.contains(table)) {
            None => Ok(()),
            Some(table) => Err(Refusal::Table {
                operation: operation.to_owned(),
                table,
            }),
        }
    }
}

/// What isn't understood can't be judged, so it's refused. Nor is a list, which
/// serde would take for an object's members in their order.
fn parse<Body: DeserializeOwned>(operation: &str, body: &str) -> Result<Body, Refusal> {
    let body = if body.trim_ascii_start().starts_with('{') {
        serde_json::from_str(body)
    } else {
        Err(serde::de::Error::custom("it is no object"))
    };
    body.map_err(|error| Refusal::Unreadable {
        operation: operation.to_owned(),
        source: error,
    })
}

/// A member that occurs twice is an error, so that nobody can read another
/// table's name than this.
#[derive(Deserialize)]
struct OneTable {
    #[serde(rename = "TableName")]
    table_name: String,
}

#[derive(Deserialize)]
struct Puts {
    #[serde(rename = "RequestItems")]
    request_items: Named,
}

/// A batch may put; it may not delete. Exactly one member, and never a list.
#[derive(Deserialize)]
enum Write {
    #[serde(rename = "PutRequest")]
    Put(IgnoredAny),
}

/// The tables of a batch, each once.
struct Named(Vec<String>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Named;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with a table's name for each member")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
                let mut names: Vec<String> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if names.contains(&name) {
                        return Err(serde::de::Error::custom("a table occurs twice"));
                    }
                    names.push(name);
                    map.next_value::<Vec<Write>>()?;
                }
                if names.is_empty() {
                    return Err(serde::de::Error::custom("no table"));
                }
                Ok(Named(names))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests;
