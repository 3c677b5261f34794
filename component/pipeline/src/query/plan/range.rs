//! Conditions that bound the sort key → the one that means the same: a key
//! condition has one comparison of it, and bounds that are included.

use super::compared;
use crate::dynamodb::number::Decimal;
use crate::query::syntax::{Comparator, Condition, Literal, Operand, Path};

/// Bytes of a sort key, as DynamoDB has it.
const MOST_BYTES: usize = 1024;

/// A condition's bounds, both included.
struct Bounds<'a> {
    path: &'a Path,
    low: Option<Literal>,
    high: Option<Literal>,
}

/// Takes the bounds of that key off the conditions, where there are several and
/// something is between them.
pub fn take(rest: &mut Vec<Condition>, name: &str) -> Option<Condition> {
    let mut found = rest.iter().filter_map(|each| bounds(each, name));
    let first = found.next()?;
    let (path, mut low, mut high) = (first.path.clone(), first.low, first.high);
    let mut others = 0;
    for Bounds {
        low: next_low,
        high: next_high,
        ..
    } in found
    {
        low = narrower(low, next_low, Literal::is_at_most);
        high = narrower(high, next_high, |one, other| other.is_at_most(one));
        others += 1;
    }
    let column = path.column;
    let literal = |literal| Operand::Literal(literal, column);
    let range = match (low, high) {
        // DynamoDB refuses a BETWEEN of bounds the wrong way round.
        (Some(low), Some(high)) if low.is_at_most(&high) => {
            Condition::Between(Operand::Path(path), literal(low), literal(high))
        }
        (Some(low), None) => Condition::Compare(
            Operand::Path(path),
            Comparator::GreaterOrEqual,
            literal(low),
        ),
        (None, Some(high)) => {
            Condition::Compare(Operand::Path(path), Comparator::LessOrEqual, literal(high))
        }
        _ => return None,
    };
    if others == 0 {
        return None;
    }
    rest.retain(|each| bounds(each, name).is_none());
    Some(range)
}

/// The second where it lies behind the first.
fn narrower(
    one: Option<Literal>,
    other: Option<Literal>,
    ordered: impl Fn(&Literal, &Literal) -> bool,
) -> Option<Literal> {
    match (one, other) {
        (Some(one), Some(other)) if ordered(&other, &one) => Some(one),
        (one, other) => other.or(one),
    }
}

fn bounds<'a>(condition: &'a Condition, name: &str) -> Option<Bounds<'a>> {
    if let Condition::Between(
        Operand::Path(path),
        Operand::Literal(low, _),
        Operand::Literal(high, _),
    ) = condition
        && path.is_attribute(name)
    {
        let (low, high) = (Some(low.clone()), Some(high.clone()));
        return Some(Bounds { path, low, high });
    }
    let (path, comparator, literal) =
        compared(condition).filter(|(path, ..)| path.is_attribute(name))?;
    let (low, high) = match comparator {
        Comparator::GreaterOrEqual => (Some(literal.clone()), None),
        Comparator::Greater => (Some(after(literal)?), None),
        Comparator::LessOrEqual => (None, Some(literal.clone())),
        Comparator::Less => (None, Some(before(literal)?)),
        Comparator::Equal | Comparator::Unequal => return None,
    };
    Some(Bounds { path, low, high })
}

/// The lowest key above it.
fn after(literal: &Literal) -> Option<Literal> {
    match literal {
        Literal::Number(text) => neighbour(text, Decimal::next),
        Literal::Text(text) if text.len() < MOST_BYTES => Some(Literal::Text(format!("{text}\0"))),
        _ => None,
    }
}

/// The highest key below it.
fn before(literal: &Literal) -> Option<Literal> {
    match literal {
        Literal::Number(text) => neighbour(text, Decimal::previous),
        Literal::Text(text) => text_before(text).map(Literal::Text),
        _ => None,
    }
}

fn neighbour(text: &str, turn: impl Fn(&Decimal) -> Option<Decimal>) -> Option<Literal> {
    let neighbour = turn(&Decimal::parse(text).ok()?)?;
    Some(Literal::Number(neighbour.to_string()))
}

/// The last character becomes the one before it, and the greatest ones follow
/// as long as a key may be.
fn text_before(text: &str) -> Option<String> {
    let last = text.chars().next_back()?;
    let mut before = text.strip_suffix(last)?.to_owned();
    let Some(code) = u32::from(last).checked_sub(1) else {
        return Some(before);
    };
    // Below the surrogates, which are no characters.
    before.push(char::from_u32(code).unwrap_or('\u{d7ff}'));
    for greatest in ['\u{10ffff}', '\u{ffff}', '\u{7ff}', '\u{7f}'] {
        while before.len() + greatest.len_utf8() <= MOST_BYTES {
            before.push(greatest);
        }
    }
    Some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_a_text_and_its_neighbours_is_nothing() {
        for text in ["b", "abc", "a\0", "é", "\u{e000}", "\u{10000}", "\0"] {
            let before = text_before(text).unwrap_or_default();
            assert!(before.as_str() < text && before.len() <= MOST_BYTES);
            // Whatever is longer than that one, or greater, isn't below the text.
            let full = before.len() == MOST_BYTES || text.ends_with('\0');
            assert!(full, "{text:?}: {} bytes", before.len());
        }
        assert_eq!(text_before("a\0").as_deref(), Some("a"));
        assert_eq!(text_before(""), None);
        let start = text_before("\u{e000}").unwrap_or_default();
        assert!(start.starts_with('\u{d7ff}'));
    }
}
