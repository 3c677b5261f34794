//! JSON text → values, or which member is wrong and how. Knows nothing of the
//! calls.
//!
//! Not by serde's derives: a mistake must name the member, must not repeat a
//! value, which may be a secret, and what is read are the WIT's own records,
//! not a second set of them. Rows and documents are cut out as they are.

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]
mod tests;

use crate::nearest::nearest;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// What JSON's grammar lets through and no text can hold, such as `"\ud83d"`.
const HALF: &str = "has half a character, a surrogate without its other half";

/// What is wrong with a member, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Names and indices that lead to it, innermost first.
    path: Vec<String>,
    message: String,
    hint: Option<String>,
}

impl Mistake {
    fn new(message: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            message: message.into(),
            hint: None,
        }
    }

    fn under(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }

    fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// JSON Pointer (RFC 6901) to the member; empty for the body itself.
    #[must_use]
    pub fn pointer(&self) -> String {
        let escaped = |name: &String| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        self.path.iter().rev().map(escaped).collect()
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(formatter, "the body {}", self.message)
        } else {
            write!(formatter, "`{}` {}", self.pointer(), self.message)
        }
    }
}

impl std::error::Error for Mistake {}

/// A JSON value in the body's text.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a>(&'a RawValue);

impl<'a> Value<'a> {
    /// The whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Mistake> {
        let text = std::str::from_utf8(body).map_err(|error| {
            Mistake::new(format!("is not UTF-8 from byte {}", error.valid_up_to()))
        })?;
        if text.trim_ascii().is_empty() {
            return Err(Mistake::new("is empty, expected a JSON object"));
        }
        // Errors of syntax tell the place, and nothing of the text.
        let value = serde_json::from_str(text)
            .map_err(|error| Mistake::new(format!("is not JSON: {error}")))?;
        Ok(Self(value))
    }

    /// The value as it's written.
    #[must_use]
    pub fn document(self) -> String {
        self.0.get().to_owned()
    }

    /// A string.
    pub fn text(self) -> Result<String, Mistake> {
        serde_json::from_str(self.0.get()).map_err(|_| {
            if self.is_string() {
                Mistake::new(HALF)
            } else {
                self.is_not("a string")
            }
        })
    }

    /// `true` or `false`.
    pub fn boolean(self) -> Result<bool, Mistake> {
        serde_json::from_str(self.0.get()).map_err(|_| self.is_not("true or false"))
    }

    /// A whole number that fits into 32 bits.
    pub fn u32(self) -> Result<u32, Mistake> {
        let message = "a whole number from 0 to 4294967295";
        self.0.get().parse().map_err(|_| self.is_not(message))
    }

    /// A whole number that fits into 64 bits.
    pub fn u64(self) -> Result<u64, Mistake> {
        let message = "a whole number from 0 to 18446744073709551615";
        self.0.get().parse().map_err(|_| self.is_not(message))
    }

    /// A list, each of its values read.
    pub fn list<T>(
        self,
        read: impl Fn(Value<'a>) -> Result<T, Mistake>,
    ) -> Result<Vec<T>, Mistake> {
        let values: Vec<&'a RawValue> =
            serde_json::from_str(self.0.get()).map_err(|_| self.is_not("a list"))?;
        let read = |(index, value): (usize, &'a RawValue)| {
            read(Value(value)).map_err(|mistake| mistake.under(index.to_string()))
        };
        values.into_iter().enumerate().map(read).collect()
    }

    /// An object, whose members are then taken one by one.
    pub fn object(self) -> Result<Object<'a>, Mistake> {
        let members: Members<'a> = serde_json::from_str(self.0.get()).map_err(|_| {
            if self.is_object() {
                Mistake::new(format!("has a member whose name {HALF}"))
            } else {
                self.is_not("an object")
            }
        })?;
        Ok(Object {
            members: members.0,
            known: Vec::new(),
        })
    }

    /// One of several cases: a string, or for cases that have a value an
    /// object with that one member.
    pub fn case<T>(
        self,
        cases: impl IntoIterator<Item = (&'static str, Case<'a, T>)>,
    ) -> Result<T, Mistake> {
        let (name, value) = if self.is_string() {
            (self.text()?, None)
        } else {
            if !self.is_object() {
                return Err(self.is_not("a case's name, or an object with it as its only member"));
            }
            let mut object = self.object()?;
            let members = &mut object.members;
            match (members.pop(), members.is_empty()) {
                (Some((name, value)), true) => (name, Some(value)),
                _ => {
                    return Err(Mistake::new(
                        "must have exactly one member, the case's name",
                    ));
                }
            }
        };
        let mut known = Vec::new();
        for (case, read) in cases {
            known.push(case);
            if case == name {
                return match (read, value) {
                    (Case::Alone(case), None) => Ok(case),
                    (Case::Of(read), Some(value)) => {
                        read(value).map_err(|mistake| mistake.under(name))
                    }
                    (Case::Alone(_), Some(_)) => Err(Mistake::new(format!(
                        "must be the string \"{case}\", a case without a value"
                    ))),
                    (Case::Of(_), None) => Err(Mistake::new(format!(
                        "must be an object, {{\"{case}\": …}}, for this case has a value"
                    ))),
                };
            }
        }
        // A name that isn't known is not repeated: it may be a secret that
        // lacks its case.
        let hint = nearest(&name, known.iter().copied());
        let hint = hint.map(|name| format!("did you mean \"{name}\"?"));
        Err(Mistake::new(format!("is none of {}", listed(&known))).with_hint(hint))
    }

    fn is_not(self, expected: &str) -> Mistake {
        let found = match self.0.get().bytes().next() {
            Some(b'"') => "a string",
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            _ => "a number",
        };
        if expected.starts_with("a whole number") && found == "a number" {
            return Mistake::new(format!("must be {expected}"));
        }
        Mistake::new(format!("is {found}, expected {expected}"))
    }

    fn is_string(self) -> bool {
        self.0.get().starts_with('"')
    }

    fn is_object(self) -> bool {
        self.0.get().starts_with('{')
    }

    fn is_null(self) -> bool {
        self.0.get() == "null"
    }
}

