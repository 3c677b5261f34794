//! Drawn conditions: written out they're read as the same, and their
//! expressions hold nothing that was written in a filter.

use super::config;
use super::json::texts;
use super::numbers::accepted;
use crate::dynamodb::number::Decimal;
use crate::fuzzing::condition::{only_placeholders, reads_back};
use crate::fuzzing::{self, filter_text};
use crate::query::syntax::{Comparator, Condition, Element, Literal, Operand, Path};
use proptest::collection::vec;
use proptest::prelude::*;

fn paths() -> impl Strategy<Value = Path> {
    let name = || {
        let words = vec![
            "a", "b", "and", "NOT", "size", "#n0", ":v1", "null", "x`y", "AND :v0",
        ];
        prop_oneof![
            prop::sample::select(words).prop_map(str::to_owned),
            texts().prop_filter("a name has a character", |name| !name.is_empty()),
        ]
    };
    let element = prop_oneof![
        name().prop_map(Element::Name),
        any::<u32>().prop_map(Element::Index),
    ];
    (name(), vec(element, 0..3)).prop_map(|(root, rest)| Path {
        root,
        rest,
        text: String::new(),
        column: 0,
    })
}

fn literal(literal: Literal) -> Operand {
    Operand::Literal(literal, 0)
}

fn text() -> impl Strategy<Value = Operand> {
    let awkward = prop::sample::select(vec!["'", "' OR 'a' = 'a", ":v0", "#n0", ""]);
    prop_oneof![texts(), awkward.prop_map(str::to_owned)]
        .prop_map(|text| literal(Literal::Text(text)))
}

fn number() -> impl Strategy<Value = Operand> {
    accepted().prop_map(|digits| literal(Literal::Number(digits)))
}

fn ordered() -> impl Strategy<Value = Operand> {
    prop_oneof![text(), number()]
}

fn any_literal() -> impl Strategy<Value = Operand> {
    prop_oneof![
        2 => ordered(),
        1 => any::<bool>().prop_map(|truth| literal(Literal::Truth(truth))),
        1 => Just(literal(Literal::Null)),
    ]
}

fn named() -> impl Strategy<Value = Operand> {
    prop_oneof![
        3 => paths().prop_map(Operand::Path),
        1 => paths().prop_map(Operand::Size),
    ]
}

fn compared() -> impl Strategy<Value = (Operand, Comparator, Operand)> {
    let orders = || {
        prop::sample::select(vec![
            Comparator::Less,
            Comparator::LessOrEqual,
            Comparator::Greater,
            Comparator::GreaterOrEqual,
        ])
    };
    let equals = || prop::sample::select(vec![Comparator::Equal, Comparator::Unequal]);
    let path = || paths().prop_map(Operand::Path);
    let size = || paths().prop_map(Operand::Size);
    prop_oneof![
        (path(), equals(), any_literal()),
        (path(), orders(), ordered()),
        (size(), prop_oneof![equals(), orders()], number()),
        (named(), prop_oneof![equals(), orders()], named()),
    ]
}

fn tests() -> impl Strategy<Value = Condition> {
    let path = || paths().prop_map(Operand::Path);
    let letters = vec!["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];
    prop_oneof![
        4 => (compared(), any::<bool>()).prop_map(|((left, comparator, right), turned)| {
            if turned {
                Condition::Compare(right, comparator.flipped(), left)
            } else {
                Condition::Compare(left, comparator, right)
            }
        }),
        1 => (named(), number(), number()).prop_map(|(value, one, other)| {
            let (low, high) = if at_most(&one, &other) { (one, other) } else { (other, one) };
            Condition::Between(value, low, high)
        }),
        1 => (named(), text(), text()).prop_map(|(value, low, high)| Condition::Between(value, low, high)),
        1 => (ordered(), named(), ordered()).prop_map(|(value, low, high)| Condition::Between(value, low, high)),
        1 => (path(), vec(prop_oneof![named(), any_literal()], 1..5))
            .prop_map(|(value, choices)| Condition::In(value, choices)),
        1 => paths().prop_map(Condition::Exists),
        1 => paths().prop_map(Condition::NotExists),
        1 => (paths(), prop::sample::select(letters))
            .prop_map(|(path, letters)| Condition::HasType(path, letters.to_owned())),
        1 => (paths(), prop_oneof![text(), path()])
            .prop_map(|(path, operand)| Condition::BeginsWith(path, operand)),
        1 => (paths(), prop_oneof![named(), any_literal()])
            .prop_map(|(path, operand)| Condition::Contains(path, operand)),
    ]
}

fn at_most(low: &Operand, high: &Operand) -> bool {
    let value = |operand: &Operand| match operand {
        Operand::Literal(Literal::Number(digits), _) => Decimal::parse(digits).ok(),
        _ => None,
    };
    value(low) <= value(high)
}

fn conditions() -> impl Strategy<Value = Condition> {
    tests().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|each| Condition::Not(Box::new(each))),
            vec(inner.clone(), 2..4).prop_map(|parts| {
                let flat = |part| match part {
                    Condition::All(inner) => inner,
                    other => vec![other],
                };
                Condition::All(parts.into_iter().flat_map(flat).collect())
            }),
            vec(inner, 2..4).prop_map(|parts| {
                let flat = |part| match part {
                    Condition::Any(inner) => inner,
                    other => vec![other],
                };
                Condition::Any(parts.into_iter().flat_map(flat).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn conditions_are_read_as_they_are_written(condition in conditions()) {
        reads_back(&condition);
        only_placeholders(&condition);
        // And planned for tables of each kind of key.
        fuzzing::condition(filter_text::condition(&condition).as_bytes());
    }

    #[test]
    fn any_text_is_read_or_refused_with_its_place(text in "[ab'`()\\[\\],.<>=!0-9eE+ \\-]{0,24}") {
        fuzzing::condition(text.as_bytes());
    }
}
