//! Conditions → the text of a filter that is read as them: the grammar's other
//! direction, for tests.

use crate::query::syntax::{Condition, Element, Literal, Operand, Path};

/// A filter, with parentheses only where the grammar needs them.
pub(crate) fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Compare(left, comparator, right) => {
            format!("{} {comparator} {}", operand(left), operand(right))
        }
        Condition::Between(value, low, high) => {
            let (value, low, high) = (operand(value), operand(low), operand(high));
            format!("{value} BETWEEN {low} AND {high}")
        }
        Condition::In(value, choices) => {
            let choices: Vec<_> = choices.iter().map(operand).collect();
            format!("{} IN ({})", operand(value), choices.join(", "))
        }
        Condition::Exists(at) => format!("attribute_exists({})", path(at)),
        Condition::NotExists(at) => format!("attribute_not_exists({})", path(at)),
        Condition::HasType(at, letters) => format!("attribute_type({}, '{letters}')", path(at)),
        Condition::BeginsWith(at, with) => format!("begins_with({}, {})", path(at), operand(with)),
        Condition::Contains(at, what) => format!("contains({}, {})", path(at), operand(what)),
        Condition::All(parts) => join(parts, " AND "),
        Condition::Any(parts) => join(parts, " OR "),
        Condition::Not(negated) => format!("NOT {}", within(negated, true)),
    }
}

fn join(parts: &[Condition], word: &str) -> String {
    let under_and = word == " AND ";
    let parts: Vec<_> = parts.iter().map(|part| within(part, under_and)).collect();
    parts.join(word)
}

/// A part of something that binds as AND and NOT do, or as OR does.
fn within(part: &Condition, tightly: bool) -> String {
    let text = condition(part);
    match part {
        Condition::Any(_) => format!("({text})"),
        // A conjunction in a conjunction is not made by the grammar, nor here.
        Condition::All(_) if tightly => format!("({text})"),
        _ => text,
    }
}

/// A path with every name between backticks.
pub(crate) fn path(path: &Path) -> String {
    let mut text = quoted(&path.root, '`');
    for element in &path.rest {
        match element {
            Element::Name(name) => {
                text.push('.');
                text.push_str(&quoted(name, '`'));
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

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Path(at) => path(at),
        Operand::Size(at) => format!("size({})", path(at)),
        Operand::Literal(Literal::Text(text) | Literal::Bytes(text), _) => quoted(text, '\''),
        Operand::Literal(Literal::Number(digits), _) => digits.clone(),
        Operand::Literal(Literal::Truth(truth), _) => truth.to_string(),
        Operand::Literal(Literal::Null, _) => "null".to_owned(),
    }
}

pub(crate) fn quoted(text: &str, quote: char) -> String {
    let doubled = text.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}

/// The same condition without the columns of its literals, which differ when
/// it's written in other words. Paths are compared without theirs anyway.
pub(crate) fn without_columns(condition: Condition) -> Condition {
    let each = |parts: Vec<Condition>| parts.into_iter().map(without_columns).collect();
    match condition {
        Condition::Compare(left, comparator, right) => {
            Condition::Compare(no_column(left), comparator, no_column(right))
        }
        Condition::Between(value, low, high) => {
            Condition::Between(no_column(value), no_column(low), no_column(high))
        }
        Condition::In(value, choices) => Condition::In(
            no_column(value),
            choices.into_iter().map(no_column).collect(),
        ),
        Condition::BeginsWith(at, with) => Condition::BeginsWith(at, no_column(with)),
        Condition::Contains(at, what) => Condition::Contains(at, no_column(what)),
        Condition::All(parts) => Condition::All(each(parts)),
        Condition::Any(parts) => Condition::Any(each(parts)),
        Condition::Not(negated) => Condition::Not(Box::new(without_columns(*negated))),
        other @ (Condition::Exists(_) | Condition::NotExists(_) | Condition::HasType(..)) => other,
    }
}

fn no_column(operand: Operand) -> Operand {
    match operand {
        Operand::Literal(literal, _) => Operand::Literal(literal, 0),
        other @ (Operand::Path(_) | Operand::Size(_)) => other,
    }
}
