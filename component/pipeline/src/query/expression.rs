//! Conditions and paths → DynamoDB expressions, whose names and values are
//! placeholders: so reserved words work as names, and nothing that was written
//! in a filter is ever read as grammar by DynamoDB.

use super::syntax::{Condition, Element, Literal, Operand, Path};
use serde_json::{Map, Value, json};

/// The names and values that expressions of one request share, each once.
#[derive(Clone, Debug, Default)]
pub struct Placeholders {
    names: Vec<String>,
    values: Vec<Literal>,
}

impl Placeholders {
    /// The condition as an expression.
    pub fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Compare(left, comparator, right) => {
                format!(
                    "{} {comparator} {}",
                    self.operand(left),
                    self.operand(right)
                )
            }
            Condition::Between(operand, low, high) => {
                let operand = self.operand(operand);
                format!(
                    "{operand} BETWEEN {} AND {}",
                    self.operand(low),
                    self.operand(high)
                )
            }
            Condition::In(operand, choices) => {
                let operand = self.operand(operand);
                let choices: Vec<_> = choices.iter().map(|choice| self.operand(choice)).collect();
                format!("{operand} IN ({})", choices.join(", "))
            }
            Condition::Exists(path) => format!("attribute_exists({})", self.path(path)),
            Condition::NotExists(path) => format!("attribute_not_exists({})", self.path(path)),
            Condition::HasType(path, letters) => {
                let path = self.path(path);
                format!(
                    "attribute_type({path}, {})",
                    self.value(&Literal::Text(letters.clone()))
                )
            }
            Condition::BeginsWith(path, operand) => {
                format!(
                    "begins_with({}, {})",
                    self.path(path),
                    self.operand(operand)
                )
            }
            Condition::Contains(path, operand) => {
                format!("contains({}, {})", self.path(path), self.operand(operand))
            }
            Condition::All(conditions) => {
                let parts: Vec<_> = conditions.iter().map(|each| self.conjunct(each)).collect();
                parts.join(" AND ")
            }
            Condition::Any(conditions) => {
                let parts: Vec<_> = conditions.iter().map(|each| self.condition(each)).collect();
                parts.join(" OR ")
            }
            Condition::Not(negated) => format!("NOT ({})", self.condition(negated)),
        }
    }

    /// OR binds less than AND; DynamoDB refuses parentheses without need.
    fn conjunct(&mut self, condition: &Condition) -> String {
        let text = self.condition(condition);
        if matches!(condition, Condition::Any(_)) {
            format!("({text})")
        } else {
            text
        }
    }

    /// The path as an expression.
    pub fn path(&mut self, path: &Path) -> String {
        let mut text = self.name(&path.root);
        for element in &path.rest {
            match element {
                Element::Name(name) => {
                    text.push('.');
                    text.push_str(&self.name(name));
                }
                Element::Index(index) => {
                    text.push('[');
                    text.push_str(&index.to_string());
                    text.push(']');
                }
            }
        }
        text
    }

    /// `ExpressionAttributeNames`; none where there are none, because DynamoDB
    /// refuses an empty object.
    #[must_use]
    pub fn names(&self) -> Option<Map<String, Value>> {
        let names = self.names.iter().enumerate();
        let names: Map<_, _> = names
            .map(|(n, name)| (format!("#n{n}"), json!(name)))
            .collect();
        (!names.is_empty()).then_some(names)
    }

    /// `ExpressionAttributeValues`, likewise.
    #[must_use]
    pub fn values(&self) -> Option<Map<String, Value>> {
        let values = self.values.iter().enumerate();
        let values: Map<_, _> = values
            .map(|(n, value)| (format!(":v{n}"), typed(value)))
            .collect();
        (!values.is_empty()).then_some(values)
    }

    fn operand(&mut self, operand: &Operand) -> String {
        match operand {
            Operand::Path(path) => self.path(path),
            Operand::Size(path) => format!("size({})", self.path(path)),
            Operand::Literal(literal, _) => self.value(literal),
        }
    }

    fn name(&mut self, name: &str) -> String {
        let known = self.names.iter().position(|each| each == name);
        let number = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        format!("#n{number}")
    }

    fn value(&mut self, value: &Literal) -> String {
        let known = self.values.iter().position(|each| each == value);
        let number = known.unwrap_or_else(|| {
            self.values.push(value.clone());
            self.values.len() - 1
        });
        format!(":v{number}")
    }
}

/// A literal as DynamoDB JSON.
fn typed(literal: &Literal) -> Value {
    match literal {
        Literal::Text(text) => json!({ "S": text }),
        Literal::Number(digits) => json!({ "N": digits }),
        Literal::Truth(truth) => json!({ "BOOL": truth }),
        Literal::Null => json!({ "NULL": true }),
        Literal::Bytes(base64) => json!({ "B": base64 }),
    }
}
