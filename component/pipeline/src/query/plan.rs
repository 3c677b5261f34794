//! A condition and a table's keys → how to ask: by key conditions or by a
//! scan, and what is left to filter. Pure.

mod range;

use super::syntax::{Comparator, Condition, FilterError, Literal, Operand, Path};
use crate::bindings::exports::rowcast::pipeline::query::Access;
use crate::dynamodb::schema::TableSchema;
use crate::settings::{KeyAttribute, KeyType, Keys};
use base64::Engine as _;

/// How to ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Query where there is a key condition, otherwise Scan.
    pub access: Access,
    /// What Query finds its items by.
    pub key: Option<Condition>,
    /// What the items found must fulfil.
    pub filter: Option<Condition>,
}

/// Why a query can't be asked of that table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is no such index.
    #[error("table `{table}` has no index `{index}`; it has {}", listed(.known))]
    UnknownIndex {
        /// The table.
        table: String,
        /// The index asked for.
        index: String,
        /// The indexes it has.
        known: Vec<String>,
    },
    /// A strongly consistent read of a global index.
    #[error(
        "index `{0}` is global, and DynamoDB has no strongly consistent reads of those; ask for \
         eventually consistent ones"
    )]
    Inconsistent(String),
    /// A key compared with what it can't be.
    #[error("filter, {0}")]
    Filter(FilterError),
}

fn listed(indexes: &[String]) -> String {
    if indexes.is_empty() {
        "none".to_owned()
    } else {
        indexes.join(", ")
    }
}

/// Plans a condition over a table, or one of its indexes.
pub fn plan(
    schema: &TableSchema,
    index: Option<&str>,
    consistent: bool,
    condition: Option<Condition>,
) -> Result<Plan, PlanError> {
    let keys = asked_keys(schema, index, consistent)?;
    let mut condition = condition;
    for key in key_attributes(&schema.keys).chain(key_attributes(keys)) {
        if let Some(condition) = &mut condition {
            fit(condition, key).map_err(PlanError::Filter)?;
        }
    }
    Ok(by_key(keys, condition.as_ref()).unwrap_or(Plan {
        access: Access::Scan,
        key: None,
        filter: condition,
    }))
}

/// The attributes that each item of the table, or of the index, has with the
/// type that is declared.
pub fn sure_attributes<'a>(
    schema: &'a TableSchema,
    index: Option<&str>,
) -> impl Iterator<Item = &'a KeyAttribute> {
    let index = schema
        .indexes
        .iter()
        .find(|each| Some(each.name.as_str()) == index);
    key_attributes(&schema.keys).chain(
        index
            .into_iter()
            .flat_map(|each| key_attributes(&each.keys)),
    )
}

fn key_attributes(keys: &Keys) -> impl Iterator<Item = &KeyAttribute> {
    [&keys.partition].into_iter().chain(&keys.sort)
}

fn asked_keys<'a>(
    schema: &'a TableSchema,
    index: Option<&str>,
    consistent: bool,
) -> Result<&'a Keys, PlanError> {
    let Some(name) = index else {
        return Ok(&schema.keys);
    };
    match schema.indexes.iter().find(|each| each.name == name) {
        None => Err(PlanError::UnknownIndex {
            table: schema.name.clone(),
            index: name.to_owned(),
            known: schema
                .indexes
                .iter()
                .map(|each| each.name.clone())
                .collect(),
        }),
        Some(found) if found.global && consistent => Err(PlanError::Inconsistent(name.to_owned())),
        Some(found) => Ok(&found.keys),
    }
}

fn by_key(keys: &Keys, condition: Option<&Condition>) -> Option<Plan> {
    let mut rest = condition?.clone().into_conjuncts();
    let found = rest
        .iter()
        .position(|each| is_partition_equality(each, &keys.partition.name))?;
    let mut key = vec![normal(rest.remove(found))];
    let range = keys
        .sort
        .as_ref()
        .and_then(|sort| range::take(&mut rest, &sort.name));
    if let Some(range) = range {
        key.push(range);
    } else if let Some(sort) = &keys.sort
        && let Some(found) = rest
            .iter()
            .position(|each| is_sort_condition(each, &sort.name))
    {
        key.push(normal(rest.remove(found)));
    }
    // A filter of Query may not name the keys; one of Scan may.
    let names_key =
        |each: &Condition| key_attributes(keys).any(|attribute| each.mentions(&attribute.name));
    if rest.iter().any(names_key) {
        return None;
    }
    Some(Plan {
        access: Access::Query,
        key: Condition::all(key),
        filter: Condition::all(rest),
    })
}