/// A case of a variant, and how it's read.
pub enum Case<'a, T> {
    /// Its name says it all.
    Alone(T),
    /// It has a value.
    Of(fn(Value<'a>) -> Result<T, Mistake>),
}

/// An object's members that have not been taken yet.
#[derive(Debug)]
pub struct Object<'a> {
    members: Vec<(String, Value<'a>)>,
    /// The names asked for so far.
    known: Vec<&'static str>,
}

impl<'a> Object<'a> {
    /// A member that must be there.
    pub fn needed<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value<'a>) -> Result<T, Mistake>,
    ) -> Result<T, Mistake> {
        if let Some(value) = self.take(name)? {
            return read(value).map_err(|mistake| mistake.under(name));
        }
        let others = self.members.iter().map(|(name, _)| name.as_str());
        let meant = nearest(name, others);
        let hint = meant.map(|other| format!("is `{other}` meant to be `{name}`?"));
        Err(Mistake::new("is missing").under(name).with_hint(hint))
    }

    /// A member that may be left out.
    pub fn or<T>(
        &mut self,
        name: &'static str,
        default: T,
        read: impl FnOnce(Value<'a>) -> Result<T, Mistake>,
    ) -> Result<T, Mistake> {
        match self.take(name)? {
            Some(value) => read(value).map_err(|mistake| mistake.under(name)),
            None => Ok(default),
        }
    }

    /// A member that may be left out, or null.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value<'a>) -> Result<T, Mistake>,
    ) -> Result<Option<T>, Mistake> {
        match self.take(name)? {
            Some(value) if !value.is_null() => {
                read(value).map(Some).map_err(|mistake| mistake.under(name))
            }
            _ => Ok(None),
        }
    }

    /// Nothing may be left over.
    pub fn end(self) -> Result<(), Mistake> {
        let Some((name, _)) = self.members.into_iter().next() else {
            return Ok(());
        };
        let hint = match nearest(&name, self.known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here: {}", listed(&self.known)),
        };
        let mistake = Mistake::new("is not known").under(shortened(&name));
        Err(mistake.with_hint(Some(hint)))
    }

    fn take(&mut self, name: &'static str) -> Result<Option<Value<'a>>, Mistake> {
        self.known.push(name);
        let mut found = None;
        let mut twice = false;
        self.members.retain(|(known, value)| {
            let wanted = known == name;
            if wanted {
                twice |= found.replace(*value).is_some();
            }
            !wanted
        });
        if twice {
            return Err(Mistake::new("is there twice").under(name));
        }
        Ok(found)
    }
}

/// What the client sent is repeated to it, but not megabytes of it.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", name.split_at(end).0),
        None => name.to_owned(),
    }
}

fn listed(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// An object's members, in its order.
struct Members<'a>(Vec<(String, Value<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder).map(Members)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Vec<(String, Value<'de>)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            members.push((name, Value(value)));
        }
        Ok(members)
    }
}
