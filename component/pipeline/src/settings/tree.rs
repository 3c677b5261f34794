//! JSON text → a tree of settings, in the text's order.

use super::mistakes::Mistakes;
use rowcast_json::pointer::escaped;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A value of a settings text.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A whole number that is not negative.
    Whole(u64),
    /// Any other number.
    Number(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object, its members in order.
    Object(Vec<(String, Node)>),
    /// An item that was taken out of a list, whose others keep their places.
    Gone,
}

impl Node {
    /// Reads a text, which must be an object. Of members with one name the
    /// first is kept; the others are mistakes.
    pub fn parse(text: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let raw: &RawValue = match serde_json::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                mistakes.add("", format!("is not JSON (line {line}, column {column})"));
                return None;
            }
        };
        let node = Self::read(raw, "", mistakes);
        if !node.is_object() {
            mistakes.add("", "is not a JSON object");
            return None;
        }
        Some(node)
    }

    fn read(raw: &RawValue, pointer: &str, mistakes: &mut Mistakes) -> Self {
        let text = raw.get();
        match text.bytes().next() {
            Some(b'{') => Self::object(text, pointer, mistakes),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
                let items = items.into_iter().enumerate();
                let nodes = items
                    .map(|(index, item)| Self::read(item, &format!("{pointer}/{index}"), mistakes));
                Self::List(nodes.collect())
            }
            Some(b'"') => {
                let text = serde_json::from_str(text);
                if text.is_err() {
                    mistakes.add(pointer, "is not Unicode");
                }
                Self::Text(text.unwrap_or_default())
            }
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'n') | None => Self::Null,
            Some(_) => match text.parse() {
                Ok(whole) => Self::Whole(whole),
                Err(_) => Self::Number(text.parse().unwrap_or(f64::INFINITY)),
            },
        }
    }

    fn object(text: &str, pointer: &str, mistakes: &mut Mistakes) -> Self {
        let Ok(Members(members)) = serde_json::from_str(text) else {
            mistakes.add(pointer, "has a name that is not Unicode");
            return Self::Object(Vec::new());
        };
        let mut nodes: Vec<(String, Self)> = Vec::with_capacity(members.len());
        for (name, raw) in members {
            let pointer = format!("{pointer}/{}", escaped(&name));
            if nodes.iter().any(|(known, _)| *known == name) {
                mistakes.add(pointer, "is given twice");
            } else {
                let node = Self::read(raw, &pointer, mistakes);
                nodes.push((name, node));
            }
        }
        Self::Object(nodes)
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// An object's member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    /// An object's member, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Object(members) => members
                .iter_mut()
                .find(|(known, _)| known == name)
                .map(|(_, node)| node),
            Self::List(items) => items.get_mut(name.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// What is at a path.
    #[must_use]
    pub fn at(&self, path: &[String]) -> Option<&Self> {
        path.iter().try_fold(self, |node, name| match node {
            Self::List(items) => items.get(name.parse::<usize>().ok()?),
            _ => node.get(name),
        })
    }

    /// Adds a member where there is none.
    pub fn insert(&mut self, path: &[String], node: Self) {
        if let Some((name, parent)) = path.split_last()
            && let Some(Self::Object(members)) = self.at_mut(parent)
        {
            members.push((name.clone(), node));
        }
    }

    /// Takes a member or an item out; false where there is none.
    pub fn remove(&mut self, path: &[String]) -> bool {
        let Some((name, parent)) = path.split_last() else {
            return false;
        };
        match self.at_mut(parent) {
            Some(Self::Object(members)) => {
                let before = members.len();
                members.retain(|(known, _)| known != name);
                members.len() < before
            }
            Some(Self::List(items)) => {
                match name.parse().ok().and_then(|at: usize| items.get_mut(at)) {
                    Some(item) if *item != Self::Gone => {
                        *item = Self::Gone;
                        true
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn at_mut(&mut self, path: &[String]) -> Option<&mut Self> {
        path.iter().try_fold(self, |node, name| node.get_mut(name))
    }
}

/// An object's members in their order, duplicates included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