fn is_partition_equality(condition: &Condition, name: &str) -> bool {
    match compared(condition) {
        Some((path, comparator, _)) => path.is_attribute(name) && comparator == Comparator::Equal,
        None => false,
    }
}

fn is_sort_condition(condition: &Condition, name: &str) -> bool {
    match condition {
        Condition::Between(Operand::Path(path), Operand::Literal(..), Operand::Literal(..))
        | Condition::BeginsWith(path, Operand::Literal(..)) => path.is_attribute(name),
        _ => match compared(condition) {
            Some((path, comparator, _)) => {
                path.is_attribute(name) && comparator != Comparator::Unequal
            }
            None => false,
        },
    }
}

/// A comparison of a path with a literal, read with the path first.
fn compared(condition: &Condition) -> Option<(&Path, Comparator, &Literal)> {
    match condition {
        Condition::Compare(Operand::Path(path), comparator, Operand::Literal(literal, _)) => {
            Some((path, *comparator, literal))
        }
        Condition::Compare(Operand::Literal(literal, _), comparator, Operand::Path(path)) => {
            Some((path, comparator.flipped(), literal))
        }
        _ => None,
    }
}

/// Key conditions have the name first.
fn normal(condition: Condition) -> Condition {
    match condition {
        Condition::Compare(left @ Operand::Literal(..), comparator, right) => {
            Condition::Compare(right, comparator.flipped(), left)
        }
        other => other,
    }
}

/// Makes the literals that a key is compared with fit its type, or refuses
/// them: such a comparison is the same for every item, and so an oversight.
fn fit(condition: &mut Condition, key: &KeyAttribute) -> Result<(), FilterError> {
    let is_key =
        |operand: &Operand| matches!(operand, Operand::Path(path) if path.is_attribute(&key.name));
    match condition {
        Condition::Compare(left, _, right) => {
            if is_key(left) {
                fit_operand(right, key)
            } else if is_key(right) {
                fit_operand(left, key)
            } else {
                Ok(())
            }
        }
        Condition::Between(operand, low, high) if is_key(operand) => {
            fit_operand(low, key)?;
            fit_operand(high, key)
        }
        Condition::In(operand, choices) if is_key(operand) => choices
            .iter_mut()
            .try_for_each(|choice| fit_operand(choice, key)),
        Condition::BeginsWith(path, _)
            if path.is_attribute(&key.name) && key.kind == KeyType::Number =>
        {
            let message = format!("`{}` is a key of type N, which has no beginning", path.text);
            Err(FilterError::new(path.column, message))
        }
        Condition::BeginsWith(path, operand) if path.is_attribute(&key.name) => {
            fit_operand(operand, key)
        }
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter_mut().try_for_each(|each| fit(each, key))
        }
        Condition::Not(negated) => fit(negated, key),
        _ => Ok(()),
    }
}

fn fit_operand(operand: &mut Operand, key: &KeyAttribute) -> Result<(), FilterError> {
    let Operand::Literal(literal, column) = operand else {
        return Ok(());
    };
    let hint = match (key.kind, &*literal) {
        (KeyType::Text, Literal::Text(_))
        | (KeyType::Number, Literal::Number(_))
        | (KeyType::Bytes, Literal::Bytes(_)) => return Ok(()),
        (KeyType::Bytes, Literal::Text(text)) => {
            if base64::engine::general_purpose::STANDARD
                .decode(text)
                .is_ok()
            {
                *literal = Literal::Bytes(text.clone());
                return Ok(());
            }
            "type B; compare it with base64 text in single quotes"
        }
        (KeyType::Text, _) => "type S; compare it with text in single quotes",
        (KeyType::Number, _) => "type N; compare it with a number without quotes",
        (KeyType::Bytes, _) => "type B; compare it with base64 text in single quotes",
    };
    Err(FilterError::new(
        *column,
        format!("the key `{}` has {hint}", key.name),
    ))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
