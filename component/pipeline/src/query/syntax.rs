//! What a filter means, as values: conditions over paths and literals, with
//! their columns. Made by the grammar only, which has checked their shape.

use crate::dynamodb::number::Decimal;
use std::fmt;

/// What is wrong with a filter or a path, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct FilterError {
    /// Counted from 1, in characters.
    pub column: usize,
    /// What was expected, and where it's known, what to write instead.
    pub message: String,
}

impl FilterError {
    /// An error at that column.
    pub fn new(column: usize, message: impl Into<String>) -> Self {
        Self {
            column,
            message: message.into(),
        }
    }
}

/// One step into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// An attribute, or a member of a map.
    Name(String),
    /// An element of a list, counted from 0.
    Index(u32),
}

/// The way to an attribute: a name first, then names and indexes.
#[derive(Clone, Debug)]
pub struct Path {
    /// The attribute's name.
    pub root: String,
    /// The way on from there.
    pub rest: Vec<Element>,
    /// As it was written.
    pub text: String,
    /// Where it was written.
    pub column: usize,
}

impl Path {
    /// Whether this is the attribute itself, not something within it.
    #[must_use]
    pub fn is_attribute(&self, name: &str) -> bool {
        self.rest.is_empty() && self.root == name
    }

    /// Whether `other` is this path or lies within it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.root == other.root && other.rest.starts_with(&self.rest)
    }
}

/// Paths are the same if they lead to the same place, however they're written.
impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root && self.rest == other.rest
    }
}

/// A value that was written in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `'text'`
    Text(String),
    /// A number as it was written.
    Number(String),
    /// `true` or `false`
    Truth(bool),
    /// `null`
    Null,
    /// Base64 text that is compared with a key of type B. The grammar has no
    /// such literal: documents hold bytes as base64 text, and so do filters.
    Bytes(String),
}

impl Literal {
    /// DynamoDB's letters for its type.
    #[must_use]
    pub fn letters(&self) -> &'static str {
        match self {
            Self::Text(_) => "S",
            Self::Number(_) => "N",
            Self::Truth(_) => "BOOL",
            Self::Null => "NULL",
            Self::Bytes(_) => "B",
        }
    }

    /// Whether both have the same type and the other isn't below this one.
    #[must_use]
    pub fn is_at_most(&self, other: &Self) -> bool {
        match (self, other) {
            // DynamoDB orders text by its UTF-8 bytes, as Rust does.
            (Self::Text(low), Self::Text(high)) => low <= high,
            (Self::Number(low), Self::Number(high)) => {
                // Both were checked when they were read.
                Decimal::parse(low)
                    .is_ok_and(|low| Decimal::parse(high).is_ok_and(|high| low <= high))
            }
            _ => false,
        }
    }

    /// Whether DynamoDB orders such values.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        match self {
            Self::Text(_) | Self::Number(_) | Self::Bytes(_) => true,
            Self::Truth(_) | Self::Null => false,
        }
    }
}

/// What a comparison compares.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// What the path leads to.
    Path(Path),
    /// `size(path)`
    Size(Path),
    /// A value, and the column it was written at.
    Literal(Literal, usize),
}

/// `=`, `<>`, `<`, `<=`, `>`, `>=`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// `=`
    Equal,
    /// `<>`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparator {
    /// The comparator that says the same of the operands the other way round.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::Unequal => Self::Unequal,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    /// Whether the operands need an order.
    #[must_use]
    pub fn is_ordering(self) -> bool {
        match self {
            Self::Equal | Self::Unequal => false,
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => true,
        }
    }
}

impl fmt::Display for Comparator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Equal => "=",
            Self::Unequal => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        })
    }
}

/// What an item must fulfil.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `left comparator right`
    Compare(Operand, Comparator, Operand),
    /// `operand BETWEEN low AND high`
    Between(Operand, Operand, Operand),
    /// `operand IN (choices)`
    In(Operand, Vec<Operand>),
    /// `attribute_exists(path)`
    Exists(Path),
    /// `attribute_not_exists(path)`
    NotExists(Path),
    /// `attribute_type(path, 'letters')`
    HasType(Path, String),
    /// `begins_with(path, operand)`
    BeginsWith(Path, Operand),
    /// `contains(path, operand)`
    Contains(Path, Operand),
    /// `condition AND condition …`; two at least, none of them an `All`.
    All(Vec<Condition>),
    /// `condition OR condition …`; two at least, none of them an `Any`.
    Any(Vec<Condition>),
    /// `NOT condition`
    Not(Box<Condition>),
}

impl Condition {
    /// All of these; none if there are none.
    #[must_use]
    pub fn all(mut conditions: Vec<Self>) -> Option<Self> {
        if conditions.len() > 1 {
            Some(Self::All(conditions))
        } else {
            conditions.pop()
        }
    }

    /// What must all be fulfilled, one by one.
    #[must_use]
    pub fn into_conjuncts(self) -> Vec<Self> {
        match self {
            Self::All(conditions) => conditions,
            other => vec![other],
        }
    }

    /// Calls `visit` for each path, in the order they were written.
    pub fn for_each_path<'a>(&'a self, visit: &mut impl FnMut(&'a Path)) {
        match self {
            Self::Compare(left, _, right) => {
                left.visit(visit);
                right.visit(visit);
            }
            Self::Between(operand, low, high) => {
                operand.visit(visit);
                low.visit(visit);
                high.visit(visit);
            }
            Self::In(operand, choices) => {
                operand.visit(visit);
                for choice in choices {
                    choice.visit(visit);
                }
            }
            Self::Exists(path) | Self::NotExists(path) | Self::HasType(path, _) => visit(path),
            Self::BeginsWith(path, operand) | Self::Contains(path, operand) => {
                visit(path);
                operand.visit(visit);
            }
            Self::All(conditions) | Self::Any(conditions) => {
                for condition in conditions {
                    condition.for_each_path(visit);
                }
            }
            Self::Not(condition) => condition.for_each_path(visit),
        }
    }

    /// Whether any path starts at that attribute.
    #[must_use]
    pub fn mentions(&self, attribute: &str) -> bool {
        let mut found = false;
        self.for_each_path(&mut |path| found |= path.root == attribute);
        found
    }
}

impl Operand {
    fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Path)) {
        match self {
            Self::Path(path) | Self::Size(path) => visit(path),
            Self::Literal(..) => {}
        }
    }
}
