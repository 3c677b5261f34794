//! An operation and its body → admitted, or refused. Of DynamoDB's operations
//! only those that the pipeline needs, on those tables that are configured.

use rowcast_json::{Flaw, Index, Kind, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

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
pub enum PolicyViolation {
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
        source: Unreadable,
    },
}

/// What is wrong with a body.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// No JSON.
    #[error(transparent)]
    Json(#[from] Flaw),
    /// Not what the operation takes.
    #[error("{0}")]
    Shape(&'static str),
}

/// Levels of a batch's body that are looked at: `RequestItems`, a table's list,
/// a write. What is put may be anything, also no JSON: where it ends is certain,
/// and DynamoDB refuses a body that isn't JSON as a whole.
const LEVELS: usize = 4;

impl Tables {
    /// Whether that body may be sent to that operation.
    pub fn admit(&self, operation: &str, body: &str) -> Result<(), PolicyViolation> {
        let named = match operation {
            "DescribeTable" | "PutItem" | "Query" | "Scan" => one_table,
            "BatchWriteItem" => tables_of_puts,
            _ => return Err(PolicyViolation::Operation(operation.to_owned())),
        };
        let mut index = Index::default();
        let named = index
            .outline(body, LEVELS)
            .map_err(Unreadable::Json)
            .and_then(|body| named(body).map_err(Unreadable::Shape));
        let named = named.map_err(|source| PolicyViolation::Unreadable {
            operation: operation.to_owned(),
            source,
        })?;
        let Self::Only(tables) = self else {
            return Ok(());
        };
        match named
            .into_iter()
            .find(|table| !tables.contains(table.as_ref()))
        {
            None => Ok(()),
            Some(table) => Err(PolicyViolation::Table {
                operation: operation.to_owned(),
                table: table.into_owned(),
            }),
        }
    }
}

/// A member of an object. One that occurs twice is an error, so that nobody can
/// read another table's name than this; and so is a name that can't be read.
fn single<'b>(object: Value<'b>, wanted: &str) -> Result<Value<'b>, &'static str> {
    if object.kind() != Kind::Object {
        return Err("it is not an object");
    }
    let mut found = None;
    for (name, value) in object.members() {
        let is_it = name.is(wanted).map_err(|_| "a name is not Unicode")?;
        if is_it && found.replace(value).is_some() {
            return Err("duplicate member");
        }
    }
    found.ok_or("missing field")
}

fn one_table(body: Value<'_>) -> Result<Vec<Cow<'_, str>>, &'static str> {
    let name = single(body, "TableName")?.string();
    Ok(vec![name.ok_or("the table's name is not text")?])
}

/// The tables of a batch, each once. A batch may put; it may not delete.
fn tables_of_puts(body: Value<'_>) -> Result<Vec<Cow<'_, str>>, &'static str> {
    let tables = single(body, "RequestItems")?;
    if tables.kind() != Kind::Object || tables.is_empty() {
        return Err("no object with a table's name for each member");
    }
    let mut names: Vec<Cow<'_, str>> = Vec::new();
    for (name, writes) in tables.members() {
        let name = name.content().map_err(|_| "a name is not Unicode")?;
        if names.contains(&name) {
            return Err("a table occurs twice");
        }
        names.push(name);
        let is_put = |write: Value<'_>| {
            let mut members = write.members();
            let put = members
                .next()
                .is_some_and(|(name, _)| name.is("PutRequest") == Ok(true));
            put && members.next().is_none()
        };
        if writes.kind() != Kind::Array || !writes.elements().all(is_put) {
            return Err("something else than puts");
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
